// The lines that the actions of a run printed and logged; new ones are added at the end.

import {explain, get} from './api.js';
import {makeElement, setShown, setText} from './dom.js';
import {formatCount, formatDuration} from './format.js';

const LINES_AT_ONCE = 500;
const MAX_SHOWN = 5_000;
const READ_EVERY = 1_000; // milliseconds, of a run that goes on
const TYPING = 250; // milliseconds without a key until a search begins
const NEAR_END = 40; // pixels
const LEVELS = [['', 'all lines'], ['WARNING', 'warnings and errors'], ['ERROR', 'errors']];
const STREAMS = ['stdout', 'stderr'];

export function open(panel, run) {
  return new LogsView(panel, run);
}

class LogsView {
  constructor(panel, run) {
    this.panel = panel;
    this.run = run;
    this.first = 0;
    this.next = -1;
    this.request = 0;
    this.isReading = false;
    this.readyTime = 0;
    this.wasActive = true;
    this.#makeParts();
  }

  #makeParts() {
    const again = () => this.#begin();
    this.tasks = makeElement('select', {'aria-label': 'Task', onchange: again},
      makeElement('option', {value: ''}, 'all tasks'));
    this.level = makeElement('select', {'aria-label': 'Level', onchange: again},
      ...LEVELS.map(([value, title]) => makeElement('option', {value}, title)));
    this.search = makeElement('input', {type: 'search', placeholder: 'Search lines',
      'aria-label': 'Search lines', oninput: () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(again, TYPING);
      }});
    this.count = makeElement('span', {class: 'note'});
    this.earlier = makeElement('button', {type: 'button', hidden: true,
      onclick: () => this.#readEarlier()}, 'Show earlier lines');
    this.list = makeElement('div', {class: 'lines', role: 'log', tabindex: 0,
      'aria-label': 'Lines of the run'});
    this.note = makeElement('p', {class: 'note'}, 'loading …');
    this.panel.append(makeElement('div', {class: 'drawing'},
      makeElement('div', {class: 'tools'}, this.tasks, this.level,
        makeElement('span', {class: 'gap'}), this.count, this.search),
      this.note, this.earlier, this.list));
  }

  update() {
    const names = this.run.state.tasks.map((row) => row.task);
    const shown = [...this.tasks.options].map((option) => option.value).slice(1);
    if (names.join('\n') !== shown.join('\n') && document.activeElement !== this.tasks) {
      const chosen = this.tasks.value;
      this.tasks.replaceChildren(this.tasks.options[0],
        ...names.map((name) => makeElement('option', {value: name}, name)));
      this.tasks.value = names.includes(chosen) ? chosen : '';
    }
    if (this.next < 0) this.#begin();
    // the last lines may come with the end of the run
    else if (this.run.isActive || this.wasActive) this.#follow();
  }

  tick() {
    this.#follow();
  }

  #query(more) {
    return new URLSearchParams({task: this.tasks.value, level: this.level.value,
      search: this.search.value.trim(), limit: LINES_AT_ONCE, ...more});
  }

  /** Show the last lines that the fields select. */
  async #begin() {
    const request = ++this.request;
    this.next = 0;
    await this.#read({}, request, (page) => {
      this.list.replaceChildren(...page.lines.map(makeLine));
      this.first = page.first;
      this.list.scrollTop = this.list.scrollHeight;
    });
  }

  /** Add the lines that have come since. */
  #follow() {
    if (this.isReading || performance.now() < this.readyTime) return;
    this.wasActive = this.run.isActive;
    const {list} = this;
    this.#read({after: this.next}, this.request, (page) => {
      if (!page.lines.length) return;
      const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END;
      list.append(...page.lines.map(makeLine));
      // a reader who follows needs no old lines
      while (isAtEnd && list.childElementCount > MAX_SHOWN) list.firstElementChild.remove();
      if (isAtEnd) list.scrollTop = list.scrollHeight;
    });
  }

  /** Add the lines before the first one; what is in view stays in view. */
  #readEarlier() {
    const {list} = this;
    this.#read({before: this.first}, this.request, (page, next) => {
      const fromEnd = list.scrollHeight - list.scrollTop;
      list.prepend(...page.lines.map(makeLine));
      list.scrollTop = list.scrollHeight - fromEnd;
      this.first = page.first;
      this.next = next;
    });
  }

  async #read(more, request, show) {
    this.isReading = true;
    const {next} = this;
    try {
      const page = await get(`/runs/${this.run.id}/lines?${this.#query(more)}`);
      if (request !== this.request) return;
      this.next = page.next;
      show(page, next);
      this.#showCounts(page);
    } catch (error) {
      if (request !== this.request) return;
      setText(this.note, explain(error));
      setShown(this.note, true);
    } finally {
      this.isReading = false;
      this.readyTime = performance.now() + READ_EVERY;
    }
  }

  #showCounts(page) {
    const warnings = page.warnings ? `, ${formatCount(page.warnings, 'warning')}` : '';
    setText(this.count, page.total ? `${formatCount(page.total, 'line')}${warnings}` : '');
    setShown(this.earlier, this.first > 0);
    const isEmpty = !this.list.childElementCount;
    setShown(this.list, !isEmpty);
    setShown(this.note, isEmpty);
    let text = 'none matches';
    if (!page.total) text = page.none ? `There are no lines: ${page.none}.` : 'No action has printed a line.';
    setText(this.note, text);
    this.panel.dataset.lines = this.list.childElementCount;
  }
}

function makeLine({time, task, visit, index, attempt, level, text}) {
  const place = [task && `${task}[${index}]`, visit > 1 && `#${visit}`, attempt > 1 && `↻${attempt}`]
    .filter(Boolean).join(' ');
  const head = STREAMS.includes(level) ? place : `${place} ${level}`;
  return makeElement('div', {'data-level': level},
    makeElement('span', {class: 'place', title: `at ${formatDuration(time)}`}, head), text);
}

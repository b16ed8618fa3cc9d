// The timeline of a run: each attempt in the lane of its task or of its worker, as they end.

import {HOME} from './api.js';
import {makeElement, setShown, setText} from './dom.js';
import {formatCount} from './format.js';
import {AttemptDetails} from './run_details.js';
import {feedOf} from './run_feed.js';
import {chooseTask} from './run_tasks.js';

const {Explorer, MARKS, connectControls, goToFailure, formatStatus, mostPlotHeight} =
  await import(`${HOME}/explore.js`);

/** The media that change the colours of the page. */
const RECOLOURED = ['(prefers-color-scheme: dark)', '(prefers-contrast: more)',
  '(forced-colors: active)'];

const KEYS = 'Wheel or + − zoom, drag or ← → move, ↑ ↓ choose a lane, 0 or a double click shows '
  + 'all, f goes to the next failure and F to the one before, w changes the lanes, Esc clears.';

export function open(panel, run) {
  return new TimelineView(panel, run);
}

class TimelineView {
  constructor(panel, run) {
    this.panel = panel;
    this.run = run;
    this.feed = feedOf(run);
    this.explorer = null;
    this.task = null;
    this.last = -1; // the number of the last event that is drawn
    this.onFeed = () => this.#draw();
    this.onKey = (event) => this.#press(event);
    this.onColours = () => this.explorer?.resize();

    this.root = this.#makeParts(panel);
    this.details = new AttemptDetails(this.part('details'), run);
    this.feed.addEventListener('change', this.onFeed);
    document.addEventListener('keydown', this.onKey);
    this.media = RECOLOURED.map((query) => matchMedia(query));
    for (const media of this.media) media.addEventListener('change', this.onColours);
    this.themes = new MutationObserver(this.onColours);
    this.themes.observe(document.documentElement, {attributeFilter: ['data-theme']});
  }

  part(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  #makeParts(panel) {
    const part = (tag, name, properties = {}, ...children) => makeElement(
      tag, {'data-part': name, ...properties}, ...children);
    const grouping = part('select', 'grouping', {},
      makeElement('option', {value: 'task'}, 'by task'),
      makeElement('option', {value: 'worker'}, 'by worker'));
    const root = makeElement('div', {class: 'drawing timeline'},
      makeElement('div', {class: 'tools'},
        part('ul', 'legend', {'aria-label': 'Statuses'}),
        makeElement('span', {class: 'gap'}),
        part('button', 'failure', {type: 'button', hidden: true, title: 'f',
          onclick: () => goToFailure(this.explorer, 1)}, 'Next failure'),
        makeElement('label', {}, 'Lanes ', grouping),
        part('input', 'search', {type: 'search', placeholder: 'Search attempts',
          'aria-label': 'Search tasks, items and errors'}),
        makeElement('a', {href: `${HOME}/api/runs/${this.run.id}/trace`, download: '',
          title: 'A file for ui.perfetto.dev, which you open there yourself'}, 'Save trace')),
      part('p', 'empty', {class: 'note'}, 'loading …'),
      part('div', 'chart', {class: 'chart', hidden: true},
        part('div', 'plot', {class: 'plot'},
          part('canvas', 'plot-canvas', {tabindex: 0, role: 'application',
            'aria-label': 'Timeline of attempts. The table of tasks above and the items have the '
              + 'same data.'}),
          part('div', 'tip', {class: 'tip', role: 'tooltip', hidden: true})),
        makeElement('div', {class: 'minimap'},
          part('canvas', 'minimap-canvas', {'aria-hidden': 'true'}))),
      part('p', 'message', {class: 'chosen', role: 'status', 'aria-live': 'polite'}),
      part('p', 'note', {class: 'note', hidden: true}),
      part('section', 'details', {class: 'details', 'aria-label': 'The chosen attempt',
        hidden: true}),
      makeElement('details', {class: 'keys'}, makeElement('summary', {}, 'Keys'), KEYS));
    panel.append(root);
    return root;
  }

  update() {
    this.feed.update();
    if (this.feed.data !== null) this.#draw();
  }

  /** The lines of executions that go on grow with the time. */
  tick() {
    this.feed.setClock();
    this.#draw();
  }

  #draw() {
    const {data, problem, isFull} = this.feed;
    setShown(this.part('note'), isFull || problem !== '');
    setText(this.part('note'), problem || (isFull
      ? `The first ${formatCount(data.count, 'attempt')} are drawn; Items has all of them.` : ''));
    if (data === null) {
      setText(this.part('empty'), problem);
      return;
    }
    const isEmpty = data.executionCount === 0;
    setShown(this.part('empty'), isEmpty);
    setText(this.part('empty'), 'No attempt has ended yet.');
    setShown(this.part('chart'), !isEmpty);
    // a hidden tab is drawn when it is shown
    if (isEmpty || !this.panel.clientWidth) return;

    if (this.explorer === null) this.#makeExplorer(data);
    else if (this.last !== data.last) this.explorer.update(data);
    else if (this.explorer.end !== data.end) this.explorer.moveEnd();
    if (this.last === data.last) return;
    this.last = data.last;
    this.#showLegend(data);
  }

  #makeExplorer(data) {
    this.explorer = new Explorer(data, this.root);
    connectControls(this.explorer, this.root);
    this.explorer.addEventListener('choose', () => this.#showChoice());
    this.explorer.addEventListener('update', () => this.#followView());
    this.explorer.addEventListener('view', () => this.#followView());
    this.sizes = new ResizeObserver(() => {
      if (this.panel.clientWidth) this.explorer.resize();
    });
    this.sizes.observe(this.part('plot'));
    this.#followView();
    this.explorer.resize();
    if (this.task !== null) this.choose(this.task);
    this.root.dataset.ready = 'true';
  }

  /** Make the timeline no higher than its lanes need, and say what it shows. */
  #followView() {
    const {view, data} = this.explorer;
    this.root.dataset.attempts = data.count;
    this.root.dataset.view = `${view.from} ${view.to}`;
    const height = `${Math.ceil(mostPlotHeight(this.explorer.lanes))}px`;
    const {style} = this.part('plot');
    if (style.maxHeight !== height) style.maxHeight = height;
  }

  #showLegend(data) {
    const codes = new Set(data.executions.status);
    for (let row = 0; row < data.count; row++) codes.add(data.status[row]);
    for (const status of data.spans.status) codes.add(status);
    const shown = [...codes].sort((first, second) => first - second).join();
    setShown(this.part('failure'), data.failures.length > 0);
    if (shown === this.legend) return;
    this.legend = shown;
    const entries = shown.split(',').map((code) => {
      const status = data.statuses[code];
      return makeElement('li', {},
        makeElement('i', {'aria-hidden': 'true', 'data-status': status}, MARKS[status] ?? ''),
        formatStatus(status));
    });
    this.part('legend').replaceChildren(...entries);
  }

  #showChoice() {
    const {attempt, lane, lanes, data} = this.explorer;
    if (attempt >= 0) this.details.show(data, attempt);
    else this.details.clear();
    const task = attempt >= 0 ? data.taskOf(attempt) : lanes[lane]?.task ?? null;
    if (task === null || data.tasks[task] === this.task) return;
    this.task = data.tasks[task];
    chooseTask(this.panel, this.task);
  }

  /** Choose the lane of a task that a reader has chosen elsewhere. */
  choose(task) {
    if (task === this.task && this.explorer !== null) return;
    this.task = task;
    if (this.explorer === null || this.explorer.grouping !== 'task') return;
    const number = this.feed.data.tasks.indexOf(task);
    if (number >= 0) this.explorer.chooseLane(number);
  }

  /** Failures are found from everywhere in the page. */
  #press(event) {
    if (event.defaultPrevented || this.explorer === null || !this.panel.clientWidth) return;
    if (event.ctrlKey || event.metaKey || event.altKey || !['f', 'F'].includes(event.key)) return;
    if (event.target.closest?.('input, textarea, select, dialog')) return;
    goToFailure(this.explorer, event.key === 'f' ? 1 : -1);
    event.preventDefault();
  }

  close() {
    this.feed.close();
    this.feed.removeEventListener('change', this.onFeed);
    document.removeEventListener('keydown', this.onKey);
    for (const media of this.media) media.removeEventListener('change', this.onColours);
    this.themes.disconnect();
    this.sizes?.disconnect();
  }
}

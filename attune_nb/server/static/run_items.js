// The items of a task, those that failed first. Rows stay where they are while the run goes on.

import {HOME, explain, get} from './api.js';
import {arrange, isInUse, makeElement, setAttribute, setShown, setText} from './dom.js';
import {formatCount, formatNumber, formatStatus, makeStatus,
  showStatus} from './format.js';
import {describeItem, makeRunLink, readLines} from './run_details.js';
import {chooseTask} from './run_tasks.js';

const {formatDuration} = await import(`${HOME}/explore.js`);

const ROWS_AT_ONCE = 100;
const MAX_VISITS = 500;
const READ_EVERY = 1_500; // milliseconds, of a run that goes on
const IDLE_SHARE = 10; // a reading takes at most one part of this number of the time
const STATUSES = ['failed', 'timed_out', 'retrying', 'cancelled', 'succeeded'];
const HEADS = [['Item', ''], ['State', ''], ['Attempts', 'number'], ['Time', 'number'],
  ['Value', 'text'], ['Result or error', 'text']];

export function open(panel, run) {
  return new ItemsView(panel, run);
}

class ItemsView {
  constructor(panel, run) {
    this.panel = panel;
    this.run = run;
    this.task = null;
    this.status = '';
    this.index = '';
    this.visitCount = 0;
    this.limit = ROWS_AT_ONCE;
    this.lines = new Map();
    this.isReading = false;
    this.readyTime = 0;
    this.readState = ''; // the state of the task for which the rows were read
    this.#makeParts();
  }

  #makeParts() {
    this.tasks = makeElement('select', {'aria-label': 'Task', onchange: () => {
      this.#setTask(this.tasks.value);
      chooseTask(this.panel, this.task);
    }});
    this.visits = makeElement('select', {'aria-label': 'Visit', hidden: true,
      onchange: () => this.#ask()});
    this.filters = makeElement('div', {class: 'filters', role: 'group', 'aria-label': 'States'});
    this.buttons = new Map(['', ...STATUSES].map((status) => [status, makeElement('button', {
      type: 'button', 'aria-pressed': String(status === ''), onclick: () => this.#filter(status)})]));
    this.filters.append(...this.buttons.values());
    this.search = makeElement('input', {type: 'search', inputmode: 'numeric', placeholder: 'Index',
      'aria-label': 'Index of an item', oninput: () => {
        this.index = this.search.value.replace(/[#,\s]/g, '');
        this.#ask();
      }});
    this.body = makeElement('tbody');
    const heads = HEADS.map(([title, kind]) => makeElement(
      'th', {scope: 'col', class: kind || null}, title));
    this.table = makeElement('table', {class: 'items', 'aria-label': 'Items'},
      makeElement('thead', {}, makeElement('tr', {}, ...heads)), this.body);
    this.note = makeElement('p', {class: 'note', role: 'status'}, 'loading …');
    this.more = makeElement('button', {type: 'button', hidden: true, onclick: () => {
      this.limit += ROWS_AT_ONCE;
      this.#ask();
    }});
    this.panel.append(makeElement('div', {class: 'drawing'},
      makeElement('div', {class: 'tools'}, makeElement('label', {}, 'Task ', this.tasks),
        this.visits, this.filters, makeElement('span', {class: 'gap'}), this.search),
      this.note, this.table, this.more));
  }

  update() {
    const names = this.run.state.tasks.map((row) => row.task);
    if (this.task !== null && !names.includes(this.task)) names.push(this.task);
    const shown = [...this.tasks.options].map((option) => option.value);
    if (names.join('\n') !== shown.join('\n') && document.activeElement !== this.tasks) {
      this.tasks.replaceChildren(
        ...names.map((name) => makeElement('option', {value: name}, name)));
    }
    if (this.task === null) this.#setTask(firstTask(this.run.state.tasks));
    else this.tasks.value = this.task;
    this.#refresh();
  }

  choose(task) {
    if (task !== this.task) this.#setTask(task);
  }

  #setTask(task) {
    this.task = task;
    if (task !== null) this.tasks.value = task;
    this.status = '';
    this.lines.clear();
    this.body.replaceChildren();
    this.visits.replaceChildren();
    this.visitCount = 0;
    this.#ask();
  }

  #filter(status) {
    this.status = status;
    this.limit = ROWS_AT_ONCE;
    for (const [name, button] of this.buttons) {
      setAttribute(button, 'aria-pressed', String(name === status));
    }
    this.#ask();
  }

  /** Read the rows anew. */
  #ask() {
    this.readState = '';
    this.readyTime = 0;
    if (this.run.state !== null && this.panel.clientWidth) this.#refresh();
  }

  /** Read the rows if something about the task has changed. */
  #refresh() {
    if (this.task === null) {
      setText(this.note, 'No task has begun yet.');
      setShown(this.table, false);
      return;
    }
    const row = this.run.state.tasks.find(({task}) => task === this.task);
    const state = row
      ? `${row.visits} ${row.attempts} ${row.status} ${row.retrying} ${row.children}` : this.task;
    if (state === this.readState || this.isReading || performance.now() < this.readyTime) return;
    this.#read(state);
  }

  tick() {
    this.#refresh();
  }

  async #read(state) {
    this.isReading = true;
    this.readState = state;
    const began = performance.now();
    const {task, status, index} = this;
    const visit = this.visits.value || '0';
    const query = new URLSearchParams({task, status, visit, limit: this.limit});
    if (/^\d+$/.test(index)) query.set('index', index);
    try {
      const page = await get(`/runs/${this.run.id}/items?${query}`);
      const isOld = task !== this.task || status !== this.status || index !== this.index
        || visit !== (this.visits.value || '0');
      if (!isOld) this.#show(page);
    } catch (error) {
      setText(this.note, error.status === 404 ? 'No attempt of it has ended yet.' : explain(error));
      setShown(this.note, true);
      setShown(this.table, false);
    }
    this.isReading = false;
    const now = performance.now();
    this.readyTime = now + Math.max(READ_EVERY, IDLE_SHARE * (now - began));
    // asked for something else meanwhile
    if (this.readState === '') this.#ask();
  }

  #show(page) {
    this.#showVisits(page.visits);
    this.#showFilters(page);
    const rows = page.rows.map((row) => {
      const key = `${row.visit}:${row.index}`;
      if (!this.lines.has(key)) this.lines.set(key, new ItemLine(this.run, this.task, row.visit, page));
      const line = this.lines.get(key);
      line.update(row);
      return line;
    });
    arrange(this.body, rows.flatMap((line) => line.elements));
    setShown(this.table, rows.length > 0);
    setShown(this.note, !rows.length);
    setText(this.note, this.index || this.status ? 'none matches' : 'No attempt of it has ended yet.');
    const hidden = page.matching - rows.length;
    setShown(this.more, hidden > 0 && this.limit < 500);
    setText(this.more, `Show more of ${formatCount(page.matching, 'item')}`);
    this.panel.dataset.rows = rows.length;
  }

  /** Offer the visits of the task, the last ones if they are very many. */
  #showVisits(count) {
    setShown(this.visits, count > 1);
    if (this.visitCount === count || document.activeElement === this.visits) return;
    this.visitCount = count;
    const chosen = this.visits.value || '0';
    const options = [makeElement('option', {value: 0}, 'all visits')];
    for (let visit = Math.max(1, count - MAX_VISITS); visit <= count; visit++) {
      options.push(makeElement('option', {value: visit}, `visit ${formatNumber(visit)}`));
    }
    this.visits.replaceChildren(...options);
    this.visits.value = chosen;
  }

  #showFilters(page) {
    const all = Object.values(page.counts).reduce((sum, count) => sum + count, 0);
    for (const [status, button] of this.buttons) {
      const count = status === '' ? all : page.counts[status] ?? 0;
      setText(button, `${status === '' ? 'all' : formatStatus(status)} ${formatNumber(count)}`);
      setShown(button, status === '' || count > 0 || status === this.status);
    }
  }
}

/** Return the task whose items a reader looks for first: one with failures, or with items. */
function firstTask(rows) {
  const failed = rows.find((row) => row.failed > 0) ?? rows.find((row) => row.failed_visits > 0);
  const first = failed ?? rows.find((row) => row.with_items) ?? rows[0];
  return first?.task ?? null;
}

/** A row of the table, and below it the whole values of the item if a reader opens it. */
class ItemLine {
  constructor(run, task, visit, {visits, with_items: hasItems}) {
    this.run = run;
    this.task = task;
    this.visit = visit;
    this.hasItems = hasItems;
    this.hasVisits = visits > 1;
    this.row = null;
    this.button = makeElement('button', {type: 'button', class: 'link', 'aria-expanded': 'false',
      onclick: () => this.#toggle()});
    this.status = makeStatus('');
    [this.attempts, this.time] = ['', ''].map(() => makeElement('td', {class: 'number'}));
    [this.value, this.result] = ['', ''].map(() => makeElement('td', {class: 'text'}));
    this.line = makeElement('tr', {}, makeElement('th', {scope: 'row'}, this.button),
      makeElement('td', {}, this.status), this.attempts, this.time, this.value, this.result);
    this.details = makeElement('td', {colspan: HEADS.length, class: 'details'});
    this.detailsLine = makeElement('tr', {class: 'details', hidden: true}, this.details);
    this.elements = [this.line, this.detailsLine];
  }

  update(row) {
    const before = JSON.stringify(this.row);
    this.row = row;
    if (before === JSON.stringify(row)) return;
    const name = this.hasItems ? formatNumber(row.index) : this.task;
    setText(this.button, this.hasVisits ? `${name} #${formatNumber(row.visit)}` : name);
    setAttribute(this.line, 'data-status', row.status);
    showStatus(this.status, row.status);
    setText(this.attempts, formatNumber(row.attempts));
    setText(this.time, formatDuration(row.duration));
    setText(this.value, shorten(row.item));
    const text = row.error ? `${row.error_type}: ${row.error}` : shorten(row.result);
    this.result.classList.toggle('error', row.error !== '');
    if (row.child) this.result.replaceChildren(makeRunLink(row.child, `run ${row.child}`), ` ${text}`);
    else setText(this.result, text);
    if (!this.detailsLine.hidden && !isInUse(this.details)) this.#showDetails();
  }

  #toggle() {
    const isOpen = this.detailsLine.hidden;
    setShown(this.detailsLine, isOpen);
    setAttribute(this.button, 'aria-expanded', String(isOpen));
    if (isOpen) this.#showDetails();
  }

  async #showDetails() {
    const parts = describeItem(this.row);
    this.details.replaceChildren(...parts);
    const lines = await readLines(this.run, this.task, this.visit, this.row.index)
      .catch(() => null);
    if (lines) this.details.append(...lines);
    else if (!parts.length) {
      this.details.replaceChildren(makeElement('p', {class: 'note'}, 'It has no values to show.'));
    }
  }
}

function shorten(text) {
  if (text === null) return '';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

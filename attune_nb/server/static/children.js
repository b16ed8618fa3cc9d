// The child runs of a run: those that its tasks have begun.

import {explain, get, pageAddress} from './api.js';
import {arrange, makeElement, setShown, setText} from './dom.js';
import {formatClock, formatCount, formatDuration, formatNumber, isActive, makeStatus,
  showStatus} from './format.js';
import {clockOf} from './states.js';

// milliseconds between two readings while the run goes on, and the rows that are shown
const READ_EVERY = 2000;
const MAX_ROWS = 500;

/** Return the child runs of a run that need a person, in the order of their items. */
export async function readWaitingChildren(id) {
  const {runs} = await get(`/runs?parent=${id}&attention=true&limit=20`);
  return runs.sort((first, second) => compare(placeOf(first), placeOf(second)));
}

/** Return a link to the page of a child run. */
export function makeChildLink(row) {
  return makeElement('a', {href: pageAddress(row.id)}, nameOf(row));
}

function placeOf(row) {
  return [row.parent_task, row.parent_item];
}

function nameOf(row) {
  return `${row.parent_task}[${row.parent_item}]`;
}

export function open(panel, run) {
  const children = new Children(panel, run);
  return {update: () => children.update(), tick: () => children.tick(),
    choose: (task) => children.choose(task)};
}

class Children {
  constructor(panel, run) {
    this.run = run;
    this.rows = new Map();
    this.task = null;
    this.isReading = false;
    this.readTime = -Infinity;
    this.readAt = -1;
    this.note = makeElement('p', {class: 'note', hidden: true});
    this.list = makeElement('div', {class: 'children'});
    panel.append(this.list, this.note);
  }

  choose(task) {
    this.task = task;
    this.#arrange();
  }

  async update() {
    const {state} = this.run;
    const isDue = performance.now() - this.readTime >= READ_EVERY;
    if (this.isReading || !isDue || this.readAt === state.at) return;

    this.isReading = true;
    try {
      const {runs, next} = await get(`/runs?parent=${this.run.id}&limit=${MAX_ROWS}`);
      this.runs = runs;
      this.#arrange();
      const more = state.children - runs.length;
      setText(this.note, next && more > 0 ? `and ${formatCount(more, 'older child run')}` : '');
      // a child run may change without an event of its parent
      this.readAt = this.run.isActive ? -1 : state.at;
    } catch (error) {
      setText(this.note, explain(error));
    }
    setShown(this.note, this.note.textContent !== '');
    this.readTime = performance.now();
    this.isReading = false;
  }

  /** Let the clocks of the rows tick. */
  tick() {
    for (const row of this.runs ?? []) this.#showTime(row);
    this.update();
  }

  /** Show the rows; those of the chosen task come first. */
  #arrange() {
    const rank = (row) => [row.parent_task === this.task ? 0 : 1, row.attention ? 0 : 1,
      ...placeOf(row)];
    const rows = [...this.runs ?? []].sort((first, second) => compare(rank(first), rank(second)));
    arrange(this.list, rows.map((row) => this.#elementOf(row)));
  }

  #elementOf(row) {
    if (!this.rows.has(row.id)) {
      const status = makeStatus('');
      const parts = [makeElement('b', {}, nameOf(row)), status,
        makeElement('span', {class: 'attention', hidden: true}, 'asks you'),
        makeElement('span', {class: 'counts'}), makeElement('span', {class: 'time'})];
      const element = makeElement('a', {class: 'child', href: pageAddress(row.id),
        'data-child': row.id}, ...parts);
      this.rows.set(row.id, {element, status, parts});
    }
    const {element, status, parts} = this.rows.get(row.id);
    showStatus(status, row.status);
    setShown(parts[2], row.questions > 0);
    const failed = row.failed ? `, ${formatNumber(row.failed)} failed` : '';
    setText(parts[3], row.items > 1 ? `${formatCount(row.items, 'item')}${failed}` : '');
    this.#showTime(row);
    return element;
  }

  #showTime(row) {
    const clock = clockOf(row);
    const time = this.rows.get(row.id).parts[4];
    setText(time, isActive(row.status) ? formatClock(clock) : formatDuration(clock));
  }
}

function compare(first, second) {
  const place = first.findIndex((value, index) => value !== second[index]);
  if (place < 0) return 0;
  return first[place] < second[place] ? -1 : 1;
}

// The table of tasks, live: cells are changed, rows are never made anew.

import {arrange, isInUse, makeElement, setAttribute, setShown, setText} from './dom.js';
import {formatClock, formatCount, formatDuration, formatLeft, formatNumber, formatRate,
  formatStatus, makeStatus, showStatus} from './format.js';

// rows from which on finished tasks are folded, and seconds after its end until a task is
const MANY_ROWS = 12;
const FOLD_AFTER = 8;

// the seconds that a rate is taken over, and the least between two of its samples
const RATE_SPAN = 15;
const SAMPLE_EVERY = 0.5;

const FAILED = ['failed', 'timed_out'];

const HEADS = [
  ['Task', ''], ['State', ''], ['Progress', ''], ['Items', 'number'], ['Failed', 'number'],
  ['Rate', 'number rate'], ['Left', 'number left'], ['Time', 'number'], ['Last error', 'error'],
];

/** The table of a run's tasks. `onChoose` is called with a task that a reader chooses. */
export class TaskTable {
  constructor(parent, run, onChoose) {
    this.run = run;
    this.onChoose = onChoose;
    this.lines = new Map();
    this.isUnfolded = false;

    this.body = makeElement('tbody');
    this.foldButton = makeElement('button', {
      type: 'button', class: 'link', onclick: () => this.#toggle()});
    this.fold = makeElement('p', {class: 'fold', hidden: true}, this.foldButton);
    this.hidden = makeElement('p', {class: 'note', hidden: true});
    const heads = HEADS.map(([title, kind]) => makeElement(
      'th', {scope: 'col', class: kind || null}, title));
    this.table = makeElement('table', {class: 'tasks', 'aria-label': 'Tasks'},
      makeElement('thead', {}, makeElement('tr', {}, ...heads)), this.body);
    this.empty = makeElement('p', {class: 'note', hidden: true}, 'No task has begun yet.');
    parent.append(this.fold, this.table, this.empty, this.hidden);
  }

  #toggle() {
    this.isUnfolded = !this.isUnfolded;
    this.#showFolded(true);
  }

  update() {
    const {state} = this.run;
    if (state === null) return;

    const elements = state.tasks.map((row) => {
      if (!this.lines.has(row.task)) this.lines.set(row.task, new TaskLine(row, this.onChoose));
      const line = this.lines.get(row.task);
      line.update(row, this.run);
      return line.element;
    });
    arrange(this.body, elements);
    const names = new Set(state.tasks.map((row) => row.task));
    for (const name of this.lines.keys()) {
      if (!names.has(name)) this.lines.delete(name);
    }

    const hasItems = state.tasks.some((row) => row.with_items);
    this.table.classList.toggle('without-items', !hasItems);
    const hasRate = state.tasks.some((row) => row.with_items && row.open > 0);
    this.table.classList.toggle('without-rates', !hasRate || !this.run.isActive);
    this.table.classList.toggle('without-errors', !state.tasks.some((row) => row.error));
    this.table.classList.toggle('without-failed', !state.tasks.some(hasLosses));
    setShown(this.empty, !state.tasks.length);
    setText(this.hidden, `and ${formatCount(state.hidden, 'more task')}; the graph shows all`);
    setShown(this.hidden, state.hidden > 0);
    this.#showFolded(false);
  }

  /** Hide the rows of finished tasks if there are many rows. */
  #showFolded(isForced) {
    const {tasks} = this.run.state;
    const isFolding = tasks.length > MANY_ROWS && !this.isUnfolded;
    let finished = 0;
    let folded = 0;
    for (const row of tasks) {
      const {element} = this.lines.get(row.task);
      const isFinished = isOver(row, this.run);
      finished += isFinished ? 1 : 0;
      // a row that a person reads or copies from stays
      const isHidden = isFolding && isFinished && (isForced || element.hidden || !isInUse(element));
      setShown(element, !isHidden);
      folded += isHidden ? 1 : 0;
    }

    setShown(this.fold, tasks.length > MANY_ROWS && finished > 0);
    const count = formatCount(folded || finished, 'finished task');
    setText(this.foldButton, this.isUnfolded ? `Hide ${count}` : `Show ${count}`);
    setAttribute(this.foldButton, 'aria-expanded', String(this.isUnfolded));
  }

  /** Mark the row of a task as chosen; null marks none. */
  mark(task) {
    for (const [name, line] of this.lines) {
      setAttribute(line.element, 'aria-current', name === task ? 'true' : null);
    }
  }

  /** Let the clocks of the rows tick. */
  tick() {
    const {state} = this.run;
    if (state === null || !this.run.isActive) return;
    for (const row of state.tasks) {
      if (row.open > 0) this.lines.get(row.task)?.tick(row, this.run);
    }
    this.#showFolded(false);
  }
}

function hasLosses(row) {
  return row.failed > 0 || row.cancelled > 0 || row.skipped > 0 || row.failed_visits > 0;
}

/** Return whether a transition led on from each failure of a task. */
function isAllHandled({status, tasks, hidden, handled}) {
  if (status === 'succeeded') return true;
  const failures = tasks.reduce((sum, row) => sum + row.failed_visits, 0);
  return !hidden && failures === handled;
}

/** Return the status of a task; if the process is lost, an open task is interrupted. */
function statusOf(row, run) {
  return row.open > 0 && !run.isActive ? 'interrupted' : row.status;
}

/** Return whether a task has succeeded some seconds ago, so that its row may be folded. */
function isOver(row, run) {
  if (row.open > 0 || !['succeeded', 'skipped'].includes(row.status)) return false;
  return !run.isActive || run.clock - row.ended > FOLD_AFTER;
}

/** One row of the table. */
class TaskLine {
  constructor(row, onChoose) {
    this.row = null;
    this.runStatus = '';
    this.handled = 0;
    this.samples = [];
    this.name = makeElement('button', {
      type: 'button', class: 'link', onclick: () => onChoose(row.task)});
    this.visits = makeElement('span', {class: 'visits'});
    this.status = makeStatus(row.status);
    this.bar = makeElement('div', {class: 'bar', role: 'progressbar', 'aria-label': row.task,
      'aria-valuemin': 0, hidden: true}, makeElement('i'), makeElement('i'), makeElement('i'));
    [this.items, this.failed, this.rate, this.left, this.time, this.error] = ['items', 'failed',
      'rate', 'left', 'time', 'error'].map((name) => makeElement(
      'td', {class: name === 'error' ? 'error' : `number ${name}`}));
    this.message = makeElement('div');
    this.error.append(this.message);
    this.element = makeElement('tr', {'data-task': row.task},
      makeElement('th', {scope: 'row'}, this.name, this.visits),
      makeElement('td', {class: 'state'}, this.status),
      makeElement('td', {class: 'progress'}, this.bar),
      this.items, this.failed, this.rate, this.left, this.time, this.error);
  }

  update(row, run) {
    // rows that have not changed are the same objects
    const isOld = row === this.row && run.state.status === this.runStatus
      && run.state.handled === this.handled;
    if (isOld && row.open === 0) return;
    this.row = row;
    this.runStatus = run.state.status;
    this.handled = run.state.handled;
    if (!isOld) this.#show(row, run);
    this.#sample(row, run);
    this.tick(row, run);
  }

  #show(row, run) {
    setText(this.name, row.task);
    setText(this.visits, row.visits > 1 ? ` × ${formatNumber(row.visits)}` : '');
    setAttribute(this.element, 'data-status', statusOf(row, run));
    setAttribute(this.element, 'data-open', String(row.open > 0));
    this.#showItems(row);
    setText(this.failed, describeLosses(row));
    setText(this.message, row.error);
    setAttribute(this.error, 'title', row.error || null);
  }

  #showItems(row) {
    setShown(this.bar, row.with_items);
    if (!row.with_items) {
      setText(this.items, '');
      return;
    }
    const totalText = row.total === null ? '?' : formatNumber(row.total);
    setText(this.items, `${formatNumber(row.done)} / ${totalText}`);

    const total = row.total || Math.max(row.done, 1);
    const shares = [row.done - row.failed - row.cancelled, row.failed, row.cancelled];
    shares.forEach((count, place) => {
      const width = `${(100 * Math.max(count, 0) / total).toFixed(2)}%`;
      const part = this.bar.children[place];
      if (part.style.width !== width) part.style.width = width;
      part.classList.toggle('some', count > 0);
    });
    setAttribute(this.bar, 'aria-valuemax', row.total ?? null);
    setAttribute(this.bar, 'aria-valuenow', row.done);
  }

  /** Remember how far the task is, for its rate. */
  #sample(row, run) {
    if (!row.with_items || !row.open || run.state.status !== 'running') {
      this.samples = [];
      return;
    }
    const {clock} = run;
    const last = this.samples.at(-1);
    if (last && clock - last.clock < SAMPLE_EVERY) return;
    this.samples.push({clock, done: row.done});
    while (this.samples.length > 2 && clock - this.samples[0].clock > RATE_SPAN) {
      this.samples.shift();
    }
  }

  /** Return the items a second of late; before that is known, since the task began. */
  #rateOf(row, run) {
    if (!row.with_items || !row.open || run.state.status !== 'running') return 0;
    const [first] = this.samples;
    const seconds = first ? run.clock - first.clock : 0;
    if (seconds > 2) return (row.done - first.done) / seconds;
    return row.done / Math.max(run.clock - row.started, 0.5);
  }

  tick(row, run) {
    const rate = this.#rateOf(row, run);
    setText(this.rate, rate > 0 ? formatRate(rate) : '');
    const remaining = row.total === null ? 0 : row.total - row.done;
    setText(this.left, rate > 0 && remaining > 0 ? formatLeft(remaining / rate) : '');

    const isOpen = row.open > 0 && run.isActive;
    const end = row.ended ?? run.clock;
    setText(this.time, isOpen
      ? formatClock(run.clock - row.started) : formatDuration(end - row.started));
    showStatus(this.status, statusOf(row, run), this.#state(row, run));
  }

  #state(row, run) {
    const status = formatStatus(statusOf(row, run));
    if (row.open === 0 && FAILED.includes(row.status) && isAllHandled(run.state)) {
      return `${status}, handled`;
    }
    if (row.waiting !== null && row.open > 0 && run.isActive) {
      return `${status} ${formatClock(run.clock - row.waiting)}`;
    }
    if (row.open > 1 && run.isActive) return `${status} · ${formatNumber(row.open)} open`;
    return status;
  }
}

function describeLosses(row) {
  const parts = [];
  const failed = row.with_items ? row.failed : row.failed_visits;
  if (failed) parts.push(formatNumber(failed));
  if (row.retrying) parts.push(`${formatNumber(row.retrying)} retrying`);
  if (row.cancelled && row.with_items) parts.push(`${formatNumber(row.cancelled)} cancelled`);
  if (row.skipped) parts.push(`${formatNumber(row.skipped)} skipped`);
  return parts.join(', ');
}

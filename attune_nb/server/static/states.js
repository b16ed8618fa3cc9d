// The state of a run and the list of runs, made of the messages of the server.

import {serverTime} from './api.js';
import {Connection} from './connection.js';
import {isActive} from './format.js';

/** What a person can do with a run that is there no longer. */
const NOTHING_TO_DO = {
  can: [], asks: [], doubts: [], questions: 0, in_doubt: 0, attention: ''};

/**
 * One run, live.
 *
 * Events: `change` (its state has changed), `connection` (its connection has changed).
 *
 * Attributes:
 *   id: The id of the run.
 *   state: Its state as the API describes a snapshot; null before the first message.
 *   gone: Why the run is there no longer; else empty.
 */
export class Run extends EventTarget {
  constructor(id) {
    super();
    this.id = id;
    this.state = null;
    this.gone = '';
    this.lastClock = 0;
    this.connection = new Connection(`/runs/${id}`, `/runs/${id}/socket`,
      () => this.#position(), () => this.#isOver());
    this.connection.addEventListener('message', (event) => this.#read(event.detail));
    this.connection.addEventListener('change', () => this.dispatchEvent(new Event('connection')));
  }

  open() {
    this.connection.open();
  }

  close() {
    this.connection.close();
  }

  /** Whether a process works on the run. */
  get isActive() {
    return this.state !== null && !this.gone && isActive(this.state.status);
  }

  /** The seconds from the start of the run to its end, its last sign of life, or now. */
  get clock() {
    const {state} = this;
    if (!state?.started) return state?.now ?? 0;
    if (state.status === 'interrupted') return Math.max(state.now, (state.heard ?? 0) - state.started);
    if (!this.isActive) return state.now;
    // the state has the time of its last event, which may be long ago; it never runs backwards
    this.lastClock = Math.max(this.lastClock, state.now, serverTime() - state.started);
    return this.lastClock;
  }

  #isOver() {
    // an interrupted run may be resumed
    return this.state !== null && !this.isActive && this.state.status !== 'interrupted';
  }

  #position() {
    return this.state === null || this.gone ? '' : `?at=${this.state.at}`;
  }

  #read(message) {
    if (message.type === 'gone') {
      this.gone = message.reason;
      if (this.state !== null) this.state = {...this.state, ...NOTHING_TO_DO};
    } else if (message.type === 'snapshot') {
      this.gone = '';
      this.state = message;
    } else if (message.type === 'delta' && this.state !== null) {
      this.state = applyDelta(this.state, message);
    }
    this.dispatchEvent(new Event('change'));
  }
}

/** Return the state of a run after a change. */
function applyDelta(state, delta) {
  const {type, tasks = [], dropped = [], ...changes} = delta;
  const rows = new Map(state.tasks.map((row) => [row.task, row]));
  for (const task of dropped) rows.delete(task);
  for (const row of tasks) rows.set(row.task, row);
  const ordered = [...rows.values()].sort((first, second) => first.number - second.number);
  return {...state, ...changes, tasks: ordered};
}

/** Return the seconds since the start of a run of the list, up to its end. */
export function clockOf(row) {
  if (row.started === null) return row.duration;
  if (row.status === 'interrupted') return Math.max(row.duration, (row.heard ?? 0) - row.started);
  if (!isActive(row.status)) return row.duration;
  // a run that only waits has no event, and its row is old
  return Math.max(row.duration, serverTime() - row.started);
}

/**
 * The list of runs, live. Pages of older runs are added by `addPage`.
 *
 * Events: `change`, `connection`.
 *
 * Attributes:
 *   runs: The rows by their ids.
 *   problem: Why no runs can be read; else empty.
 *   isRead: Whether a first message has come.
 *   next: The `before` of the next page of older runs; empty if there are no more.
 */
export class RunList extends EventTarget {
  constructor() {
    super();
    this.runs = new Map();
    this.problem = '';
    this.isRead = false;
    this.next = '';
    this.liveEnd = ''; // the `before` of the runs that are older than those of the stream
    this.hasOlder = false; // whether a page of older runs was added
    this.connection = new Connection('/runs', '/socket');
    this.connection.addEventListener('message', (event) => this.#read(event.detail));
    this.connection.addEventListener('change', () => this.dispatchEvent(new Event('connection')));
  }

  open() {
    this.connection.open();
  }

  /** Add the next page of older runs, as the API describes it. */
  addPage({runs, next}) {
    this.hasOlder = true;
    this.next = next;
    this.add(runs);
  }

  /** Add rows that a search has found. */
  add(rows) {
    for (const row of rows) this.runs.set(row.id, row);
    this.dispatchEvent(new Event('change'));
  }

  /** Return the rows, the newest first. */
  sorted() {
    return [...this.runs.values()].sort(
      (first, second) => startOf(second) - startOf(first) || (first.id < second.id ? 1 : -1));
  }

  #read(message) {
    if (message.type === 'gone') {
      this.#forget();
      this.#setEnd('');
      this.problem = message.reason;
    } else if (message.type === 'runs') {
      this.#replace(message);
    } else if (message.type === 'list') {
      this.#setEnd(message.next ?? this.liveEnd);
      for (const id of message.dropped) this.#drop(id);
      for (const row of message.runs) this.runs.set(row.id, row);
      this.problem = message.problem ?? this.problem;
    }
    this.isRead = true;
    this.dispatchEvent(new Event('change'));
  }

  #forget() {
    this.runs.clear();
    this.hasOlder = false;
  }

  /** Take the end of the runs of the stream; after a page of older runs the next one follows that. */
  #setEnd(end) {
    this.liveEnd = end;
    if (!this.hasOlder) this.next = end;
  }

  #drop(id) {
    const row = this.runs.get(id);
    // a run that newer ones have pushed out of the stream stays above older ones
    const isPushedOut = row && this.hasOlder && startOf(row) <= startOfCursor(this.liveEnd);
    if (!isPushedOut) this.runs.delete(id);
  }

  /** Take the newest runs; older ones that were added stay, unless some between are missing. */
  #replace(message) {
    const oldest = startOfCursor(message.next);
    const newest = Math.max(...[...this.runs.values()].map(startOf));
    if (newest < oldest) this.#forget();
    this.#setEnd(message.next);

    for (const [id, row] of this.runs) {
      if (startOf(row) >= oldest) this.runs.delete(id);
    }
    for (const row of message.runs) this.runs.set(row.id, row);
    this.problem = message.problem;
  }
}

function startOf(row) {
  return row.started ?? -Infinity;
}

/** Return the start of the run before a page; without a page, all runs are newer. */
function startOfCursor(cursor) {
  return cursor ? Number(cursor.split('~')[0]) : -Infinity;
}

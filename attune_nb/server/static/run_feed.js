// The attempts of a run, read in chunks as they end, for all views of it.

import {ApiError, HOME} from './api.js';

const {LiveRunData, readChunk} = await import(`${HOME}/explore.js`);

// milliseconds between two readings of a run that goes on, at least
const READ_EVERY = 500;

// drawing takes at most one part of this number of the time
const IDLE_SHARE = 6;

// milliseconds until a reading that failed is tried again
const RETRY_AFTER = 3_000;

// attempts that a page holds; further ones are listed, and not drawn
const MAX_ATTEMPTS = 1_000_000;

const feeds = new WeakMap();

/** Return the feed of a run of states.js: all views of the run share it. */
export function feedOf(run) {
  if (!feeds.has(run)) feeds.set(run, new AttemptFeed(run));
  return feeds.get(run);
}

/**
 * The attempts of a run that have ended.
 *
 * Events: `change` (there are more attempts, or they cannot be read).
 *
 * Attributes:
 *   data: A LiveRunData of explore.js; null before the first chunk.
 *   problem: Why attempts cannot be read; else empty.
 *   isFull: Whether there are more attempts than a page holds.
 */
class AttemptFeed extends EventTarget {
  constructor(run) {
    super();
    this.run = run;
    this.data = null;
    this.problem = '';
    this.isFull = false;
    this.isReading = false;
    this.readTo = -1; // the position of the run up to which events were read
    this.readyTime = 0;
    this.timer = 0;
  }

  /** Read the new attempts, now or a moment later. */
  update() {
    if (this.isReading || this.isFull || this.isClosed || !this.#isBehind()) return;
    const wait = this.readyTime - performance.now();
    clearTimeout(this.timer);
    if (wait > 0) this.timer = setTimeout(() => this.#read(), wait);
    else this.#read();
  }

  #isBehind() {
    const {state} = this.run;
    return state !== null && this.readTo < state.at;
  }

  async #read() {
    if (this.isReading) return;
    this.isReading = true;
    const position = this.run.state.at;
    let least = READ_EVERY;
    try {
      await this.#readChunks();
      this.readTo = position;
      this.problem = '';
    } catch (error) {
      // without contact, the page says so
      this.problem = error instanceof ApiError ? error.message : '';
      least = RETRY_AFTER;
    }
    this.isReading = false;
    this.setClock();
    const began = performance.now();
    this.dispatchEvent(new Event('change'));
    const now = performance.now();
    this.readyTime = now + Math.max(least, IDLE_SHARE * (now - began));
    if (!this.isClosed) this.update();
  }

  /** Read no more: the reader has left the run. */
  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  async #readChunks() {
    for (;;) {
      const head = await this.#readOne();
      if (this.data.count >= MAX_ATTEMPTS) this.isFull = head.more;
      if (!head.more || this.isFull) break;
    }
    this.data.gather();
  }

  async #readOne() {
    const after = this.data === null ? -1 : this.data.last;
    const response = await fetch(`${HOME}/api/runs/${this.run.id}/attempts?after=${after}`);
    if (!response.ok) throw new ApiError(response.status, await response.json().catch(() => null));
    const chunk = readChunk(await response.arrayBuffer());
    if (this.data === null) {
      const {state} = this.run;
      this.data = new LiveRunData(
        {id: state.run, workflow: state.workflow, started: state.started, seconds: 0, breaks: []},
        chunk.head.statuses);
    }
    this.data.append(chunk);
    return chunk.head;
  }

  /** Set the time that the run has taken so far. */
  setClock() {
    if (this.data === null) return;
    this.data.run.started = this.run.state.started;
    this.data.setSeconds(this.run.clock);
  }
}

// A live connection to the server: a WebSocket that is opened again, or else polling.

import {ApiError, get, socketAddress} from './api.js';

// milliseconds between attempts: the first, and the most
const FIRST_WAIT = 500;
const MAX_WAIT = 10_000;

// milliseconds after which a hidden page closes its connection
const HIDDEN_WAIT = 60_000;

// milliseconds between two questions of a hidden page, whose title and icon are seen
const ASLEEP_WAIT = 60_000;

// the code with which the server closes a stream that has nothing more to send
const OVER = 1000;

// attempts without a message after which a proxy is taken to block WebSockets
const MAX_FAILURES = 2;
const POLL_WAIT = 2_000;

/**
 * Messages of a run or of the list of runs.
 *
 * Events: `message` (its `detail` is the message), and `change` (of `state`).
 *
 * Attributes:
 *   state: "connecting", "live", "polling", "waiting" (for the next attempt), "asleep" (the page
 *     is hidden), "ended" (the run has ended), "closed", or "refused".
 *   retryTime: When the next attempt is made, as `performance.now()`.
 *   problem: Why the server refuses; an ApiError.
 */
export class Connection extends EventTarget {
  /**
   * Args:
   *   path: The path of the same JSON as one answer: `/runs`.
   *   socketPath: The path of the stream.
   *   position: Returns the query by which the stream goes on, or an empty string.
   *   isOver: Returns whether there is nothing more to come.
   */
  constructor(path, socketPath, position = () => '', isOver = () => false) {
    super();
    this.path = path;
    this.socketPath = socketPath;
    this.position = position;
    this.isOver = isOver;
    this.state = 'connecting';
    this.retryTime = 0;
    this.problem = null;
    this.socket = null;
    this.timer = 0;
    this.hiddenTimer = 0;
    this.failures = 0;
    this.wait = FIRST_WAIT;
    this.onVisibility = () => this.#followVisibility();
    this.onOnline = () => this.#retryNow();
  }

  open() {
    document.addEventListener('visibilitychange', this.onVisibility);
    window.addEventListener('online', this.onOnline);
    this.#connect();
    this.#followVisibility();
  }

  /** Connect again after the end: a run goes on, or is there again. */
  reopen() {
    const isMissing = this.state === 'refused' && this.problem.status === 404;
    if (this.state !== 'ended' && !isMissing) return;
    this.#change('connecting');
    this.#connect();
  }

  /** Close the connection for good. */
  close() {
    document.removeEventListener('visibilitychange', this.onVisibility);
    window.removeEventListener('online', this.onOnline);
    clearTimeout(this.hiddenTimer);
    this.#disconnect();
    this.#change('closed');
  }

  #change(state) {
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }

  #disconnect() {
    clearTimeout(this.timer);
    const {socket} = this;
    this.socket = null;
    socket?.close();
  }

  #connect() {
    clearTimeout(this.timer);
    const socket = new WebSocket(socketAddress(this.socketPath) + this.position());
    this.socket = socket;
    socket.addEventListener('message', (event) => {
      if (socket === this.socket) this.#receive(event);
    });
    socket.addEventListener('close', (event) => {
      if (socket === this.socket) this.#lose(event);
    });
  }

  #receive(event) {
    this.failures = 0;
    this.wait = FIRST_WAIT;
    this.#deliver(JSON.parse(event.data));
    if (this.state !== 'live' && this.state !== 'closed') this.#change('live');
  }

  #deliver(message) {
    this.dispatchEvent(new CustomEvent('message', {detail: message}));
  }

  #lose(event) {
    this.socket = null;
    if (event.code === OVER) {
      this.#change('ended');
      return;
    }
    this.failures += 1;
    this.#ask();
  }

  /** Find out by one request whether the server is there, refuses, or blocks WebSockets. */
  async #ask() {
    try {
      const message = await get(this.path);
      if (this.#isOutdated()) return;
      this.#deliver(message);
      if (this.isOver()) {
        this.#change('ended');
        return;
      }
      if (this.failures > MAX_FAILURES) {
        this.#change('polling');
        this.#schedule(POLL_WAIT);
        return;
      }
    } catch (error) {
      if (this.#isOutdated()) return;
      if (error instanceof ApiError && [401, 403, 404].includes(error.status)) {
        this.problem = error;
        this.#change('refused');
        return;
      }
    }
    this.#scheduleRetry();
  }

  #isOutdated() {
    return ['closed', 'asleep', 'ended'].includes(this.state) || this.socket !== null;
  }

  #scheduleRetry() {
    // readers that lost the server at the same moment do not come back at the same moment
    const wait = this.wait * (0.8 + 0.4 * Math.random());
    this.wait = Math.min(this.wait * 2, MAX_WAIT);
    this.retryTime = performance.now() + wait;
    this.#change('waiting');
    this.timer = setTimeout(() => this.#connect(), wait);
  }

  #schedule(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      // now and then WebSockets are tried again
      this.failures += 1;
      if (this.failures % 15 === 0) this.#connect();
      else this.#ask();
    }, wait);
  }

  #retryNow() {
    if (this.state === 'waiting') this.#connect();
  }

  #followVisibility() {
    clearTimeout(this.hiddenTimer);
    if (document.hidden) {
      this.hiddenTimer = setTimeout(() => this.#sleep(), HIDDEN_WAIT);
    } else if (this.state === 'asleep') {
      clearTimeout(this.timer);
      this.#change('connecting');
      this.#connect();
    } else if (this.state === 'refused') {
      // the reader may have logged in meanwhile, in another tab
      this.#change('connecting');
      this.#connect();
    } else {
      this.#retryNow();
    }
  }

  #sleep() {
    if (['closed', 'ended', 'refused'].includes(this.state)) return;
    this.#disconnect();
    this.#change('asleep');
    this.#scheduleGlance();
  }

  /** Now and then read the state for the title of the hidden page. */
  #scheduleGlance() {
    this.timer = setTimeout(async () => {
      const message = await get(this.path).catch(() => null);
      if (this.state !== 'asleep') return;
      if (message) this.#deliver(message);
      if (this.isOver()) this.#change('ended');
      else this.#scheduleGlance();
    }, ASLEEP_WAIT);
  }
}

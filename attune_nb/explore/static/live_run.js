// The data of a run that goes on: chunks of attempts are added to it as they come.

const LEAST_CAPACITY = 4096; // attempts
const FAILED_AGAIN = 'retried'; // the status of an attempt that failed before another one

/** The columns of the attempts, and their arrays. */
const GROWING = {
  start: Float64Array, duration: Float64Array, index: Uint32Array, attempt: Uint8Array,
  worker: Uint16Array, status: Uint8Array, errorNumber: Uint32Array, execution: Uint32Array};

/** The head and the columns of a chunk, see server/drawing/attempt_chunks.py. */
function readChunk(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const columns = {};
  let first = 4 + length;
  for (const column of head.columns) {
    const bytes = head.count * Number(column.type[1]);
    columns[column.name] = unpackPlanes(new Uint8Array(buffer, first, bytes), column);
    first += bytes;
  }
  return {head, columns};
}

/** A number that identifies an item of an execution. */
function itemKey(execution, index) {
  return execution * 2 ** 32 + index;
}

function emptyJson(run, statuses) {
  const executions = {};
  for (const name of ['task', 'visit', 'status', 'start', 'end', 'items', 'failed', 'attempts',
    'rows', 'spans', 'error']) executions[name] = [];
  return {
    run, statuses, executions, tasks: [], errors: [], attempts: {count: 0, tick: 1},
    spans: {count: 0, tick: 1}, previews: {execution: [], index: [], item: [], result: []}};
}

/**
 * A run whose attempts come in chunks. An attempt keeps its row, so a choice stays.
 *
 * `run` has `id`, `workflow`, `status`, `started` and `seconds`, which may change.
 */
class LiveRunData extends RunData {
  constructor(run, statuses) {
    const none = new Uint32Array(0);
    const columns = {start: none, duration: none, index: none, attempt: none, worker: none,
      status: none, error: none};
    const spans = {start: none, duration: none, status: none, thousandths: none, count: none};
    super(emptyJson(run, statuses), columns, spans);
    this.spans = {
      count: 0, execution: [], start: [], duration: [], status: [], running: [], attempts: []};
    this.capacity = 0;
    this.executionNumbers = new Map();
    this.taskNumbers = new Map();
    this.failedRows = new Map(); // the last failed attempt of each item
    this.fired = new Map(); // how often a transition fired, by `task>number`
    this.last = -1; // the number of the last event
  }

  /** Rows do not move. */
  find(_, row) {
    return row;
  }

  /** Set the seconds since the start, up to the end of the run or to now. */
  setSeconds(seconds) {
    this.run.seconds = seconds;
    this.end = Math.max(this.end, seconds);
  }

  /** Add a chunk; `gather` has to be called after the last one. */
  append({head, columns}) {
    const tasks = head.tasks.map((task) => this.#addTask(task));
    const numbers = head.executions.map((part) => this.#addExecution(tasks[part.task], part));
    this.#reserve(this.count + head.count);
    this.#addAttempts(head, columns, numbers);
    for (const [execution, ...span] of head.spans) this.#addSpan(numbers[execution], span);
    for (const [task, number, count] of head.fired) {
      const key = `${head.tasks[task]}>${number}`;
      this.fired.set(key, (this.fired.get(key) ?? 0) + count);
    }
    this.last = head.last;
  }

  #addTask(task) {
    if (!this.taskNumbers.has(task)) {
      this.taskNumbers.set(task, this.tasks.length);
      this.tasks.push(task);
    }
    return this.taskNumbers.get(task);
  }

  /** Add the changes of an execution in a chunk; return its number. */
  #addExecution(task, part) {
    const {executions} = this;
    const key = `${task}:${part.visit}`;
    let number = this.executionNumbers.get(key);
    if (number === undefined) {
      number = this.executionCount++;
      this.executionNumbers.set(key, number);
      const first = {task, visit: part.visit, status: this.statuses.indexOf('running'),
        start: part.seen, end: null, items: null, failed: 0, attempts: 0, rows: 0, spans: 0,
        error: null};
      for (const [name, value] of Object.entries(first)) executions[name].push(value);
    }
    if (part.started !== undefined) executions.start[number] = part.started;
    if (part.with_items) executions.items[number] = part.total ?? 0;
    if (part.status !== undefined) executions.status[number] = this.statuses.indexOf(part.status);
    if (part.ended !== undefined) executions.end[number] = part.ended;
    if (part.error) executions.error[number] = part.error;
    executions.attempts[number] += part.attempts ?? 0;
    executions.failed[number] += part.failed ?? 0;
    return number;
  }

  /** Make the arrays of the attempts large enough. */
  #reserve(count) {
    if (count <= this.capacity) return;
    this.capacity = Math.max(LEAST_CAPACITY, 2 * this.capacity, count);
    for (const [name, Type] of Object.entries(GROWING)) {
      const larger = new Type(this.capacity);
      larger.set(this[name].subarray(0, this.count));
      this[name] = larger;
    }
  }

  #addAttempts(head, columns, numbers) {
    const firstError = this.errors.length;
    this.errors.push(...head.errors);
    const {base, tick} = head;
    let row = this.count;
    let place = 0;
    for (const [execution, length] of head.runs) {
      const number = numbers[execution];
      this.executions.rows[number] += length;
      this.execution.fill(number, row, row + length);
      for (const last = place + length; place < last; place++, row++) {
        this.start[row] = base + columns.start[place] * tick;
        this.duration[row] = columns.duration[place] * tick;
        this.index[row] = columns.index[place];
        this.attempt[row] = columns.attempt[place];
        this.worker[row] = columns.worker[place];
        this.status[row] = columns.status[place];
        this.errorNumber[row] = columns.error[place] ? columns.error[place] + firstError : 0;
        this.end = Math.max(this.end, this.start[row] + this.duration[row]);
        this.#noteFailure(row, number);
      }
    }
    this.count = row;
  }

  /** A failed attempt that another one follows is a retried one. */
  #noteFailure(row, execution) {
    const isFailure = this.isFailure[this.status[row]];
    if (!isFailure && this.attempt[row] === 1) return;
    const key = itemKey(execution, this.index[row]);
    const before = this.failedRows.get(key);
    if (before !== undefined) {
      this.status[before] = this.statuses.indexOf(FAILED_AGAIN);
      this.failedRows.delete(key);
    }
    if (isFailure) this.failedRows.set(key, row);
  }

  #addSpan(execution, [start, end, status, running, attempts]) {
    const span = {execution, start, duration: end - start, status, running, attempts};
    for (const [name, value] of Object.entries(span)) this.spans[name].push(value);
    this.spans.count += 1;
    this.executions.spans[execution] += 1;
    this.end = Math.max(this.end, end);
  }
}

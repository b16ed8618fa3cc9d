// The data of a run, as explore/data.py packs it, in typed arrays.

/** Statuses that are failures for good: `f` stops at their attempts. */
const FAILURES = ['failed', 'timed_out'];

/** The status of a task that never started, as in the graph. */
const NOT_REACHED = 'not reached';

/** A mark for each status but success, so that nothing depends on colour alone. */
const MARKS = {failed: '×', timed_out: '!', cancelled: '–', retried: '↻', skipped: '»',
  running: '…', retrying: '↻', waiting: '?', paused: '‖', pending: '·', [NOT_REACHED]: '·'};

/** The bytes of a base64 text, plain or for URLs, inflated. */
async function inflate(text) {
  const letters = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place++) bytes[place] = letters.charCodeAt(place);

  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The numbers of a packed column. */
async function unpackColumn(column) {
  return unpackPlanes(await inflate(column.data), column);
}

/** The numbers of planes of bytes, perhaps of differences. */
function unpackPlanes(planes, {type, differences}) {
  const size = Number(type[1]);
  const count = planes.length / size;
  const numbers = new Uint32Array(count);
  for (let plane = 0; plane < size; plane++) {
    const offset = plane * count;
    const shift = 8 * plane;
    for (let row = 0; row < count; row++) numbers[row] |= planes[offset + row] << shift;
  }

  // the sums wrap at 2**32, as the differences did
  if (differences) {
    for (let row = 1; row < count; row++) numbers[row] += numbers[row - 1];
  }
  return numbers;
}

async function unpackColumns(packed) {
  const columns = {};
  for (const [name, column] of Object.entries(packed)) columns[name] = await unpackColumn(column);
  return columns;
}

/**
 * A run: its tasks, its executions, and its attempts in columns.
 *
 * Attempts are numbered in the order of their executions, and in each of their starts. All times
 * are in seconds since the start of the run.
 */
class RunData {
  /** Return the run of unpacked JSON. */
  static async read(json) {
    const columns = await unpackColumns(json.attempts.columns);
    return new RunData(json, columns, await unpackColumns(json.spans.columns));
  }

  constructor(json, columns, spans) {
    this.json = json;
    this.run = json.run;
    this.statuses = json.statuses;
    this.tasks = json.tasks;
    this.errors = json.errors;
    this.notes = json.notes ?? [];
    this.executions = json.executions;
    this.executionCount = json.executions.task.length;

    const tick = json.attempts.tick;
    this.count = json.attempts.count;
    this.start = Float64Array.from(columns.start, (ticks) => ticks * tick);
    this.duration = Float64Array.from(columns.duration, (ticks) => ticks * tick);
    this.index = columns.index;
    this.attempt = columns.attempt;
    this.worker = columns.worker;
    this.status = Uint8Array.from(columns.status);
    this.errorNumber = columns.error;
    this.execution = repeat(this.executions.rows);
    this.spans = {
      count: json.spans.count,
      execution: repeat(this.executions.spans),
      start: Float64Array.from(spans.start, (ticks) => ticks * tick),
      duration: Float64Array.from(spans.duration, (ticks) => ticks * tick),
      status: Uint8Array.from(spans.status),
      running: Float64Array.from(spans.thousandths, (number) => number / 1000),
      attempts: spans.count,
    };
    this.previews = indexPreviews(json.previews);
    this.isFailure = this.statuses.map((status) => FAILURES.includes(status));
    this.end = this.#findEnd();
    this.gather();
  }

  /** Gather what is read from all attempts and executions: their number, and the failures. */
  gather() {
    this.attempts = this.executions.attempts.reduce((sum, count) => sum + count, 0);
    this.failures = findFailures(this);
    const early = this.failures.filter(({row}) => row < 0);
    this.failedEarly = new Set(early.map(({execution}) => execution));
  }

  #findEnd() {
    let end = this.run.seconds;
    for (let row = 0; row < this.count; row++) {
      end = Math.max(end, this.start[row] + this.duration[row]);
    }
    for (let span = 0; span < this.spans.count; span++) {
      end = Math.max(end, this.spans.start[span] + this.spans.duration[span]);
    }
    return end || 1e-3;
  }

  /** The row of the attempt that is in a row of earlier data of the same run, or -1. */
  find(before, row) {
    const execution = before.execution[row];
    for (let candidate = 0; candidate < this.count; candidate++) {
      if (this.execution[candidate] === execution && this.index[candidate] === before.index[row]
        && this.attempt[candidate] === before.attempt[row]) return candidate;
    }
    return -1;
  }

  /** The number of the task of an attempt. */
  taskOf(row) {
    return this.executions.task[this.execution[row]];
  }

  /** The time of day at a second of the run, where its reader is: `17:03:05`. */
  clockAt(seconds) {
    let date = this.run.started + seconds;
    // the seconds of a run do not count the time in which no process carried it
    for (const [second, length] of this.run.breaks) {
      if (seconds >= second) date += length;
    }
    return new Date(date * 1000).toLocaleTimeString('en-GB');
  }

  /** The name of the status of an attempt. */
  statusOf(row) {
    return this.statuses[this.status[row]];
  }

  /** The error of an attempt, or null. */
  errorOf(row) {
    const number = this.errorNumber[row];
    return number ? this.errors[number - 1] : null;
  }

  /** The texts `{item, result}` of an attempt's item, each null if unknown; or null. */
  previewOf(row) {
    return this.previews.get(previewKey(this.execution[row], this.index[row])) ?? null;
  }

  /** Whether the execution of an attempt is over several items. */
  hasItems(row) {
    return this.executions.items[this.execution[row]] !== null;
  }

  /** An attempt without its status: `check, item 317, attempt 2`. */
  nameOf(row) {
    const execution = this.execution[row];
    let name = this.#nameOfExecution(execution);
    if (this.hasItems(row)) name += `, item ${formatNumber(this.index[row])}`;
    if (this.attempt[row] > 1) name += `, attempt ${this.attempt[row]}`;
    return name;
  }

  /** An execution that failed without an attempt, in one line. */
  describeExecution(execution) {
    const {status, end, error} = this.executions;
    const name = this.#nameOfExecution(execution);
    const text = `${name}: ${formatStatus(this.statuses[status[execution]])}`;
    const time = end[execution] === null ? '' : ` at ${formatDuration(end[execution])}`;
    return error[execution] ? `${text}${time}. ${error[execution]}` : `${text}${time}`;
  }

  #nameOfExecution(execution) {
    const name = this.tasks[this.executions.task[execution]];
    const visit = this.executions.visit[execution];
    return visit > 1 ? `${name} #${visit}` : name;
  }

  /** An attempt in one line. */
  describe(row) {
    const error = this.errorOf(row);
    let text = `${this.nameOf(row)}: ${formatStatus(this.statusOf(row))} after `
      + `${formatDuration(this.duration[row])}, at ${formatDuration(this.start[row])} `
      + `(${this.clockAt(this.start[row])}), worker ${this.worker[row]}`;
    if (error) text += `. ${error.type}: ${error.message}`;
    return text;
  }
}

/**
 * Return the failures of a run in order of time, each `{time, row, execution}`.
 *
 * `row` is -1 for an execution that failed without an attempt: its question had no answer, or one
 * of its expressions failed. A parallel task is represented by its tasks.
 */
function findFailures(data) {
  const {executions, tasks} = data;
  const failures = [];
  for (let row = 0; row < data.count; row++) {
    if (!data.isFailure[data.status[row]]) continue;
    failures.push({time: data.start[row], row, execution: data.execution[row]});
  }
  executions.rows.forEach((count, execution) => {
    const prefix = `${tasks[executions.task[execution]]}/`;
    const isWithout = count === 0 && data.isFailure[executions.status[execution]];
    if (!isWithout || tasks.some((task) => task.startsWith(prefix))) return;
    const time = executions.end[execution] ?? executions.start[execution];
    failures.push({time, row: -1, execution});
  });
  return failures.sort((one, two) => one.time - two.time || one.row - two.row);
}

/** Return the number of the execution of each row, from the number of rows of each execution. */
function repeat(counts) {
  const numbers = new Uint32Array(counts.reduce((sum, count) => sum + count, 0));
  let row = 0;
  counts.forEach((count, execution) => {
    numbers.fill(execution, row, row + count);
    row += count;
  });
  return numbers;
}

function indexPreviews({execution, index, item, result}) {
  const previews = new Map();
  execution.forEach((number, place) => previews.set(
    previewKey(number, index[place]), {item: item[place], result: result[place]}));
  return previews;
}

function previewKey(execution, index) {
  return `${execution}:${index}`;
}

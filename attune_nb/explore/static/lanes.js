// The lanes of a timeline, each with its attempts in the order of their starts.

const MOST_WORKER_ROWS = 64;

/** A lane: the attempts of a task, or of a worker. */
class Lane {
  constructor(data, name, rows, {task = null, executions = [], spans = [], isPacked = true} = {}) {
    this.data = data;
    this.name = name;
    this.rows = rows;
    this.task = task;
    this.executions = executions;
    this.longest = 0;
    this.failed = 0;
    for (const row of rows) {
      this.longest = Math.max(this.longest, data.duration[row]);
      if (data.isFailure[data.status[row]]) this.failed += 1;
    }
    this.spans = spans;
    // executions that failed before they had an attempt
    this.failedEarly = executions.filter((execution) => data.failedEarly.has(execution));
    // attempts beside each other are in different lines; a lane without bars needs none
    [this.place, this.lines] = isPacked
      ? packByWorker(data, rows) ?? packByTime(data, rows) : [null, 1];
    // the attempts of executions that are summed are in the spans already
    this.averagePeak = findAveragePeak(data, this);
    this.attempts = spans.length ? this.#countAttempts() : rows.length;
    if (spans.length && executions.length) {
      this.failed = executions.reduce((sum, number) => sum + data.executions.failed[number], 0);
    }
  }

  #countAttempts() {
    const counts = this.data.executions.attempts;
    if (this.executions.length) {
      return this.executions.reduce((sum, number) => sum + counts[number], 0);
    }
    return this.data.attempts;
  }

  /** Whether an attempt is part of a sum, and drawn besides only as a sample. */
  isSummed(row) {
    return this.data.executions.spans[this.data.execution[row]] > 0;
  }

  /** The first place in `rows` whose attempt may reach a time. */
  firstAt(time) {
    return this.#bisect(time - this.longest);
  }

  /** The place in `rows` after the last attempt that starts by a time. */
  lastAt(time) {
    return this.#bisect(time + 1e-12);
  }

  #bisect(time) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.data.start[this.rows[middle]] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The places of the attempts that run between two times; null if they are more than `most`. */
  visible(from, to, most = Infinity) {
    const {start, duration} = this.data;
    const places = [];
    const last = this.lastAt(to);
    for (let place = this.firstAt(from); place < last; place++) {
      const row = this.rows[place];
      if (start[row] + duration[row] < from) continue;
      if (places.length >= most) return null;
      places.push(place);
    }
    return places;
  }
}

/** Return the lanes of a run: by task in order of start, or by worker. */
function makeLanes(data, grouping) {
  return grouping === 'worker' ? lanesByWorker(data) : lanesByTask(data);
}

function lanesByTask(data) {
  const rows = data.tasks.map(() => []);
  const executions = data.tasks.map(() => []);
  data.executions.task.forEach((task, execution) => executions[task].push(execution));
  for (let row = 0; row < data.count; row++) rows[data.taskOf(row)].push(row);
  const spans = data.tasks.map(() => []);
  data.spans.execution.forEach(
    (execution, span) => spans[data.executions.task[execution]].push(span));

  return data.tasks.map((name, task) => new Lane(data, name, sortByStart(data, rows[task]),
    {task, executions: executions[task], spans: spans[task]}));
}

function lanesByWorker(data) {
  const rows = new Map();
  for (let row = 0; row < data.count; row++) {
    const worker = data.worker[row];
    if (!rows.has(worker)) rows.set(worker, []);
    rows.get(worker).push(row);
  }
  const workers = [...rows.keys()].sort((one, two) => one - two);
  return workers.map((worker) => new Lane(
    data, `worker ${worker}`, sortByStart(data, rows.get(worker))));
}

/** Return one lane with all attempts of a run. */
function makeWholeLane(data) {
  const all = new Uint32Array(data.count);
  for (let row = 0; row < data.count; row++) all[row] = row;
  const rows = sortByStart(data, all);
  return new Lane(data, 'all', rows, {
    spans: [...data.spans.execution.keys()], isPacked: false});
}

/** Return rows in the order of their starts, which most are in already. */
function sortByStart(data, rows) {
  const sorted = Uint32Array.from(rows);
  for (let place = 1; place < sorted.length; place++) {
    if (data.start[sorted[place]] < data.start[sorted[place - 1]]) {
      return sorted.sort((one, two) => data.start[one] - data.start[two] || one - two);
    }
  }
  return sorted;
}

/** Return a line for each attempt, one for each worker, and their number; null if they overlap. */
function packByWorker(data, rows) {
  const lines = new Map();
  const ends = [];
  const place = new Uint16Array(rows.length);
  for (let number = 0; number < rows.length; number++) {
    const row = rows[number];
    let line = lines.get(data.worker[row]);
    if (line === undefined) {
      line = lines.size;
      if (line === MOST_WORKER_ROWS) return null;
      lines.set(data.worker[row], line);
      ends.push(-Infinity);
    }
    if (data.start[row] < ends[line] - 2e-6) return null;
    ends[line] = data.start[row] + data.duration[row];
    place[number] = line;
  }
  return [place, Math.max(1, lines.size)];
}

/** Return the lowest free line for each attempt, and the number of lines. */
function packByTime(data, rows) {
  const place = new Uint16Array(rows.length);
  const busy = new Heap((one, two) => one[0] - two[0]);
  const free = new Heap((one, two) => one - two);
  let lines = 0;
  for (let number = 0; number < rows.length; number++) {
    const start = data.start[rows[number]];
    while (busy.size && busy.top[0] <= start) free.push(busy.pop()[1]);
    const line = free.size ? free.pop() : lines++;
    place[number] = line;
    busy.push([start + data.duration[rows[number]], line]);
  }
  return [place, Math.max(1, lines)];
}

/** A binary heap with its smallest element at the top. */
class Heap {
  constructor(compare) {
    this.compare = compare;
    this.elements = [];
  }

  get size() {
    return this.elements.length;
  }

  get top() {
    return this.elements[0];
  }

  push(element) {
    const {elements, compare} = this;
    let place = elements.push(element) - 1;
    while (place) {
      const parent = (place - 1) >> 1;
      if (compare(elements[parent], element) <= 0) break;
      elements[place] = elements[parent];
      place = parent;
    }
    elements[place] = element;
  }

  pop() {
    const {elements, compare} = this;
    const [top] = elements;
    const last = elements.pop();
    if (!elements.length) return top;

    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= elements.length) break;
      if (child + 1 < elements.length && compare(elements[child + 1], elements[child]) < 0) child++;
      if (compare(last, elements[child]) <= 0) break;
      elements[place] = elements[child];
      place = child;
    }
    elements[place] = last;
    return top;
  }
}

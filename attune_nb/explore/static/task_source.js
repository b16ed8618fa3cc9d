// The tasks and items of a run, gathered from its data on request.

/** The statuses of items in the order in which a table lists them: failures first. */
const ITEM_ORDER = ['failed', 'timed_out', 'cancelled', 'retrying', 'running', 'retried'];

/** Views of a run by task and by item. */
class TaskSource {
  constructor(data) {
    this.data = data;
    this.lanes = lanesByTask(data);
    this.itemsByTask = new Map();
    this.linesByTask = groupLines(data.json.logs);
  }

  /** The lane of a task, or null if there is none of that name. */
  lane(task) {
    const number = this.data.tasks.indexOf(task);
    return number < 0 ? null : this.lanes[number];
  }

  /** The status of the last execution of a task. */
  status(task) {
    const last = this.lane(task)?.executions.at(-1);
    if (last === undefined) return NOT_REACHED;
    return this.data.statuses[this.data.executions.status[last]];
  }

  /** The error of the last execution of a task that failed, or null. */
  error(task) {
    const {executions} = this.data;
    const failed = this.lane(task)?.executions.findLast((number) => executions.error[number]);
    return failed === undefined ? null : executions.error[failed];
  }

  /** Sums over all executions of a task. */
  counts(task) {
    const {executions} = this.data;
    const lane = this.lane(task);
    const sum = (column) => lane.executions.reduce((all, number) => all + (column[number] ?? 0), 0);
    return {
      visits: lane.executions.length,
      items: sum(executions.items),
      attempts: lane.attempts,
      failed: lane.failed,
      longest: lane.longest,
    };
  }

  /** Whether an execution of a task is over items. */
  hasItems(task) {
    const {executions} = this.data;
    return this.lane(task)?.executions.some((number) => executions.items[number] !== null) ?? false;
  }

  /**
   * The last attempts of the items of a task, failures first, by their rows.
   *
   * A text selects those whose index, status or error has it.
   */
  items(task, text = '') {
    if (!this.itemsByTask.has(task)) this.itemsByTask.set(task, this.#lastAttempts(task));
    const rows = this.itemsByTask.get(task);
    const query = text.trim().toLowerCase();
    if (!query) return rows;

    const {data} = this;
    return rows.filter((row) => {
      const error = data.errorOf(row);
      const words = `${formatStatus(data.statusOf(row))} ${error?.type ?? ''} ${error?.message ?? ''}`;
      return String(data.index[row]) === query || words.toLowerCase().includes(query);
    });
  }

  #lastAttempts(task) {
    const {data} = this;
    const last = new Map();
    for (const row of this.lane(task)?.rows ?? []) {
      const key = previewKey(data.execution[row], data.index[row]);
      const earlier = last.get(key);
      if (earlier === undefined || data.attempt[earlier] < data.attempt[row]) last.set(key, row);
    }
    const ranks = data.statuses.map((status) => {
      const rank = ITEM_ORDER.indexOf(status);
      return rank < 0 ? ITEM_ORDER.length : rank;
    });
    return [...last.values()].sort((one, two) => ranks[data.status[one]] - ranks[data.status[two]]
      || data.execution[one] - data.execution[two] || data.index[one] - data.index[two]);
  }

  /** All attempts of the item of a row, in their order. */
  attempts(row) {
    const {data} = this;
    const rows = this.lane(data.tasks[data.taskOf(row)]).rows.filter(
      (other) => data.execution[other] === data.execution[row]
        && data.index[other] === data.index[row]);
    return [...rows].sort((one, two) => data.attempt[one] - data.attempt[two]);
  }

  /** The groups of errors of a task. */
  failures(task) {
    return this.data.json.failures?.[task] ?? [];
  }

  /** The lines that the attempts of a task printed. */
  lines(task) {
    return this.linesByTask.get(task) ?? [];
  }

  /** How many lines the attempts of a task printed; the page may hold fewer. */
  lineCount(task) {
    return this.data.json.logs?.totals[task] ?? 0;
  }

  /** The lines of the item of a row: of all its attempts. */
  linesOf(row) {
    const {data} = this;
    const visit = data.executions.visit[data.execution[row]];
    return this.lines(data.tasks[data.taskOf(row)]).filter(
      (line) => line.index === data.index[row] && line.visit === visit);
  }

  /** The child run that an attempt made, or null if there is none or it is not listed. */
  childOf(row) {
    const {data} = this;
    const visit = data.executions.visit[data.execution[row]];
    const {rows} = this.children(data.tasks[data.taskOf(row)]);
    return rows.find((child) => child.index === data.index[row] && child.visit === visit
      && child.attempt === data.attempt[row]) ?? null;
  }

  /** The child runs of a task. */
  children(task) {
    return this.data.json.children?.[task] ?? {total: 0, rows: []};
  }
}

/** Return the lines of each task. */
function groupLines(logs) {
  const byTask = new Map();
  logs?.text.forEach((text, place) => {
    const task = logs.task[place];
    if (!byTask.has(task)) byTask.set(task, []);
    byTask.get(task).push({
      text,
      index: logs.index[place],
      visit: logs.visit[place],
      attempt: logs.attempt[place],
      level: logs.level[place],
    });
  });
  return byTask;
}

// The runs of the server as a list, which follows them while it is shown.

// milliseconds until a lost connection is tried again: at first, and at most
const FIRST_DELAY = 3000;
const LONGEST_DELAY = 60000;

// runs that are shown; the page has all
const MAX_RUNS = 100;

// those of the page
const MARKS = {
  succeeded: '✓',
  failed: '✕',
  timed_out: '✕',
  unreadable: '✕',
  cancelled: '⊘',
  cancelling: '⊘',
  interrupted: '!',
  paused: '‖',
  pending: '…',
  running: '▶',
};
const NEEDS = { question: 'asks a question', doubt: 'is in doubt', paused: 'waits to be resumed' };

function createElement(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

// Change a text only if it differs, so that a selection in it stays.
function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function describeTime(seconds) {
  const time = new Date(seconds * 1000);
  const isToday = time.toDateString() === new Date().toDateString();
  const format = isToday ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' };
  return time.toLocaleString([], format);
}

function describeRun(run) {
  if (run.damage) {
    return run.damage;
  }
  const parts = [run.status.replace('_', ' ')];
  if (run.attention) {
    parts[0] = NEEDS[run.attention] ?? run.attention;
  }
  if (run.items) {
    parts.push(`${run.items.toLocaleString()} items`);
  }
  if (run.failed) {
    parts.push(`${run.failed.toLocaleString()} failed`);
  }
  if (run.started !== null) {
    parts.push(describeTime(run.started));
  }
  return parts.join(' · ');
}

// One run of the list: a button that opens it.
class Row {
  constructor(id, open) {
    this.mark = createElement('span', 'attune-run-mark');
    this.mark.ariaHidden = 'true';
    this.name = createElement('span', 'attune-run-name');
    this.state = createElement('span', 'attune-run-state');
    this.node = createElement('button', 'attune-run', this.mark, this.name, this.state);
    this.node.type = 'button';
    this.node.addEventListener('click', () => open(id));
  }

  update(run) {
    this.node.dataset.status = run.attention ? 'attention' : run.status;
    setText(this.mark, run.attention ? '?' : (MARKS[run.status] ?? '·'));
    setText(this.name, run.name || run.workflow);
    setText(this.state, describeRun(run));
    this.node.title = run.notebook || run.store;
  }
}

// Return the list: its element, and the functions that begin and end its connection.
export function createRunList(url, open) {
  const summary = createElement('span', 'attune-runs-summary');
  summary.setAttribute('role', 'status');
  const all = createElement('button', 'attune-runs-all', 'All runs');
  all.type = 'button';
  all.addEventListener('click', () => open(''));
  const rows = createElement('div', 'attune-runs-rows');
  const head = createElement('div', 'attune-runs-head', summary, all);
  const node = createElement('div', 'attune-runs', head, rows);

  let runs = new Map();
  const shownRows = new Map();
  let problem = '';
  let socket = null;
  let timer = null;
  let delay = FIRST_DELAY;

  function render() {
    const ordered = [...runs.values()];
    ordered.sort((first, second) => (second.started ?? 0) - (first.started ?? 0));
    for (const run of ordered.splice(MAX_RUNS)) {
      runs.delete(run.id);
    }
    for (const [id, row] of shownRows) {
      if (!runs.has(id)) {
        row.node.remove();
        shownRows.delete(id);
      }
    }

    ordered.forEach((run, index) => {
      if (!shownRows.has(run.id)) {
        shownRows.set(run.id, new Row(run.id, open));
      }
      const row = shownRows.get(run.id);
      row.update(run);
      // a row that is moved would lose the focus
      if (rows.children[index] !== row.node) {
        rows.insertBefore(row.node, rows.children[index] ?? null);
      }
    });
    setText(summary, problem || summarize(ordered));
  }

  function summarize(ordered) {
    const needy = ordered.filter((run) => run.attention).length;
    if (needy) {
      return needy === 1 ? '1 needs you' : `${needy} need you`;
    }
    const running = ordered.filter((run) => run.status === 'running').length;
    if (running) {
      return `${running} running`;
    }
    return ordered.length ? 'nothing is running' : 'no runs yet';
  }

  function receive(message) {
    if (message.type === 'runs') {
      runs = new Map(message.runs.map((run) => [run.id, run]));
    } else if (message.type === 'list') {
      for (const id of message.dropped ?? []) {
        runs.delete(id);
      }
      for (const run of message.runs ?? []) {
        runs.set(run.id, run);
      }
    } else {
      return;
    }
    problem = message.problem ?? problem;
    render();
  }

  function start() {
    clearTimeout(timer);
    if (socket !== null) {
      return;
    }
    const opened = new WebSocket(url);
    socket = opened;
    opened.addEventListener('message', ({ data }) => {
      delay = FIRST_DELAY;
      receive(JSON.parse(data));
    });
    opened.addEventListener('close', () => {
      if (socket === opened) {
        socket = null;
        setText(summary, 'no contact; trying again');
        timer = setTimeout(start, delay);
        delay = Math.min(2 * delay, LONGEST_DELAY);
      }
    });
  }

  function stop() {
    clearTimeout(timer);
    const opened = socket;
    socket = null;
    opened?.close();
  }

  return { node, start, stop };
}

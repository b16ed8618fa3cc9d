// The details of a task: its errors, its items with those that failed first, its child runs, and
// its lines; and of one attempt its item, result, error and lines.

const GROUPS_AT_ONCE = 5;
const ITEMS_AT_ONCE = 100;
const LINES_AT_ONCE = 200;
const OPEN = ['pending', 'running', 'retrying', 'waiting', 'paused'];
const STREAMS = ['stdout', 'stderr'];

/** Return a status in words, with its mark and its colour. */
function makeStatus(status, counts = '') {
  const mark = MARKS[status] ?? (status === 'succeeded' ? '✓' : '');
  const sign = makeElement('i', {'aria-hidden': 'true'}, mark);
  const words = [formatStatus(status), counts].filter(Boolean).join(' ');
  return makeElement('span', {class: `status ${statusClass(status)}`}, sign, words);
}

/** Return a table; a head whose name ends in `#` is of numbers. */
function makeTable(label, heads, rows) {
  const cells = heads.map((head) => makeElement(
    'th', {scope: 'col', class: head.endsWith('#') ? 'number' : ''}, head.replace('#', '')));
  return makeElement('table', {'aria-label': label},
    makeElement('thead', {}, makeElement('tr', {}, ...cells)), makeElement('tbody', {}, ...rows));
}

function makeNote(text) {
  return makeElement('p', {class: 'note'}, text);
}

/**
 * The pane of details.
 *
 * `onAttempt` is called with the row of an attempt that a reader chooses, `onClose` when the pane
 * is closed.
 */
class Details {
  constructor(pane, {onAttempt, onClose}) {
    this.pane = pane;
    this.onAttempt = onAttempt;
    this.onClose = onClose;
    this.task = null;
    this.row = -1;
    pane.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.target.closest('input')) return;
      event.stopPropagation();
      onClose();
    });
  }

  /** Use other data; what is shown is drawn anew. */
  update(source) {
    this.source = source;
    if (this.task !== null) this.#draw();
  }

  /** Show a task, and one of its attempts if `row` is not -1. */
  show(task, row = -1) {
    const isOther = task !== this.task;
    this.task = task;
    this.row = row;
    if (isOther) this.#draw();
    else this.#drawAttempt();
    this.pane.scrollTop = 0;
  }

  /** Forget the task. */
  clear() {
    this.task = null;
    this.row = -1;
    this.pane.replaceChildren();
  }

  #draw() {
    const {source, task} = this;
    const close = makeElement('button', {
      type: 'button', class: 'close', 'aria-label': 'Close the details', onclick: this.onClose}, '×');
    const heading = makeElement('h2', {}, task);
    this.attemptPart = makeElement('section', {class: 'attempt', 'aria-label': 'Attempt'});
    const parts = [
      makeElement('div', {class: 'heading'}, heading, makeStatus(source.status(task)), close),
      this.attemptPart,
      this.#failures(), this.#items(), this.#children(), this.#lines(),
    ];
    const shown = parts.filter(Boolean);
    if (!source.lane(task)?.rows.length) {
      shown.push(makeNote(this.#noAttempts(source.status(task))));
    }
    this.pane.replaceChildren(...shown);
    this.#drawAttempt();
  }

  /** Return why a task has no attempts. */
  #noAttempts(status) {
    if (status === NOT_REACHED) return 'The run has not reached it.';
    return OPEN.includes(status) ? 'No attempt of it has ended.' : 'It has no attempts of its own.';
  }

  #part(title, ...children) {
    return makeElement('section', {'aria-label': title}, makeElement('h3', {}, title), ...children);
  }

  #failures() {
    const groups = this.source.failures(this.task);
    const error = this.source.error(this.task);
    if (!groups.length) {
      return error ? this.#part('Errors', makeElement('p', {class: 'error'}, error)) : null;
    }
    const body = makeElement('div');
    const draw = (most) => {
      body.replaceChildren(...groups.slice(0, most).map((group) => this.#failure(group)));
      if (groups.length > most) {
        body.append(makeElement('button', {type: 'button', onclick: () => draw(groups.length)},
          `Show ${formatNumber(groups.length - most)} more`));
      }
    };
    draw(GROUPS_AT_ONCE);
    return this.#part('Errors', body);
  }

  #failure(group) {
    if (group.hidden) return makeNote(`and ${formatCount(group.hidden, 'item')} with other errors`);

    const times = group.count > 1 ? `${formatCount(group.count, 'item')}: ` : '';
    const title = makeElement('span', {class: 'error'}, `${times}${group.title}`);
    const parts = [title];
    if (group.index !== null) parts.push(' ', this.#firstItem(group));
    if (!group.details) return makeElement('p', {}, ...parts);
    return makeElement('details', {},
      makeElement('summary', {}, ...parts), makeElement('pre', {}, group.details));
  }

  /** Return a button that goes to the first item of a group of errors. */
  #firstItem({index, count, item}) {
    const words = `${count > 1 ? 'first ' : ''}item ${formatNumber(index)}`;
    const {source, task} = this;
    const row = source.items(task).find((candidate) => source.data.index[candidate] === index);
    const name = row === undefined ? words : makeElement('button', {
      type: 'button', class: 'link', onclick: () => this.onAttempt(row)}, words);
    return makeElement('span', {class: 'note'}, name, item && item !== String(index) ? `: ${item}` : '');
  }

  #items() {
    const {source, task} = this;
    if (!source.items(task).length) return null;

    const filter = makeElement('input', {
      type: 'search', placeholder: 'index, status or error', 'aria-label': 'Filter the items'});
    const body = makeElement('div');
    filter.addEventListener('input', () => this.#drawItems(body, filter.value, ITEMS_AT_ONCE));
    this.#drawItems(body, '', ITEMS_AT_ONCE);
    const isFiltered = source.items(task).length > 10;
    const title = source.hasItems(task) ? 'Items' : 'Attempts';
    return this.#part(title, ...(isFiltered ? [filter] : []), body);
  }

  #drawItems(body, text, most) {
    const {source, task} = this;
    const rows = source.items(task, text);
    const shown = rows.slice(0, most).map((row) => this.#itemRow(row));
    const first = source.hasItems(task) ? 'item' : 'execution';
    const heads = [first, 'status', 'attempts#', 'time#', 'error'];
    body.replaceChildren(rows.length ? makeTable('Items', heads, shown) : makeNote('none matches'));
    if (rows.length > most) {
      body.append(makeElement('button', {
        type: 'button', onclick: () => this.#drawItems(body, text, most + 5 * ITEMS_AT_ONCE),
      }, `Show more of ${formatCount(rows.length, 'item')}`));
    }
  }

  #itemRow(row) {
    const {data} = this.source;
    const visit = data.executions.visit[data.execution[row]];
    const name = data.hasItems(row) ? formatNumber(data.index[row]) : this.task;
    const button = makeElement('button', {
      type: 'button', class: 'link', onclick: () => this.onAttempt(row),
    }, visit > 1 ? `${name} #${visit}` : name);
    const error = data.errorOf(row);
    const line = makeElement('tr', {},
      makeElement('th', {scope: 'row'}, button),
      makeElement('td', {}, makeStatus(data.statusOf(row))),
      makeElement('td', {class: 'number'}, formatNumber(data.attempt[row])),
      makeElement('td', {class: 'number'}, formatDuration(data.duration[row])),
      makeElement('td', {class: 'text'}, error ? `${error.type}: ${error.message}` : ''));
    line.dataset.row = row;
    return line;
  }

  /** Draw the chosen attempt, and mark its row in the table of items. */
  #drawAttempt() {
    const {source, row} = this;
    this.pane.querySelector('tr[aria-current]')?.removeAttribute('aria-current');
    this.attemptPart.hidden = row < 0;
    if (row < 0) return;

    const {data} = source;
    const attempts = source.attempts(row);
    const last = attempts.at(-1);
    this.pane.querySelector(`tr[data-row="${last}"]`)?.setAttribute('aria-current', 'true');

    const facts = `${formatDuration(data.duration[row])}, at ${formatDuration(data.start[row])} `
      + `(${data.clockAt(data.start[row])}), worker ${data.worker[row]}`;
    const parts = [
      makeElement('h3', {}, data.nameOf(row), ' ', makeStatus(data.statusOf(row))), makeNote(facts)];
    if (attempts.length > 1) parts.push(this.#attemptButtons(attempts));

    const error = data.errorOf(row);
    if (error) parts.push(makeElement('p', {class: 'error'}, `${error.type}: ${error.message}`));
    parts.push(...this.#previews(row, row === last));
    if (error?.traceback) parts.push(...this.#text('traceback', error.traceback));
    const child = source.childOf(row);
    if (child) parts.push(this.#child(child));
    const lines = source.linesOf(row);
    if (lines.length) {
      parts.push(makeElement('h4', {}, 'printed'), this.#lineList(lines, attempts.length > 1));
    }
    this.attemptPart.replaceChildren(...parts);
  }

  #attemptButtons(attempts) {
    const {data} = this.source;
    const buttons = attempts.map((row) => makeElement('button', {
      type: 'button', class: 'link', 'aria-pressed': String(row === this.row),
      onclick: () => this.onAttempt(row),
    }, `${data.attempt[row]} ${MARKS[data.statusOf(row)] ?? '✓'}`));
    return makeElement('p', {class: 'attempts'}, 'attempts: ', ...buttons);
  }

  #previews(row, isLast) {
    const preview = this.source.data.previewOf(row);
    if (!preview) {
      const {data} = this.source;
      if (!data.hasItems(row)) return [];
      return [makeNote(`This page has no preview of this item: ${this.#call('items')} has it.`)];
    }
    const parts = preview.item === null ? [] : this.#text('item', preview.item);
    if (isLast && preview.result !== null) parts.push(...this.#text('result', preview.result));
    return parts;
  }

  /** Return a call in Python that shows more of the task. */
  #call(method) {
    return `run.${method}(${JSON.stringify(this.task)})`;
  }

  /** Return how to see the child run of an attempt. */
  #child(child) {
    const name = JSON.stringify(this.task);
    const call = `run.child(${name}, index=${child.index}).explore()`;
    return makeElement('p', {}, 'child run ', makeElement('code', {}, child.id), ' ',
      makeStatus(child.status), ' ', makeElement('code', {}, call));
  }

  #text(title, text) {
    return [makeElement('h4', {}, title), makeElement('pre', {}, text)];
  }

  #children() {
    const {total, rows} = this.source.children(this.task);
    if (!total) return null;

    const lines = rows.map((child) => makeElement('tr', {},
      makeElement('td', {class: 'number'}, formatNumber(child.index)),
      makeElement('td', {}, child.workflow),
      makeElement('td', {}, makeStatus(child.status)),
      makeElement('td', {class: 'number'}, formatDuration(child.seconds)),
      makeElement('td', {class: 'number'}, formatNumber(child.tasks)),
      makeElement('td', {class: 'number'}, child.failed ? formatNumber(child.failed) : ''),
      makeElement('td', {}, makeElement('code', {}, child.id))));
    const heads = ['item#', 'workflow', 'status', 'time#', 'tasks#', 'failed#', 'run'];
    const parts = [makeTable('Child runs', heads, lines)];
    if (rows.length < total) {
      parts.push(makeNote(`This page has ${formatNumber(rows.length)} of `
        + `${formatCount(total, 'run')}: ${this.#call('children')} has all of them.`));
    }
    return this.#part('Child runs', ...parts);
  }

  #lines() {
    const {source, task} = this;
    const lines = source.lines(task);
    const total = source.lineCount(task);
    const {none} = source.data.json.logs;
    if (!total) return none ? this.#part('Printed', makeNote(none)) : null;

    const body = makeElement('div');
    const draw = (most) => {
      body.replaceChildren(this.#lineList(lines.slice(0, most), true));
      if (lines.length > most) {
        body.append(makeElement('button', {
          type: 'button', onclick: () => draw(most + 5 * LINES_AT_ONCE),
        }, `Show more of ${formatCount(lines.length, 'line')}`));
      }
      if (lines.length < total) {
        body.append(makeNote(`This page has ${formatNumber(lines.length)} of `
          + `${formatCount(total, 'line')}: ${this.#call('logs')} has all of them.`));
      }
    };
    draw(LINES_AT_ONCE);
    return this.#part('Printed', body);
  }

  #lineList(lines, hasPlaces) {
    const entries = lines.map((line) => {
      const attempt = line.attempt > 1 ? `.${line.attempt}` : '';
      const place = hasPlaces ? `${line.index}${attempt} ` : '';
      const level = STREAMS.includes(line.level) ? '' : `${line.level} `;
      return makeElement('div', {class: `level-${line.level}`},
        makeElement('span', {class: 'note'}, `${place}${level}`), line.text);
    });
    return makeElement('pre', {class: 'lines'}, ...entries);
  }
}

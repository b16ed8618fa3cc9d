// The details of one attempt or item: its values, its error, its lines, its child run.

import {HOME, explain, get, pageAddress} from './api.js';
import {makeElement} from './dom.js';
import {formatNumber, makeStatus} from './format.js';

// short attempts need more digits than the clocks of the page
const {formatDuration} = await import(`${HOME}/explore.js`);

const MAX_LINES = 200;

/** Return the path of the API for an item of a task. */
function itemQuery(task, visit, index) {
  return new URLSearchParams({task, visit, index});
}

/** Return a text under a heading, as it is. */
function makeText(title, text) {
  return [makeElement('h4', {}, title), makeElement('pre', {}, text)];
}

/** Return a link to the page of a run. */
export function makeRunLink(id, text = id) {
  return makeElement('a', {href: pageAddress(id), class: 'run-link'}, text);
}

/** Return the parts of an item's row, as the API has it, that need more than a cell. */
export function describeItem(row) {
  const parts = [];
  if (row.error) parts.push(makeElement('p', {class: 'error'}, `${row.error_type}: ${row.error}`));
  if (row.item !== null) parts.push(...makeText('item', row.item));
  if (row.result !== null) parts.push(...makeText(row.error ? 'data' : 'result', row.result));
  if (row.traceback) parts.push(...makeText('traceback', row.traceback));
  if (row.child) parts.push(makeElement('p', {}, 'child run ', makeRunLink(row.child)));
  return parts;
}

/** Return the lines that an item printed, or null if there are none. */
export async function readLines(run, task, visit, index) {
  const query = itemQuery(task, visit, index);
  query.set('limit', MAX_LINES);
  const {lines} = await get(`/runs/${run.id}/lines?${query}`);
  if (!lines.length) return null;
  return makeText('printed', lines.slice(-MAX_LINES).map(({text}) => text).join('\n'));
}

/**
 * The details of the attempt that is chosen in a timeline.
 *
 * The figures of the attempt are shown at once; values and lines come a moment later.
 */
export class AttemptDetails {
  constructor(parent, run) {
    this.parent = parent;
    this.run = run;
    this.request = 0;
  }

  clear() {
    this.request += 1;
    this.parent.replaceChildren();
    this.parent.hidden = true;
  }

  /** Show an attempt: `data` has it in a row. */
  async show(data, row) {
    const request = ++this.request;
    const execution = data.execution[row];
    const task = data.tasks[data.taskOf(row)];
    const visit = data.executions.visit[execution];
    const index = data.index[row];
    const attempt = data.attempt[row];

    const values = makeElement('div', {class: 'values'});
    this.parent.replaceChildren(...this.#head(data, row), values);
    this.parent.hidden = false;
    try {
      const [page, lines] = await Promise.all([
        get(`/runs/${this.run.id}/items?${itemQuery(task, visit, index)}`),
        readLines(this.run, task, visit, index)]);
      if (request !== this.request) return;

      const [item] = page.rows;
      // result and error are those of the last attempt
      const shown = item && item.attempts !== attempt
        ? {...item, result: null, error: '', traceback: ''} : item;
      values.replaceChildren(...(shown ? describeItem(shown) : []), ...(lines ?? []));
    } catch (error) {
      if (request !== this.request) return;
      values.replaceChildren(makeElement('p', {class: 'note'}, explain(error)));
    }
  }

  #head(data, row) {
    const facts = `${formatDuration(data.duration[row])}, at ${formatDuration(data.start[row])} `
      + `(${data.clockAt(data.start[row])}), worker ${formatNumber(data.worker[row])}`;
    return [
      makeElement('h3', {}, data.nameOf(row), ' ', makeStatus(data.statusOf(row))),
      makeElement('p', {class: 'note'}, facts)];
  }
}

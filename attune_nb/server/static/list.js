// The list of runs: filters, search, and a row for each run.

import {get, pageAddress, serverTime} from './api.js';
import {arrange, makeElement, setAttribute, setMarkedText, setShown, setText} from './dom.js';
import {ACTIVE_STATUSES, formatAgo, formatClock, formatCount, formatDate, formatDuration,
  formatMoment, formatNumber, isActive, makeStatus, showStatus} from './format.js';
import {clockOf} from './states.js';

// milliseconds after the last letter before the server is searched
const SEARCH_WAIT = 300;

// seconds after its start in which a run shows how long ago that was
const RECENT = 3600;

const FAILED_STATUSES = ['failed', 'timed_out', 'interrupted', 'unreadable'];

/** The filters; `query` is for runs that are older than those in the list. */
const FILTERS = [
  {name: 'all', title: 'All', takes: () => true, query: {}},
  {name: 'active', title: 'Active', takes: (row) => ACTIVE_STATUSES.includes(row.status),
    query: {status: ACTIVE_STATUSES.join()}},
  {name: 'attention', title: 'Need you', takes: (row) => row.attention !== '',
    query: {attention: 'true'}},
  {name: 'failed', title: 'Failed', takes: (row) => FAILED_STATUSES.includes(row.status),
    query: {status: FAILED_STATUSES.join()}},
];

const ATTENTION = {question: 'asks you', doubt: 'in doubt', paused: 'paused'};

/** The list. `onOpen` is called with the id of a run that a reader opens. */
export class ListView {
  constructor(parent, list, onOpen) {
    this.list = list;
    this.onOpen = onOpen;
    this.rows = new Map();
    this.filter = FILTERS[0];
    this.query = '';
    this.chosen = '';
    this.searchTimer = 0;
    this.nextMatches = ''; // the `before` of the next page of a search or a filter
    this.#make(parent);
    list.addEventListener('change', () => this.update());
  }

  #make(parent) {
    this.search = makeElement('input', {
      type: 'search', placeholder: 'Search  /', 'aria-label': 'Search runs', id: 'search',
      oninput: () => this.#follow(), autocomplete: 'off', spellcheck: 'false'});
    this.filters = FILTERS.map((filter) => makeElement('button', {
      type: 'button', 'aria-pressed': String(filter === this.filter), 'data-filter': filter.name,
      onclick: () => this.choose(filter)}, makeElement('span', {}, filter.title),
      makeElement('b', {class: 'count', hidden: true})));
    this.rowsParent = makeElement('div', {class: 'rows', id: 'rows'});
    this.note = makeElement('p', {class: 'note', hidden: true});
    this.more = makeElement('button', {
      type: 'button', class: 'more', hidden: true, onclick: () => this.#loadMore()}, 'Older runs');
    parent.append(
      makeElement('div', {class: 'filters', role: 'group', 'aria-label': 'Filter runs'},
        ...this.filters),
      this.search, this.rowsParent, this.note, this.more);
    this.rowsParent.addEventListener('keydown', (event) => this.#move(event));
  }

  choose(filter) {
    this.filter = filter;
    for (const button of this.filters) {
      setAttribute(button, 'aria-pressed', String(button.dataset.filter === filter.name));
    }
    this.update();
    this.#searchServer();
  }

  #follow() {
    this.query = this.search.value.trim().toLowerCase();
    this.update();
    clearTimeout(this.searchTimer);
    this.searchTimer = setTimeout(() => this.#searchServer(), SEARCH_WAIT);
  }

  #isShown(row) {
    if (row.parent && row.id !== this.chosen) return false;
    if (!this.filter.takes(row)) return false;
    if (!this.query) return true;
    const text = [row.workflow, row.name, row.id, row.notebook, row.kind].join(' ').toLowerCase();
    return this.query.split(/\s+/).every((word) => text.includes(word));
  }

  /** Mark the run that is open. */
  setChosen(id) {
    this.chosen = id;
    this.update();
  }

  update() {
    const rows = this.list.sorted();
    const shown = rows.filter((row) => this.#isShown(row));
    arrange(this.rowsParent, shown.map((row) => this.#rowOf(row)));
    this.#forgetRows();
    this.#showCounts(rows);
    this.#showNote(rows, shown);
    setShown(this.more, (this.#showsAll() ? this.list.next : this.nextMatches) !== '');
  }

  /** Return whether neither a search nor a filter leaves runs out. */
  #showsAll() {
    return this.filter === FILTERS[0] && !this.query;
  }

  #rowOf(row) {
    if (!this.rows.has(row.id)) this.rows.set(row.id, new RunLine(row.id, this.onOpen));
    const line = this.rows.get(row.id);
    line.update(row, clockOf(row), row.id === this.chosen);
    return line.element;
  }

  #forgetRows() {
    for (const id of this.rows.keys()) {
      if (!this.list.runs.has(id)) this.rows.delete(id);
    }
  }

  #showCounts(rows) {
    const outermost = rows.filter((row) => !row.parent);
    for (const [index, filter] of FILTERS.entries()) {
      const count = this.filters[index].querySelector('.count');
      const number = filter.name === 'all' ? 0 : outermost.filter(filter.takes).length;
      setText(count, formatNumber(number));
      setShown(count, number > 0);
    }
  }

  #showNote(rows, shown) {
    const text = this.list.problem || this.#explainEmpty(rows, shown);
    setMarkedText(this.note, text);
    setShown(this.note, text !== '');
  }

  /** Return why no run is shown; an empty string if there is one. */
  #explainEmpty(rows, shown) {
    if (!this.list.isRead) return 'loading …';
    if (!rows.length) {
      return 'No runs yet. A run that is started in a notebook, by `attune-nb run`, or here '
        + 'appears at once.';
    }
    if (shown.length) return '';
    return this.query ? `No run matches “${this.search.value.trim()}”.` : 'No run of this kind.';
  }

  /** Let the clocks of the rows tick. */
  tick() {
    for (const [id, line] of this.rows) {
      const row = this.list.runs.get(id);
      if (row && line.element.isConnected) line.tick(row, clockOf(row));
    }
  }

  /** Look for older runs that the search or the filter takes. */
  async #searchServer() {
    this.nextMatches = '';
    if (this.#showsAll() || !this.list.next) return this.update();
    return this.#loadMatches();
  }

  async #loadMatches() {
    const {filter, query} = this;
    const page = await this.#fetch({...filter.query, search: query, before: this.nextMatches});
    // the reader may look for something else by now
    if (!page || filter !== this.filter || query !== this.query) return;
    this.nextMatches = page.next;
    this.list.add(page.runs);
  }

  async #loadMore() {
    if (!this.#showsAll()) return this.#loadMatches();
    const page = await this.#fetch({before: this.list.next});
    if (page) this.list.addPage(page);
    return undefined;
  }

  async #fetch(parameters) {
    const chosen = Object.entries(parameters).filter(([, value]) => value !== '');
    const query = new URLSearchParams([...chosen, ['limit', '100']]);
    try {
      return await get(`/runs?${query}`);
    } catch {
      // the line about the connection says why
      return null;
    }
  }

  /** Move the focus to another row by the keyboard. */
  #move(event) {
    const moves = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1};
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    const links = [...this.rowsParent.children];
    const place = links.indexOf(document.activeElement);
    links[Math.max(0, Math.min(links.length - 1, place + move))]?.focus();
    event.preventDefault();
  }

  focusFirst() {
    const current = this.rowsParent.querySelector('[aria-current]');
    (current ?? this.rowsParent.firstElementChild)?.focus();
  }
}

/** One row of the list. */
class RunLine {
  constructor(id, onOpen) {
    this.row = null;
    this.hasMoment = false;
    this.status = makeStatus('');
    this.name = makeElement('b', {class: 'name'});
    this.attention = makeElement('span', {class: 'attention', hidden: true});
    this.time = makeElement('span', {class: 'time'});
    this.start = makeElement('time');
    this.counts = makeElement('span', {class: 'counts'});
    this.place = makeElement('span', {class: 'place'});
    this.element = makeElement('a', {
      class: 'run', href: pageAddress(id), 'data-run': id,
      onclick: (event) => this.#open(event, id, onOpen)},
      this.status, this.name, this.attention, this.time, this.start, this.counts, this.place);
  }

  #open(event, id, onOpen) {
    // a new tab or window is the browser's business
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    onOpen(id);
  }

  update(row, clock, isChosen) {
    setAttribute(this.element, 'aria-current', isChosen ? 'page' : null);
    if (row !== this.row) this.#show(row);
    this.row = row;
    this.tick(row, clock);
  }

  #show(row) {
    showStatus(this.status, row.status);
    setText(this.name, row.name || row.workflow || row.id);
    setAttribute(this.name, 'title', row.name || row.workflow);
    const attention = ATTENTION[row.attention] ?? '';
    const isNews = attention !== '' && !(row.attention === 'paused' && row.status === 'paused');
    setText(this.attention, row.questions > 1 ? `${row.questions} questions` : attention);
    setShown(this.attention, isNews);
    setAttribute(this.element, 'data-attention', row.attention);
    setText(this.counts, this.#counts(row));
    setText(this.place, [row.kind, fileName(row.notebook), row.store].filter(Boolean).join(' · '));
    setAttribute(this.place, 'title', row.notebook || null);
    if (row.started === null) return;
    setAttribute(this.start, 'datetime', new Date(row.started * 1000).toISOString());
    setAttribute(this.start, 'title', formatDate(row.started));
  }

  #counts(row) {
    if (row.damage) return row.damage;
    const parts = [];
    if (row.items > 1) parts.push(formatCount(row.items, 'item'));
    if (row.failed) parts.push(`${formatNumber(row.failed)} failed`);
    if (row.children) parts.push(formatCount(row.children, 'child run'));
    return parts.join(', ');
  }

  tick(row, clock) {
    setText(this.time, isActive(row.status) ? formatClock(clock) : formatDuration(clock));
    if (row.started === null) return;
    const age = serverTime() - row.started;
    // the moment of an old run changes at most at midnight
    if (age < RECENT) setText(this.start, formatAgo(age));
    else if (!this.hasMoment) setText(this.start, formatMoment(row.started));
    this.hasMoment = age >= RECENT;
  }
}

function fileName(path) {
  return path.split('/').pop();
}

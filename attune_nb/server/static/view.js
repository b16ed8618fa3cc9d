// One run: its head, its questions, its tasks, and the tabs.

import {pageAddress} from './api.js';
import {makeElement, setShown} from './dom.js';
import {formatStatus} from './format.js';
import {RunHead} from './head.js';
import {Questions} from './questions.js';
import {CHOOSE} from './run_tasks.js';
import {showRunSign} from './sign.js';
import {Run} from './states.js';
import {Tabs} from './tabs.js';
import {TaskTable} from './tasks.js';

/**
 * The view of one run.
 *
 * Args:
 *   parent: Where it is shown.
 *   id: The id of the run.
 *   page: Has `open(id)`, `announce(text)` and `showConnection()`.
 */
export class RunView {
  constructor(parent, id, page) {
    this.page = page;
    this.run = new Run(id);
    this.status = '';
    this.questions = 0;

    this.head = makeElement('header', {class: 'run-head'});
    this.asks = makeElement('div', {class: 'asks'});
    this.tasks = makeElement('div', {class: 'table'});
    this.tabsParent = makeElement('div', {class: 'tab-area'});
    this.content = makeElement('div', {class: 'run-content', hidden: true},
      this.head, this.asks, this.tasks, this.tabsParent);
    this.note = makeElement('p', {class: 'note waiting'}, 'loading …');
    parent.replaceChildren(this.note, this.content);

    this.parts = {
      head: new RunHead(this.head, this.run, (run) => page.open(run)),
      questions: new Questions(this.asks, this.run),
      table: new TaskTable(this.tasks, this.run, (task) => this.#choose(task)),
      tabs: new Tabs(this.tabsParent, this.run),
    };
    this.tabsParent.addEventListener(CHOOSE, (event) => this.#choose(event.detail));
    this.run.addEventListener('change', () => this.#update());
    this.run.addEventListener('connection', () => this.#followConnection());
    this.run.open();
  }

  #update() {
    const {state, gone} = this.run;
    if (gone) this.#showGone(gone);
    if (state === null) return;

    if (!gone) setShown(this.note, false);
    setShown(this.content, true);
    for (const part of Object.values(this.parts)) part.update();
    showRunSign(state);
    this.#announce(state);
  }

  /** Say aloud what has changed that matters; counts and clocks are not read out. */
  #announce(state) {
    const name = state.name || state.workflow;
    if (this.status && state.status !== this.status) {
      this.page.announce(`${name}: ${formatStatus(state.status)}`);
    } else if (state.questions > this.questions && state.asks.length) {
      const ask = state.asks.at(-1);
      this.page.announce(`${ask.task} asks: ${ask.prompt}`);
    }
    this.status = state.status;
    this.questions = state.questions;
  }

  #choose(task) {
    this.parts.table.mark(task);
    this.parts.tabs.choose(task);
  }

  #followConnection() {
    const {connection} = this.run;
    this.page.showConnection();
    if (connection.state === 'refused') this.#showGone(connection.problem.message);
  }

  #showGone(reason) {
    const link = makeElement('a', {href: pageAddress(''), onclick: (event) => {
      event.preventDefault();
      this.page.open('');
    }}, 'All runs');
    const sentence = `${reason[0].toUpperCase()}${reason.slice(1)}. `;
    this.note.replaceChildren(makeElement('span', {}, sentence), link);
    setShown(this.note, true);
  }

  tick() {
    for (const part of Object.values(this.parts)) part.tick?.();
  }


  close() {
    this.run.close();
    this.parts.tabs.close();
  }
}


// The tabs below the table of tasks. Each is a module that is loaded when it is first shown.

import {arrange, makeElement, setAttribute, setShown} from './dom.js';
import {explain} from './api.js';

/**
 * The tabs, in their order. A module exports
 *
 *   open(panel, run) -> {update(), tick(), choose(task), close()}
 *
 * `panel` is an empty element, which may fill itself at once. `run` is a `Run` of states.js: its
 * `state` may be null yet. All methods may be left out. `update` is called when the state of the
 * run has changed, and when the tab is shown again; it is called only while the tab is shown.
 * `tick` is called each second while the run is active. `choose` is called with the task that a
 * reader has chosen in the table. `close` is called when the reader leaves the run.
 *
 * `isShown`, if it is there, says from the state of a run whether there is such a tab.
 */
const TABS = [
  {name: 'timeline', title: 'Timeline', load: () => import('./run_timeline.js')},
  {name: 'graph', title: 'Graph', load: () => import('./run_graph.js')},
  {name: 'items', title: 'Items', load: () => import('./run_items.js')},
  {name: 'logs', title: 'Logs', load: () => import('./run_logs.js')},
  {name: 'children', title: 'Child runs', load: () => import('./children.js'),
    isShown: (state) => state.children > 0},
  {name: 'output', title: 'Output', load: () => import('./output.js'),
    isShown: (state) => state.output},
  {name: 'about', title: 'About', load: () => import('./about.js')},
];

/** The tabs of a run. */
export class Tabs {
  constructor(parent, run) {
    this.run = run;
    this.task = null;
    this.tabs = TABS.map((tab) => ({...tab, view: null, isLoading: false, panel: makeElement('div', {
      role: 'tabpanel', class: 'panel', id: `panel-${tab.name}`,
      'aria-labelledby': `tab-${tab.name}`, hidden: true}),
    button: makeElement('button', {
      type: 'button', role: 'tab', id: `tab-${tab.name}`, 'aria-controls': `panel-${tab.name}`,
      onclick: () => this.show(tab.name)}, tab.title)}));
    this.strip = makeElement('div', {
      class: 'tabs', role: 'tablist', 'aria-label': 'Views of the run',
      onkeydown: (event) => this.#move(event)});
    parent.append(this.strip, ...this.tabs.map((tab) => tab.panel));
    this.shown = null;
  }

  #visible() {
    const {state} = this.run;
    return this.tabs.filter((tab) => !tab.isShown || (state !== null && tab.isShown(state)));
  }

  /** Show the tab of a name; the first one if there is none of that name. */
  show(name) {
    const visible = this.#visible();
    const shown = visible.find((tab) => tab.name === name) ?? visible[0];
    for (const tab of this.tabs) {
      const isShown = tab === shown;
      setAttribute(tab.button, 'aria-selected', String(isShown));
      setAttribute(tab.button, 'tabindex', isShown ? 0 : -1);
      setShown(tab.panel, isShown);
    }
    this.shown = shown;
    rememberTab(shown.name);
    if (shown.view) this.#update(shown);
    else this.#load(shown);
  }

  async #load(tab) {
    if (tab.isLoading) return;
    tab.isLoading = true;
    try {
      const module = await tab.load();
      if (this.isClosed) return;
      tab.view = module.open(tab.panel, this.run) ?? {};
      if (this.task !== null) tab.view.choose?.(this.task);
      this.#update(tab);
    } catch (error) {
      tab.isLoading = false;
      tab.panel.replaceChildren(makeElement('p', {class: 'message wrong', role: 'alert'},
        `This view could not be loaded: ${explain(error)}`));
      throw error;
    }
  }

  #update(tab) {
    if (this.run.state !== null) tab.view.update?.();
  }

  update() {
    const visible = this.#visible();
    arrange(this.strip, visible.map((tab) => tab.button));
    if (this.shown === null || !visible.includes(this.shown)) this.show(recallTab());
    else if (this.shown.view) this.#update(this.shown);
  }

  tick() {
    this.shown?.view?.tick?.();
  }

  /** Mark the task that a reader has chosen in all views. */
  choose(task) {
    this.task = task;
    for (const tab of this.tabs) tab.view?.choose?.(task);
  }

  close() {
    this.isClosed = true;
    for (const tab of this.tabs) tab.view?.close?.();
  }

  #move(event) {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const visible = this.#visible();
    const place = visible.indexOf(this.shown) + step;
    const next = visible[(place + visible.length) % visible.length];
    this.show(next.name);
    next.button.focus();
    event.preventDefault();
  }
}

// the tab that a reader has chosen is that of the next run, too
let chosenTab = '';

function rememberTab(name) {
  chosenTab = name;
}

function recallTab() {
  return chosenTab;
}

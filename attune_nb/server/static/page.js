// The page: the list of runs, and beside it one run, a form, or an overview.

import {PERMISSIONS, pageAddress} from './api.js';
import {makeElement, setAttribute, setShown, setText} from './dom.js';
import {formatLeft, isActive} from './format.js';
import {ListView} from './list.js';
import {showListSign} from './sign.js';
import {StartView} from './start.js';
import {RunList} from './states.js';
import {RunView} from './view.js';

/** The fragment of the address while the form for a new run is shown. */
const START = 'start';

class Page {
  constructor() {
    this.byId = (id) => document.getElementById(id);
    this.content = this.byId('content');
    this.view = null;
    this.shownId = null;

    this.list = new RunList();
    this.listView = new ListView(this.byId('list'), this.list, (id) => this.open(id));
    this.list.addEventListener('change', () => this.#updateList());
    this.list.addEventListener('connection', () => this.showConnection());
    this.connections = new Set([this.list.connection]);
  }

  start() {
    dropToken();
    this.#connectControls();
    this.#route();
    this.list.open();
    setInterval(() => this.#tick(), 1000);
    document.documentElement.dataset.ready = 'true';
  }

  #connectControls() {
    window.addEventListener('popstate', () => this.#route());
    document.addEventListener('keydown', (event) => this.#press(event));
    document.addEventListener('visibilitychange', () => document.hidden || this.#tick());
    const home = this.byId('home');
    home.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.open('');
    });
    document.querySelector('.skip').addEventListener('click', (event) => {
      // the address names the run, or the form
      event.preventDefault();
      this.content.focus();
    });
    const start = this.byId('new-run');
    setShown(start, PERMISSIONS.has('start'));
    start.addEventListener('click', () => this.open(START));
    setShown(this.byId('read-only'), !PERMISSIONS.has('write'));
    // in a frame, JupyterLab chooses the theme
    setShown(this.byId('theme'), window.parent === window);
    this.byId('theme').addEventListener('click', switchTheme);
    showTheme();
    new MutationObserver(showTheme).observe(
      document.documentElement, {attributeFilter: ['data-theme']});
    this.byId('help-button').addEventListener('click', () => this.byId('help').showModal());
    this.byId('attention').addEventListener('click', () => this.#openAttention());
  }

  /** Show a run; an empty id stands for all runs, and `start` for the form of a new one. */
  open(id) {
    const address = id === START ? `${pageAddress('')}#${START}` : pageAddress(id);
    history.pushState(null, '', address);
    this.#route();
    if (id) this.content.focus({preventScroll: true});
    window.scrollTo(0, 0);
  }

  /** Show the view that the address names. */
  #route() {
    const match = location.pathname.match(/\/runs\/([0-9a-f]{12})\/?$/);
    let id = match ? match[1] : '';
    if (!id && location.hash === `#${START}`) id = START;
    if (id === this.shownId) return;

    this.shownId = id;
    this.view?.close();
    if (this.view?.run) this.connections.delete(this.view.run.connection);
    this.content.replaceChildren(makeElement('h1', {class: 'unseen'}, 'All runs'));
    this.view = this.#makeView(id);
    if (this.view?.run) this.connections.add(this.view.run.connection);
    document.body.dataset.shown = { '': 'list', [START]: 'start' }[id] ?? 'run';
    this.listView.setChosen(id);
    this.#updateList();
    this.showConnection();
  }

  #makeView(id) {
    if (id === START) return new StartView(this.content, this);
    return id ? new RunView(this.content, id, this) : null;
  }

  #updateList() {
    const rows = [...this.list.runs.values()].filter((row) => !row.parent);
    const attention = rows.filter((row) => row.attention !== '').length;
    const active = rows.filter((row) => isActive(row.status)).length;
    const button = this.byId('attention');
    setShown(button, attention > 0);
    setText(button, attention === 1 ? '1 run needs you' : `${attention} runs need you`);
    this.listView.update();
    const row = this.list.runs.get(this.shownId);
    // a run that was over goes on: a server has resumed it
    if (row && isActive(row.status)) this.view?.run?.connection.reopen();
    if (!this.view?.run) showListSign(attention, active);
  }

  /** Open the next run that needs a person. */
  #openAttention() {
    const rows = this.list.sorted().filter((row) => row.attention !== '' && !row.parent);
    const place = rows.findIndex((row) => row.id === this.shownId);
    const next = rows[(place + 1) % rows.length];
    if (next) this.open(next.id);
  }

  /** Say a sentence to people who cannot see the page. */
  announce(text) {
    setText(this.byId('announcement'), text);
  }

  /** Show a line if one of the connections is not live. */
  showConnection() {
    const states = [...this.connections];
    const waiting = states.find((connection) => connection.state === 'waiting');
    const refused = states.find((connection) => connection.state === 'refused'
      && connection.problem.status !== 404);
    const polling = states.find((connection) => connection.state === 'polling');
    let text = '';
    if (refused) {
      text = `The server refuses: ${refused.problem.message}. Reload the page to log in.`;
    } else if (waiting) {
      text = this.#describeWait(waiting);
    } else if (polling) {
      text = 'Something between here and the server blocks WebSockets; '
        + 'the page is brought up to date every 2 s.';
    }
    const line = this.byId('connection');
    setText(line, text);
    setShown(line, text !== '');
    const worst = refused ?? waiting ?? polling ?? states.at(-1);
    setAttribute(document.documentElement, 'data-contact', worst.state);
  }

  #describeWait(connection) {
    const seconds = Math.max(0, connection.retryTime - performance.now()) / 1000;
    if (connection.failures < 2 && seconds < 1) return 'Lost contact, trying again …';
    return `Lost contact, trying again in ${formatLeft(seconds)}. What you see may be old.`;
  }

  #tick() {
    this.listView.tick();
    this.view?.tick?.();
    this.showConnection();
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.closest?.('input, textarea, select, [contenteditable]');
    if (event.key === 'Escape' && event.target === this.listView.search) {
      this.listView.focusFirst();
      return;
    }
    if (event.key === 'ArrowDown' && event.target === this.listView.search) {
      this.listView.focusFirst();
      event.preventDefault();
      return;
    }
    if (isTyping || document.querySelector('dialog[open]')) return;

    const actions = {
      '/': () => this.listView.search.focus(),
      '?': () => this.byId('help').showModal(),
      l: () => this.listView.focusFirst(),
      n: () => this.#openAttention(),
      u: () => this.open(''),
    };
    const action = actions[event.key];
    // the timeline has keys of its own
    if (!action || event.defaultPrevented) return;
    event.preventDefault();
    action();
  }
}

/** Remove a token from the address, which may be shown or copied. */
function dropToken() {
  const address = new URL(location.href);
  if (!address.searchParams.has('token')) return;
  address.searchParams.delete('token');
  history.replaceState(history.state, '', address);
}

const THEMES = ['auto', 'light', 'dark'];

function currentTheme() {
  return document.documentElement.dataset.theme ?? 'auto';
}

function switchTheme() {
  const theme = THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length];
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem('attune-theme', theme);
  } catch {
    // a browser may forbid a frame to store anything
  }
}

function showTheme() {
  const button = document.getElementById('theme');
  const signs = {auto: '◐', light: '☀', dark: '☾'};
  setText(button, signs[currentTheme()]);
  setAttribute(button, 'aria-label', `Theme: ${currentTheme()}`);
  setAttribute(button, 'title', `Theme: ${currentTheme()}`);
}

new Page().start();

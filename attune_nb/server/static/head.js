// The head of a run: its name, its state, and its buttons.

import {PERMISSIONS, explain, makeRunId, pageAddress, post, serverTime} from './api.js';
import {sendCommand} from './commands.js';
import {makeElement, setAttribute, setMarkedText, setShown, setText} from './dom.js';
import {Fields} from './form.js';
import {formatAgo, formatClock, formatCount, formatDate, formatDuration, formatMoment, formatNumber,
  formatStatus, makeStatus, showStatus} from './format.js';

// seconds without a sign of life of a run's process that are worth a word; it gives one every 10 s
const SILENCE = 30;

// seconds that attempts in progress have to end after a cancel, as after Ctrl-C in a terminal
const GRACE = 0.5;

const BUTTONS = [
  {name: 'pause', title: 'Pause', hint: 'Start no more attempts until you resume'},
  {name: 'resume', title: 'Resume', hint: 'Go on with the run'},
  {name: 'cancel', title: 'Cancel', hint: 'End the run'},
];

/** The buttons that start a run again once it has ended. */
const RESTARTS = [
  {name: 'resume', title: 'Resume', statuses: ['interrupted'],
    hint: 'Go on with the run where its process ended'},
  {name: 'retry', title: 'Retry', statuses: ['failed', 'timed_out', 'cancelled'],
    hint: 'A new run that keeps what has succeeded'},
];

/** The head of a run. `onOpen` is called with the id of a run to open. */
export class RunHead {
  constructor(parent, run, onOpen) {
    this.run = run;
    this.onOpen = onOpen;
    this.pending = '';
    this.hadFocus = false;
    this.shownStatus = '';
    this.hasProblem = false;
    this.#make(parent);
  }

  #make(parent) {
    this.back = makeElement('a', {class: 'back', href: pageAddress(''),
      onclick: (event) => this.#leave(event, '')}, '‹ All runs');
    this.name = makeElement('h1');
    this.status = makeStatus('');
    this.clock = makeElement('span', {class: 'clock'});
    this.facts = makeElement('p', {class: 'facts'});
    this.parentLink = makeElement('a', {class: 'parent', hidden: true,
      onclick: (event) => this.#leave(event, this.run.state.parent)});
    this.buttons = BUTTONS.map((button) => makeElement('button', {
      type: 'button', 'data-command': button.name, title: button.hint, hidden: true,
      onclick: () => this.#press(button)}, button.title));
    this.restarts = RESTARTS.map((restart) => makeElement('button', {
      type: 'button', 'data-restart': restart.name, title: restart.hint, hidden: true,
      onclick: () => this.#restart(restart)}, restart.title));
    this.notebook = makeElement('a', {class: 'notebook', hidden: true, target: '_blank',
      rel: 'noopener'}, 'Open the notebook');
    this.message = makeElement('p', {class: 'message', role: 'status', hidden: true});
    this.secrets = makeElement('div');
    this.problem = makeElement('p', {class: 'problem', tabindex: 0, hidden: true});
    this.bar = makeElement('div', {class: 'overall', hidden: true}, makeElement('i'),
      makeElement('i'));
    this.#makeQuestion();
    parent.append(
      this.back, this.parentLink,
      makeElement('div', {class: 'title'}, this.name, this.status, this.clock,
        makeElement('span', {class: 'buttons'}, ...this.buttons, ...this.restarts),
        this.notebook),
      this.bar, this.question, this.message, this.secrets, this.facts, this.problem);
  }

  /** Make the question before a cancel; it stands below the buttons. */
  #makeQuestion() {
    this.questionText = makeElement('span');
    this.keep = makeElement('button', {
      type: 'button', onclick: () => this.#closeQuestion()}, 'Keep it running');
    this.question = makeElement('div', {
      class: 'confirm', role: 'alertdialog', 'aria-label': 'Cancel the run?', hidden: true,
      onkeydown: (event) => event.key === 'Escape' && this.#closeQuestion()},
      this.questionText,
      makeElement('button', {type: 'button', class: 'danger', 'data-confirm': 'cancel',
        title: 'Stop what is under way', onclick: () => this.#cancel({grace: GRACE})},
      'Cancel the run'),
      makeElement('button', {type: 'button', 'data-confirm': 'finish',
        title: 'Start no more attempts, and wait for those under way',
        onclick: () => this.#cancel({})}, 'Let attempts finish'), this.keep);
  }

  #cancel(options) {
    this.#closeQuestion();
    this.#send(BUTTONS[2], {kind: 'cancel', ...options});
  }

  #closeQuestion() {
    setShown(this.question, false);
    this.#button('cancel').focus();
  }

  #button(name) {
    return this.buttons.find((button) => button.dataset.command === name);
  }

  #leave(event, id) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.onOpen(id);
  }

  #press(button) {
    const {state} = this.run;
    if (button.name !== 'cancel') {
      this.#send(button, {kind: button.name});
    } else if (state.status === 'cancelling') {
      this.#send(button, {kind: 'cancel', force: true});
    } else if (this.#underWay() > 0) {
      const count = this.#underWay();
      const tasks = `${formatCount(count, 'task')} ${count === 1 ? 'is' : 'are'} under way.`;
      setText(this.questionText, `${tasks} Cancel ${state.name || state.workflow}?`);
      setShown(this.question, true);
      this.keep.focus();
    } else {
      this.#send(button, {kind: 'cancel', grace: GRACE});
    }
  }

  #underWay() {
    return this.run.state.tasks.filter((row) => row.open > 0).length;
  }

  async #send(button, body) {
    this.pending = button.name;
    this.#say('');
    this.update();
    const {isDone, text} = await sendCommand(this.run.id, body, () => this.#say(
      'asked; the process of the run has not heard it yet'));
    this.pending = '';
    this.#say(isDone ? '' : `${button.title}: ${text}`, !isDone);
    this.update();
  }

  /** Resume or retry the run. Secret parameters are not on record: the server says which. */
  async #restart(restart, parameters = {}) {
    this.pending = restart.name;
    this.#say('');
    this.update();
    try {
      const headers = restart.name === 'retry' ? {'Idempotency-Key': makeRunId()} : {};
      const {body} = await post(`/runs/${this.run.id}/${restart.name}`, {parameters}, headers);
      this.secrets.replaceChildren();
      if (body.run_id !== this.run.id) this.onOpen(body.run_id);
      else this.#say('started; it goes on in a process of its own');
    } catch (error) {
      const names = (error.problems ?? []).map((problem) => problem.field).filter(Boolean);
      if (names.length) this.#askSecrets(restart, names);
      this.#say(`${restart.title}: ${explain(error)}`, true);
    }
    this.pending = '';
    this.update();
  }

  /** Show a form for secret parameters. */
  #askSecrets(restart, names) {
    const fields = new Fields(names.map((name) => (
      {name, kind: 'text', label: name, is_secret: true, is_required: true})));
    this.secrets.replaceChildren(makeElement('form', {class: 'secrets', onsubmit: (event) => {
      event.preventDefault();
      const parameters = fields.read();
      fields.forgetSecrets();
      this.#restart(restart, parameters);
    }}, fields.element, makeElement('button', {type: 'submit', class: 'primary'}, restart.title)));
    fields.focus();
  }

  #say(text, isProblem = false) {
    this.hasProblem = isProblem;
    setMarkedText(this.message, text);
    this.message.classList.toggle('wrong', isProblem);
    setShown(this.message, text !== '');
  }

  update() {
    const {state} = this.run;
    if (state === null) return;

    // the effect of the command has come
    if (state.status !== this.shownStatus && !this.hasProblem) this.#say('');
    this.shownStatus = state.status;
    setText(this.name, state.name || state.workflow);
    setAttribute(this.name, 'title', state.name || state.workflow);
    setText(this.parentLink, `‹ the run of ${state.parent_task}[${state.parent_item}]`);
    setAttribute(this.parentLink, 'href', state.parent ? pageAddress(state.parent) : null);
    setShown(this.parentLink, state.parent !== '');
    showStatus(this.status, state.status, this.#statusText(state));
    this.#showButtons(state);
    this.#showProgress(state);
    setMarkedText(this.problem, state.error);
    setShown(this.problem, state.error !== '');
    setAttribute(this.facts, 'title', `started ${formatDate(state.started)}`);
    const address = notebookAddress(state.notebook);
    setAttribute(this.notebook, 'href', address);
    setAttribute(this.notebook, 'title', state.notebook);
    setShown(this.notebook, address !== null);
    this.tick();
  }

  #statusText(state) {
    const parts = [formatStatus(state.status)];
    if (state.kind) parts.push(state.kind);
    return parts.join(' · ');
  }

  #showButtons(state) {
    const may = PERMISSIONS.has('write');
    const group = this.buttons[0].parentElement;
    const hadFocus = group.contains(document.activeElement) || this.pending !== '';
    for (const [index, {name, title}] of BUTTONS.entries()) {
      const button = this.buttons[index];
      const isPending = this.pending === name;
      const isForced = name === 'cancel' && state.status === 'cancelling';
      setShown(button, may && (state.can.includes(name) || isPending));
      setAttribute(button, 'disabled', this.pending !== '');
      const usual = isForced ? 'Stop at once' : title;
      setText(button, isPending ? `${title}: asked …` : usual);
    }
    if (!state.can.includes('cancel')) setShown(this.question, false);

    for (const [index, {name, title, statuses}] of RESTARTS.entries()) {
      const button = this.restarts[index];
      const isPossible = statuses.includes(state.status) && !state.parent;
      setShown(button, isPossible && PERMISSIONS.has('start'));
      setAttribute(button, 'disabled', this.pending !== '');
      setText(button, this.pending === name ? `${title}: starting …` : title);
    }
    this.#keepFocus(group, hadFocus);
  }

  /** Move the focus to the button that has taken the place of the one that had it. */
  #keepFocus(group, hadFocus) {
    this.hadFocus ||= hadFocus;
    if (!this.hadFocus || this.pending !== '') return;
    const isLost = document.activeElement === document.body || document.activeElement?.hidden;
    if (isLost) group.querySelector('button:not([hidden])')?.focus();
    this.hadFocus = false;
  }

  #showProgress(state) {
    const hasItems = state.tasks.some((row) => row.with_items);
    setShown(this.bar, hasItems && state.total > 0 && this.run.isActive);
    if (this.bar.hidden) return;
    const [done, failed] = this.bar.children;
    done.style.width = `${100 * Math.min(1, (state.done - state.failed) / state.total)}%`;
    failed.classList.toggle('some', state.failed > 0);
    failed.style.width = `${100 * Math.min(1, state.failed / state.total)}%`;
  }

  /** Let the clocks tick. */
  tick() {
    const {run} = this;
    const {state} = run;
    if (state === null) return;

    setText(this.clock, run.isActive ? formatClock(run.clock) : formatDuration(run.clock));
    setText(this.facts, this.#facts(state).join(' · '));
  }

  #facts(state) {
    const parts = [`started ${formatMoment(state.started)}`];
    const hasItems = state.tasks.some((row) => row.with_items);
    if (hasItems && state.total) {
      parts.push(`${formatNumber(state.done)} of ${formatCount(state.total, 'item')}`);
    }
    if (state.failed) parts.push(`${formatNumber(state.failed)} failed`);
    if (state.handled) parts.push(`${formatCount(state.handled, 'failure')} handled`);
    if (state.backend) parts.push(`on ${state.backend}`);
    if (state.reason) parts.push(state.reason);
    const silence = state.heard === null ? 0 : serverTime() - state.heard;
    if (this.run.isActive && silence > SILENCE) {
      parts.push(`its process was last heard ${formatAgo(silence)}`);
    }
    return parts;
  }
}

/** Return the address of a notebook in the same Jupyter; null if there is no way to open it. */
function notebookAddress(path) {
  const {notebooks, root} = document.body.dataset;
  if (!path || !notebooks || !path.startsWith(root)) return null;
  return notebooks + path.slice(root.length).split('/').map(encodeURIComponent).join('/');
}

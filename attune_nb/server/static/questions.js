// The questions of a run and its attempts in doubt, for which it needs a person.

import {PERMISSIONS} from './api.js';
import {makeChildLink, readWaitingChildren} from './children.js';
import {sendCommand} from './commands.js';
import {arrange, makeElement, setMarkedText, setShown, setText} from './dom.js';
import {Fields} from './form.js';
import {formatAgo, formatCount} from './format.js';

/** The questions and doubts of a run. A card stays as it is as long as its question is open. */
export class Questions {
  constructor(parent, run) {
    this.run = run;
    this.cards = new Map();
    this.list = makeElement('div', {class: 'questions'});
    this.linked = '';
    this.links = makeElement('span');
    this.more = makeElement('p', {class: 'note', hidden: true}, makeElement('span'), this.links);
    parent.append(this.list, this.more);
  }

  update() {
    const {state} = this.run;
    if (state === null) return;

    const wanted = new Map();
    for (const ask of state.asks) wanted.set(`${ask.task} ${ask.visit} ${ask.inquiry}`, ask);
    for (const doubt of state.doubts) wanted.set(`doubt ${doubt.task} ${doubt.visit} ${doubt.index}`, doubt);
    for (const key of this.cards.keys()) {
      if (!wanted.has(key)) this.#remove(key);
    }
    for (const [key, data] of wanted) {
      if (!this.cards.has(key)) {
        const Card = 'prompt' in data ? QuestionCard : DoubtCard;
        this.cards.set(key, new Card(this.run, data));
      }
    }
    arrange(this.list, [...wanted.keys()].map((key) => this.cards.get(key).element));

    this.#showMore(state);
    this.tick();
  }

  /** Lead to the questions of child runs, and count what is not shown. */
  #showMore(state) {
    const more = state.questions - state.asks.length;
    const moreDoubts = state.in_doubt - state.doubts.length;
    const parts = [];
    const noun = state.asks.length ? 'more question' : 'question';
    if (more > 0) parts.push(`${formatCount(more, noun)}${state.children ? ' in child runs' : ''}`);
    if (moreDoubts > 0) parts.push(`${formatCount(moreDoubts, 'more attempt')} in doubt`);
    setText(this.more.firstChild, parts.join(', '));
    setShown(this.more, parts.length > 0);

    // a child run that has its answer may be followed by one that asks
    const linked = `${more} ${state.children}`;
    if (linked === this.linked) return;
    this.linked = linked;
    this.links.replaceChildren();
    if (more > 0 && state.children) this.#linkChildren();
  }

  async #linkChildren() {
    try {
      const rows = await readWaitingChildren(this.run.id);
      const links = rows.map(makeChildLink);
      const parts = links.flatMap((link, place) => (place ? [', ', link] : [': ', link]));
      this.links.replaceChildren(...parts);
    } catch {
      // the number is shown; the links are for convenience
    }
  }

  #remove(key) {
    const {element} = this.cards.get(key);
    // the keyboard goes on at the next question
    if (element.contains(document.activeElement)) {
      (element.nextElementSibling ?? element.previousElementSibling)?.focus();
    }
    this.cards.delete(key);
  }

  tick() {
    for (const card of this.cards.values()) card.tick(this.run.clock);
  }
}

/** The frame of a question or a doubt, with a line for the outcome. */
class Card {
  constructor(run, kind, title) {
    this.run = run;
    this.controls = [];
    this.message = makeElement('p', {class: 'message', role: 'status', hidden: true});
    this.age = makeElement('span', {class: 'age'});
    this.element = makeElement('section', {class: `card ${kind}`, tabindex: -1, 'aria-label': title});
  }

  /** Send a command; the buttons are disabled until its outcome. */
  async send(body) {
    this.say('asked …');
    this.disable(true);
    const onWait = () => this.say('asked; the process of the run has not heard it yet');
    const outcome = await sendCommand(this.run.id, body, onWait);
    if (outcome.isDone) {
      // the buttons stay disabled: the card goes with the next state of the run
      this.say('heard');
      return outcome;
    }
    this.disable(false);
    this.say(outcome.text, true);
    return outcome;
  }

  disable(isDisabled) {
    for (const control of this.controls) control.disabled = isDisabled;
  }

  say(text, isProblem = false) {
    setMarkedText(this.message, text);
    this.message.classList.toggle('wrong', isProblem);
    setShown(this.message, text !== '');
  }

  tick() {}
}

/** An open question: a button for each answer if they are few, otherwise fields. */
class QuestionCard extends Card {
  constructor(run, ask) {
    super(run, 'question', `${ask.task} asks`);
    this.ask = ask;
    this.fields = null;
    const heading = makeElement('p', {class: 'heading'},
      makeElement('span', {class: 'mark', 'aria-hidden': 'true'}, '?'),
      makeElement('b', {}, ask.task), ' asks', this.age);
    const prompt = makeElement('p', {class: 'prompt'}, ask.prompt);
    this.element.append(heading, prompt);
    if (PERMISSIONS.has('write')) this.element.append(this.#makeForm());
    else this.element.append(makeElement('p', {class: 'note'}, 'You may look, but not answer.'));
    this.element.append(this.message);
  }

  #makeForm() {
    const {form} = this.ask;
    const {buttons = [], inputs = [], preferred = -1} = form;
    if (buttons.length) {
      const row = makeElement('div', {class: 'answers'});
      buttons.forEach((label, place) => {
        const button = makeElement('button', {
          type: 'button', class: place === preferred ? 'primary' : null,
          onclick: () => this.#answer({answer: inputs[place]})}, label);
        this.controls.push(button);
        row.append(button);
      });
      return row;
    }

    const isSingle = form.entries.length === 1 && form.entries[0].name === 'answer';
    this.fields = new Fields(form.entries, isSingle ? this.ask.prompt : '');
    const button = makeElement('button', {type: 'submit', class: 'primary'}, 'Answer');
    this.controls.push(button);
    return makeElement('form', {novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      this.#answer(this.fields.read());
    }}, this.fields.element, button);
  }

  async #answer(entered) {
    this.fields?.show([]);
    const {task, visit, inquiry} = this.ask;
    const outcome = await this.send({kind: 'answer', task, visit, inquiry, entered});
    if (outcome.isDone) {
      this.fields?.forgetSecrets();
    } else if (this.fields && outcome.problems.length) {
      const unplaced = this.fields.show(outcome.problems);
      this.say(unplaced.map((problem) => problem.message).join('; '), true);
    }
  }

  disable(isDisabled) {
    super.disable(isDisabled);
    this.fields?.disable(isDisabled);
  }

  tick(clock) {
    setText(this.age, `asked ${formatAgo(clock - this.ask.asked)}`);
  }
}

/** An attempt that may have run before a crash: it is made again, or a result is accepted. */
class DoubtCard extends Card {
  constructor(run, doubt) {
    super(run, 'doubt', `${doubt.task} is in doubt`);
    this.doubt = doubt;
    const item = doubt.index >= 0 ? ` of item ${doubt.index}` : '';
    const heading = makeElement('p', {class: 'heading'},
      makeElement('span', {class: 'mark', 'aria-hidden': 'true'}, '!'),
      makeElement('b', {}, doubt.task),
      makeElement('span', {}, `attempt ${doubt.attempt}${item}`));
    const text = makeElement('p', {}, 'It may have run before the process of the run ended, and it '
      + 'must not run twice. Look whether it did.');
    this.element.append(heading, text);
    if (PERMISSIONS.has('write')) this.element.append(...this.#makeControls());
    this.element.append(this.message);
  }

  #makeControls() {
    const {task, index} = this.doubt;
    const rerun = makeElement('button', {type: 'button',
      onclick: () => this.send({kind: 'rerun', task, index})}, 'It did not: run it again');
    const open = makeElement('button', {type: 'button', onclick: () => {
      setShown(form, true);
      input.focus();
    }}, 'It did: accept a result');
    const input = makeElement('textarea', {rows: 2, placeholder: 'YAML', spellcheck: 'false',
      'aria-label': `Result of ${task}`});
    const submit = makeElement('button', {type: 'submit', class: 'primary'}, 'Accept');
    const form = makeElement('form', {hidden: true, onsubmit: (event) => {
      event.preventDefault();
      this.send({kind: 'accept', task, index, entered: input.value});
    }}, input, submit);
    this.controls.push(rerun, open, input, submit);
    return [makeElement('div', {class: 'answers'}, rerun, open), form];
  }
}

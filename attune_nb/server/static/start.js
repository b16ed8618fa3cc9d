// The form for a new run: a workflow file, its parameters, and where it runs.

import {ApiError, explain, get, makeRunId, pageAddress, post} from './api.js';
import {arrange, makeElement, setAttribute, setMarkedText, setShown} from './dom.js';
import {Fields} from './form.js';

/** The options of every run, as entries of a form. */
const OPTIONS = [
  {name: 'backend', kind: 'choice', label: 'Backend', may_be_empty: true,
    choices: ['threads', 'processes', 'inline', 'dask'], hint: 'where attempts run'},
  {name: 'workers', kind: 'integer', label: 'Workers', may_be_empty: true,
    hint: 'threads for a task, or worker processes'},
  {name: 'concurrency', kind: 'integer', label: 'Concurrency', may_be_empty: true,
    hint: 'in place of that of every task'},
  {name: 'dry_run', kind: 'boolean', label: 'Dry run', hint: 'without calling the actions'},
];

/** The view of a new run. `page` has `open(id)`. */
export class StartView {
  constructor(parent, page) {
    this.page = page;
    this.rows = new Map();
    this.chosen = null;
    this.isClosed = false;

    this.search = makeElement('input', {type: 'search', placeholder: 'Search files',
      'aria-label': 'Search workflow files', autocomplete: 'off', spellcheck: 'false',
      oninput: () => this.#showFiles()});
    this.files = makeElement('div', {class: 'files', role: 'group', 'aria-label': 'Workflow files'});
    this.note = makeElement('p', {class: 'note'}, 'looking for workflow files …');
    this.formArea = makeElement('div', {class: 'start-form'});
    parent.replaceChildren(makeElement('div', {class: 'start'},
      makeElement('a', {class: 'back', href: pageAddress(''), onclick: (event) => {
        event.preventDefault();
        page.open('');
      }}, '‹ All runs'),
      makeElement('h1', {}, 'New run'),
      makeElement('div', {class: 'start-columns'},
        makeElement('div', {class: 'file-area'}, this.search, this.files, this.note),
        this.formArea)));
    this.#load();
  }

  async #load() {
    try {
      const list = await get('/workflows');
      if (this.isClosed) return;
      this.list = list;
      this.#showFiles();
    } catch (error) {
      setMarkedText(this.note, explain(error));
    }
  }

  #showFiles() {
    if (!this.list) return;
    const query = this.search.value.trim().toLowerCase();
    const shown = this.list.workflows.filter(
      (workflow) => `${workflow.file} ${workflow.name}`.toLowerCase().includes(query));
    arrange(this.files, shown.map((workflow) => this.#buttonOf(workflow)));
    setShown(this.search, this.list.workflows.length > 8);

    const text = this.#explainFiles(shown);
    setMarkedText(this.note, text);
    setShown(this.note, text !== '');
    if (shown.length === 1 && this.chosen === null && !query) this.#choose(shown[0]);
  }

  /** Return why there are no files, or not all; an empty string if there is nothing to say. */
  #explainFiles(shown) {
    const {workflows, reason, cut} = this.list;
    if (reason) return reason;
    if (!workflows.length) {
      return 'There is no workflow file here: a .yaml file with tasks, below the folder of the '
        + 'server.';
    }
    if (!shown.length) return 'No file matches.';
    return cut ? 'There may be more: the search has limits.' : '';
  }

  #buttonOf(workflow) {
    if (!this.rows.has(workflow.file)) {
      this.rows.set(workflow.file, makeElement('button', {
        type: 'button', class: 'file', 'aria-pressed': 'false', 'data-file': workflow.file,
        onclick: () => this.#choose(workflow)},
      makeElement('b', {}, workflow.name), makeElement('small', {}, workflow.file),
      canRun(workflow) ? null : makeElement('small', {class: 'wrong'}, '✕ it cannot run')));
    }
    return this.rows.get(workflow.file);
  }

  /** Show the form of a file as it is now: it may have been changed since the list was made. */
  async #choose(listed) {
    this.chosen = listed.file;
    let workflow = listed;
    try {
      const answer = await get(`/workflows?file=${encodeURIComponent(listed.file)}`);
      [workflow] = answer.workflows;
    } catch {
      // the form of the list shows the problem, or the start does
    }
    if (this.isClosed || this.chosen !== listed.file) return;
    this.#replace(listed, workflow);
    for (const [file, button] of this.rows) {
      setAttribute(button, 'aria-pressed', String(file === workflow.file));
    }
    const form = new StartForm(workflow, this.list.can_start, (id) => this.page.open(id));
    this.formArea.replaceChildren(form.element);
  }

  /** Show in the list that a file can run now, or no longer. */
  #replace(listed, workflow) {
    const place = this.list.workflows.indexOf(listed);
    if (place < 0 || canRun(listed) === canRun(workflow)) return;
    this.list.workflows[place] = workflow;
    const hadFocus = this.rows.get(workflow.file) === document.activeElement;
    this.rows.delete(workflow.file);
    this.#showFiles();
    if (hadFocus) this.rows.get(workflow.file).focus();
  }

  close() {
    this.isClosed = true;
  }
}

function canRun(workflow) {
  return !workflow.problems?.length;
}

/** The form of one workflow. */
class StartForm {
  constructor(workflow, canStart, onStart) {
    this.workflow = workflow;
    this.onStart = onStart;
    // a second click, or a second attempt after lost contact, starts no second run
    this.id = makeRunId();
    this.fields = new Fields(workflow.entries ?? []);
    this.options = new Fields(OPTIONS);
    this.button = makeElement('button', {type: 'submit', class: 'primary'}, 'Start');
    this.message = makeElement('p', {class: 'message', role: 'status', hidden: true});
    this.problems = makeElement('ul', {class: 'problems', hidden: true});

    this.element = makeElement('form', {novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      this.#start();
    }}, makeElement('h2', {}, workflow.name));
    if (workflow.description) {
      this.element.append(makeElement('p', {class: 'description'}, workflow.description));
    }
    const problems = workflow.problems ?? [];
    if (problems.length) {
      this.#showProblems(problems);
      this.element.append(this.problems);
      return;
    }
    this.element.append(this.fields.element,
      makeElement('details', {}, makeElement('summary', {}, 'Options'), this.options.element),
      this.problems, this.message);
    if (canStart) this.element.append(this.button);
  }

  async #start() {
    this.#showProblems([]);
    this.fields.show([]);
    const [options, problems] = readOptions(this.options.read());
    this.options.show(problems);
    if (problems.length) {
      this.#say('Not started: see the options above.', true);
      return;
    }
    this.#say('starting …');
    this.#disable(true);
    const body = {file: this.workflow.file, entered: this.fields.read(), options};
    try {
      const {body: reply} = await post('/runs', body, {'Idempotency-Key': this.id});
      this.fields.forgetSecrets();
      this.onStart(reply.run_id);
    } catch (error) {
      this.#disable(false);
      this.#explain(error);
    }
  }

  #explain(error) {
    const isRefused = error instanceof ApiError && error.status < 500;
    // the server has not begun a run of this id
    if (isRefused) this.id = makeRunId();
    const problems = error.problems ?? [];
    const unplaced = this.options.show(this.fields.show(problems));
    this.#showProblems(unplaced);
    const areAllInFields = problems.length > 0 && !unplaced.length;
    this.#say(areAllInFields ? 'Not started: see the fields above.' : explain(error), true);
  }

  #showProblems(problems) {
    this.problems.replaceChildren(...problems.map((problem) => {
      const place = problem.line ? `line ${problem.line}, column ${problem.column}: ` : '';
      const line = makeElement('li');
      setMarkedText(line, `${place}${problem.message}`);
      return line;
    }));
    setShown(this.problems, problems.length > 0);
  }

  #disable(isDisabled) {
    this.button.disabled = isDisabled;
    this.fields.disable(isDisabled);
    this.options.disable(isDisabled);
  }

  #say(text, isProblem = false) {
    setMarkedText(this.message, text);
    this.message.classList.toggle('wrong', isProblem);
    setShown(this.message, text !== '');
  }
}

/** Return the options as the API takes them, and problems of those that it cannot take. */
function readOptions(entered) {
  const options = {};
  const problems = [];
  for (const [name, value] of Object.entries(entered)) {
    const {kind, choices, label} = OPTIONS.find((option) => option.name === name);
    if (kind === 'choice') options[name] = choices[value];
    else if (kind === 'boolean') options[name] = value;
    else if (/^\d+$/.test(value)) options[name] = Number(value);
    else problems.push({field: name, message: `${label} must be an integer of 1 or more`});
  }
  return [options, problems];
}

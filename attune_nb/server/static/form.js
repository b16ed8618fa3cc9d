// The fields of a form, as the server describes them, and the input of a person.

import {makeElement, setMarkedText, setShown} from './dom.js';

const UNSET = '-1';

let count = 0;

/**
 * The fields of a form.
 *
 * Attributes:
 *   element: Holds the fields.
 */
export class Fields {
  /** `entries` are those of the API; `label` names the only field of a question. */
  constructor(entries, label = '') {
    this.fields = new Map(entries.map((entry) => [entry.name, makeField(entry, label)]));
    this.element = makeElement('div', {class: 'fields'},
      ...[...this.fields.values()].map((field) => field.element));
    if (entries.some((entry) => entry.is_secret)) this.element.prepend(makeUserName());
  }

  /** Return the input by the names of the fields, as the API takes it, without empty fields. */
  read() {
    const entered = {};
    for (const [name, field] of this.fields) {
      const value = field.read();
      if (value !== null && value !== '') entered[name] = value;
      else if (field.wasFilled) entered[name] = '';
    }
    return entered;
  }

  /**
   * Show problems beside their fields; return those of no field.
   *
   * Args:
   *   problems: Of an error of the API.
   */
  show(problems) {
    for (const field of this.fields.values()) field.show('');
    const unplaced = [];
    for (const problem of problems) {
      const field = this.fields.get(problem.field);
      if (field) field.show(problem.message);
      else unplaced.push(problem);
    }
    this.element.querySelector('[aria-invalid]')?.focus();
    return unplaced;
  }

  /** Empty the fields of secrets: they were sent. */
  forgetSecrets() {
    for (const field of this.fields.values()) {
      if (field.isSecret) field.input.value = '';
    }
  }

  disable(isDisabled) {
    for (const field of this.fields.values()) field.input.disabled = isDisabled;
  }

  focus() {
    const [field] = this.fields.values();
    field?.input.focus();
  }
}

/** Return a hidden field: a browser takes a form with a password for a login, and asks for it. */
function makeUserName() {
  return makeElement('input', {type: 'text', autocomplete: 'username', hidden: true});
}

function makeField(entry, label) {
  const id = `field-${++count}`;
  const {input, read} = makeInput(entry, id);
  const hint = makeElement('small', {class: 'hint', id: `${id}-hint`}, entry.hint ?? '');
  const problem = makeElement('small', {
    class: 'field-problem', id: `${id}-problem`, role: 'alert', hidden: true});
  input.setAttribute('aria-describedby', `${id}-hint ${id}-problem`);
  if (label) input.setAttribute('aria-label', label);
  if (!entry.hint) hint.hidden = true;

  const isCheck = input.type === 'checkbox';
  const name = makeElement('label', {for: id, hidden: label !== ''}, entry.label,
    entry.is_required && !isCheck ? makeElement('span', {class: 'required', title: 'required'}, ' *')
      : null);
  const element = makeElement('div', {class: isCheck ? 'field check' : 'field'},
    ...(isCheck ? [input, name] : [name, input]), problem, hint);

  const show = (text) => {
    setMarkedText(problem, text);
    setShown(problem, text !== '');
    if (text) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  };
  input.addEventListener('input', () => show(''));
  return {element, input, read, show, isSecret: entry.is_secret === true,
    wasFilled: Boolean(entry.text)};
}

/** Return the element of an entry's input, and a function that returns its value. */
function makeInput(entry, id) {
  const common = {id, name: entry.name, autocomplete: 'off'};
  if (entry.is_secret) return makeSecret(entry, common);
  if (entry.choices?.length) {
    const options = entry.choices.map((text, index) => [String(index), text]);
    return makeMenu(entry, common, options, String(entry.chosen ?? -1), Number);
  }
  if (entry.kind === 'boolean') {
    if (entry.may_be_empty) {
      const options = [['true', 'yes'], ['false', 'no']];
      return makeMenu(entry, common, options, UNSET, (value) => value === 'true');
    }
    const input = makeElement('input', {...common, type: 'checkbox'});
    input.checked = entry.is_checked === true;
    return {input, read: () => input.checked};
  }
  if ((entry.lines ?? 1) > 1) {
    const placeholder = entry.kind === 'yaml' ? 'YAML' : '';
    const input = makeElement('textarea', {
      ...common, rows: entry.lines, placeholder, spellcheck: 'false'});
    input.value = entry.text ?? '';
    return {input, read: () => input.value};
  }

  const isNumber = entry.kind === 'integer' || entry.kind === 'number';
  const input = makeElement('input', {
    ...common, type: 'text', inputmode: isNumber ? 'decimal' : null,
    spellcheck: isNumber ? 'false' : null});
  input.value = entry.text ?? '';
  return {input, read: () => input.value};
}

function makeSecret(entry, common) {
  const input = makeElement('input', {
    ...common, type: 'password', autocomplete: 'new-password',
    placeholder: entry.has_default ? 'the default, not shown' : ''});
  return {input, read: () => input.value};
}

/** Return a menu; its first option stands for no choice if nothing is chosen at first. */
function makeMenu(entry, common, options, chosen, convert) {
  const input = makeElement('select', common);
  if (entry.may_be_empty || chosen === UNSET) {
    input.append(makeElement('option', {value: UNSET}, entry.may_be_empty ? '–' : 'choose one'));
  }
  for (const [value, text] of options) input.append(makeElement('option', {value}, text));
  input.value = chosen;
  return {input, read: () => (input.value === UNSET ? null : convert(input.value))};
}

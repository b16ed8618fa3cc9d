// The facts of a run, and how to reach it from elsewhere.

import {makeElement, setText} from './dom.js';
import {formatCount, formatDate, formatDuration, formatStatus} from './format.js';

export function open(panel, run) {
  const facts = makeElement('dl', {class: 'about'});
  const cells = new Map();
  panel.append(facts, makeElement('h2', {}, 'From elsewhere'), makeSnippets(run.id));

  const show = (name, text) => {
    if (!cells.has(name)) {
      const cell = makeElement('dd');
      cells.set(name, cell);
      facts.append(makeElement('div', {}, makeElement('dt', {}, name), cell));
    }
    const cell = cells.get(name);
    setText(cell, text);
    cell.parentElement.hidden = text === '';
  };

  return {
    update() {
      const {state} = run;
      show('Run', state.run);
      show('Workflow', state.workflow);
      show('Kind', state.kind);
      show('Status', formatStatus(state.status));
      show('Started', formatDate(state.started));
      show('Duration', run.isActive ? '' : formatDuration(state.now));
      show('Attempts', formatCount(state.attempts, 'attempt'));
      show('Backend', state.backend);
      show('Notebook', state.notebook);
      show('Kernel', state.kernel);
      show('Store', state.store);
      show('Child runs', state.children ? formatCount(state.children, 'child run') : '');
    },
  };
}

/** Return lines of code by which the run is reached, each with a button that copies it. */
function makeSnippets(id) {
  const snippets = [
    ['In Python', `run = attune_nb.open_run("${id}")`],
    ['In a notebook', `%attune show ${id}`],
    ['In a terminal', `attune-nb show ${id}`],
  ];
  return makeElement('ul', {class: 'snippets'}, ...snippets.map(([title, code]) => makeElement(
    'li', {}, makeElement('span', {}, title), makeElement('code', {}, code), makeCopyButton(code))));
}

function makeCopyButton(text) {
  const button = makeElement('button', {type: 'button', class: 'copy', onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      setText(button, 'copied');
    } catch {
      // a page without https may not write there
      setText(button, 'select it to copy');
    }
    setTimeout(() => setText(button, 'copy'), 2000);
  }}, 'copy');
  return button;
}

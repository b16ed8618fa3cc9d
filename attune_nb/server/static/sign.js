// The title and the icon of the browser's tab: they say how the run does.

import {formatStatus, isActive} from './format.js';

const ICON_SIZE = 32;

// a shape for each state besides its colour
const SHAPES = {
  running: ['#0072b2', '<path d="M12 9v14l11-7z"/>'],
  succeeded: ['#009e73', '<path d="M9 16l5 5 9-10" class="line"/>'],
  failed: ['#d55e00', '<path d="M10 10l12 12m0-12l-12 12" class="line"/>'],
  attention: ['#e69f00', '<path d="M16 8v10m0 4v2.5" class="line"/>'],
  paused: ['#767676', '<path d="M12 10v12m8-12v12" class="line"/>'],
  cancelled: ['#767676', '<path d="M10 16h12" class="line"/>'],
  idle: ['#4b5563', '<path d="M8 11h10M12 16h12M10 21h8" class="line"/>'],
};

const LINE = 'fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round"';

let shownShape = '';

/** Show a state in the icon of the tab. */
function showIcon(name) {
  if (name === shownShape) return;
  shownShape = name;
  const [colour, path] = SHAPES[name];
  const shape = path.replace('class="line"', LINE).replace('<path d="M12 9', '<path fill="#fff" d="M12 9');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${ICON_SIZE} ${ICON_SIZE}">`
    + `<circle cx="16" cy="16" r="16" fill="${colour}"/>${shape}</svg>`;
  document.getElementById('icon').href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  document.documentElement.dataset.sign = name;
}

function showTitle(title) {
  if (document.title !== title) document.title = title;
}

/** Show the state of a run in title and icon. */
export function showRunSign(state) {
  const name = state.name || state.workflow;
  showTitle(`${titleMark(state)}${name} · attune`);
  showIcon(shapeOf(state));
}

/** Show how many runs need a person, and how many are active. */
export function showListSign(attention, active) {
  showTitle(attention ? `(${attention}) attune` : 'attune');
  let shape = 'idle';
  if (active) shape = 'running';
  if (attention) shape = 'attention';
  showIcon(shape);
}

function titleMark(state) {
  if (state.attention === 'question') return '(?) ';
  if (state.attention === 'doubt') return '(!) ';
  if (!isActive(state.status)) return `${formatStatus(state.status)}: `;
  if (state.status !== 'running') return `(${formatStatus(state.status)}) `;
  if (state.total && state.tasks.some((row) => row.with_items)) {
    return `(${Math.floor(100 * state.done / state.total)} %) `;
  }
  return '(…) ';
}

function shapeOf(state) {
  if (['question', 'doubt'].includes(state.attention)) return 'attention';
  if (state.status === 'paused') return 'paused';
  if (state.status === 'succeeded') return 'succeeded';
  if (['cancelled', 'cancelling'].includes(state.status)) return 'cancelled';
  return isActive(state.status) ? 'running' : 'failed';
}

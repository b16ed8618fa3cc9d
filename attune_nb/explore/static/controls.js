// Keys, fields and the minimap: their events become calls of the explorer.

const ZOOM = 1.25; // of a key, or of a step of the wheel
const STEP = 0.2; // of the view, by an arrow key
const PAGE = 0.8; // of the height, by a key that turns a page

/**
 * Connect the plot, the minimap, the keys and the fields of the page.
 *
 * Keys count where `keysIn` has them: in the whole page by default.
 */
function connectControls(explorer, keysIn = document) {
  new PointerControls(explorer);
  connectMinimap(explorer);
  connectKeys(explorer, keysIn);
  explorer.addEventListener('choose', () => showChoice(explorer));
  explorer.addEventListener('search', () => showMatches(explorer));

  const grouping = explorer.part('grouping');
  grouping.addEventListener('change', () => explorer.group(grouping.value));
  const search = explorer.part('search');
  search.addEventListener('input', () => explorer.search(search.value));
  search.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') explorer.nextMatch(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape') leaveSearch(explorer);
    event.stopPropagation();
  });
}

/** Describe the attempt or the lane that is chosen. */
function showChoice(explorer) {
  const {attempt, lane, lanes, data} = explorer;
  if (attempt >= 0) explorer.say(data.describe(attempt));
  else if (lanes[lane]) explorer.say(`${lanes[lane].name}: ${laneCounts(lanes[lane])}`);
  else explorer.say('');
}

function showMatches(explorer) {
  explorer.say(explorer.query ? `${formatCount(explorer.matchCount, 'attempt')} found` : '');
}

function leaveSearch(explorer) {
  const search = explorer.part('search');
  search.value = '';
  explorer.search('');
  explorer.plot.canvas.focus();
}

function connectMinimap(explorer) {
  const {canvas} = explorer.minimap;
  const go = (event) => {
    const time = explorer.minimap.timeAt(event.offsetX, explorer.data);
    const half = (explorer.view.to - explorer.view.from) / 2;
    explorer.show(time - half, time + half);
  };
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    go(event);
  });
  canvas.addEventListener('pointermove', (event) => { if (event.buttons) go(event); });
  canvas.addEventListener('dblclick', () => explorer.showAll());
}

function connectKeys(explorer, keysIn) {
  const actions = {
    '+': () => explorer.zoom(1 / ZOOM),
    '=': () => explorer.zoom(1 / ZOOM),
    '-': () => explorer.zoom(ZOOM),
    '0': () => explorer.showAll(),
    ArrowLeft: () => explorer.move(-STEP),
    ArrowRight: () => explorer.move(STEP),
    ArrowUp: () => explorer.chooseLane(explorer.lane - 1),
    ArrowDown: () => explorer.chooseLane(explorer.lane + 1),
    PageUp: () => explorer.scroll(-PAGE * explorer.plot.size.height),
    PageDown: () => explorer.scroll(PAGE * explorer.plot.size.height),
    f: () => goToFailure(explorer, 1),
    F: () => goToFailure(explorer, -1),
    w: () => switchGrouping(explorer),
    '/': () => explorer.part('search').focus(),
    Escape: () => explorer.chooseNothing(),
  };
  keysIn.addEventListener('keydown', (event) => {
    const action = actions[event.key];
    const isTyped = event.target.closest('input, select, textarea');
    const isArrow = /^(Arrow|Page)/.test(event.key);
    if (!action || isTyped || event.ctrlKey || event.metaKey || event.altKey) return;
    // elsewhere in the page the arrows scroll
    if (isArrow && event.target !== explorer.plot.canvas) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  });
}

function goToFailure(explorer, direction) {
  const failure = explorer.nextFailure(direction);
  if (!failure) explorer.say('nothing has failed');
  else if (failure.row < 0) explorer.say(explorer.data.describeExecution(failure.execution));
}

function switchGrouping(explorer) {
  const grouping = explorer.part('grouping');
  grouping.value = explorer.grouping === 'task' ? 'worker' : 'task';
  explorer.group(grouping.value);
}

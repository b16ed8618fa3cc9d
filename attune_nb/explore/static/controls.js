// Mouse, keys and fields: everything that a person does becomes a call of the explorer.

const ZOOM = 1.25; // of a key, or of a step of the wheel
const STEP = 0.2; // of the view, by an arrow key
const PAGE = 0.8; // of the height, by a key that turns a page
const WHEEL_LINES = 16; // pixels of a line, for wheels that count lines
const TWICE = 700; // milliseconds between the two clicks of a double click, at most
const STILL = 4; // pixels: a mouse that moved less has clicked

/** Connect the plot, the minimap, the keys and the fields of the page. */
function connectControls(explorer) {
  connectPlot(explorer);
  connectMinimap(explorer);
  connectKeys(explorer);

  const grouping = document.getElementById('grouping');
  grouping.addEventListener('change', () => explorer.group(grouping.value));
  const search = document.getElementById('search');
  search.addEventListener('input', () => explorer.search(search.value));
  search.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') explorer.nextMatch(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape') leaveSearch(explorer);
    event.stopPropagation();
  });
}

function leaveSearch(explorer) {
  const search = document.getElementById('search');
  search.value = '';
  explorer.search('');
  explorer.plot.canvas.focus();
}

function connectPlot(explorer) {
  const {canvas} = explorer.plot;
  let drag = null;
  let before = null;

  // A reader who scrolls past the timeline does not mean it: a wheel zooms once the mouse has
  // moved within it, or after a click. Scrolling makes moves of no distance.
  let isMeant = false;
  canvas.addEventListener('pointermove', (event) => {
    if (event.movementX || event.movementY) isMeant = true;
  });
  canvas.addEventListener('pointerleave', () => { isMeant = false; });

  canvas.addEventListener('wheel', (event) => {
    if (!isMeant && document.activeElement !== canvas) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINES : 1;
    const distance = (event.deltaY || event.deltaX) * lines;
    if (event.shiftKey || event.offsetX < explorer.plot.gutter) {
      explorer.scroll(distance);
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      explorer.move(event.deltaX * lines / explorer.plot.plotWidth);
    } else {
      const time = explorer.plot.timeAt(event.offsetX, explorer.view);
      explorer.zoom(ZOOM ** (Math.max(-120, Math.min(120, distance)) / 60), time);
    }
  }, {passive: false});

  canvas.addEventListener('pointerdown', (event) => {
    drag = {x: event.offsetX, y: event.offsetY, moved: 0, view: {...explorer.view}};
    before = event.timeStamp - (before?.time ?? -Infinity) < TWICE ? before
      : {time: event.timeStamp, attempt: explorer.attempt, lane: explorer.lane};
    canvas.setPointerCapture(event.pointerId);
    hideTip();
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!drag) {
      showTip(explorer, event.offsetX, event.offsetY);
      return;
    }
    const right = event.offsetX - drag.x;
    const down = event.offsetY - drag.y;
    drag.moved = Math.max(drag.moved, Math.abs(right), Math.abs(down));
    if (drag.moved < STILL) return;
    const seconds = right / explorer.plot.plotWidth * (drag.view.to - drag.view.from);
    explorer.view.top = drag.view.top - down;
    explorer.scroll(0);
    explorer.show(drag.view.from - seconds, drag.view.to - seconds);
  });
  canvas.addEventListener('pointerup', (event) => {
    if (drag && drag.moved < STILL) click(explorer, event.offsetX, event.offsetY);
    drag = null;
  });
  canvas.addEventListener('pointercancel', () => { drag = null; });
  canvas.addEventListener('pointerleave', hideTip);
  canvas.addEventListener('dblclick', () => {
    // the first of the two clicks was not meant to choose anything
    if (before.attempt >= 0) explorer.choose(before.attempt);
    else if (before.lane >= 0) explorer.chooseLane(before.lane);
    else explorer.chooseNothing();
    explorer.showAll();
  });
}

function click(explorer, x, y) {
  const attempt = explorer.plot.attemptAt(x, y);
  const box = explorer.plot.laneAt(y, explorer.view);
  if (attempt >= 0) explorer.choose(attempt);
  else if (box) explorer.chooseLane(explorer.plot.layout.indexOf(box));
}

function showTip(explorer, x, y) {
  const tip = document.getElementById('tip');
  const text = describePoint(explorer, x, y);
  tip.hidden = !text;
  if (!text) return;

  tip.textContent = text;
  const {width, height} = explorer.plot.size;
  tip.style.left = `${Math.max(0, Math.min(x + 14, width - tip.offsetWidth - 4))}px`;
  const isBelow = y + 18 + tip.offsetHeight <= height;
  tip.style.top = `${isBelow ? y + 18 : Math.max(0, y - tip.offsetHeight - 8)}px`;
}

function hideTip() {
  document.getElementById('tip').hidden = true;
}

/** Return what is at a point of the plot: an attempt, or the counts of a pixel of a strip. */
function describePoint(explorer, x, y) {
  const {plot, data, view} = explorer;
  const attempt = plot.attemptAt(x, y);
  if (attempt >= 0) return data.describe(attempt);

  const box = plot.laneAt(y, view);
  if (!box) return '';
  if (x < plot.gutter) return `${box.lane.name}\n${laneCounts(box.lane)}`;
  const from = plot.timeAt(x - 1, view);
  const to = plot.timeAt(x + 1, view);
  const counts = new Map();
  for (const place of box.lane.visible(from, to)) {
    const status = data.statusOf(box.lane.rows[place]);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  if (!counts.size) return '';
  const words = [...counts].map(([status, count]) => `${formatNumber(count)} ${formatStatus(status)}`);
  return `${box.lane.name} at ${formatDuration((from + to) / 2)}\n${words.join(', ')}`;
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

function connectKeys(explorer) {
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
    '/': () => document.getElementById('search').focus(),
    Escape: () => explorer.chooseNothing(),
  };
  document.addEventListener('keydown', (event) => {
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
  if (!failure) say('nothing has failed');
  else if (failure.row < 0) say(explorer.data.describeExecution(failure.execution));
}

function switchGrouping(explorer) {
  const grouping = document.getElementById('grouping');
  grouping.value = explorer.grouping === 'task' ? 'worker' : 'task';
  explorer.group(grouping.value);
}

/** Say something to readers and to screen readers. */
function say(text) {
  document.getElementById('message').textContent = text;
}

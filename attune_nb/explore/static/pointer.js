// The events of mouse and fingers on the timeline.

const WHEEL_LINES = 16; // pixels of a line, for wheels that count lines
const WHEEL_STEP = 120; // pixels of a step of a wheel
const WHEEL_ZOOM = 60; // pixels of a wheel that zoom once
const STILL = 4; // pixels: a mouse that moved less has clicked
const TWICE = 700; // milliseconds between the two clicks of a double click, at most

/** Turns events of a mouse and of fingers on the timeline into calls of the explorer. */
class PointerControls {
  constructor(explorer) {
    this.explorer = explorer;
    this.canvas = explorer.plot.canvas;
    this.fingers = new Map(); // the places of the pointers that are down, by their ids
    this.drag = null;
    this.pinch = null;
    this.before = null; // what was chosen before the first of two clicks
    this.isMeant = false;

    const listen = (name, method, options) =>
      this.canvas.addEventListener(name, (event) => method.call(this, event), options);
    listen('wheel', this.#wheel, {passive: false});
    listen('pointerdown', this.#press);
    listen('pointermove', this.#move);
    listen('pointerup', this.#release);
    listen('pointercancel', this.#cancel);
    listen('pointerleave', this.#leave);
    listen('dblclick', this.#doubleClick);
  }

  /**
   * Zoom; above the names, scroll.
   *
   * A reader who scrolls past the timeline does not mean it: a wheel counts once the mouse has
   * moved within it, or after a click. Scrolling makes moves of no distance.
   */
  #wheel(event) {
    if (!this.isMeant && document.activeElement !== this.canvas) return;
    event.preventDefault();
    const {explorer} = this;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINES : 1;
    const distance = (event.deltaY || event.deltaX) * lines;
    if (event.shiftKey || event.offsetX < explorer.plot.gutter) {
      explorer.scroll(distance);
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      explorer.move(event.deltaX * lines / explorer.plot.plotWidth);
    } else {
      const step = Math.max(-WHEEL_STEP, Math.min(WHEEL_STEP, distance));
      const time = explorer.plot.timeAt(event.offsetX, explorer.view);
      explorer.zoom(ZOOM ** (step / WHEEL_ZOOM), time);
    }
  }

  #press(event) {
    if (event.button !== 0) return;
    const {explorer} = this;
    this.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, event.offsetX);
    hideTip(this.explorer);
    if (this.fingers.size === 2) {
      this.drag = null;
      this.pinch = {...this.#spread(), view: {...explorer.view}};
      return;
    }
    this.drag = {x: event.offsetX, y: event.offsetY, moved: 0, view: {...explorer.view}};
    const isSecond = this.before && event.timeStamp - this.before.time < TWICE;
    if (!isSecond) {
      this.before = {time: event.timeStamp, attempt: explorer.attempt, lane: explorer.lane};
    }
  }

  #move(event) {
    if (event.movementX || event.movementY) this.isMeant = true;
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, event.offsetX);
    if (this.pinch) this.#zoomByFingers();
    else if (this.drag) this.#dragTo(event.offsetX, event.offsetY);
    else showTip(this.explorer, event.offsetX, event.offsetY);
  }

  #dragTo(x, y) {
    const {drag, explorer} = this;
    const right = x - drag.x;
    const down = y - drag.y;
    drag.moved = Math.max(drag.moved, Math.abs(right), Math.abs(down));
    if (drag.moved < STILL) return;

    const seconds = right / explorer.plot.plotWidth * (drag.view.to - drag.view.from);
    explorer.view.top = drag.view.top - down;
    explorer.scroll(0);
    explorer.show(drag.view.from - seconds, drag.view.to - seconds);
  }

  /** The middle between two fingers and the distance between them, in pixels. */
  #spread() {
    const [one, two] = this.fingers.values();
    return {middle: (one + two) / 2, distance: Math.max(10, Math.abs(one - two))};
  }

  /** Zoom so that the times below two fingers stay below them. */
  #zoomByFingers() {
    const {pinch, explorer} = this;
    const {plot} = explorer;
    const {middle, distance} = this.#spread();
    const time = plot.timeAt(pinch.middle, pinch.view);
    const length = (pinch.view.to - pinch.view.from) * pinch.distance / distance;
    const from = time - (middle - plot.gutter) / plot.plotWidth * length;
    explorer.show(from, from + length);
  }

  #release(event) {
    const isClick = this.drag !== null && this.drag.moved < STILL;
    this.#cancel(event);
    if (isClick) this.#click(event.offsetX, event.offsetY);
  }

  #cancel(event) {
    this.fingers.delete(event.pointerId);
    this.drag = null;
    this.pinch = null;
  }

  #leave() {
    this.isMeant = false;
    hideTip(this.explorer);
  }

  #click(x, y) {
    const {explorer} = this;
    const attempt = explorer.plot.attemptAt(x, y);
    const box = explorer.plot.laneAt(y, explorer.view);
    if (attempt >= 0) explorer.choose(attempt);
    else if (box) explorer.chooseLane(explorer.plot.layout.indexOf(box));
  }

  /** Show all. The first of the two clicks was not meant to choose anything. */
  #doubleClick() {
    const {explorer, before} = this;
    if (before.attempt >= 0) explorer.choose(before.attempt);
    else if (before.lane >= 0) explorer.chooseLane(before.lane);
    else explorer.chooseNothing();
    explorer.showAll();
  }
}

function showTip(explorer, x, y) {
  const tip = explorer.part('tip');
  const text = describePoint(explorer, x, y);
  tip.hidden = !text;
  if (!text) return;

  tip.textContent = text;
  const {width, height} = explorer.plot.size;
  tip.style.left = `${Math.max(0, Math.min(x + 14, width - tip.offsetWidth - 4))}px`;
  const isBelow = y + 18 + tip.offsetHeight <= height;
  tip.style.top = `${isBelow ? y + 18 : Math.max(0, y - tip.offsetHeight - 8)}px`;
}

function hideTip(explorer) {
  explorer.part('tip').hidden = true;
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
  const words = describeStrip(data, box.lane, from, to);
  return words ? `${box.lane.name} at ${formatDuration((from + to) / 2)}\n${words}` : '';
}

/** Return how many attempts of a strip ran between two times, by their status. */
function describeStrip(data, lane, from, to) {
  if (lane.spans.length) return describeSums(data, lane, from, to);
  const counts = new Map();
  for (const place of lane.visible(from, to)) {
    const status = data.statusOf(lane.rows[place]);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return [...counts].map(([status, count]) => `${formatNumber(count)} ${formatStatus(status)}`)
    .join(', ');
}

/** The same of sums of attempts: how many ran at once, on average. */
function describeSums(data, lane, from, to) {
  const strip = measureStrip(data, lane, from, to, 1);
  const words = [];
  strip.busy.forEach(([running], status) => {
    if (running > 0) words.push(`${formatNumber(running, 1)} ${formatStatus(data.statuses[status])}`);
  });
  return words.length ? `at once, on average: ${words.join(', ')}` : '';
}

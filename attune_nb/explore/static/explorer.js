// The state of the page: its data, the view, the chosen attempt. Everything else listens to it.

/** Seconds: no view is shorter. */
const SHORTEST_VIEW = 1e-6;

/** How much longer than an attempt the view is that shows it; the last is the closest one. */
const AROUND = [8, 3, 1.5];

/** Of the run, a part of this number is shown around an execution without a bar, at least. */
const WITHOUT_BAR = 100;

/**
 * The timeline of a run, and what is chosen in it.
 *
 * Its parts are elements of a page, or of an element of one, with these names in `data-part`:
 * `plot-canvas`, `minimap-canvas`, `tip`, `message`, `grouping`, `search`.
 *
 * It dispatches `update` (the data have changed), `view` (another part is shown), `choose` (an
 * attempt or a lane is chosen), `search` (other attempts match). Each of them also draws.
 */
class Explorer extends EventTarget {
  constructor(data, root = document.documentElement) {
    super();
    this.root = root;
    this.plot = new Plot(this.part('plot-canvas'));
    this.minimap = new Minimap(this.part('minimap-canvas'));
    this.grouping = 'task';
    this.view = {from: 0, to: data.end, top: 0};
    this.attempt = -1;
    this.lane = -1;
    this.failure = null;
    this.query = '';
    this.matches = null;
    this.matchCount = 0;
    this.#setData(data);
  }

  /** The element of a name. */
  part(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  /** Say something to readers and to screen readers. */
  say(text) {
    this.part('message').textContent = text;
  }

  #setData(data) {
    this.data = data;
    this.end = data.end;
    this.all = makeWholeLane(data);
    this.lanes = makeLanes(data, this.grouping);
    this.palette = this.#readPalette();
  }

  #readPalette() {
    return new Palette(this.data.statuses, this.plot.canvas);
  }

  /** Show other data of the same run: it has gone on. A view of all of it stays one. */
  update(data) {
    const showedAll = this.#showsAll();
    const before = this.data;
    const name = this.lanes[this.lane]?.name;
    this.failure = null;
    this.#setData(data);
    if (this.attempt >= 0) this.attempt = data.find(before, this.attempt);
    // a new worker may have its lane before others
    this.lane = this.lanes.findIndex((lane) => lane.name === name);
    if (showedAll) this.view = {...this.view, from: 0, to: data.end};
    if (this.query) this.#match();
    this.resize();
    this.#notify('update');
  }

  /** The run has gone on, but there is nothing new to draw: only its end has moved. */
  moveEnd() {
    const showedAll = this.#showsAll();
    this.end = this.data.end;
    if (showedAll) this.view = {...this.view, from: 0, to: this.end};
    this.minimap.picture = null;
    this.draw();
  }

  #showsAll() {
    return this.view.from <= 0 && this.view.to >= this.end;
  }

  /** Draw anew after the size or the colours have changed. */
  resize() {
    this.palette = this.#readPalette();
    this.plot.measure(this.lanes, this.lane);
    this.minimap.measure(this.plot.gutter);
    this.#clampTop();
    this.paint();
  }

  /** Draw at the next frame of the screen. */
  draw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => this.paint());
  }

  /** Draw now. The root says how many calls it took, and how many bars and frames were drawn. */
  paint() {
    this.isDue = false;
    const began = performance.now();
    const chosen = {attempt: this.attempt, lane: this.lane, matches: this.matches,
      attemptLane: this.attempt < 0 ? -1 : this.laneOf(this.attempt)};
    this.plot.draw(this.data, this.view, this.palette, chosen);
    this.minimap.draw(this.data, this.all, this.view, this.palette);
    const {dataset} = this.root;
    dataset.calls = this.plot.calls;
    dataset.bars = this.plot.bars;
    dataset.frames = this.plot.frames;
    dataset.milliseconds = (performance.now() - began).toFixed(1);
  }

  /** Group the lanes by "task" or by "worker". */
  group(grouping) {
    this.grouping = grouping;
    this.lanes = makeLanes(this.data, grouping);
    this.lane = this.attempt < 0 ? -1 : this.laneOf(this.attempt);
    this.view.top = 0;
    this.resize();
    this.#scrollTo(this.lane);
    this.#notify('choose');
  }

  /** Show a span of time. It is moved into the run, and cut to it. */
  show(from, to) {
    const {end} = this.data;
    const length = Math.min(end, Math.max(SHORTEST_VIEW, to - from));
    const start = Math.min(end - length, Math.max(0, from));
    this.view = {...this.view, from: start, to: start + length};
    this.#notify('view');
  }

  showAll() {
    this.view.top = 0;
    this.show(0, this.data.end);
  }

  /** Zoom by a factor, so that a time keeps its place. */
  zoom(factor, time = (this.view.from + this.view.to) / 2) {
    const {from, to} = this.view;
    this.show(time - (time - from) * factor, time + (to - time) * factor);
  }

  /** Move the view by a share of its length. */
  move(share) {
    const {from, to} = this.view;
    this.show(from + (to - from) * share, to + (to - from) * share);
  }

  /** Scroll the lanes by pixels. */
  scroll(pixels) {
    this.view.top += pixels;
    this.#clampTop();
    this.#notify('view');
  }

  #clampTop() {
    const most = this.plot.depth - (this.plot.size.height - AXIS_HEIGHT);
    this.view.top = Math.min(Math.max(0, most), Math.max(0, this.view.top));
  }

  /** Choose a lane, and scroll to it. */
  chooseLane(lane) {
    this.attempt = -1;
    if (this.failure?.row !== -1) this.failure = null;
    this.#enlarge(Math.min(this.lanes.length - 1, Math.max(0, lane)));
    this.#notify('choose');
  }

  /** Give a lane more space, and scroll to it. */
  #enlarge(lane) {
    this.lane = lane;
    this.plot.measure(this.lanes, lane);
    this.#scrollTo(lane);
  }

  #scrollTo(lane) {
    const box = this.plot.layout[lane];
    if (!box) return;
    const free = this.plot.size.height - AXIS_HEIGHT;
    if (box.top < this.view.top) this.view.top = box.top;
    else if (box.top + box.height > this.view.top + free) {
      this.view.top = box.top + box.height - free;
    }
    this.#clampTop();
  }

  /** Choose an attempt by its number; -1 chooses none. */
  choose(attempt) {
    this.attempt = attempt;
    if (this.failure?.row !== attempt) this.failure = null;
    if (attempt >= 0) this.#enlarge(this.laneOf(attempt));
    this.#notify('choose');
  }

  /** Choose neither an attempt nor a lane. */
  chooseNothing() {
    this.lane = -1;
    this.plot.measure(this.lanes, -1);
    this.#clampTop();
    this.choose(-1);
  }

  /** Choose an attempt, and zoom to it: closer, if too many others are around it. */
  zoomTo(attempt) {
    const {start, duration} = this.data;
    const middle = start[attempt] + duration[attempt] / 2;
    const lane = this.lanes[this.laneOf(attempt)];
    for (const around of AROUND) {
      const half = Math.max(duration[attempt] * around, SHORTEST_VIEW) / 2;
      this.show(middle - half, middle + half);
      if (lane.visible(this.view.from, this.view.to, MOST_BARS / 4)) break;
    }
    this.choose(attempt);
  }

  /** The number of the lane of an attempt. */
  laneOf(attempt) {
    const {data} = this;
    if (this.grouping === 'task') return data.taskOf(attempt);
    return this.lanes.findIndex((lane) => data.worker[lane.rows[0]] === data.worker[attempt]);
  }

  /** Go to the next failure in time, or with -1 to the one before; return it, or null. */
  nextFailure(direction = 1) {
    const {failures, start} = this.data;
    if (!failures.length) return null;

    let place = failures.indexOf(this.failure);
    if (place < 0 && this.attempt >= 0) {
      // from an attempt that did not fail, to the failures around it
      const after = failures.findIndex(({time}) => time > start[this.attempt]);
      place = (after < 0 ? failures.length : after) - (direction > 0 ? 1 : 0);
    } else if (place < 0) {
      place = direction > 0 ? -1 : 0;
    }
    this.failure = failures[(place + direction + failures.length) % failures.length];
    this.#showFailure(this.failure);
    return this.failure;
  }

  #showFailure({row, execution}) {
    if (row >= 0) {
      this.zoomTo(row);
      return;
    }
    // it has no bar; the end of its line is in the middle
    const {start, end, task} = this.data.executions;
    const last = end[execution] ?? this.data.end;
    const half = Math.max(last - start[execution], this.data.end / WITHOUT_BAR);
    this.show(last - half, last + half);
    if (this.grouping === 'task') this.chooseLane(task[execution]);
    else this.chooseNothing();
  }

  /** Zoom to the next attempt that matches the search; after the last comes the first. */
  nextMatch(direction = 1) {
    if (!this.matchCount) return;
    const {rows} = this.all;
    let place = direction > 0 ? -1 : 0;
    if (this.attempt >= 0) place = rows.indexOf(this.attempt);
    for (let step = 1; step <= rows.length; step++) {
      const row = rows[(place + direction * step + 2 * rows.length) % rows.length];
      if (!this.matches[row]) continue;
      this.zoomTo(row);
      return;
    }
  }

  /** Mark the attempts whose task, item, result, error or lines have a text; "" marks none. */
  search(query) {
    this.query = query.trim().toLowerCase();
    this.#match();
    this.#notify('search');
  }

  #match() {
    this.matches = this.query ? findMatches(this.data, this.query) : null;
    this.matchCount = this.matches?.reduce((sum, flag) => sum + flag, 0) ?? 0;
  }

  #notify(name) {
    this.draw();
    this.dispatchEvent(new Event(name));
  }
}

// The timeline on its canvas. It draws; the explorer decides what is chosen and shown.

const AXIS_HEIGHT = 22;
const LEAST_LANE = 18;
const MOST_LANE = 56;
const MOST_WIDE_LANE = 160; // of a lane with attempts beside each other
const WIDE = 2.5; // such a lane is so much higher than others
const CHOSEN_SHARE = 0.5; // of the canvas, for the lane that is chosen
const LANE_GAP = 4;
const MOST_BARS = 1000; // in a lane; with more it is a strip
const FEWEST_BARS = 100; // that a lane may have, however many lanes there are
const MOST_BARS_OF_ALL = 3000;
const LEAST_ROW = 4; // pixels: the height of a bar
const NAME_INDENT = 12; // pixels: the space of the mark before the name of a lane with failures
const WRITTEN_ROW = 13; // pixels: the height of a bar that has space for a text
const FEWEST_LETTERS = 6; // of a text that is cut
const LEAST_FAILED_BAR = 3; // pixels: the width of a bar that failed
const EDGED_BAR = 5; // pixels: from this width on a bar has an edge
const FONT = '12px system-ui, sans-serif';
const MARK_FONT = 'bold 16px system-ui, sans-serif';
const MARK_WIDTH = 9; // pixels
const SCROLL_BAR = 4; // pixels: its width
const SMALL_FONT = '11px system-ui, sans-serif';

/** Whether a lane has attempts beside each other. */
function isWide(lane) {
  return lane.lines > 1 || lane.spans.length > 0;
}

/** The height beyond which a timeline of these lanes would have empty space, in pixels. */
function mostPlotHeight(lanes) {
  return lanes.reduce(
    (sum, lane) => sum + (isWide(lane) ? MOST_WIDE_LANE : MOST_LANE), AXIS_HEIGHT);
}

/**
 * The timeline.
 *
 * `calls` counts the drawing calls of the last frame, and `bars` the attempts that it drew each.
 */
class Plot {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.calls = 0;
    this.bars = 0;
    this.frames = 0;
    this.gutter = 120;
    this.layout = [];
    this.depth = 0; // of all lanes, in pixels
  }

  get plotWidth() {
    return Math.max(1, this.size.width - this.gutter);
  }

  /** Take the size of the canvas, and place the lanes below each other. */
  measure(lanes, chosen) {
    this.size = fitCanvas(this.canvas);
    this.gutter = Math.min(180, Math.max(90, this.size.width * 0.16));
    const free = Math.max(1, this.size.height - AXIS_HEIGHT);
    // so that the bars of the chosen lane can be told from each other
    const enlarged = lanes[chosen] && isWide(lanes[chosen])
      ? Math.min(MOST_WIDE_LANE, Math.floor(free * CHOSEN_SHARE)) : 0;
    const mostWide = Math.max(MOST_WIDE_LANE, free / (lanes.length || 1));
    const weights = lanes.reduce((sum, lane) => sum + (isWide(lane) ? WIDE : 1), 0);
    const unit = (free - enlarged) / (enlarged ? Math.max(1, weights - WIDE) : weights);
    let top = 0;
    this.layout = lanes.map((lane, number) => {
      const [wanted, most] = isWide(lane) ? [unit * WIDE, mostWide] : [unit, MOST_LANE];
      let height = Math.floor(Math.min(most, Math.max(LEAST_LANE, wanted)));
      if (number === chosen && enlarged) height = Math.max(height, enlarged);
      const box = {lane, top, height};
      top += height;
      return box;
    });
    this.depth = top;
  }

  /** The time at a distance from the left edge of the canvas. */
  timeAt(x, view) {
    return view.from + (x - this.gutter) / this.plotWidth * (view.to - view.from);
  }

  /** The distance of a time from the left edge of the canvas. */
  xOf(time, view) {
    return this.gutter + (time - view.from) / (view.to - view.from) * this.plotWidth;
  }

  /** The lane at a distance from the top of the canvas, or null. */
  laneAt(y, view) {
    if (y < AXIS_HEIGHT) return null;
    const depth = y - AXIS_HEIGHT + view.top;
    return this.layout.find(({top, height}) => depth >= top && depth < top + height) ?? null;
  }

  /** Draw a frame; `attempt` and `lane` are chosen, `matches` has a flag for each attempt. */
  draw(data, view, palette, {attempt, attemptLane, lane, matches}) {
    this.calls = 0;
    this.bars = 0;
    this.hits = [];
    const {context, size} = this;
    context.setTransform(size.scale, 0, 0, size.scale, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    context.textBaseline = 'middle';

    const shown = this.layout.filter(({top, height}) =>
      top + height > view.top && top - view.top < size.height - AXIS_HEIGHT);
    const share = Math.floor(MOST_BARS_OF_ALL / Math.max(1, shown.length));
    const mostBars = Math.min(MOST_BARS, Math.max(FEWEST_BARS, share));
    const strips = [];
    const boxes = [];
    for (const box of shown) {
      const isSummed = box.lane.spans.length > 0;
      let bars = this.#placeBars(data, box, view, mostBars);
      // a sample says nothing until its bars can be told from each other
      if (bars && isSummed && !bars.some(({width}) => width >= EDGED_BAR)) bars = null;
      if (bars) boxes.push({box, bars});
      if (!bars || isSummed) strips.push({...box, isBehind: bars !== null});
    }

    this.#drawAxis(view, palette);
    this.#drawSpans(data, shown, view, palette);
    this.#drawEarlyFailures(data, shown, view, palette);
    this.#drawStrips(data, strips, view, palette);
    this.#drawBars(data, boxes, view, palette, matches);
    if (matches) this.#drawMatches(data, strips, view, palette, matches);
    this.#drawNames(shown, view, palette, lane);
    this.#drawChosen(data, attempt, attemptLane, view, palette);
    this.#drawScrollBar(view, palette);
    this.frames += 1;
  }

  /** Return the bars of a lane with few visible attempts, or null if it must be a strip. */
  #placeBars(data, {lane, top, height}, view, most) {
    const places = lane.visible(view.from, view.to, most);
    if (!places) return null;

    const inner = height - LANE_GAP;
    let lines = places.map((place) => lane.place[place]);
    let count = lane.lines;
    if (inner / count < WRITTEN_ROW) {
      // the lines of all attempts are thin; those that are in view may need fewer
      const rows = Uint32Array.from(places, (place) => lane.rows[place]);
      const [fewer, needed] = packByTime(data, rows);
      if (needed < count) {
        lines = fewer;
        count = needed;
      }
    }
    if (inner / count < LEAST_ROW) return null;
    return this.#boxesOf(data, lane, places, lines, count, top, inner, view);
  }

  #boxesOf(data, lane, places, lines, count, top, inner, view) {
    const row = Math.min(26, inner / count);
    const margin = (inner - row * count) / 2;
    const y = AXIS_HEIGHT + top - view.top + LANE_GAP / 2 + margin;
    const gap = row >= 8 ? 1 : 0;
    return places.map((place, number) => {
      const attempt = lane.rows[place];
      const left = this.xOf(data.start[attempt], view);
      const right = this.xOf(data.start[attempt] + data.duration[attempt], view);
      const failed = data.isFailure[data.status[attempt]];
      const width = Math.max(failed ? LEAST_FAILED_BAR : 1, right - left);
      return {attempt, x: left, y: y + lines[number] * row, width, height: row - gap};
    });
  }

  /** Draw the lines and labels of the times. */
  #drawAxis(view, palette) {
    const {context, size} = this;
    const step = chooseStep((view.to - view.from) / Math.max(2, this.plotWidth / 110));
    context.font = SMALL_FONT;
    context.textAlign = 'center';
    context.beginPath();
    const labels = [];
    for (let time = Math.ceil(view.from / step) * step; time <= view.to; time += step) {
      const x = Math.round(this.xOf(time, view)) + 0.5;
      context.moveTo(x, AXIS_HEIGHT - 4);
      context.lineTo(x, size.height);
      labels.push([formatTime(time, step), x]);
    }
    context.strokeStyle = palette.rule;
    context.lineWidth = 1;
    context.stroke();
    this.calls += 1;

    context.fillStyle = palette.muted;
    for (const [label, x] of labels) {
      const half = context.measureText(label).width / 2;
      if (x - half < this.gutter - 20 || x + half > size.width) continue;
      context.fillText(label, x, AXIS_HEIGHT / 2 - 1);
      this.calls += 1;
    }
  }

  /** Draw from when to when each execution lasted, as a thin line below its attempts. */
  #drawSpans(data, shown, view, palette) {
    const {context, size} = this;
    const {executions} = data;
    const paths = new Map();
    for (const {lane, top, height} of shown) {
      const y = AXIS_HEIGHT + top - view.top + height - 2;
      let covered = -Infinity;
      for (const execution of lane.executions) {
        const start = executions.start[execution];
        const end = executions.end[execution] ?? data.end;
        if (end < view.from || start > view.to) continue;
        const left = Math.max(this.gutter, this.xOf(start, view));
        const right = Math.min(size.width, Math.max(left + 1, this.xOf(end, view)));
        // visits that are closer than a pixel are one line
        if (right <= covered) continue;
        covered = Math.ceil(right);
        const status = executions.status[execution];
        if (!paths.has(status)) paths.set(status, new Path2D());
        paths.get(status).rect(left, y, right - left, 2);
      }
    }
    for (const [status, path] of paths) {
      context.fillStyle = palette.colours[status];
      context.fill(path);
      this.calls += 1;
    }
  }

  /** Draw a mark at the end of each execution that failed before it had an attempt. */
  #drawEarlyFailures(data, boxes, view, palette) {
    const {context} = this;
    context.font = MARK_FONT;
    context.textAlign = 'center';
    for (const {lane, top, height} of boxes) {
      const y = AXIS_HEIGHT + top - view.top + height / 2;
      let before = -Infinity;
      for (const execution of lane.failedEarly) {
        const {end, status} = data.executions;
        const x = this.xOf(end[execution] ?? data.end, view);
        if (x < this.gutter || x > this.size.width || x - before < MARK_WIDTH) continue;
        before = x;
        // the end of the run is at the edge
        const shown = Math.min(x, this.size.width - MARK_WIDTH);
        context.fillStyle = palette.colours[status[execution]];
        context.fillText(MARKS[data.statuses[status[execution]]], shown, y);
        this.calls += 1;
      }
    }
  }

  /** Draw the lanes with many attempts, as one image. */
  #drawStrips(data, strips, view, palette) {
    if (!strips.length) return;
    const {context, size} = this;
    const {scale} = size;
    const width = Math.max(1, Math.floor(this.plotWidth * scale));
    const height = Math.max(1, Math.floor((size.height - AXIS_HEIGHT) * scale));
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    for (const {lane, top, height: laneHeight, isBehind} of strips) {
      const upper = Math.round((top - view.top) * scale);
      const lower = Math.round((top - view.top + laneHeight - LANE_GAP) * scale);
      const strip = measureStrip(data, lane, view.from, view.to, width);
      const area = {pixels, stride: width, left: 0, top: upper, width, height: lower - upper, scale};
      const colours = isBehind ? palette.faded : palette.packed;
      // near, more attempts may run at once than ever do on average over a pixel of all
      const peak = Math.max(lane.averagePeak, strip.peak);
      paintClipped(area, height, strip, peak, {...palette, packed: colours});
    }

    if (!this.buffer || this.buffer.width !== width || this.buffer.height !== height) {
      this.buffer = new OffscreenCanvas(width, height);
    }
    this.buffer.getContext('2d').putImageData(image, 0, 0);
    context.drawImage(this.buffer, this.gutter, AXIS_HEIGHT, width / scale, height / scale);
    this.calls += 2;
  }

  /** Draw bars: a path for each status, then their edges, then marks and names. */
  #drawBars(data, boxes, view, palette, matches) {
    const {context, size} = this;
    context.save();
    context.beginPath();
    context.rect(this.gutter, AXIS_HEIGHT, this.plotWidth, size.height - AXIS_HEIGHT);
    context.clip();

    const fills = new Map();
    const edges = new Path2D();
    for (const {bars} of boxes) {
      for (const bar of bars) {
        const dim = matches !== null && !matches[bar.attempt];
        const key = data.status[bar.attempt] * 2 + (dim ? 1 : 0);
        if (!fills.has(key)) fills.set(key, new Path2D());
        fills.get(key).rect(bar.x, bar.y, bar.width, bar.height);
        if (bar.width >= EDGED_BAR) {
          edges.rect(bar.x + 0.5, bar.y + 0.5, bar.width - 1, bar.height - 1);
        }
        this.bars += 1;
      }
      this.hits.push(...bars);
    }
    for (const [key, path] of fills) {
      context.fillStyle = palette.colours[key >> 1];
      context.globalAlpha = key & 1 ? 0.25 : 1;
      context.fill(path);
      this.calls += 1;
    }
    context.globalAlpha = 1;
    if (this.bars) {
      context.strokeStyle = palette.paper;
      context.lineWidth = 1;
      context.stroke(edges);
      this.calls += 1;
    }
    this.#writeInBars(data, boxes);
    context.restore();
  }

  /** Write the mark and the name into each bar that has the space. */
  #writeInBars(data, boxes) {
    const {context, size} = this;
    context.textAlign = 'left';
    context.fillStyle = '#000';
    context.font = SMALL_FONT;
    for (const {box: {lane}, bars} of boxes) {
      for (const bar of bars) {
        const left = Math.max(bar.x, this.gutter);
        const free = Math.min(bar.x + bar.width, size.width) - left - 6;
        if (free < 6 || bar.height < 9) continue;
        const whole = barText(data, lane, bar.attempt);
        let text = fitText(context, whole, free);
        // a letter or two say nothing; a mark does
        if (text !== whole && text.length < FEWEST_LETTERS) text = MARKS[data.statusOf(bar.attempt)];
        if (!text) continue;
        context.fillText(text, left + 3, bar.y + bar.height / 2 + 0.5);
        this.calls += 1;
      }
    }
  }

  /** Draw a tick above each attempt of a strip that matches the search. */
  #drawMatches(data, strips, view, palette, matches) {
    const {context} = this;
    context.fillStyle = palette.ink;
    context.beginPath();
    for (const {lane, top} of strips) {
      const last = lane.lastAt(view.to);
      const y = AXIS_HEIGHT + top - view.top;
      let before = -1;
      for (let place = lane.firstAt(view.from); place < last; place++) {
        if (!matches[lane.rows[place]]) continue;
        const x = Math.round(this.xOf(data.start[lane.rows[place]], view));
        if (x === before || x < this.gutter) continue;
        context.rect(x, y, 1, LANE_GAP);
        before = x;
      }
    }
    context.fill();
    this.calls += 1;
  }

  /** Draw the names of the lanes, and the counts below them if there is space. */
  #drawNames(shown, view, palette, chosen) {
    const {context, size} = this;
    context.clearRect(0, AXIS_HEIGHT, this.gutter, size.height - AXIS_HEIGHT);
    context.textAlign = 'left';
    for (const box of shown) {
      const {lane, top, height} = box;
      const y = AXIS_HEIGHT + top - view.top;
      if (this.layout[chosen] === box) {
        context.fillStyle = palette.accent;
        context.fillRect(0, y + 1, 3, height - 2);
        this.calls += 1;
      }
      const hasCounts = height >= 34;
      context.font = FONT;
      context.fillStyle = lane.rows.length || lane.executions.length ? palette.ink : palette.muted;
      const line = y + height / 2 - (hasCounts ? 7 : 0);
      const indent = lane.failed || lane.failedEarly.length ? NAME_INDENT : 0;
      const name = fitText(context, lane.name, this.gutter - 16 - indent, true);
      context.fillText(name, 8 + indent, line);
      if (indent) {
        context.fillStyle = palette.colours[palette.failures[0]];
        context.fillText(MARKS.failed, 8, line);
        this.calls += 1;
      }
      this.calls += 1;
      if (hasCounts) {
        context.font = SMALL_FONT;
        context.fillStyle = palette.muted;
        context.fillText(fitText(context, laneCounts(lane), this.gutter - 16), 8, y + height / 2 + 8);
        this.calls += 1;
      }
    }
  }

  /** Draw a frame around the chosen attempt. */
  #drawChosen(data, attempt, lane, view, palette) {
    const box = this.layout[lane];
    if (attempt < 0 || !box) return;
    const {context} = this;
    context.strokeStyle = palette.ink;
    context.lineWidth = 2;
    const bar = this.hits.find((hit) => hit.attempt === attempt)
      ?? this.#barInStrip(data, attempt, box, view, palette);
    const left = Math.max(this.gutter, bar.x);
    const right = Math.min(this.size.width, bar.x + bar.width);
    if (right < this.gutter || left > this.size.width) return;
    context.strokeRect(left - 1, bar.y - 1, right - left + 2, bar.height + 2);
    this.calls += 1;
  }

  /** Draw the bar of an attempt in a lane that is a strip, and return its place. */
  #barInStrip(data, attempt, {top, height}, view, palette) {
    const x = this.xOf(data.start[attempt], view);
    const end = this.xOf(data.start[attempt] + data.duration[attempt], view);
    const bar = {
      x, y: AXIS_HEIGHT + top - view.top + height * 0.3,
      width: Math.max(LEAST_FAILED_BAR, end - x), height: height * 0.4,
    };
    const left = Math.max(this.gutter, x);
    if (x + bar.width > left) {
      this.context.fillStyle = palette.colours[data.status[attempt]];
      this.context.fillRect(left, bar.y, x + bar.width - left, bar.height);
      this.calls += 1;
    }
    return bar;
  }

  /** Draw which of the lanes are in view, if not all are, and where there are failures. */
  #drawScrollBar(view, palette) {
    const free = this.size.height - AXIS_HEIGHT;
    if (this.depth <= free) return;
    const height = Math.max(16, free * free / this.depth);
    const y = AXIS_HEIGHT + view.top / (this.depth - free) * (free - height);
    const {context, size} = this;
    context.fillStyle = palette.muted;
    context.fillRect(size.width - SCROLL_BAR - 1, y, SCROLL_BAR, height);

    // where lanes with failures are among the others: beside the bar, or it would be covered
    context.beginPath();
    for (const {lane, top, height: laneHeight} of this.layout) {
      if (!lane.failed && !lane.failedEarly.length) continue;
      const middle = AXIS_HEIGHT + (top + laneHeight / 2) / this.depth * free;
      context.rect(size.width - 2 * SCROLL_BAR - 1, Math.round(middle) - 1, SCROLL_BAR, 2);
    }
    context.fillStyle = palette.colours[palette.failures[0]];
    context.fill();
    this.calls += 2;
  }

  /** Return the attempt whose bar is at a point, or -1. */
  attemptAt(x, y) {
    let best = -1;
    let nearest = 3;
    for (const bar of this.hits) {
      if (y < bar.y || y > bar.y + bar.height) continue;
      const distance = Math.max(bar.x - x, x - bar.x - bar.width, 0);
      if (distance < nearest) {
        nearest = distance;
        best = bar.attempt;
      }
    }
    return best;
  }
}

/** Paint a lane's strip and the ticks above it; the parts that are not in the image are cut. */
function paintClipped(area, imageHeight, strip, peak, palette) {
  const rail = Math.ceil(RAIL * area.scale);
  const paint = (whole) => {
    const inner = {...whole, top: whole.top + rail + 1, height: whole.height - rail - 1};
    paintStrip(inner, strip, peak, palette);
    paintFailures(whole, strip, palette);
  };
  if (area.top >= 0 && area.top + area.height <= imageHeight) {
    paint(area);
    return;
  }
  const pixels = new Uint32Array(area.stride * area.height);
  paint({...area, pixels, top: 0});
  const first = Math.max(0, -area.top);
  const last = Math.min(area.height, imageHeight - area.top);
  if (last <= first) return;
  const part = pixels.subarray(first * area.stride, last * area.stride);
  area.pixels.set(part, (area.top + first) * area.stride);
}

/** Return the text within the bar of an attempt: its mark, and what tells it from the others. */
function barText(data, lane, attempt) {
  const mark = MARKS[data.statusOf(attempt)];
  let name = formatNumber(data.index[attempt]);
  if (lane.task === null) name = `${data.tasks[data.taskOf(attempt)]}[${data.index[attempt]}]`;
  else if (!data.hasItems(attempt)) {
    name = lane.name;
    if (lane.executions.length > 1) name = `#${data.executions.visit[data.execution[attempt]]}`;
  }
  return mark ? `${mark} ${name}` : name;
}

/** Return the counts of a lane in a few words. */
function laneCounts(lane) {
  if (!lane.attempts) return lane.executions.length ? 'no attempts' : NOT_REACHED;
  if (!lane.failed) return formatCount(lane.attempts, 'attempt');
  return `${formatNumber(lane.failed)} failed of ${formatNumber(lane.attempts)}`;
}

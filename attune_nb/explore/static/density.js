// Strips: how many attempts ran at once in each pixel, and with which statuses.

const LEAST_FAILED = 2; // pixels of the screen's own, before its scale
const LEAST = 1;
const PEAK_PIXELS = 600; // of a strip of the whole run, by which the heights of strips are chosen
const RAIL = 3; // pixels: the height of the ticks of failures above a strip

/** The busy seconds of each status in each pixel of a strip. */
class Strip {
  constructor(from, to, width) {
    this.from = from;
    this.perPixel = (to - from) / width;
    this.width = width;
    // by status; an element for each pixel, in units of a pixel's time
    this.busy = [];
    this.seen = [];
    this.steps = [];
  }

  /** Add attempts: from when to when, how many at once; none are less seen than others. */
  add(status, start, end, weight) {
    const {width} = this;
    if (!this.busy[status]) {
      this.busy[status] = new Float64Array(width);
      this.seen[status] = new Uint8Array(width);
      this.steps[status] = new Float64Array(width + 1);
    }
    const left = Math.max(0, (start - this.from) / this.perPixel);
    const right = Math.min(width, (end - this.from) / this.perPixel);
    const first = Math.min(width - 1, Math.floor(left));
    const last = Math.min(width - 1, Math.floor(right));
    const busy = this.busy[status];
    const seen = this.seen[status];
    seen[first] = 1;
    if (first === last) {
      busy[first] += (right - left) * weight;
      return;
    }
    // parts of the outer pixels; those between are filled by the running sum
    busy[first] += (first + 1 - left) * weight;
    busy[last] += (right - last) * weight;
    this.steps[status][first + 1] += weight;
    this.steps[status][last] -= weight;
    if (right > last) seen[last] = 1;
  }

  /** The most attempts at once in any pixel. */
  #findPeak() {
    const sums = new Float64Array(this.width);
    for (const busy of this.busy) {
      if (!busy) continue;
      for (let pixel = 0; pixel < this.width; pixel++) sums[pixel] += busy[pixel];
    }
    return sums.reduce((most, sum) => Math.max(most, sum), 0);
  }

  /** Fill the pixels between the ends of attempts. */
  finish() {
    this.busy.forEach((busy, status) => {
      let running = 0;
      for (let pixel = 0; pixel < this.width; pixel++) {
        running += this.steps[status][pixel];
        busy[pixel] += running;
        if (running > 1e-9) this.seen[status][pixel] = 1;
      }
    });
    this.peak = this.#findPeak();
    return this;
  }
}

/** Return how many attempts ran at once at most, on average over a pixel of the whole run. */
function findAveragePeak(data, lane) {
  if (!lane.rows.length && !lane.spans.length) return 1;
  return measureStrip(data, lane, 0, data.end, PEAK_PIXELS).peak || 1;
}

/** Return the strip of a lane between two times. */
function measureStrip(data, lane, from, to, width) {
  const strip = new Strip(from, to, width);
  const last = lane.lastAt(to);
  for (let place = lane.firstAt(from); place < last; place++) {
    const row = lane.rows[place];
    const end = data.start[row] + data.duration[row];
    if (end < from) continue;
    const status = data.status[row];
    if (!lane.spans.length || !lane.isSummed(row)) strip.add(status, data.start[row], end, 1);
    // a failure is seen, but it counts only once
    else if (data.isFailure[status]) strip.add(status, data.start[row], end, 0);
  }

  const {spans} = data;
  for (const span of lane.spans) {
    const end = spans.start[span] + spans.duration[span];
    if (spans.start[span] > to || end < from) continue;
    strip.add(spans.status[span], spans.start[span], end, spans.running[span]);
  }
  return strip.finish();
}

/**
 * Write a strip into pixels: the statuses above each other, failures at the top.
 *
 * `pixels` is a Uint32Array of an image `stride` wide. The full height stands for `peak` attempts
 * at once. A failure is at least two pixels high, so that it is seen, and no share looks larger
 * than it is beyond that.
 */
function paintStrip({pixels, stride, left, top, width, height, scale}, strip, peak, palette) {
  const {busy, seen} = strip;
  const order = [...palette.stack, ...palette.failures].filter((status) => busy[status]);
  const least = order.map(
    (status) => Math.ceil((palette.failures.includes(status) ? LEAST_FAILED : LEAST) * scale));
  for (let pixel = 0; pixel < width; pixel++) {
    let bottom = top + height;
    for (let place = 0; place < order.length; place++) {
      const status = order[place];
      if (!seen[status][pixel]) continue;
      const size = Math.max(least[place], Math.round(busy[status][pixel] / peak * height));
      // a failure above a full column covers the top of it
      const lower = place ? Math.max(bottom, top + least[place]) : bottom;
      const upper = Math.max(top, lower - size);
      fillColumn(pixels, stride, left + pixel, upper, lower, palette.packed[status]);
      bottom = upper;
    }
  }
}

/** Write a tick above a strip for each of its pixels that has a failure: two pixels wide. */
function paintFailures({pixels, stride, left, top, width, scale}, {busy, seen}, palette) {
  const size = Math.ceil(RAIL * scale);
  const reach = Math.ceil(scale);
  for (const status of palette.failures) {
    if (!busy[status]) continue;
    for (let pixel = 0; pixel < width; pixel++) {
      if (!seen[status][pixel]) continue;
      const last = Math.min(width - 1, pixel + reach);
      for (let x = pixel; x <= last; x++) {
        fillColumn(pixels, stride, left + x, top, top + size, palette.packed[status]);
      }
    }
  }
}

function fillColumn(pixels, stride, x, top, bottom, colour) {
  for (let y = top; y < bottom; y++) pixels[y * stride + x] = colour;
}

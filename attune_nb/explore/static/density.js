// Strips: how many attempts ran at once in each pixel, and with which statuses.

const LEAST_FAILED = 2; // pixels of the screen's own, before its scale
const LEAST = 1;

/**
 * Return the busy seconds of each status in each pixel of a strip.
 *
 * `busy[status]` has an element for each pixel, or is undefined without attempts of that status;
 * `seen[status]` says in which pixels there are any, however short.
 */
function measureBusy(data, lane, from, to, width) {
  const perPixel = (to - from) / width;
  const busy = [];
  const seen = [];
  const steps = [];
  const last = lane.lastAt(to);
  for (let place = lane.firstAt(from); place < last; place++) {
    const row = lane.rows[place];
    const start = data.start[row];
    const end = start + data.duration[row];
    if (end < from) continue;

    const status = data.status[row];
    if (!busy[status]) {
      busy[status] = new Float64Array(width);
      seen[status] = new Uint8Array(width);
      steps[status] = new Float64Array(width + 1);
    }
    const left = Math.max(0, (start - from) / perPixel);
    const right = Math.min(width, (end - from) / perPixel);
    const first = Math.min(width - 1, Math.floor(left));
    const final = Math.min(width - 1, Math.floor(right));
    if (first === final) {
      busy[status][first] += right - left;
      seen[status][first] = 1;
      continue;
    }
    // parts of the outer pixels; those between are filled by the running sum below
    busy[status][first] += first + 1 - left;
    busy[status][final] += right - final;
    steps[status][first + 1] += 1;
    steps[status][final] -= 1;
    seen[status][first] = 1;
    if (right > final) seen[status][final] = 1;
  }

  busy.forEach((column, status) => {
    let running = 0;
    for (let pixel = 0; pixel < width; pixel++) {
      running += steps[status][pixel];
      column[pixel] += running;
      if (running > 0) seen[status][pixel] = 1;
    }
  });
  return {busy, seen};
}

/**
 * Write a strip into pixels: successes from the bottom, failures from the top.
 *
 * `pixels` is a Uint32Array of an image `stride` wide. The full height stands for `peak` attempts
 * at once. A failure is at least two pixels high, so that it is seen, and no share looks larger
 * than it is beyond that.
 */
function paintStrip({pixels, stride, left, top, width, height, scale}, strip, peak, palette) {
  const {busy, seen} = strip;
  const order = palette.stack.filter((status) => busy[status]);
  const failures = palette.failures.filter((status) => busy[status]);
  for (let pixel = 0; pixel < width; pixel++) {
    let bottom = top + height;
    for (const status of order) {
      if (!seen[status][pixel]) continue;
      const size = clampSize(busy[status][pixel] / peak * height, LEAST * scale, bottom - top);
      fillColumn(pixels, stride, left + pixel, bottom - size, bottom, palette.packed[status]);
      bottom -= size;
    }

    let above = top;
    for (const status of failures) {
      if (!seen[status][pixel]) continue;
      const size = clampSize(
        busy[status][pixel] / peak * height, LEAST_FAILED * scale, top + height - above);
      fillColumn(pixels, stride, left + pixel, above, above + size, palette.packed[status]);
      above += size;
    }
  }
}

function clampSize(size, least, most) {
  return Math.min(most, Math.max(Math.ceil(least), Math.round(size)));
}

function fillColumn(pixels, stride, x, top, bottom, colour) {
  for (let y = top; y < bottom; y++) pixels[y * stride + x] = colour;
}

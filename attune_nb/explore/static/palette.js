// The colours of the page, and the size of a canvas, as drawing needs them.

/** The colours of an element, read from its style, as canvases need them. */
class Palette {
  constructor(statuses, element) {
    const style = getComputedStyle(element);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.ink = colour('ink');
    this.muted = colour('muted');
    this.rule = colour('rule');
    this.paper = colour('paper');
    this.accent = colour('accent');
    this.colours = statuses.map((status) => colour(status) || colour('other'));
    this.packed = this.colours.map(packColour);
    // for sums behind bars
    this.faded = this.packed.map((colour) => ((colour & 0xffffff) | 0x48000000) >>> 0);
    this.failures = FAILURES.map((status) => statuses.indexOf(status));
    this.stack = statuses.map((_, code) => code).filter((code) => !this.failures.includes(code));
  }
}

/** Return a colour of CSS as a number for an image's pixels. */
function packColour(colour) {
  const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0];
}

/** Give a canvas the pixels of the screen; return its size in pixels of CSS, and the scale. */
function fitCanvas(canvas) {
  const box = canvas.parentElement.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(box.width * scale));
  const height = Math.max(1, Math.round(box.height * scale));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return {width: box.width, height: box.height, scale};
}

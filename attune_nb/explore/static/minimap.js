// The whole run in a small strip, with the view as a frame in it.

class Minimap {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.picture = null;
  }

  measure(gutter) {
    this.size = fitCanvas(this.canvas);
    this.gutter = gutter;
    this.picture = null;
  }

  /** The time at a distance from the left edge. */
  timeAt(x, data) {
    return (x - this.gutter) / Math.max(1, this.size.width - this.gutter) * data.end;
  }

  draw(data, all, view, palette) {
    const {context, size, gutter} = this;
    const width = Math.max(1, size.width - gutter);
    this.picture ??= this.#paint(data, all, palette, width);
    context.setTransform(size.scale, 0, 0, size.scale, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    context.drawImage(this.picture, gutter, 0, width, size.height);

    const left = gutter + view.from / data.end * width;
    const right = Math.max(left + 3, gutter + view.to / data.end * width);
    context.strokeStyle = palette.ink;
    context.lineWidth = 1.5;
    context.strokeRect(left + 0.75, 0.75, right - left - 1.5, size.height - 1.5);
  }

  #paint(data, all, palette, width) {
    const {scale} = this.size;
    const columns = Math.max(1, Math.floor(width * scale));
    const height = Math.max(1, Math.floor(this.size.height * scale));
    const image = new ImageData(columns, height);
    const pixels = new Uint32Array(image.data.buffer);
    const strip = measureStrip(data, all, 0, data.end, columns);
    const rail = Math.ceil(RAIL * scale);
    const area = {
      pixels, stride: columns, left: 0, top: rail + 1, width: columns, height: height - rail - 2,
      scale,
    };
    paintStrip(area, strip, strip.peak, palette);
    paintFailures({...area, top: 1}, strip, palette);
    const picture = new OffscreenCanvas(columns, height);
    picture.getContext('2d').putImageData(image, 0, 0);
    return picture;
  }
}

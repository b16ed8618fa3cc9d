// Texts of times and counts, and elements made without HTML.

/** Return a duration in a sensible unit: `420 µs`, `3.4 ms`, `1.4 s`, `2.5 min`. */
function formatDuration(seconds) {
  const units = [[1e-3, 'µs', 1e6], [1, 'ms', 1e3], [120, 's', 1], [7200, 'min', 1 / 60],
    [172800, 'h', 1 / 3600], [Infinity, 'd', 1 / 86400]];
  if (!seconds) return '0 ms';

  const [, unit, scale] = units.find(([limit]) => seconds < limit);
  const value = seconds * scale;
  let places = 2;
  if (value >= 100) places = 0;
  else if (value >= 1) places = 1;
  return `${formatNumber(value, places)} ${unit}`;
}

/** Return a number with commas between thousands. */
function formatNumber(value, places = 0) {
  return value.toLocaleString('en-US',
    {minimumFractionDigits: places, maximumFractionDigits: places});
}

/** Return a count with its noun: `1 attempt`, `1,200 attempts`. */
function formatCount(count, noun) {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Return a status as it is shown: `timed out`. */
function formatStatus(status) {
  return status.replaceAll('_', ' ');
}

/**
 * Return a text that is cut to a width, with an ellipsis; an empty one if no letter fits.
 *
 * Args:
 *   context: Of a canvas; its font is that of the text.
 *   isName: Whether the middle is cut: names that begin alike often differ at their ends.
 */
function fitText(context, text, width, isName = false) {
  const fits = (shown) => context.measureText(shown).width <= width;
  if (fits(text)) return text;

  const cut = (length) => {
    const end = isName ? Math.floor(length / 3) : 0;
    return `${text.slice(0, length - end)}…${text.slice(text.length - end)}`;
  };
  let low = 0;
  let high = Math.min(text.length - 1, 200);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (fits(cut(middle))) low = middle;
    else high = middle - 1;
  }
  return low ? cut(low) : '';
}

/**
 * Return a new element. Texts are set as text, never as HTML.
 *
 * `properties` are attributes of the element; a key that begins with `on` is a listener.
 */
function makeElement(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

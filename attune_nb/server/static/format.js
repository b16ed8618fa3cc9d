// Texts of times, counts and statuses.

import {makeElement, setAttribute, setText} from './dom.js';

/** A mark for each status, so that nothing depends on a colour alone. */
const MARKS = {
  succeeded: '✓', failed: '✕', timed_out: '✕', unreadable: '✕', cancelled: '⊘', interrupted: '!',
  running: '▶', retrying: '↻', waiting: '?', paused: '‖', cancelling: '⊘', skipped: '–',
  pending: '…',
};

// made once: the making of a format costs more than its use
const NUMBERS = [0, 1].map((places) => new Intl.NumberFormat('en-US',
  {minimumFractionDigits: places, maximumFractionDigits: places}));
const TIME = new Intl.DateTimeFormat([], {hour: '2-digit', minute: '2-digit'});
const WEEKDAY = new Intl.DateTimeFormat([], {weekday: 'short'});
const DAY = new Intl.DateTimeFormat([], {year: 'numeric', month: 'short', day: 'numeric'});
const DATE = new Intl.DateTimeFormat([], {dateStyle: 'medium', timeStyle: 'long'});

/** The statuses of runs with a process that works on them. */
export const ACTIVE_STATUSES = ['pending', 'running', 'paused', 'cancelling'];

/** Return whether a run with a status has a process that works on it. */
export function isActive(status) {
  return ACTIVE_STATUSES.includes(status);
}

/** Return the mark of a status. */
function markOf(status) {
  return MARKS[status] ?? '•';
}

/** Return a status as it is shown: `timed out`. */
export function formatStatus(status) {
  return status.replaceAll('_', ' ');
}

/** Return an element that shows a status; `showStatus` changes it. */
export function makeStatus(status) {
  const element = makeElement('span', {class: 'status'},
    makeElement('i', {'aria-hidden': 'true'}), makeElement('span'));
  if (status) showStatus(element, status);
  return element;
}

/** Show a status in an element of `makeStatus`, with another text if that is given. */
export function showStatus(element, status, text = formatStatus(status)) {
  setAttribute(element, 'data-status', status);
  const [mark, label] = element.children;
  setText(mark, markOf(status));
  setText(label, text);
}

/** Return a number with commas between thousands, and no decimal place or one. */
export function formatNumber(value, places = 0) {
  return NUMBERS[places].format(value);
}

/** Return a count with its noun: `1 item`, `1,200 items`. */
export function formatCount(count, noun) {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Return a duration in two units at most: `420 ms`, `3.4 s`, `12 min 5 s`, `3 h 20 min`. */
export function formatDuration(seconds) {
  if (!(seconds > 0)) return '0 ms';
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 59.95) return `${formatNumber(seconds, 1)} s`;
  return formatClock(seconds);
}

/** Return the duration of something that goes on, in whole seconds: `3 s`, `12 min 5 s`. */
export function formatClock(seconds) {
  const count = Math.max(0, Math.floor(seconds));
  if (count < 60) return `${count} s`;

  const minutes = Math.floor(count / 60);
  if (minutes < 60) return joinUnits(minutes, 'min', count % 60, 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joinUnits(hours, 'h', minutes % 60, 'min');
  return joinUnits(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function joinUnits(large, largeUnit, small, smallUnit) {
  const text = `${formatNumber(large)} ${largeUnit}`;
  return small ? `${text} ${small} ${smallUnit}` : text;
}

/** Return the seconds since a moment in one unit: `just now`, `40 s ago`, `3 d ago`. */
export function formatAgo(seconds) {
  if (seconds < 5) return 'just now';
  return `${formatClock(seconds).replace(/^(\S+ \S+) .*/, '$1')} ago`;
}

/** Return the seconds that are left, rounded as an estimate is: `16 s`, `3 min`, `2 h`. */
export function formatLeft(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  return formatClock(seconds).replace(/^(\d+ min) .*/, '$1');
}

/** Return a rate in a sensible unit: `2,410/s`, `3.1/s`, `12/min`. */
export function formatRate(rate) {
  if (rate >= 10) return `${formatNumber(rate)}/s`;
  if (rate >= 1) return `${formatNumber(rate, 1)}/s`;
  const perMinute = rate * 60;
  return `${formatNumber(perMinute, perMinute >= 10 ? 0 : 1)}/min`;
}

/** Return a moment as a person says it: the time today, `Mon 14:02` this week, else the date. */
export function formatMoment(seconds) {
  const date = new Date(seconds * 1000);
  const today = new Date();
  today.setHours(0, 0, 0, 0);
  const days = (today - date) / 86_400_000;
  if (days <= 0) return TIME.format(date);
  if (days < 6) return `${WEEKDAY.format(date)} ${TIME.format(date)}`;
  return DAY.format(date);
}

/** Return a moment in full, for a tooltip. */
export function formatDate(seconds) {
  return DATE.format(new Date(seconds * 1000));
}

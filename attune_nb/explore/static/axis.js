// The times of the axis.

const TIME_STEPS = [10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600, 43200,
  86400]; // seconds

/** Return a step of the axis that is at least as long as asked: round in its unit. */
function chooseStep(least) {
  const round = TIME_STEPS.find((step) => step >= least);
  if (least >= 10 && round) return round;
  const day = 86400;
  const unit = least > 10 ? day : 1;
  const power = 10 ** Math.floor(Math.log10(least / unit));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power * unit >= least * (1 - 1e-9));
  return factor * power * unit;
}

/** Return a time of the axis, with as many places as its step needs. */
function formatTime(time, step) {
  if (time === 0) return '0';
  const [unit, scale] = axisUnit(time, step);
  const places = Math.max(0, Math.min(6, -Math.floor(Math.log10(step * scale) + 1e-9)));
  return `${formatNumber(time * scale, places)} ${unit}`;
}

function axisUnit(time, step) {
  if (time < 1e-3 && step < 1e-3) return ['µs', 1e6];
  if (time < 1 && step < 1) return ['ms', 1e3];
  if (time >= 172800 && step >= 8640) return ['d', 1 / 86400];
  if (time >= 7200 && step >= 360) return ['h', 1 / 3600];
  if (time >= 120 && step >= 6) return ['min', 1 / 60];
  return ['s', 1];
}

// The start of the page.

/** The media that change the colours of the page. */
const RECOLOURED = ['(prefers-color-scheme: dark)', '(prefers-contrast: more)',
  '(forced-colors: active)', 'print'];

/** Write the title, the facts and the legend. */
function showHeader(explorer) {
  const {data} = explorer;
  const {run} = data;
  document.getElementById('title').textContent = `${run.workflow} · ${run.id}`;
  const since = run.has_ended ? 'after' : 'for';
  const facts = [`${formatStatus(run.status)} ${since} ${formatDuration(run.seconds)}`,
    formatCount(data.attempts, 'attempt'), formatCount(data.tasks.length, 'task')];
  if (run.kind) facts.splice(1, 0, run.kind);
  document.getElementById('facts').textContent = facts.join(' · ');

  const error = document.getElementById('run-error');
  error.textContent = run.error;
  error.hidden = !run.error;
  const notes = document.getElementById('notes');
  notes.textContent = data.notes.join(' ');
  notes.hidden = !data.notes.length;
  showLegend(data);
}

function showLegend(data) {
  const codes = new Set([...data.status, ...data.spans.status, ...data.executions.status]);
  const entries = [...codes].sort((one, two) => one - two).map((code) => {
    const status = data.statuses[code];
    const swatch = makeElement('i', {'aria-hidden': 'true'}, MARKS[status] ?? '');
    swatch.style.background = `var(--${status}, var(--other))`;
    return makeElement('li', {}, swatch, formatStatus(status));
  });
  document.getElementById('legend').replaceChildren(...entries);
}

async function start() {
  const bytes = await inflate(document.getElementById('data').textContent);
  const data = await RunData.read(JSON.parse(new TextDecoder().decode(bytes)));
  document.getElementById('static').remove();
  document.getElementById('page').hidden = false;

  const explorer = new Explorer(data);
  explorer.addEventListener('update', () => showHeader(explorer));
  connectControls(explorer);
  showHeader(explorer);
  const panes = new Panes(explorer);

  new ResizeObserver(() => explorer.resize()).observe(document.getElementById('plot'));
  for (const query of RECOLOURED) {
    matchMedia(query).addEventListener('change', () => explorer.resize());
  }
  explorer.resize();
  window.explorer = explorer;
  window.panes = panes;
  document.documentElement.dataset.ready = 'true';
}

start().catch((error) => {
  const line = document.getElementById('static') ?? document.getElementById('message');
  line.textContent = `This page could not be drawn: ${error}`;
});

// The tasks as a table: the twin of the plot for the keyboard and for readers who cannot see it.

/** Draw the table. `onChoose` is called with the name of a task that a reader chooses. */
function showTable(parent, source, onChoose) {
  const heads = ['task', 'status', 'visits#', 'items#', 'attempts#', 'failed#', 'longest#', 'error'];
  const rows = source.data.tasks.map((task) => tableRow(source, task, onChoose));
  parent.replaceChildren(makeTable('Tasks', heads, rows));
}

function tableRow(source, task, onChoose) {
  const {visits, items, attempts, failed, longest} = source.counts(task);
  const status = source.status(task);
  const button = makeElement('button', {
    type: 'button', class: 'link', onclick: () => onChoose(task)}, task);
  const number = (text) => makeElement('td', {class: 'number'}, text);
  const row = makeElement('tr', {},
    makeElement('th', {scope: 'row'}, button),
    makeElement('td', {}, makeStatus(status)),
    number(formatNumber(visits)),
    number(source.hasItems(task) ? formatNumber(items) : ''),
    number(attempts ? formatNumber(attempts) : ''),
    number(failed ? formatNumber(failed) : ''),
    number(attempts ? formatDuration(longest) : ''),
    makeElement('td', {class: 'text'}, source.error(task) ?? ''));
  row.dataset.task = task;
  return row;
}

/** Mark the row of a task as the chosen one; null marks none. */
function markTableRow(parent, task) {
  for (const row of parent.querySelectorAll('tr[data-task]')) {
    if (row.dataset.task === task) row.setAttribute('aria-current', 'true');
    else row.removeAttribute('aria-current');
  }
}

// The tasks as a table: the same as the plot, for readers who cannot see it.

function showTable(explorer) {
  const {data} = explorer;
  const heads = ['task', 'status', 'visits', 'items', 'attempts', 'failed', 'longest'];
  const numbers = new Set(heads.slice(2));
  const head = makeElement('tr', {}, ...heads.map((name) => makeElement(
    'th', {scope: 'col', class: numbers.has(name) ? 'number' : ''}, name)));
  const rows = lanesByTask(data).map((lane) => tableRow(data, lane));
  const table = makeElement('table', {},
    makeElement('thead', {}, head), makeElement('tbody', {}, ...rows));
  document.getElementById('table').replaceChildren(table);
}

function tableRow(data, lane) {
  const {executions} = data;
  const last = lane.executions.at(-1);
  const status = last === undefined ? 'pending' : data.statuses[executions.status[last]];
  const items = lane.executions.reduce((sum, number) => sum + (executions.items[number] ?? 0), 0);
  const failed = lane.executions.reduce((sum, number) => sum + executions.failed[number], 0);
  const mark = MARKS[status];
  const cells = [lane.executions.length, items, lane.attempts, failed];
  return makeElement('tr', {},
    makeElement('th', {scope: 'row'}, lane.name),
    makeElement('td', {}, mark ? `${mark} ${formatStatus(status)}` : status),
    ...cells.map((count) => makeElement('td', {class: 'number'}, formatNumber(count))),
    makeElement('td', {class: 'number'}, formatDuration(lane.longest)));
}

// The search: which attempts have a text in their task, item, result, error or lines.

/**
 * Return a flag for each attempt: 1 if it matches.
 *
 * A number, as `317` or `#317`, also matches the items of that index. `query` is in lower case.
 */
function findMatches(data, query) {
  const has = (text) => text !== null && text.toLowerCase().includes(query);
  const tasks = data.tasks.map(has);
  const errors = data.errors.map(({type, message}) => has(`${type}: ${message}`));
  const items = findItems(data, has);
  const index = /^#?\d+$/.test(query) ? Number(query.replace('#', '')) : -1;

  const matches = new Uint8Array(data.count);
  for (let row = 0; row < data.count; row++) {
    const number = data.errorNumber[row];
    const isMatch = tasks[data.taskOf(row)]
      || (number > 0 && errors[number - 1])
      || (data.index[row] === index && data.hasItems(row))
      || items.get(data.execution[row])?.has(data.index[row]);
    matches[row] = isMatch ? 1 : 0;
  }
  return matches;
}

/** Return the items with a preview or a line that matches: their indexes, by execution. */
function findItems(data, has) {
  const items = new Map();
  const add = (execution, index) => {
    if (!items.has(execution)) items.set(execution, new Set());
    items.get(execution).add(index);
  };

  const {previews, logs} = data.json;
  previews.execution.forEach((execution, place) => {
    if (has(previews.item[place]) || has(previews.result[place])) {
      add(execution, previews.index[place]);
    }
  });

  const texts = logs?.text ?? [];
  const places = texts.map((_, place) => place).filter((place) => has(texts[place]));
  if (!places.length) return items;

  const {task, visit} = data.executions;
  const executions = new Map(
    task.map((number, execution) => [`${data.tasks[number]}:${visit[execution]}`, execution]));
  for (const place of places) {
    const execution = executions.get(`${logs.task[place]}:${logs.visit[place]}`);
    if (execution !== undefined) add(execution, logs.index[place]);
  }
  return items;
}

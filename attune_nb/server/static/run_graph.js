// The graph of a run's workflow, with the states of its tasks as they change.

import {HOME, explain, get} from './api.js';
import {makeElement, setShown, setText} from './dom.js';
import {formatNumber} from './format.js';
import {feedOf} from './run_feed.js';
import {chooseTask} from './run_tasks.js';

const {GraphView} = await import(`${HOME}/explore.js`);

// milliseconds until a layout that could not be read is asked for again
const RETRY_AFTER = 3_000;

export function open(panel, run) {
  return new LiveGraph(panel, run);
}

/** Return the counts of a task in a few words: `61,204/100,000 · 17 failed`. */
function describeCounts(row) {
  if (!row.with_items) return '';
  const total = row.total === null ? '?' : formatNumber(row.total);
  const counts = `${formatNumber(row.done)}/${total}`;
  return row.failed ? `${counts} · ${formatNumber(row.failed)} failed` : counts;
}

class LiveGraph {
  constructor(panel, run) {
    this.panel = panel;
    this.run = run;
    this.feed = feedOf(run);
    this.graph = null;
    this.nested = '';
    this.isLoading = false;
    this.readyTime = 0;
    this.note = makeElement('p', {class: 'note'}, 'loading …');
    this.parent = makeElement('div', {class: 'graph'});
    panel.append(makeElement('div', {class: 'drawing'}, this.note, this.parent));
    this.view = new GraphView(this.parent, (task) => this.#choose(task));
    this.onFeed = () => this.#draw();
    this.feed.addEventListener('change', this.onFeed);
  }

  update() {
    this.feed.update();
    // a task with a first child run shows the tasks of its workflow
    const nested = this.run.state.tasks.filter((row) => row.children > 0)
      .map((row) => row.task).join('\n');
    if (this.graph === null || nested !== this.nested) this.#load(nested);
    this.#draw();
  }

  async #load(nested) {
    if (this.isLoading || performance.now() < this.readyTime) return;
    this.isLoading = true;
    try {
      this.graph = await get(`/runs/${this.run.id}/graph`);
      this.nested = nested;
      setShown(this.note, false);
      this.view.draw(this.graph);
      this.#draw();
      this.parent.dataset.ready = 'true';
    } catch (error) {
      this.readyTime = performance.now() + RETRY_AFTER;
      setText(this.note, explain(error));
    }
    this.isLoading = false;
  }

  #draw() {
    if (this.graph === null || this.run.state === null) return;
    const states = new Map(this.run.state.tasks.map((row) => [row.task, {
      status: row.status, counts: describeCounts(row), visits: row.visits}]));
    // tasks beyond the most that a state has are known by their attempts
    const {data} = this.feed;
    if (data !== null) addOlderTasks(states, data);
    this.view.setStates(states, data?.fired ?? new Map());
  }

  #choose(task) {
    this.view.mark(task);
    chooseTask(this.panel, task);
  }

  choose(task) {
    this.view.mark(task);
  }

  close() {
    this.feed.close();
    this.feed.removeEventListener('change', this.onFeed);
  }
}

/** Add the states of the tasks that only the attempts know. */
function addOlderTasks(states, data) {
  const {task, visit, status} = data.executions;
  for (let execution = 0; execution < data.executionCount; execution++) {
    const name = data.tasks[task[execution]];
    const state = states.get(name);
    if (state && !state.isOlder) continue;
    states.set(name, {
      status: data.statuses[status[execution]], counts: '', visits: visit[execution], isOlder: true});
  }
}

// The panes below the timeline: the tasks as a table or as a graph, and beside it the details.

const VIEWS = [['table', 'Tasks'], ['graph', 'Graph']];

/** Connect the panes with the explorer: what is chosen in one of them is chosen in all. */
class Panes {
  constructor(explorer) {
    this.explorer = explorer;
    this.parent = document.getElementById('panes');
    this.table = document.getElementById('table');
    this.graphPane = document.getElementById('graph');
    this.detailsPane = document.getElementById('details');
    this.graph = new GraphView(this.graphPane, (task) => this.chooseTask(task));
    this.details = new Details(this.detailsPane, {
      onAttempt: (row) => explorer.zoomTo(row),
      onClose: () => this.close(),
    });
    this.#makeTabs();
    explorer.addEventListener('choose', () => this.#follow());
    explorer.addEventListener('update', () => this.update());
    explorer.addEventListener('view', () => this.#fitPlot());
    this.update();
    this.showView('table');
  }

  /** Use the explorer's present data. */
  update() {
    const {data} = this.explorer;
    this.source = new TaskSource(data);
    showTable(this.table, this.source, (task) => this.chooseTask(task));
    const {graph} = data.json;
    document.getElementById('tab-graph').hidden = !graph;
    if (graph) this.graph.draw(graph);
    this.details.update(this.source);
    this.#fitPlot();
  }

  /** Make the timeline no higher than its lanes need. */
  #fitPlot() {
    const plot = document.getElementById('plot');
    plot.style.maxHeight = `${mostPlotHeight(this.explorer.lanes)}px`;
  }

  /** Choose a task: its bars are marked, and its details shown. */
  chooseTask(task) {
    const number = this.explorer.data.tasks.indexOf(task);
    this.explorer.attempt = -1;
    if (number >= 0) {
      if (this.explorer.grouping !== 'task') switchGrouping(this.explorer);
      this.explorer.chooseLane(number);
    } else {
      this.#open(task, -1);
    }
    this.detailsPane.focus({preventScroll: true});
  }

  /** Close the details, and give the focus back to the row or box of their task. */
  close() {
    const {task} = this.details;
    const isFocused = this.detailsPane.contains(document.activeElement);
    this.explorer.chooseNothing();
    if (isFocused) this.#focusTask(task);
  }

  #focusTask(task) {
    const row = this.table.querySelector(`tr[data-task="${CSS.escape(task)}"] button`);
    const target = this.table.hidden ? this.graph.boxes.get(task) : row;
    (target ?? this.explorer.plot.canvas).focus({preventScroll: true});
  }

  /** Show the attempt or the lane that is chosen in the timeline. */
  #follow() {
    const {attempt, lane, lanes, data} = this.explorer;
    if (attempt >= 0) this.#open(data.tasks[data.taskOf(attempt)], attempt);
    else if (lanes[lane]?.task !== null && lanes[lane]) this.#open(data.tasks[lanes[lane].task], -1);
    else if (lane < 0) this.#hideDetails();
  }

  #hideDetails() {
    this.details.clear();
    this.detailsPane.hidden = true;
    this.parent.classList.remove('split');
    this.#mark(null);
  }

  #open(task, row) {
    this.detailsPane.hidden = false;
    this.parent.classList.add('split');
    this.details.show(task, row);
    this.#mark(task);
  }

  #mark(task) {
    markTableRow(this.table, task);
    this.graph.mark(task);
  }

  #makeTabs() {
    const tabs = document.getElementById('tabs');
    this.tabs = VIEWS.map(([name, title]) => {
      const tab = makeElement('button', {
        type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': name,
        onclick: () => this.showView(name)}, title);
      tab.addEventListener('keydown', (event) => {
        if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
        const other = VIEWS.find(([candidate]) => candidate !== name)[0];
        if (document.getElementById(`tab-${other}`).hidden) return;
        this.showView(other);
        document.getElementById(`tab-${other}`).focus();
        event.stopPropagation();
      });
      return tab;
    });
    tabs.replaceChildren(...this.tabs);
  }

  /** Show the tasks as a "table" or as a "graph". */
  showView(name) {
    for (const tab of this.tabs) {
      const isShown = tab.id === `tab-${name}`;
      tab.setAttribute('aria-selected', String(isShown));
      tab.setAttribute('tabindex', isShown ? 0 : -1);
      document.getElementById(tab.getAttribute('aria-controls')).hidden = !isShown;
    }
  }
}

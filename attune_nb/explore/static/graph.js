// The graph of the workflow as SVG. Its boxes can be reached with the keyboard: one of them takes
// the focus, and the arrow keys move it to its neighbours.

const SVG = 'http://www.w3.org/2000/svg';
const LEAST_SCALE = 0.9; // of a graph that is shown in whole: below, its texts are too small
const MOST_SCALE = 1.25;
const GRAPH_MARGIN = 12;
const NAME_FONT = '600 13px system-ui, sans-serif'; // as the style has them
const TEXT_FONT = '11.5px system-ui, sans-serif';

/** Return an SVG element with these attributes and this text. */
function makeShape(tag, attributes = {}, text = null) {
  const shape = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  if (text !== null) shape.textContent = text;
  return shape;
}

/** Return the class of a status: the style gives it its colour. */
function statusClass(status) {
  return `status-${status.replaceAll(' ', '-')}`;
}

/** Return a text that is cut to the width of a box. */
function fitBox(text, width, isName) {
  const context = fitBox.context ??= new OffscreenCanvas(1, 1).getContext('2d');
  context.font = isName ? NAME_FONT : TEXT_FONT;
  return fitText(context, text, width, isName);
}

/**
 * The drawing of a graph, which can be moved and enlarged.
 *
 * `onChoose` is called with the path of a task when a reader chooses it.
 */
class GraphView {
  constructor(parent, onChoose) {
    this.onChoose = onChoose;
    this.svg = makeShape('svg', {role: 'group', 'aria-label': 'Graph of the tasks'});
    this.boxes = new Map();
    this.nodes = [];
    this.chosen = null;
    this.size = [0, 0];
    this.isMoved = false; // whether a reader has moved or enlarged it
    parent.replaceChildren(this.svg);
    this.#listen();
  }

  /** Draw a graph; the view stays as it is if only states have changed. */
  draw(graph) {
    const isSame = this.graph?.width === graph.width && this.graph?.height === graph.height;
    this.graph = graph;
    this.boxes.clear();
    this.nodes = [];

    const labels = new Set();
    const edges = graph.edges.map((edge) => this.#edge(edge, labels));
    const nodes = graph.nodes.map((node) => this.#node(node));
    this.lines = edges;
    this.svg.replaceChildren(...edges, ...nodes);
    if (!isSame) this.showAll();
    this.mark(this.chosen);
  }

  /** Mark the box of a task as chosen, and move the view to it. */
  mark(task) {
    this.boxes.get(this.chosen)?.classList.remove('chosen');
    this.chosen = task;
    this.boxes.get(task)?.classList.add('chosen');
    this.#moveTabStop(task);
    this.#reveal(task);
  }

  /** Show the whole graph; if its texts could not be read then, its beginning. */
  showAll() {
    this.#measure();
    this.isMoved = false;
    const width = this.graph.width + 2 * GRAPH_MARGIN;
    const height = this.graph.height + 2 * GRAPH_MARGIN;
    const fitting = Math.min(this.size[0] / width, this.size[1] / height);
    const scale = Math.min(Math.max(fitting, LEAST_SCALE), MOST_SCALE);
    const view = {width: this.size[0] / scale, height: this.size[1] / scale};
    view.x = this.#startOf(width, view.width, 'x', 'w');
    view.y = this.#startOf(height, view.height, 'y', 'h');
    this.#setView(view);
  }

  #measure() {
    const box = this.svg.getBoundingClientRect();
    this.size = [Math.max(box.width, 1), Math.max(box.height, 1)];
  }

  /** Fit the view to a new size of the pane: what is chosen stays in it. */
  #fit() {
    if (this.isMoved) {
      const {x, y, width} = this.view;
      const scale = this.size[0] / width;
      this.#measure();
      this.#setView({x, y, width: this.size[0] / scale, height: this.size[1] / scale});
    } else {
      this.showAll();
    }
    this.#reveal(this.chosen);
  }

  /** Where a view begins: a graph that fits is in its middle, another one begins at a task. */
  #startOf(length, shown, place, size) {
    if (length <= shown) return (length - shown) / 2 - GRAPH_MARGIN;
    const first = this.nodes[0];
    const middle = first[place] + first[size] / 2 - shown / 2;
    return Math.min(Math.max(middle, -GRAPH_MARGIN), length - shown - GRAPH_MARGIN);
  }

  #setView(view) {
    this.view = view;
    this.svg.setAttribute('viewBox', `${view.x} ${view.y} ${view.width} ${view.height}`);
  }

  /** Enlarge or shrink the view around a point, which is given as shares of width and height. */
  zoom(factor, right = 0.5, down = 0.5) {
    const {x, y, width, height} = this.view;
    const most = 2 * Math.max(this.graph.width, this.graph.height, this.size[0]);
    const newWidth = Math.min(Math.max(width * factor, 150), most);
    const newHeight = height * newWidth / width;
    this.isMoved = true;
    this.#setView({
      width: newWidth,
      height: newHeight,
      x: x + (width - newWidth) * right,
      y: y + (height - newHeight) * down,
    });
  }

  #reveal(task) {
    const node = this.nodes.find((candidate) => candidate.task === task);
    if (!node || !this.view) return;
    const {x, y, width, height} = this.view;
    const isVisible = node.x >= x && node.x + node.w <= x + width
      && node.y >= y && node.y + node.h <= y + height;
    if (isVisible) return;
    this.#setView({
      width, height, x: node.x + (node.w - width) / 2, y: node.y + (node.h - height) / 2});
  }

  #edge(edge, labels) {
    const line = makeShape('g', {class: 'edge'});
    if (edge.fired !== null) line.classList.add(edge.fired ? 'fired' : 'idle');
    if (edge.failed) line.classList.add('failed');
    line.append(makeShape('path', {d: edge.d}), makeShape('polygon', {points: edge.tip}));

    // the transitions of a fork share a label
    const place = String(edge.at);
    if (edge.label && !labels.has(place)) {
      labels.add(place);
      const [x, y] = edge.at;
      line.append(makeShape('text', {x, y, class: 'condition'}, edge.label));
    }
    return line;
  }

  #node(node) {
    if (node.kind === 'noop' || node.kind === 'fail') return this.#endMark(node);

    const box = makeShape('g');
    this.#fill(box, node);
    // a task of a workflow that a task runs is in runs of its own
    if (node.task === null) return box;

    box.classList.add('task');
    box.setAttribute('role', 'button');
    box.setAttribute('tabindex', -1);
    box.dataset.task = node.task;
    this.boxes.set(node.task, box);
    this.nodes.push(node);
    return box;
  }

  /** Draw the box of a node into its group, which may have the focus. */
  #fill(box, node) {
    const status = node.status ?? '';
    const words = [node.name, formatStatus(status), node.counts].filter(Boolean);
    const kept = ['task', 'chosen'].filter((name) => box.classList.contains(name));
    box.setAttribute('class', ['box', statusClass(status), ...kept].join(' '));
    box.setAttribute('aria-label', words.join(', '));
    box.replaceChildren();
    const {x, y, w: width, h: height} = node;
    box.append(makeShape('title', {}, node.task ?? node.name));
    box.append(makeShape('rect', {class: 'outline', x, y, width, height, rx: 4}));
    if (status) box.append(makeShape('rect', {class: 'band', x, y, width: 6, height, rx: 2}));
    if (node.joins) box.append(makeShape('path', {class: 'join', d: `M${x + 8},${y}h${width - 16}`}));

    const lines = [['name', node.name], ['action', node.action], ['state', this.#stateText(node)],
      ['action', node.nested], ['state', node.runs]];
    let down = y + 15;
    for (const [kind, text] of lines) {
      if (!text) continue;
      const shown = fitBox(text, width - 18, kind === 'name');
      box.append(makeShape('text', {class: kind, x: x + 13, y: down}, shown));
      down += 17;
    }
  }

  /**
   * Draw the states of tasks; boxes and lines whose state is the same are left alone.
   *
   * `states` has `{status, counts, visits}` by the path of a task, and `fired` how often a
   * transition fired, by `task>number`.
   */
  setStates(states, fired) {
    for (const node of this.nodes) {
      const state = states.get(node.task) ?? {status: NOT_REACHED, counts: '', visits: 0};
      const {status, counts, visits} = state;
      if (node.status === status && node.counts === counts && node.visits === visits) continue;
      Object.assign(node, {status, counts, visits});
      this.#fill(this.boxes.get(node.task), node);
    }
    this.graph.edges.forEach((edge, number) => {
      const source = this.graph.nodes[edge.from];
      const count = fired.get(`${source.task}>${edge.number}`) ?? 0;
      const {classList} = this.lines[number];
      classList.toggle('fired', count > 0);
      classList.toggle('idle', count === 0);
    });
  }

  #stateText(node) {
    if (!node.status) return '';
    const mark = MARKS[node.status] ?? (node.status === 'succeeded' ? '✓' : '');
    const visits = node.visits > 1 ? `×${formatNumber(node.visits)}` : '';
    return [mark, formatStatus(node.status), node.counts, visits].filter(Boolean).join(' ');
  }

  #endMark(node) {
    const mark = makeShape('g', {class: `end ${node.kind}`});
    const [x, y] = [node.x + 8, node.y + node.h / 2];
    mark.append(makeShape('circle', {cx: x, cy: y, r: 6}));
    if (node.kind === 'fail') {
      mark.append(makeShape('path', {d: `M${x - 3},${y - 3}l6,6m0,-6l-6,6`}));
    }
    mark.append(makeShape('text', {x: x + 11, y}, node.name));
    return mark;
  }

  /** Let Tab reach one box: that of a task, or else the first. */
  #moveTabStop(task) {
    this.tabStop?.setAttribute('tabindex', -1);
    this.tabStop = this.boxes.get(task) ?? this.tabStop ?? this.boxes.values().next().value;
    if (!this.tabStop?.isConnected) this.tabStop = this.boxes.values().next().value;
    this.tabStop?.setAttribute('tabindex', 0);
  }

  #listen() {
    const {svg} = this;
    let drag = null;
    svg.addEventListener('pointerdown', (event) => {
      drag = {x: event.clientX, y: event.clientY, moved: 0, view: this.view};
    });
    svg.addEventListener('pointermove', (event) => {
      if (!drag || !event.buttons) return;
      const [right, down] = [event.clientX - drag.x, event.clientY - drag.y];
      drag.moved = Math.max(drag.moved, Math.abs(right), Math.abs(down));
      if (drag.moved < STILL) return;
      svg.setPointerCapture(event.pointerId);
      this.isMoved = true;
      const scale = this.view.width / this.size[0];
      this.#setView({
        ...drag.view, x: drag.view.x - right * scale, y: drag.view.y - down * scale});
    });
    svg.addEventListener('click', (event) => {
      const box = event.target.closest('.task');
      if (box && (!drag || drag.moved < STILL)) this.onChoose(box.dataset.task);
      drag = null;
    });
    svg.addEventListener('dblclick', () => this.showAll());
    svg.addEventListener('wheel', (event) => {
      event.preventDefault();
      const box = svg.getBoundingClientRect();
      const right = (event.clientX - box.left) / box.width;
      const down = (event.clientY - box.top) / box.height;
      this.zoom(event.deltaY > 0 ? ZOOM : 1 / ZOOM, right, down);
    }, {passive: false});
    svg.addEventListener('keydown', (event) => this.#press(event));
    new ResizeObserver(() => {
      if (this.graph && svg.clientWidth) this.#fit();
    }).observe(svg);
  }

  #press(event) {
    const box = event.target.closest('.task');
    if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
    const {task} = box.dataset;
    const actions = {
      Enter: () => this.onChoose(task),
      ' ': () => this.onChoose(task),
      ArrowLeft: () => this.#step(task, -1, 0),
      ArrowRight: () => this.#step(task, 1, 0),
      ArrowUp: () => this.#step(task, 0, -1),
      ArrowDown: () => this.#step(task, 0, 1),
      '+': () => this.zoom(1 / ZOOM),
      '=': () => this.zoom(1 / ZOOM),
      '-': () => this.zoom(ZOOM),
      0: () => this.showAll(),
    };
    const action = actions[event.key];
    if (!action) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  }

  /** Move the focus to the nearest box in a direction. */
  #step(task, right, down) {
    const middle = (node) => [node.x + node.w / 2, node.y + node.h / 2];
    const [x, y] = middle(this.nodes.find((node) => node.task === task));
    let nearest = null;
    let least = Infinity;
    for (const node of this.nodes) {
      const [nodeX, nodeY] = middle(node);
      const along = (nodeX - x) * right + (nodeY - y) * down;
      const across = Math.abs((nodeX - x) * down) + Math.abs((nodeY - y) * right);
      const distance = along + 2 * across;
      if (along < 1 || distance >= least) continue;
      nearest = node;
      least = distance;
    }
    if (!nearest) return;
    this.#moveTabStop(nearest.task);
    this.#reveal(nearest.task);
    this.tabStop.focus({preventScroll: true});
  }
}

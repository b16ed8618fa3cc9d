/* The graph of the workflow as SVG: the boxes of the tasks, and the transitions between them.

All texts are set as text, never as markup. The boxes can be reached with the keyboard: one of them
takes the focus, and the arrow keys move it to its neighbours. */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** The marks of statuses: no state is told by its colour alone. */
const STATUS_MARKS = {
  succeeded: "✓", failed: "✕", timed_out: "◷", cancelled: "⊘", running: "▶", retrying: "↻",
  waiting: "?", paused: "‖", skipped: "–", interrupted: "!", pending: "·", "not reached": "·",
};

/** Return an SVG element with these attributes and this text. */
function svgElement(name, attributes = {}, text = null) {
  const element = document.createElementNS(SVG_NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  return element;
}

/** The drawing of a graph, which can be moved and enlarged.

    `onSelect(task)` is called when a reader chooses a task. */
class GraphView {
  constructor(parent, onSelect) {
    this.onSelect = onSelect;
    this.svg = svgElement("svg", { class: "graph", role: "group", "aria-label": "Graph of the tasks" });
    parent.append(this.svg);
    this.boxes = new Map();
    this.order = [];
    this.selected = null;
    this._listen();
  }

  /** Draw a graph; the view stays as it is if only states have changed. */
  draw(graph) {
    const sameSize = this.graph && this.graph.width === graph.width && this.graph.height === graph.height;
    this.graph = graph;
    this.svg.replaceChildren();
    this.boxes.clear();
    this.order = [];

    const written = new Set();
    for (const edge of graph.edges) this._drawEdge(edge, written);
    for (const node of graph.nodes) this._drawNode(node);
    if (!sameSize) this.showAll();
    this.mark(this.selected);
    this._setTabStop(this.selected ?? this.order[0]?.task);
  }

  /** Mark the box of a task as the selected one. */
  mark(task) {
    this.boxes.get(this.selected)?.classList.remove("selected");
    this.selected = task;
    const box = this.boxes.get(task);
    if (!box) return;
    box.classList.add("selected");
    this._setTabStop(task);
  }

  /** Move the view so that the box of a task is in it. */
  reveal(task) {
    const node = this.order.find((candidate) => candidate.task === task);
    if (!node) return;
    const { x, y, width, height } = this.view;
    const isVisible = node.x >= x && node.x + node.w <= x + width && node.y >= y && node.y + node.h <= y + height;
    if (isVisible) return;
    this.view = { width, height, x: node.x + node.w / 2 - width / 2, y: node.y + node.h / 2 - height / 2 };
    this._applyView();
  }

  /** Show the whole graph, unless its texts could not be read then: then its beginning. */
  showAll() {
    const { width: paneWidth, height: paneHeight } = this._paneSize();
    const margin = 12;
    const width = this.graph.width + 2 * margin;
    const height = this.graph.height + 2 * margin;
    const fitting = Math.max(width / paneWidth, height / paneHeight);
    const scale = Math.min(Math.max(fitting, 0.8), 1.5);
    const view = { width: paneWidth * scale, height: paneHeight * scale };
    view.x = width <= view.width ? (this.graph.width - view.width) / 2 : -margin;
    view.y = height <= view.height ? (this.graph.height - view.height) / 2 : -margin;
    if (width > view.width && height <= view.height) {
      // a broad graph begins above its first task
      const first = this.order[0];
      if (first) view.x = Math.min(Math.max(first.x + first.w / 2 - view.width / 2, -margin), width - view.width);
    }
    this.view = view;
    this._applyView();
  }

  _paneSize() {
    const { width, height } = this.svg.getBoundingClientRect();
    return { width: Math.max(width, 1), height: Math.max(height, 1) };
  }

  _applyView() {
    const { x, y, width, height } = this.view;
    this.svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  }

  _drawEdge(edge, written) {
    const kind = edge.fired === null ? "" : edge.fired ? " fired" : " unfired";
    const line = svgElement("g", { class: `edge${kind}` });
    line.append(svgElement("path", { d: edge.d }), svgElement("polygon", { points: edge.tip }));
    if (edge.label) {
      // the transitions of a fork share one label
      const [x, y] = edge.at;
      if (!written.has(`${x},${y}`)) {
        written.add(`${x},${y}`);
        line.append(svgElement("text", { x, y, class: "condition" }, edge.label));
      }
    }
    this.svg.append(line);
  }

  _drawNode(node) {
    if (node.kind === "noop" || node.kind === "fail") {
      const end = svgElement("g", { class: `end ${node.kind}` });
      const [x, y] = [node.x + node.w / 2, node.y + node.h / 2];
      end.append(svgElement("circle", { cx: x, cy: y, r: 6 }));
      end.append(svgElement("text", { x: x + 11, y }, node.name));
      this.svg.append(end);
      return;
    }

    const status = node.status ?? "";
    const box = svgElement("g", {
      class: `task status-${status.replace(" ", "-")}`,
      role: "button",
      tabindex: -1,
      "aria-label": [node.name, status.replace("_", " "), node.counts].filter(Boolean).join(", "),
    });
    box.dataset.task = node.task;
    box.append(svgElement("title", {}, node.task));
    box.append(svgElement("rect", { x: node.x, y: node.y, width: node.w, height: node.h, rx: 5 }));
    if (status) box.append(svgElement("rect", { class: "band", x: node.x, y: node.y, width: 6, height: node.h, rx: 2 }));
    if (node.joins) {
      const [left, right] = [node.x + 8, node.x + node.w - 8];
      box.append(svgElement("path", { class: "join", d: `M${left},${node.y}H${right}` }));
    }

    const x = node.x + 14;
    const room = node.w - 20;
    box.append(this._text(x, node.y + 14, node.name, "name", room));
    if (node.action) box.append(this._text(x, node.y + 30, node.action, "action", room));
    if (status) {
      const visits = node.visits > 1 ? ` · visit ${node.visits.toLocaleString("en")}` : "";
      const counts = node.counts ? ` ${node.counts}` : "";
      const text = `${STATUS_MARKS[status] ?? "·"} ${status.replace("_", " ")}${counts}${visits}`;
      const line = node.action ? 46 : 30;
      box.append(this._text(x, node.y + line, text, "state", room));
    }
    this.svg.append(box);
    this.boxes.set(node.task, box);
    this.order.push(node);
  }

  /** Return a text that is shortened if it needs more room. */
  _text(x, y, text, className, room) {
    const letter = className === "name" ? 7.4 : 6.3;
    const longest = Math.floor(room / letter);
    const shown = text.length > longest ? `${text.slice(0, Math.max(longest - 1, 1))}…` : text;
    return svgElement("text", { x, y, class: className }, shown);
  }

  _setTabStop(task) {
    for (const box of this.boxes.values()) box.setAttribute("tabindex", -1);
    const box = this.boxes.get(task) ?? this.boxes.values().next().value;
    box?.setAttribute("tabindex", 0);
  }

  _listen() {
    let start = null;
    let moved = false;
    this.svg.addEventListener("pointerdown", (event) => {
      start = { x: event.clientX, y: event.clientY, view: { ...this.view } };
      moved = false;
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!start || !event.buttons) return;
      const right = event.clientX - start.x;
      const down = event.clientY - start.y;
      if (Math.abs(right) + Math.abs(down) < 4 && !moved) return;
      moved = true;
      this.svg.setPointerCapture(event.pointerId);
      const scale = this.view.width / this._paneSize().width;
      this.view.x = start.view.x - right * scale;
      this.view.y = start.view.y - down * scale;
      this._applyView();
    });
    this.svg.addEventListener("pointerup", () => { start = null; });
    this.svg.addEventListener("click", (event) => {
      const box = event.target.closest(".task");
      if (box && !moved) this.onSelect(box.dataset.task);
    });
    this.svg.addEventListener("dblclick", () => this.showAll());
    this.svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      const pane = this.svg.getBoundingClientRect();
      const right = (event.clientX - pane.left) / pane.width;
      const down = (event.clientY - pane.top) / pane.height;
      this._zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, right, down);
    }, { passive: false });
    this.svg.addEventListener("keydown", (event) => this._onKey(event));
    new ResizeObserver(() => { if (this.graph) this.showAll(); }).observe(this.svg);
  }

  /** Enlarge or shrink the view around a point, given as shares of its width and height. */
  _zoom(factor, right = 0.5, down = 0.5) {
    const { x, y, width, height } = this.view;
    const most = Math.max(this.graph.width, this.graph.height, 400) * 4;
    const newWidth = Math.min(Math.max(width * factor, 120), most);
    const newHeight = height * (newWidth / width);
    this.view = {
      width: newWidth, height: newHeight,
      x: x + (width - newWidth) * right, y: y + (height - newHeight) * down,
    };
    this._applyView();
  }

  _onKey(event) {
    const box = event.target.closest(".task");
    if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
    const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "Enter" || event.key === " ") {
      this.onSelect(box.dataset.task);
    } else if (event.key in directions) {
      this._moveFocus(box.dataset.task, directions[event.key]);
    } else if (event.key === "+" || event.key === "=") {
      this._zoom(1 / 1.2);
    } else if (event.key === "-") {
      this._zoom(1.2);
    } else if (event.key === "0") {
      this.showAll();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Move the focus to the nearest box in a direction. */
  _moveFocus(task, [right, down]) {
    const from = this.order.find((node) => node.task === task);
    const centre = (node) => [node.x + node.w / 2, node.y + node.h / 2];
    const [x, y] = centre(from);
    let best = null;
    let least = Infinity;
    for (const node of this.order) {
      const [otherX, otherY] = centre(node);
      const along = (otherX - x) * right + (otherY - y) * down;
      if (along <= 1) continue;
      const across = Math.abs((otherX - x) * down) + Math.abs((otherY - y) * right);
      const distance = along + 2 * across;
      if (distance < least) [best, least] = [node, distance];
    }
    if (!best) return;
    this._setTabStop(best.task);
    this.reveal(best.task);
    this.boxes.get(best.task).focus();
  }
}

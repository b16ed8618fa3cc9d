"""The graph of a workflow: its tasks and transitions, and how far a run has come in them."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, Literal

from attune_nb.charts.style import clean_text, format_status
from attune_nb.results.durations import format_duration
from attune_nb.results.progress import Progress
from attune_nb.values.describe import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attune_nb.events import Event, Key, TaskStatus
    from attune_nb.results.timeline import TaskExecution

    NodeKind = Literal["task", "parallel", "noop", "fail"]
    NodeStatus = TaskStatus | Literal["not reached"]
    LastVisits = dict[str, TaskExecution]  # of each task, by its path
    Steps = frozenset[tuple[str, str]]  # of a path: from one task to the next
    Fired = Counter[tuple[str, int]]  # how often each transition of a task fired

__all__ = [
    "ENDS",
    "UNREACHED",
    "GraphEdge",
    "GraphNode",
    "NestedGraph",
    "NodeState",
    "WorkflowGraph",
    "format_condition",
    "read_graph",
]

ENDS = ("noop", "fail")
"""Targets of a transition that are no tasks."""

UNREACHED: Final = "not reached"
"""The status of a task that a run has not started."""

_TIMES = "\N{MULTIPLICATION SIGN}"
_ENDED = ("succeeded", "failed", "timed_out", "cancelled")
_FAILED = ("failed", "timed_out")

# characters
_LONGEST_NAME = 48
_LONGEST_TASK = 200  # a box shortens it
_LONGEST_ACTION = 36
_LONGEST_CONDITION = 30
_LONGEST_CONCURRENCY = 20

# tasks of a nested workflow that are drawn
_MOST_NESTED = 6

# conditions that have a shorter name
_SHORT_CONDITIONS = {
    "succeeded()": "succeeded",
    "failed()": "failed",
    "timed_out()": "timed out",
    "skipped()": "skipped",
    "completed()": "completed",
}


@dataclasses.dataclass(frozen=True)
class NodeState:
    """The state of a task in a run: of its last visit if there were several."""

    status: NodeStatus
    counts: str = ""
    visits: int = 0


@dataclasses.dataclass(frozen=True)
class GraphNode:
    """A task, or the mark of an end.

    Attributes:
        path: The path of the task; of an end, the transition that leads to it.
        kind: Whether it is a task or an end.
        name: The name to draw.
        action: The action of the task, to draw below its name.
        settings: The settings of the task, the most important first.
        joins: Whether the task waits for several branches.
        state: The state of the task in the run, or None without a run.
        inner: The tasks of a parallel task.
        nested: The workflow that the task runs, if it runs one.
        on_failed_path: Whether the task failed, or led to one that did.
    """

    path: str
    kind: NodeKind
    name: str
    action: str = ""
    settings: tuple[str, ...] = ()
    joins: bool = False
    state: NodeState | None = None
    inner: tuple[GraphNode, ...] = ()
    nested: NestedGraph | None = None
    on_failed_path: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether the task failed in the run."""
        return self.state is not None and self.state.status in _FAILED

    def walk(self) -> Iterable[GraphNode]:
        """Yield the node and all nodes within it."""
        yield self
        for node in self.inner:
            yield from node.walk()


@dataclasses.dataclass(frozen=True)
class NestedGraph:
    """A workflow that a task runs, in a few words.

    Attributes:
        title: The name and the number of tasks.
        nodes: The tasks, the first ones if there are many. Those of a single run have a state.
        hidden: The number of tasks that are not among them.
        runs: How many runs of it have which status, the failed ones first.
    """

    title: str
    nodes: tuple[GraphNode, ...]
    hidden: int = 0
    runs: tuple[tuple[str, int], ...] = ()

    @property
    def counts(self) -> str:
        """The number of runs and their statuses: `10 runs · 2 failed · 8 succeeded`.

        Empty for a single run, whose state is that of the task.
        """
        total = sum(count for _, count in self.runs)
        if total <= 1:
            return ""

        parts = [f"{count:,} {_format_status(status)}" for status, count in self.runs]
        return " · ".join([f"{total:,} runs", *parts])


@dataclasses.dataclass(frozen=True)
class GraphEdge:
    """A transition from a node to one of its targets.

    Attributes:
        source: The number of the node where it begins.
        target: The number of the node where it ends.
        number: The number of the transition in its task.
        label: The condition, and how often it fired if that was more than once.
        fired: How often it fired, or None without a run.
        on_failed_path: Whether it led to a task that failed.
    """

    source: int
    target: int
    number: int
    label: str
    fired: int | None = None
    on_failed_path: bool = False


@dataclasses.dataclass(frozen=True)
class RunState:
    """The states of the tasks and transitions in a run.

    Attributes:
        last_visits: The last visit of each task, by its path.
        fired: How often each transition fired.
        failed_steps: The steps that led to the tasks that failed.
    """

    last_visits: LastVisits
    fired: Fired
    failed_steps: Steps

    @property
    def failed_path(self) -> set[str]:
        """The tasks that failed, and those that led to them."""
        failed = {path for path, row in self.last_visits.items() if row.status in _FAILED}
        return failed | set(itertools.chain.from_iterable(self.failed_steps))


@dataclasses.dataclass(frozen=True)
class WorkflowGraph:
    """A whole workflow, and a run of it if there is one."""

    title: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]

    def walk(self) -> Iterable[GraphNode]:
        """Yield all nodes, those within others included."""
        for node in self.nodes:
            yield from node.walk()

    @property
    def count(self) -> int:
        """The number of tasks, those within others included."""
        return sum(node.kind not in ENDS for node in self.walk())


def read_graph(wf_or_run: Any, nested: Mapping[str, Any] | None = None) -> WorkflowGraph:
    """Return the graph of a workflow, or of a run with its workflow.

    Args:
        wf_or_run: The workflow or the run.
        nested: The workflows that tasks run, by the task's path; by default those that it finds.

    Raises:
        TypeError: It is neither.
    """
    events = getattr(wf_or_run, "events", None)
    workflow: Any = wf_or_run
    if events is not None:
        workflow = getattr(wf_or_run, "workflow", None)

    tasks = getattr(workflow, "tasks", None)
    if not isinstance(tasks, tuple) or not all(hasattr(task, "next") for task in tasks):
        raise TypeError(
            f"a graph can be drawn of a workflow or a run, not of {describe(wf_or_run)}; "
            "`attune_nb.load(path)` and `attune_nb.loads(text)` return a workflow"
        )

    if nested is None:
        nested = _find_nested(wf_or_run)
    if events is None:
        name = clean_text(workflow.name, _LONGEST_NAME)
        count = len(list(workflow.walk()))
        reader = _NodeReader(None, nested, None)
        return _make_graph(f"{name} · {_format_count(count)}", tasks, reader)

    progress = Progress()
    progress.read(events)
    reader = _NodeReader(_read_state(progress, events), nested, wf_or_run)
    return _make_graph(_format_run_title(wf_or_run, progress.now), tasks, reader)


def _find_nested(wf_or_run: Any) -> Mapping[str, Any]:
    """Return the workflows that the tasks of a workflow or a run run, by the task's path."""
    find = getattr(wf_or_run, "nested_workflows", None)
    return {} if find is None else find()


def _read_state(progress: Progress, events: Iterable[Event]) -> RunState:
    last_visits = _find_last_visits(progress)
    return RunState(last_visits, _count_fired(events), _find_failed_steps(progress, last_visits))


def _format_count(tasks: int) -> str:
    return "1 task" if tasks == 1 else f"{tasks:,} tasks"


def _format_run_title(run: Any, seconds: float) -> str:
    so_far = "" if run.status in _ENDED else " so far"
    name = clean_text(run.workflow_name, _LONGEST_NAME)
    status = format_status(run)
    return f"{name} · {status} · {format_duration(seconds)}{so_far}"


def _find_last_visits(progress: Progress) -> LastVisits:
    """Return the progress of each task's last visit, by the task's path."""
    last_visits: LastVisits = {}
    for row in progress.tasks.values():
        if row.task not in last_visits or last_visits[row.task].visit < row.visit:
            last_visits[row.task] = row
    return last_visits


def _find_failed_steps(progress: Progress, last_visits: LastVisits) -> Steps:
    """Return the steps that led to the tasks that failed.

    Of several tasks that one waited for, the last to end led to it.
    """
    steps: set[tuple[str, str]] = set()
    seen: set[Key] = set()
    keys = [row.key for row in last_visits.values() if row.status in _FAILED]
    # the list grows while it is read
    for key in keys:
        if key in seen or key not in progress.tasks:
            continue
        seen.add(key)

        causes = [progress.tasks[cause] for cause in progress.tasks[key].causes]
        if causes:
            last = max(causes, key=lambda row: row.started + row.duration)
            steps.add((last.task, key[0]))
            keys.append(last.key)
    return frozenset(steps)


def _count_fired(events: Iterable[Event]) -> Fired:
    """Count how often each transition fired, by its task and number."""
    fired: Fired = Counter()
    for event in events:
        for number in getattr(event, "fired", ()):
            # only events of a task have `fired`
            task: Any = event
            fired[task.task, number] += 1
    return fired


def _make_graph(title: str, tasks: tuple[Any, ...], reader: _NodeReader) -> WorkflowGraph:
    state = reader.state
    nodes = [reader.read(task, task.name) for task in tasks]
    index_of = {node.path: index for index, node in enumerate(nodes)}
    edges = []
    for source, task in enumerate(tasks):
        for number, transition in enumerate(task.next):
            times = None
            if state is not None:
                times = state.fired[task.name, number]
            label = _format_label(format_condition(transition.when), times)

            for name in dict.fromkeys(transition.do):
                if name in index_of:
                    target = index_of[name]
                elif name in ENDS:
                    # each transition has a mark of its own
                    target = len(nodes)
                    nodes.append(GraphNode(f"{task.name}>{number}", name, name))
                else:
                    continue

                on_failed_path = False
                if state is not None and times:
                    on_failed_path = (task.name, name) in state.failed_steps
                edges.append(GraphEdge(source, target, number, label, times, on_failed_path))

    return WorkflowGraph(title, nodes, edges)


def format_condition(when: Any) -> str:
    """Return a condition in a few words, without its braces.

    Args:
        when: The template of the condition, or None.
    """
    if when is None:
        return ""

    text = " ".join(str(when.source).split())
    if text.startswith("{{") and text.endswith("}}"):
        text = text[2:-2].strip(" -+")
    if text in _SHORT_CONDITIONS:
        return _SHORT_CONDITIONS[text]
    return clean_text(text, _LONGEST_CONDITION)


def _format_label(condition: str, times: int | None) -> str:
    """Return the label of an edge: its condition, and how often it fired if more than once."""
    if times is None or times <= 1:
        return condition
    if not condition:
        return f"{_TIMES}{times:,}"
    return f"{condition} · {_TIMES}{times:,}"


class _NodeReader:
    """Makes the nodes of tasks.

    Args:
        state: The states of a run, or None without a run.
        nested: The workflows that tasks run, by the task's path.
        run: The run, which may have runs of these workflows.
    """

    def __init__(self, state: RunState | None, nested: Mapping[str, Any], run: Any) -> None:
        self.state = state
        self._nested = nested
        self._run = run
        self._failed_path: set[str] = set()
        if state is not None:
            self._failed_path = state.failed_path
        self._run_counts: dict[str, Counter[str]] = {}
        if nested and run is not None:
            self._run_counts = _count_child_runs(run)

    def read(self, task: Any, path: str) -> GraphNode:
        """Return the node of a task."""
        inner = tuple(self.read(child, f"{path}/{child.name}") for child in task.tasks)
        kind: NodeKind = "task"
        action = ""
        if inner:
            kind = "parallel"
            action = f"parallel · {_format_count(len(inner))}"
        elif task.action:
            action = clean_text(task.action, _LONGEST_ACTION)

        state = None
        if self.state is not None:
            state = _make_state(self.state.last_visits.get(path), parallel=bool(inner))
        return GraphNode(
            path=path,
            kind=kind,
            name=clean_text(task.name, _LONGEST_TASK),
            action=action,
            settings=_format_settings(task),
            joins=task.join is not None,
            state=state,
            inner=inner,
            nested=self._read_nested(task, path),
            on_failed_path=path in self._failed_path,
        )

    def _read_nested(self, task: Any, path: str) -> NestedGraph | None:
        """Return the workflow that a task runs, or None."""
        workflow = self._nested.get(path)
        if workflow is None:
            return None

        counts = self._run_counts.get(path, Counter())
        child_state = None
        if counts.total() == 1:
            child_state = _read_child_state(self._run, path)

        nodes = []
        for child in workflow.tasks:
            state = None
            if child_state is not None:
                row = child_state.last_visits.get(child.name)
                state = _make_state(row, parallel=bool(child.tasks))
            name = clean_text(child.name, _LONGEST_TASK)
            nodes.append(GraphNode(f"{path}/{child.name}", "task", name, state=state))

        shown = _choose_nodes(nodes)
        action = clean_text(task.action, _LONGEST_ACTION)
        return NestedGraph(
            title=f"workflow {action} · {_format_count(len(workflow.tasks))}",
            nodes=shown,
            hidden=len(nodes) - len(shown),
            runs=tuple(sorted(counts.items(), key=_order_of_status)),
        )


def _choose_nodes(nodes: list[GraphNode]) -> tuple[GraphNode, ...]:
    """Return the tasks that a card shows, in their order: failed ones, and then the first."""
    if len(nodes) <= _MOST_NESTED + 1:
        return tuple(nodes)

    failed_first = sorted(range(len(nodes)), key=lambda number: not nodes[number].has_failed)
    return tuple(nodes[number] for number in sorted(failed_first[:_MOST_NESTED]))


def _count_child_runs(run: Any) -> dict[str, Counter[str]]:
    """Return how many child runs of a run ended how, by the path of the task that runs them.

    Those of the last visit of each task are counted, and of each item the last attempt.
    """
    find = getattr(run, "children", None)
    if find is None:
        return {}

    children = find()
    columns = [children[name] for name in ("task", "visit", "index", "attempt", "status")]
    last_visits: dict[str, int] = {}
    statuses: dict[tuple[str, int, Any], tuple[int, str]] = {}
    for task, visit, index, attempt, status in zip(*columns, strict=True):
        last_visits[task] = max(visit, last_visits.get(task, 0))
        last_attempt, _ = statuses.get((task, visit, index), (0, ""))
        if attempt >= last_attempt:
            statuses[task, visit, index] = (attempt, status)

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for (task, visit, _), (_, status) in statuses.items():
        if visit == last_visits[task]:
            counts[task][status] += 1
    return counts


def _read_child_state(run: Any, path: str) -> RunState:
    """Return the states in the only run that a task has started."""
    events = run.child(path).events
    progress = Progress()
    progress.read(events)
    return _read_state(progress, events)


def _order_of_status(status_and_count: tuple[str, int]) -> tuple[bool, str]:
    """Return a key that sorts successes after all other statuses."""
    status, _ = status_and_count
    return status == "succeeded", status


def _format_status(status: str) -> str:
    return status.replace("_", " ")


def _format_settings(task: Any) -> tuple[str, ...]:
    """Return the settings of a task that differ from the defaults, the most important first."""
    settings = []
    if task.join is not None:
        settings.append(f"join {task.join}")
    if task.with_items is not None:
        settings.append("with_items")
    if task.retry is not None:
        settings.append(f"retry {task.retry.count}")
    if task.when is not None:
        settings.append(f"when {format_condition(task.when)}")
    if task.delay is not None:
        settings.append(f"delay {_format_seconds(task.delay)}")
    if task.timeout is not None:
        settings.append(f"timeout {_format_seconds(task.timeout)}")
    return (*settings, *_format_item_settings(task))


def _format_item_settings(task: Any) -> list[str]:
    settings = []
    if task.concurrency is not None:
        concurrency = clean_text(task.concurrency.source, _LONGEST_CONCURRENCY)
        settings.append(f"concurrency {concurrency}")
    if task.batch_size is not None:
        settings.append(f"batch_size {task.batch_size:,}")
    if task.max_failures is not None:
        max_failures = clean_text(task.max_failures.source, _LONGEST_CONCURRENCY)
        settings.append(f"max_failures {max_failures}")
    if task.rate_limit is not None:
        settings.append(f"rate_limit {_format_rate(task.rate_limit)}")
    if task.report_every is not None:
        settings.append(f"report_every {task.report_every:,}")
    return settings


def _format_rate(rate_limit: Any) -> str:
    """Return a limit of starts: `100 in 2 s`."""
    return f"{rate_limit.count:,.6g} in {_format_seconds(rate_limit.per)}"


def _format_seconds(seconds: float) -> str:
    """Return a setting in seconds as it was written: `2 s`, `0.5 s`."""
    return f"{seconds:,.6g} s"


def _make_state(row: TaskExecution | None, *, parallel: bool) -> NodeState:
    """Return the state of a task whose last visit has made this progress, if any."""
    if row is None:
        return NodeState(UNREACHED)

    counts = []
    if row.with_items:
        counts.append(row.item_counts)
        if row.failed:
            counts.append(f"{row.failed:,} failed")
    elif row.attempts > 1 and not parallel:
        counts.append(f"{row.attempts:,} attempts")
    return NodeState(row.status, " · ".join(counts), row.visit)

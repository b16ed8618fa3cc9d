"""What a graph shows: a workflow's tasks and transitions, and what a run has done with them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any

from attune_nb.charts.style import clean
from attune_nb.results.durations import format_duration
from attune_nb.results.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.results.timeline import TaskExecution

__all__ = ["ENDS", "UNREACHED", "Flow", "State", "Step", "Transit", "read_flow"]

ENDS = ("noop", "fail")
"""Targets of a transition that are no tasks."""

UNREACHED = "not reached"
"""The status of a task that a run has not come to."""

_TIMES = "\N{MULTIPLICATION SIGN}"
_CONDITION = 30  # characters
_SHORT = {f"{name}()": name.replace("_", " ") for name in (
    "succeeded", "failed", "timed_out", "skipped", "completed",
)}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class State:
    """What a run has made of a task: of its last visit, where there were several."""

    status: str
    counts: str = ""
    visits: int = 0


@dataclasses.dataclass(frozen=True)
class Step:
    """A task, or the mark of an end (`kind` is "task", "parallel", "noop" or "fail")."""

    path: str
    kind: str
    name: str
    action: str = ""
    settings: tuple[str, ...] = ()
    joins: bool = False
    state: State | None = None
    inner: tuple[Step, ...] = ()

    def walk(self) -> Iterable[Step]:
        """Give the step, and all within it."""
        yield self
        for each in self.inner:
            yield from each.walk()


@dataclasses.dataclass(frozen=True)
class Transit:
    """A way from a step to another one, by their numbers."""

    source: int
    target: int
    number: int  # of the transition, of its task
    words: str
    fired: int | None = None  # how often; None without a run


@dataclasses.dataclass(frozen=True)
class Flow:
    """A whole workflow, and perhaps a run of it."""

    title: str
    steps: list[Step]
    transits: list[Transit]

    @property
    def count(self) -> int:
        """How many tasks there are, those within others included."""
        return sum(each.kind not in ENDS for step in self.steps for each in step.walk())


def read_flow(wf_or_run: Any) -> Flow:
    """Read a workflow, or a run with its workflow.

    Raises:
        TypeError: It is neither.
    """
    events = getattr(wf_or_run, "events", None)
    workflow: Any = wf_or_run if events is None else getattr(wf_or_run, "workflow", None)
    tasks = getattr(workflow, "tasks", None)
    if not isinstance(tasks, tuple) or not all(hasattr(each, "next") for each in tasks):
        what = type(wf_or_run).__name__
        raise TypeError(
            f"a graph is drawn of a workflow or of a run, not of `{what}`; "
            "`attune_nb.load(path)` and `attune_nb.loads(text)` read a workflow"
        )
    if events is None:
        title = f"{clean(workflow.name, 48)} · {_counted(len(list(workflow.walk())))}"
        return _flow(title, tasks, None, Counter())
    progress = Progress()
    progress.read(events)
    fired = Counter(
        (event.task, number) for event in events for number in getattr(event, "fired", ())
    )
    return _flow(_run_title(wf_or_run, progress.now), tasks, _last_visits(progress), fired)


def _counted(tasks: int) -> str:
    return "1 task" if tasks == 1 else f"{tasks:,} tasks"


def _run_title(run: Any, seconds: float) -> str:
    so_far = "" if run.status in ("succeeded", "failed", "timed_out", "cancelled") else " so far"
    status = clean(run.status).replace("_", " ")
    return f"{clean(run.workflow_name, 48)} · {status} · {format_duration(seconds)}{so_far}"


def _last_visits(progress: Progress) -> dict[str, TaskExecution]:
    found: dict[str, TaskExecution] = {}
    for row in progress.tasks.values():
        if row.task not in found or found[row.task].visit < row.visit:
            found[row.task] = row
    return found


def _flow(
    title: str,
    tasks: tuple[Any, ...],
    rows: dict[str, TaskExecution] | None,
    fired: Counter[tuple[str, int]],
) -> Flow:
    steps = [_step(task, task.name, rows) for task in tasks]
    place = {step.path: at for at, step in enumerate(steps)}
    transits = []
    for source, task in enumerate(tasks):
        for number, transition in enumerate(task.next):
            times = None if rows is None else fired[task.name, number]
            words = say_condition(transition.when)
            for name in dict.fromkeys(transition.do):
                target = place.get(name, len(steps))
                if name in ENDS and name not in place:
                    steps.append(Step(f"{task.name}>{number}", name, name))
                if target < len(steps):
                    transits.append(
                        Transit(source, target, number, _with_times(words, times), times)
                    )
    return Flow(title, steps, transits)


def say_condition(when: Any) -> str:
    """Say a condition in a few words, without its braces."""
    if when is None:
        return ""
    text = " ".join(str(when.source).split())
    if text.startswith("{{") and text.endswith("}}"):
        text = text[2:-2].strip(" -+")
    return _SHORT.get(text) or clean(text, _CONDITION)


def _with_times(words: str, times: int | None) -> str:
    if times is None or times <= 1:
        return words
    return " · ".join(filter(None, [words, f"{_TIMES}{times:,}"]))


def _step(task: Any, path: str, rows: dict[str, TaskExecution] | None) -> Step:
    inner = tuple(_step(each, f"{path}/{each.name}", rows) for each in task.tasks)
    row = rows.get(path) if rows is not None else None
    state = None if rows is None else _state(row, parallel=bool(inner))
    action = f"parallel · {_counted(len(inner))}" if inner else clean(task.action or "", 36)
    return Step(
        path,
        "parallel" if inner else "task",
        clean(task.name),
        action,
        _settings(task),
        task.join is not None,
        state,
        inner,
    )


def _settings(task: Any) -> tuple[str, ...]:
    """Say what is special about a task, what matters most first."""
    found = []
    if task.join is not None:
        found.append(f"join {task.join}")
    if task.with_items is not None:
        found.append("with_items")
    if task.retry is not None:
        found.append(f"retry {task.retry.count}")
    if task.when is not None:
        found.append(f"when {say_condition(task.when)}")
    if task.delay is not None:
        found.append(f"delay {say_seconds(task.delay)}")
    if task.timeout is not None:
        found.append(f"timeout {say_seconds(task.timeout)}")
    if task.concurrency is not None:
        found.append(f"concurrency {clean(task.concurrency.source, 20)}")
    if task.batch_size is not None:
        found.append(f"batch_size {task.batch_size:,}")
    return tuple(found)


def say_seconds(seconds: float) -> str:
    """Say a setting in seconds as it was written: `2 s`, `0.5 s`."""
    return f"{seconds:,.6g} s"


def _state(row: TaskExecution | None, *, parallel: bool) -> State:
    if row is None:
        return State(UNREACHED)
    counts = []
    if row.with_items:
        counts.append(row.item_counts)
        if row.failed:
            counts.append(f"{row.failed:,} failed")
    elif row.attempts > 1 and not parallel:
        counts.append(f"{row.attempts:,} attempts")
    return State(row.status, " · ".join(counts), row.visit)

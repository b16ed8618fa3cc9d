"""The path to a run within another run: `deploy[3]`, `deploy[3]/check`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from attune_nb.errors import LookupFailed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ParentRun",
    "Step",
    "find_child",
    "match_step",
    "read_step",
    "split_index",
    "split_path",
]

# the item of a task, and the slash or the end behind it
_INDEX = re.compile(r"(?:\[(\d{1,12})\])?(?:/|$)")

# a task, and the index of an item behind it
_TASK = re.compile(r"(.+?)(?:\[(\d{1,12})\])?", re.DOTALL)

# characters of a path in a message
_MAX_PATH = 100


@dataclass(frozen=True)
class Step:
    """The beginning of a path: a task that runs a workflow.

    Attributes:
        task: The path of the task.
        index: The index of the item; None if the path names none.
        rest: The rest of the path, in the run of the item.
    """

    task: str
    index: int | None
    rest: str


class ParentRun(Protocol):
    """A run whose tasks may run workflows."""

    workflow_name: str

    # `Any`, as in a run: the module of `Workflow` imports that of the runs
    @property
    def workflow(self) -> Any:
        """The workflow."""

    def child(self, task: str, index: int = 0, *, visit: int | None = None) -> Any:
        """Return the run that an item of a task began last."""


def split_path(word: str) -> tuple[str, str]:
    """Return the run and the path of `RUN/TASK[INDEX]`; the path is empty if there is none."""
    run, _, path = word.partition("/")
    return run, path


def split_index(word: str) -> tuple[str, int | None]:
    """Return the task and the index of `TASK[INDEX]`; the index is None if there is none."""
    match = _TASK.fullmatch(word)
    if match is None:
        return word, None
    task, index = match.groups()
    return task, None if index is None else int(index)


def find_child(run: ParentRun, path: str) -> Any:
    """Return the run that a path leads to, from another run.

    Args:
        run: The outer run.
        path: For each level the task, and the index of its item in brackets: `deploy[3]/check`.
            Without an index it is that of the first item.

    Raises:
        LookupFailed: A part of the path is no task, or the task has begun no such run.
    """
    rest = path
    while rest:
        step = read_step(run, rest)
        run = run.child(step.task, index=step.index or 0)
        rest = step.rest
    return run


def match_step(path: str, names: Iterable[str]) -> Step | None:
    """Return the task that a path begins with; None if it begins with none of the names.

    Of two tasks of which one is within the other it is the inner one.

    Args:
        path: A path, such as `deploy[3]/check`.
        names: The paths of tasks.
    """
    for name in sorted(names, key=len, reverse=True):
        if not path.startswith(name):
            continue
        match = _INDEX.match(path, len(name))
        if match is not None:
            index = None if match[1] is None else int(match[1])
            return Step(name, index, path[match.end() :])
    return None


def read_step(run: ParentRun, path: str) -> Step:
    """Return the task that a path begins with.

    The path of a task within a parallel task has a slash, too.

    Raises:
        LookupFailed: The path begins with no task.
    """
    names = [name for name, _ in run.workflow.walk()]
    step = match_step(path, names)
    if step is not None:
        return step

    first = path.partition("/")[0].partition("[")[0]
    hint = nearest(first, names)
    if not hint:
        hint = "; write RUN/TASK[INDEX], such as `RUN/deploy[3]`"
    raise LookupFailed(
        f"`{path[:_MAX_PATH]}` names no task of workflow `{run.workflow_name}`{hint}"
    )

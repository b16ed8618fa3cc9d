"""What a workflow is once its text is understood. Frozen, typed, comparable.

Equality is about meaning: positions in the text do not take part in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.errors import Position
    from attune_nb.templates.template import Template

__all__ = ["RESERVED", "Retry", "Task", "Transition", "Workflow"]

RESERVED = ("noop", "fail")
"""Targets that are not tasks: `noop` marks a failure as handled, `fail` fails the run."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failed attempt is tried again, and after what wait (seconds)."""

    count: int
    delay: float = 0.0
    backoff: str = "constant"
    max_delay: float | None = None
    on_error: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transition:
    """What happens next when a task has ended and `when` holds."""

    when: Template | None
    publish: tuple[tuple[str, Template | None], ...]  # None: the task's result
    do: tuple[str, ...]
    do_positions: tuple[Position | None, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Task:
    """One step of a workflow."""

    name: str
    action: str
    input: Template
    when: Template | None = None
    with_items: Template | None = None
    concurrency: Template | None = None
    retry: Retry | None = None
    join: str | int | None = None
    next: tuple[Transition, ...] = ()
    position: Position | None = field(default=None, compare=False, repr=False)
    action_position: Position | None = field(default=None, compare=False, repr=False)
    input_positions: Mapping[str, Position] = field(default_factory=dict, compare=False, repr=False)

    def templates(self) -> list[Template]:
        """Give every template of the task."""
        found = [self.input, self.when, self.with_items, self.concurrency]
        for transition in self.next:
            found.append(transition.when)
            found += [value for _, value in transition.publish]
        return [each for each in found if each is not None]


@dataclass(frozen=True)
class Workflow:
    """A whole workflow."""

    tasks: tuple[Task, ...]
    parameters: Mapping[str, Any] | None = None
    vars: tuple[tuple[str, Template], ...] = ()
    output_map: Template | None = None
    ref: str | None = None
    label: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    version: str = "1.0.0"
    output: Any = None
    cancellation_policy: str = "allow_finish"

    def task(self, name: str) -> Task:
        """Give the task of a name.

        Raises:
            KeyError: There is none.
        """
        return self._by_name[name]

    @property
    def _by_name(self) -> dict[str, Task]:
        known: dict[str, Task] | None = self.__dict__.get("_names")
        if known is None:
            known = {task.name: task for task in self.tasks}
            object.__setattr__(self, "_names", known)
        return known

    def sources(self, name: str) -> tuple[str, ...]:
        """Give the names of the tasks that point at a task, in the order of the text."""
        return tuple(
            task.name
            for task in self.tasks
            if any(name in transition.do for transition in task.next)
        )

    def entries(self) -> tuple[Task, ...]:
        """Give the tasks that nothing points at: where a run begins."""
        targets = {name for task in self.tasks for step in task.next for name in step.do}
        return tuple(task for task in self.tasks if task.name not in targets)

    @property
    def name(self) -> str:
        """What to call the workflow on a page."""
        return self.ref or self.label or "workflow"

"""What a workflow is once its text is understood. Frozen, typed, comparable.

Equality is about meaning: positions in the text do not take part in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attune_nb.language import parameter_specs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.errors import Position
    from attune_nb.templates.template import Template

__all__ = [
    "ASK",
    "ATTUNE_KEYS",
    "RESERVED_TARGETS",
    "Retry",
    "Task",
    "TaskPositions",
    "Transition",
    "WorkflowSpec",
]

RESERVED_TARGETS = ("noop", "fail")
"""Targets that are not tasks: `noop` marks a failure as handled, `fail` fails the run."""

ASK = "core.ask"
"""The one action that the conductor itself carries out: it waits for a person's answer."""

ATTUNE_KEYS = (
    "permission_set_refs",
    "worker_selector",
    "worker_tolerations",
    "worker_affinity",
    "__chart_meta__",
)
"""Keys of a task that are kept for a round trip to Attune; a backend may read `worker_selector`."""


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
class TaskPositions:
    """Where the parts of a task stand in the text."""

    name: Position | None = None
    action: Position | None = None
    join: Position | None = None
    with_items: Position | None = None
    concurrency: Position | None = None
    inputs: Mapping[str, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """One step of a workflow. Times are in seconds."""

    name: str
    input: Template
    action: str | None = None  # None for `type: parallel`
    type: str = "action"
    when: Template | None = None
    with_items: Template | None = None
    concurrency: Template | None = None
    batch_size: int | None = None
    retry: Retry | None = None
    timeout: float | None = None
    delay: float | None = None
    join: str | int | None = None
    keep_results: str = "run"
    next: tuple[Transition, ...] = ()
    tasks: tuple[Task, ...] = ()  # of `type: parallel`
    attune_fields: Mapping[str, Any] = field(default_factory=dict)
    positions: TaskPositions = field(default_factory=TaskPositions, compare=False, repr=False)

    def templates(self) -> list[Template]:
        """Give every template of the task itself (not those of the tasks within it)."""
        found: list[Template | None] = [*self.start_templates()]
        for transition in self.next:
            found.append(transition.when)
            found += [value for _, value in transition.publish]
        return [each for each in found if each is not None]

    def start_templates(self) -> list[Template]:
        """Give the templates that are evaluated before the task has run, or while it does."""
        found = [self.input, self.when, self.with_items, self.concurrency]
        return [each for each in found if each is not None]


@dataclass(frozen=True)
class WorkflowSpec:
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
    timeout: float | None = None
    vars_positions: tuple[Position | None, ...] = field(default=(), compare=False, repr=False)

    def __repr__(self) -> str:
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.repr}
        values["parameters"] = parameter_specs.mask_secrets(self.parameters)
        told = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"{type(self).__name__}({told})"

    def task(self, path: str) -> Task:
        """Give a task by its name; one within a parallel task by `parallel/name`.

        Raises:
            KeyError: There is none.
        """
        return self._by_path[path]

    @cached_property
    def _by_path(self) -> dict[str, Task]:
        return dict(self.walk())

    def walk(self) -> Iterator[tuple[str, Task]]:
        """Give every task with its path, those within parallel tasks after the task itself."""
        waiting = [(task.name, task) for task in reversed(self.tasks)]
        while waiting:
            path, task = waiting.pop()
            yield path, task
            waiting += [(f"{path}/{each.name}", each) for each in reversed(task.tasks)]

    def sources(self, name: str) -> tuple[str, ...]:
        """Give the names of the tasks that point at a task, in the order of the text."""
        return self._sources.get(name, ())

    @cached_property
    def _sources(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for task in self.tasks:
            for transition in task.next:
                for name in transition.do:
                    found.setdefault(name, {})[task.name] = None
        return {name: tuple(sources) for name, sources in found.items()}

    def entries(self) -> tuple[Task, ...]:
        """Give the tasks that nothing points at: where a run begins."""
        return tuple(task for task in self.tasks if task.name not in self._sources)

    @property
    def name(self) -> str:
        """What to call the workflow on a page."""
        return self.ref or self.label or "workflow"

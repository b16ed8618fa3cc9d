"""The data of a workflow: frozen, typed, comparable.

Two workflows are equal if they mean the same. Positions in the text are not compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from attune_nb.language import parameter_specs
from attune_nb.reference.entry import names
from attune_nb.reference.workflow_keys import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.errors import Position
    from attune_nb.templates.template import Template

__all__ = [
    "ASK",
    "ATTUNE_KEYS",
    "ATTUNE_TRANSITION_KEYS",
    "RESERVED_TARGETS",
    "Backoff",
    "CancellationPolicy",
    "PackedFields",
    "RateLimit",
    "ResultLocation",
    "Retry",
    "Task",
    "TaskPositions",
    "TaskType",
    "Transition",
    "WorkflowSpec",
]

# Targets that are not tasks: `noop` marks a failure as handled, `fail` fails the run.
RESERVED_TARGETS = ("noop", "fail")

# The one action that the conductor itself carries out: it waits for a person's answer.
ASK = "core.ask"

# Keys of a task that are kept for a round trip to Attune. A backend may read `worker_selector`.
ATTUNE_KEYS = names(KEYS, "task key", "attune")

# The same of a transition.
ATTUNE_TRANSITION_KEYS = names(KEYS, "transition key", "attune")

# Endings of a file's name that are no part of the workflow's name; the longer ones come first.
_FILE_SUFFIXES = (".workflow.yaml", ".workflow.yml", ".yaml", ".yml")

TaskType = Literal["action", "parallel", "workflow"]
Backoff = Literal["constant", "linear", "exponential"]
ResultLocation = Literal["run", "store", "cluster", "none"]
CancellationPolicy = Literal["allow_finish", "cancel_running"]


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failed attempt is retried, and after how many seconds."""

    count: int
    delay: float = 0.0
    backoff: Backoff = "constant"
    max_delay: float | None = None
    on_error: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many attempts may start, `count`, in how many seconds, `per`."""

    count: float
    per: float = 1.0

    @property
    def interval(self) -> float:
        """The seconds from one start to the next."""
        return self.per / self.count


@dataclass(frozen=True, slots=True)
class Transition:
    """The variables to publish and the tasks to start if a task has ended and `when` is true.

    A published name without a template is set to the task's result.
    """

    when: Template | None
    publish: tuple[tuple[str, Template | None], ...]
    do: tuple[str, ...]
    # digests in stores are made of the `repr`, and these keys change nothing about a run
    attune_fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    do_positions: tuple[Position | None, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TaskPositions:
    """The positions of a task's parts in the text."""

    name: Position | None = None
    action: Position | None = None
    join: Position | None = None
    with_items: Position | None = None
    concurrency: Position | None = None
    max_failures: Position | None = None
    wait_for: Position | None = None
    inputs: Mapping[str, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """One step of a workflow. Times are in seconds.

    Only a task of `type: parallel` has `tasks`, and it has no `action`. `wait_for` gives the id of
    the inquiry that must be answered before the task starts.
    """

    name: str
    input: Template
    action: str | None = None
    type: TaskType = "action"
    when: Template | None = None
    with_items: Template | None = None
    concurrency: Template | None = None
    batch_size: int | None = None
    retry: Retry | None = None
    timeout: float | None = None
    delay: float | None = None
    join: str | int | None = None
    keep_results: ResultLocation = "run"
    wait_for: Template | None = None
    next: tuple[Transition, ...] = ()
    tasks: tuple[Task, ...] = ()
    attune_fields: Mapping[str, Any] = field(default_factory=dict)
    max_failures: Template | None = None
    rate_limit: RateLimit | None = None
    start: bool = False
    report_every: int | None = None
    positions: TaskPositions = field(default_factory=TaskPositions, compare=False, repr=False)

    def templates(self) -> list[Template]:
        """Return every template of the task itself, without those of its inner tasks."""
        templates = self.start_templates()

        for transition in self.next:
            if transition.when is not None:
                templates.append(transition.when)
            for _, template in transition.publish:
                if template is not None:
                    templates.append(template)

        return templates

    def start_templates(self) -> list[Template]:
        """Return the templates that are evaluated before the task has ended."""
        templates = [
            self.input,
            self.when,
            self.with_items,
            self.concurrency,
            self.max_failures,
            self.wait_for,
        ]
        return [template for template in templates if template is not None]


@dataclass(frozen=True, slots=True)
class PackedFields:
    """The parts of a pack's workflow that stand in the file of its action.

    Attributes:
        ref: The name by which other workflows call it: `pack.name`.
        label: The title.
        description: The description.
        tags: Search words.
        parameters: The declared parameters; None if the action's file declares none.
        output: The schema of the output.
        timeout: The seconds that a run may take.
        attune_fields: Keys of the action's file that only the platform reads.
        default_positions: The positions of the parameters' defaults.
        unclear: The parts that problems have left unknown; see `FieldReader`.
    """

    ref: str
    label: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    parameters: Mapping[str, Any] | None = None
    output: Any = None
    timeout: float | None = None
    attune_fields: Mapping[str, Any] = field(default_factory=dict)
    default_positions: Mapping[str, Position] = field(default_factory=dict)
    unclear: frozenset[str] = frozenset()


@dataclass(frozen=True)
class WorkflowSpec:
    """The tasks of a workflow, its parameters, variables and output.

    Its `own_name` is the `name` that the text gives it. Its `attune_fields` are keys of the file
    of its action that only the platform reads; an export writes them again.
    """

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
    cancellation_policy: CancellationPolicy = "allow_finish"
    timeout: float | None = None
    own_name: str | None = None
    vars_positions: tuple[Position | None, ...] = field(default=(), compare=False, repr=False)
    default_positions: Mapping[str, Position] = field(
        default_factory=dict, compare=False, repr=False
    )
    attune_fields: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __repr__(self) -> str:
        values = {}
        for attribute in fields(self):
            if attribute.repr:
                values[attribute.name] = getattr(self, attribute.name)
        values["parameters"] = parameter_specs.mask_secrets(self.parameters)

        arguments = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"{type(self).__name__}({arguments})"

    def task(self, path: str) -> Task:
        """Return a task by its name; an inner task of a parallel task by `parallel/name`.

        Raises:
            KeyError: There is no such task.
        """
        return self._tasks_by_path[path]

    @cached_property
    def _tasks_by_path(self) -> dict[str, Task]:
        return dict(self.walk())

    def walk(self) -> Iterator[tuple[str, Task]]:
        """Yield every task with its path; inner tasks follow their parallel task."""
        pending = [(task.name, task) for task in reversed(self.tasks)]

        while pending:
            path, task = pending.pop()
            yield path, task

            pending += [(f"{path}/{inner.name}", inner) for inner in reversed(task.tasks)]

    @cached_property
    def task_names(self) -> tuple[str, ...]:
        """The names of the tasks, without inner ones, in the order of the text."""
        return tuple(task.name for task in self.tasks)

    def sources(self, name: str) -> tuple[str, ...]:
        """Return the names of the tasks that lead to a task, in the order of the text."""
        return self._sources_by_target.get(name, ())

    @cached_property
    def _sources_by_target(self) -> dict[str, tuple[str, ...]]:
        # dictionaries instead of sets keep the order of the text
        sources: dict[str, dict[str, None]] = {}
        for task in self.tasks:
            for transition in task.next:
                for target in transition.do:
                    sources.setdefault(target, {})[task.name] = None

        return {target: tuple(names) for target, names in sources.items()}

    def entries(self) -> tuple[Task, ...]:
        """Return the tasks that a run starts with.

        These are the tasks that no task leads to, and those with `start: true`.
        """
        return tuple(task for task in self.tasks if task.start or not self.sources(task.name))

    @property
    def name(self) -> str:
        """The name to show for the workflow.

        Its own `name`, else that of its file, else its ref, its label or its first task's name.
        """
        for name in (self.own_name, self._file_name(), self.ref, self.label):
            if name:
                return name
        return self.tasks[0].name if self.tasks else "workflow"

    @property
    def given_name(self) -> str | None:
        """The name that the text itself gives: its `name`, its ref or its label."""
        for name in (self.own_name, self.ref, self.label):
            if name:
                return name
        return None

    def _file_name(self) -> str:
        """Return the name of the workflow's file, or an empty string if it comes from no file."""
        position = self.tasks[0].positions.name if self.tasks else None
        if position is None or position.source.name.startswith("<"):
            return ""

        name = PurePath(position.source.name).name
        for suffix in _FILE_SUFFIXES:
            if name.endswith(suffix) and len(name) > len(suffix):
                return name.removesuffix(suffix)
        return name

"""What a workflow's expressions can see: shared, read-only, and never copied.

A `WorkflowContext` is a persistent value that refers to frozen ones: making the next version
costs what has changed, keeping the old one is free. An `ItemScope` is three references, whatever
the size of the context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec
from pyrsistent import PMap, pmap

from attune_nb import html
from attune_nb.values.describe import preview
from attune_nb.values.frozen import FrozenDict, freeze, size_of
from attune_nb.values.secrets import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.events import TaskEndStatus

__all__ = [
    "ABSENT",
    "ItemScope",
    "Moment",
    "Outcome",
    "TaskScope",
    "WorkflowContext",
]

_SHOWN = 50  # names in a table


class _Absent:
    """The type of `ABSENT`."""

    _only: ClassVar[_Absent | None] = None

    def __new__(cls) -> Self:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only  # type: ignore[return-value]

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()
"""Stands where there is no value at all (which is not the same as null)."""


class Moment(msgspec.Struct, frozen=True):
    """The time and the luck of one evaluation, so that a replay gives the same."""

    time: float  # seconds since the epoch, UTC
    seed: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a task ended, as `task.NAME` and `result()` show it."""

    status: TaskEndStatus
    result: Any = None
    error: str | None = None
    attempts: int = 0
    duration_ms: float = 0.0
    total_count: int | None = None
    failed_items: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the task succeeded (a skipped task has)."""
        return self.status in ("succeeded", "skipped")


class _Memo(dict[str, Any]):
    """What was looked up in one version of a persistent map; it says nothing about equality."""

    __slots__ = ()

    def __eq__(self, _: object) -> bool:
        return True

    __hash__ = None


class WorkflowContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that expressions can name, as it stood at one moment of a run."""

    parameters: FrozenDict
    variables: PMap[str, Any]
    tasks: PMap[str, Outcome]
    config: FrozenDict
    keystore: FrozenDict
    system: FrozenDict
    size_bytes: int
    moments: Callable[[], Moment] | None = None
    mask: Mask = Mask()
    # A persistent map answers in a microsecond, a dictionary in a fraction of it: what a million
    # items ask for is looked up once in each version.
    variables_cache: _Memo = msgspec.field(default_factory=_Memo)
    tasks_cache: _Memo = msgspec.field(default_factory=_Memo)

    @classmethod
    def create(
        cls,
        parameters: Mapping[str, Any] | None = None,
        *,
        vars: Mapping[str, Any] | None = None,  # noqa: A002 - the language's own word
        config: Mapping[str, Any] | None = None,
        keystore: Mapping[str, Any] | None = None,
        system: Mapping[str, Any] | None = None,
        mask: Mask | None = None,
    ) -> WorkflowContext:
        """Make the first context of a run; everything given is frozen.

        The texts in `keystore` are secrets, and those that `mask` knows already.
        """
        given = [freeze(dict(each or {})) for each in (parameters, config, keystore, system)]
        context = cls(
            parameters=given[0],
            variables=pmap(),
            tasks=pmap(),
            config=given[1],
            keystore=given[2],
            system=given[3],
            size_bytes=sum(map(size_of, given)),
            mask=mask if mask is not None else Mask(keystore),
        )
        for name, value in (vars or {}).items():
            context = context.publish(name, value)
        return context

    def publish(self, name: str, value: Any) -> WorkflowContext:
        """Give the next version, in which the variable `name` holds `value`."""
        frozen = freeze(value)
        grown = size_of(frozen) - size_of(self.variables.get(name))
        return self.replace(
            variables=self.variables.set(name, frozen),
            size_bytes=self.size_bytes + grown,
        )

    def with_result(self, task: str, value: Any) -> WorkflowContext:
        """Give the next version, in which `task` has succeeded with `value`."""
        return self.with_outcome(task, Outcome(status="succeeded", result=value, attempts=1))

    def with_outcome(self, task: str, outcome: Outcome) -> WorkflowContext:
        """Give the next version, in which `task` has ended as `outcome` says."""
        frozen = msgspec.structs.replace(outcome, result=freeze(outcome.result))
        before = self.tasks.get(task)
        grown = size_of(frozen.result) - (size_of(before.result) if before else 0)
        return self.replace(
            tasks=self.tasks.set(task, frozen),
            size_bytes=self.size_bytes + grown,
        )

    def replace(self, **parts: Any) -> WorkflowContext:
        """Give the next version, in which some fields are others."""
        return msgspec.structs.replace(self, **parts, variables_cache=_Memo(), tasks_cache=_Memo())

    def with_clock(self, moments: Callable[[], Moment]) -> WorkflowContext:
        """Give the same context with a source of the time for `now()` and `uuid()`."""
        return msgspec.structs.replace(self, moments=moments)

    def masked(self) -> WorkflowContext:
        """Give the context as a person may see it: `***` wherever there is a secret."""
        if not self.mask:
            return self
        hide = self.mask.value
        ended = {
            name: msgspec.structs.replace(
                each, result=freeze(hide(each.result)), error=hide(each.error)
            )
            for name, each in self.tasks.items()
        }
        return self.replace(
            parameters=freeze(hide(self.parameters)),
            variables=pmap({name: freeze(hide(each)) for name, each in self.variables.items()}),
            tasks=pmap(ended),
            config=freeze(hide(self.config)),
            keystore=freeze(hide(self.keystore)),
        )

    def scope(self, item: Any, index: int) -> ItemScope:
        """Give what one item sees: references to this context, the item and its index."""
        return ItemScope(self, item, index)

    def lookup(self, path: str) -> Any:
        """Give the value at a dotted path such as `parameters.url` or `workflow.total`.

        Raises:
            KeyError: There is no such value.
        """
        return _walk(self, path)

    def __repr__(self) -> str:
        names = ", ".join(sorted(self.variables)) or "none"
        ended = ", ".join(sorted(self.tasks)) or "none"
        return (
            f"<WorkflowContext {self.size_bytes:,} bytes; "
            f"parameters: {', '.join(sorted(self.parameters)) or 'none'}; "
            f"variables: {names}; tasks: {ended}>"
        )

    def _repr_html_(self) -> str:
        spaces: dict[str, Mapping[str, Any]] = {
            "parameters": self.parameters,
            "workflow": self.variables,
            "task": {name: each.result for name, each in self.tasks.items()},
            "config": self.config,
            "keystore": self.keystore,
        }
        rows = [
            {"name": f"{space}.{name}", "value": preview(held), "bytes": f"{size_of(held):,}"}
            for space, values in spaces.items()
            for name, held in sorted(values.items())
        ]
        parts: list[object] = [html.element("div", f"context of {self.size_bytes:,} bytes")]
        if rows:
            parts.append(html.table(["name", "value", "bytes"], rows[:_SHOWN], numbers=("bytes",)))
        if len(rows) > _SHOWN:
            parts.append(html.element("div", f"and {len(rows) - _SHOWN:,} more"))
        return str(html.element("div", *parts))


def _walk(context: WorkflowContext, path: str) -> Any:
    root, *rest = path.split(".")
    spaces: dict[str, Any] = {
        "parameters": context.parameters,
        "config": context.config,
        "keystore": context.keystore,
        "system": context.system,
        "task": context.tasks,
        "tasks": context.tasks,
    }
    spaces |= dict.fromkeys(("workflow", "vars", "variables"), context.variables)
    value = spaces[root] if root in spaces else context.variables[root]
    for part in rest:
        value = _member(value, part, path)
    return value


def _member(value: Any, part: str, path: str) -> Any:
    if isinstance(value, Outcome):
        if isinstance(value.result, dict) and part in value.result:
            return value.result[part]
        if part in {*value.__struct_fields__, "succeeded"}:
            return getattr(value, part)
    elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
        return value[int(part)]
    elif isinstance(value, dict | PMap) and part in value:
        return value[part]
    raise KeyError(f"{path}: nothing at `{part}`")


class ItemScope(msgspec.Struct, frozen=True, gc=False):
    """What one item of a with-items task sees. Three references, 40 bytes.

    `gc=False` is safe: a scope refers to the context and to frozen data, and nothing of
    these refers to a scope.
    """

    context: WorkflowContext
    item: Any = ABSENT
    index: Any = ABSENT

    outcome: ClassVar[None] = None


class TaskScope(msgspec.Struct, frozen=True, gc=False):
    """What a task's transitions see: the context, and how the task has just ended."""

    context: WorkflowContext
    outcome: Outcome | None = None

    item: ClassVar[Any] = ABSENT
    index: ClassVar[Any] = ABSENT

"""The values that expressions see: shared, read-only, and never copied.

A `WorkflowContext` is a persistent value that refers to frozen ones: a new version costs as much
as its change, and an old one costs nothing to keep. An `ItemScope` is three references, whatever
the size of the context.
"""

from __future__ import annotations

from collections.abc import Callable  # noqa: TC003 - `help()` evaluates the annotations
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec
from pyrsistent import PMap, pmap

from attune_nb import html
from attune_nb.events import TaskEndStatus  # noqa: TC001 - msgspec reads the annotations
from attune_nb.item_outcomes import ItemOutcomes  # noqa: TC001 - msgspec reads the annotations
from attune_nb.values.describe import preview
from attune_nb.values.frozen import FrozenDict, FrozenList, freeze
from attune_nb.values.secrets import Mask
from attune_nb.values.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ABSENT",
    "ENVELOPE_KEYS",
    "ENVELOPE_WORDS",
    "INQUIRY_FIELDS",
    "OUTCOME_FIELDS",
    "TASK_SPACES",
    "ItemScope",
    "Moment",
    "Outcome",
    "TaskRecord",
    "TaskScope",
    "WorkflowContext",
    "envelope_data",
    "envelope_word",
]

_NO_INQUIRIES: FrozenDict = freeze({})

# Names that a table of the context shows.
_SHOWN_NAMES = 50


class _Absent:
    """The type of `ABSENT`."""

    _instance: ClassVar[_Absent | None] = None

    def __new__(cls) -> Self:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance  # type: ignore[return-value]

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()
"""Stands for a missing value, which is not the same as null."""


class Moment(msgspec.Struct, frozen=True):
    """The time and the seed of one evaluation, so that a replay gives the same values.

    Attributes:
        time: In seconds since the epoch, UTC.
        seed: The seed of random values.
    """

    time: float
    seed: int


OUTCOME_FIELDS = (
    "result",
    "status",
    "error",
    "succeeded",
    "attempts",
    "duration_ms",
    "total_count",
    "failed_items",
    "failures",
    "successes",
)
"""The names below `task.NAME`, beside the keys of the task's result."""


TASK_SPACES = ("task", "tasks")
"""The namespaces of the records of tasks."""

ENVELOPE_WORDS = ("data", "exit_code", "stdout")
"""The keys of the result of a pack's action that `task.NAME` and `result()` have after every other
action, too."""

ENVELOPE_KEYS = frozenset({"exit_code", "duration_ms", "succeeded"})
"""The keys by which the result of a pack's action is recognized."""

INQUIRY_FIELDS = (
    "id", "status", "response", "assigned_to", "responded_by", "responded_at", "timeout_at",
)  # fmt: skip
"""The names below `inquiry.NAME`."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an execution of a task ended, as `task.NAME` and `result()` show it.

    Attributes:
        status: Its status.
        result: Its result; of a task with items the array of their results.
        error: Why it did not succeed.
        attempts: The number of its attempts.
        duration_ms: How long it took, in milliseconds.
        total_count: The number of items, for a task with items.
        failed_items: How many of them failed.
        items: How its items ended, for `failures` and `successes`.
    """

    status: TaskEndStatus
    result: Any = None
    error: str | None = None
    attempts: int = 0
    duration_ms: float = 0.0
    total_count: int | None = None
    failed_items: int | None = None
    items: ItemOutcomes | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the task succeeded. A skipped task did."""
        return self.status in ("succeeded", "skipped")

    @property
    def failures(self) -> FrozenList | None:
        """`{index, item, error, error_type, attempts, result}` of each item that failed.

        `result` is what the action left behind. None for a task without items.
        """
        return None if self.items is None else self.items.failures()

    @property
    def successes(self) -> FrozenList | None:
        """`{index, item, result}` of each item that succeeded; None for a task without items."""
        return None if self.items is None else self.items.successes(self.result)

    def remote_parts(self) -> list[Any]:
        """Return the values in the outcome that may refer to a cluster."""
        if self.items is None:
            return [self.result]
        return [self.result, *self.items.parts()]

    def map_values(self, change: Callable[[Any], Any]) -> Outcome:
        """Return the outcome with changed result and items: without secrets, or fetched."""
        items = None if self.items is None else self.items.map(change)
        return msgspec.structs.replace(self, result=freeze(change(self.result)), items=items)


def envelope_data(value: Any) -> dict[Any, Any] | None:
    """Return the object that the process of a pack's action printed; None for any other value.

    Its keys can also be read from the result of the action itself.
    """
    if not isinstance(value, dict) or not value.keys() >= ENVELOPE_KEYS:
        return None
    data = value.get("data")
    return data if isinstance(data, dict) else None


def envelope_word(outcome: Outcome, word: str) -> Any:
    """Return `data`, `exit_code` or `stdout` of a task whose result does not have that key.

    So an expression means the same for an action of a pack and for any other: `data` is the result
    of the action, `exit_code` is 0 or 1, and `stdout` is the message of `core.echo`.

    Returns:
        The value; `ABSENT` if there is none.
    """
    result = outcome.result
    if isinstance(result, dict) and "exit_code" in result:
        return ABSENT
    if word == "exit_code":
        return 0 if outcome.succeeded else 1
    if word == "data" and outcome.succeeded:
        return result
    if word == "stdout" and isinstance(result, dict) and result.keys() == {"message"}:
        return _write_scalar(result["message"])
    return ABSENT


def _write_scalar(value: Any) -> Any:
    """Return the text of a string, a number, a boolean or null; `ABSENT` for another value."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if type(value) is bool:
        return str(value).lower()
    if type(value) in (int, float):
        return str(value)
    return ABSENT


class TaskRecord(msgspec.Struct, frozen=True):
    """A task record, which `task(NAME)` returns: an outcome's fields, without its result's keys.

    Attributes:
        outcome: The outcome.
    """

    outcome: Outcome


class _Cache(dict[str, Any]):
    """Values looked up in one version of a persistent map. All caches compare equal."""

    __slots__ = ()

    def __eq__(self, _: object) -> bool:
        return True

    __hash__ = None


class WorkflowContext(msgspec.Struct, frozen=True, kw_only=True):
    """The values that expressions can name, at one moment of a run.

    Attributes:
        parameters: The parameters of the run.
        variables: The variables that were published so far.
        tasks: The outcomes of the tasks that have ended, by the task's name.
        config: The values of `config`.
        keystore: The values of `keystore`: secrets.
        system: The values of `system`, such as the time when the run started.
        inquiries: The inquiries that tasks have waited for, by the name of the waiting task.
        moments: Returns the time and the seed for `now()` and `uuid()`.
        mask: Removes secrets from values that are shown.
        variables_cache: The variables looked up in this version.
        tasks_cache: The outcomes looked up in this version.
    """

    parameters: FrozenDict
    variables: PMap[str, Any]
    tasks: PMap[str, Outcome]
    config: FrozenDict
    keystore: FrozenDict
    system: FrozenDict
    inquiries: FrozenDict = _NO_INQUIRIES
    moments: Callable[[], Moment] | None = None
    mask: Mask = Mask()
    # A look-up takes a microsecond in a persistent map, and a fraction of that in a dictionary.
    # A value that a million items read is looked up in the map once for each version.
    variables_cache: _Cache = msgspec.field(default_factory=_Cache)
    tasks_cache: _Cache = msgspec.field(default_factory=_Cache)

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
        """Return the first context of a run. All values are frozen.

        Args:
            parameters: The parameters of the run.
            vars: The first variables.
            config: The values of `config`.
            keystore: The values of `keystore`. Their strings and numbers are secrets.
            system: The values of `system`.
            mask: Removes secrets; by default those of `keystore`.
        """
        spaces = [_freeze_space(space) for space in (parameters, config, keystore, system)]
        if mask is None:
            mask = Mask(keystore)

        context = cls(
            parameters=spaces[0],
            variables=pmap(),
            tasks=pmap(),
            config=spaces[1],
            keystore=spaces[2],
            system=spaces[3],
            mask=mask,
        )
        if vars is not None:
            for name, value in vars.items():
                context = context.publish(name, value)
        return context

    @property
    def size_bytes(self) -> int:
        """The bytes of memory of all these values, which are counted when they are asked for.

        The size of an array or an object of more than 2,000 elements is an estimate, made from a
        sample of them.
        """
        values = [self.parameters, self.config, self.keystore, self.system, self.inquiries]
        values += self.variables.values()
        values += [outcome.result for outcome in self.tasks.values()]
        return sum(map(size_of, values))

    def publish(self, name: str, value: Any) -> WorkflowContext:
        """Return a version in which the variable `name` has the value `value`."""
        return self.replace(variables=self.variables.set(name, freeze(value)))

    def with_result(self, task: str, value: Any) -> WorkflowContext:
        """Return a version in which `task` has succeeded with `value`."""
        return self.with_outcome(task, Outcome(status="succeeded", result=value, attempts=1))

    def with_outcome(self, task: str, outcome: Outcome) -> WorkflowContext:
        """Return a version in which `task` has ended with `outcome`."""
        frozen = msgspec.structs.replace(outcome, result=freeze(outcome.result))
        return self.replace(tasks=self.tasks.set(task, frozen))

    def replace(self, **changes: Any) -> WorkflowContext:
        """Return a version with some fields changed."""
        return msgspec.structs.replace(
            self, **changes, variables_cache=_Cache(), tasks_cache=_Cache()
        )

    def with_clock(self, moments: Callable[[], Moment]) -> WorkflowContext:
        """Return the same context with a source of times and seeds for `now()` and `uuid()`."""
        return msgspec.structs.replace(self, moments=moments)

    def masked(self) -> WorkflowContext:
        """Return the context with `***` in place of each secret, as users may see it."""
        if not self.mask:
            return self

        hide = self.mask.value
        variables = {name: freeze(hide(value)) for name, value in self.variables.items()}
        tasks = {}
        for name, outcome in self.tasks.items():
            masked = outcome.map_values(hide)
            tasks[name] = msgspec.structs.replace(masked, error=hide(outcome.error))

        return self.replace(
            parameters=freeze(hide(self.parameters)),
            variables=pmap(variables),
            tasks=pmap(tasks),
            config=freeze(hide(self.config)),
            keystore=freeze(hide(self.keystore)),
            inquiries=freeze(hide(self.inquiries)),
        )

    def scope(self, item: Any, index: int) -> ItemScope:
        """Return the scope of one item: references to this context, the item and its index."""
        return ItemScope(self, item, index)

    def lookup(self, path: str) -> Any:
        """Return the value of a dotted path such as `parameters.url` or `workflow.total`.

        Raises:
            KeyError: The path leads to no value.
        """
        return _walk(self, path)

    def __repr__(self) -> str:
        return (
            f"<WorkflowContext {self.size_bytes:,} bytes; "
            f"parameters: {_join_names(self.parameters)}; "
            f"variables: {_join_names(self.variables)}; tasks: {_join_names(self.tasks)}>"
        )

    def _repr_html_(self) -> str:
        spaces: dict[str, Mapping[str, Any]] = {
            "parameters": self.parameters,
            "workflow": self.variables,
            "task": {name: outcome.result for name, outcome in self.tasks.items()},
            "config": self.config,
            "keystore": self.keystore,
            "inquiry": self.inquiries,
        }
        rows = []
        for space, values in spaces.items():
            for name, value in sorted(values.items()):
                size = f"{size_of(value):,}"
                rows.append({"name": f"{space}.{name}", "value": preview(value), "bytes": size})

        parts: list[object] = [html.element("div", f"context of {self.size_bytes:,} bytes")]
        if rows:
            shown = rows[:_SHOWN_NAMES]
            parts.append(html.table(["name", "value", "bytes"], shown, numbers=("bytes",)))
        if len(rows) > _SHOWN_NAMES:
            parts.append(html.element("div", f"and {len(rows) - _SHOWN_NAMES:,} more"))
        return str(html.element("div", *parts))


def _freeze_space(values: Mapping[str, Any] | None) -> FrozenDict:
    """Return the frozen values of `parameters`, `config` and the like."""
    plain = {} if values is None else dict(values)
    frozen: FrozenDict = freeze(plain)
    return frozen


def _join_names(names: Iterable[str]) -> str:
    text = ", ".join(sorted(names))
    return text or "none"


def _walk(context: WorkflowContext, path: str) -> Any:
    """Return the value of a dotted path. A path without a space names a variable."""
    root, *parts = path.split(".")
    spaces: dict[str, Any] = {
        "parameters": context.parameters,
        "config": context.config,
        "keystore": context.keystore,
        "system": context.system,
        "inquiry": context.inquiries,
        "task": context.tasks,
        "tasks": context.tasks,
    }
    spaces |= dict.fromkeys(("workflow", "vars", "variables"), context.variables)

    value = spaces[root] if root in spaces else context.variables[root]
    for part in parts:
        value = _member(value, part, path)
    return value


def _member(value: Any, part: str, path: str) -> Any:
    """Return a member of an outcome, an array or an object.

    The members of an outcome are those of its result, and its own fields.
    """
    if isinstance(value, Outcome):
        return _outcome_member(value, part, path)
    if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
        return value[int(part)]
    if isinstance(value, dict | PMap) and part in value:
        return value[part]

    data = envelope_data(value)
    if data is not None and part in data:
        return data[part]
    raise KeyError(f"{path}: nothing at `{part}`")


def _outcome_member(outcome: Outcome, part: str, path: str) -> Any:
    """Return a member: of the result, of the data in the result, or of the outcome itself."""
    for values in (outcome.result, envelope_data(outcome.result)):
        if isinstance(values, dict) and part in values:
            return values[part]
    if part in OUTCOME_FIELDS:
        return getattr(outcome, part)

    value = envelope_word(outcome, part)
    if value is ABSENT:
        raise KeyError(f"{path}: nothing at `{part}`")
    return value


class ItemScope(msgspec.Struct, frozen=True, gc=False):
    """The scope of one item of a task with items: three references, 40 bytes.

    `gc=False` is safe: a scope refers to the context and to frozen data, and none of these
    refers to a scope.
    """

    context: WorkflowContext
    item: Any = ABSENT
    index: Any = ABSENT

    outcome: ClassVar[None] = None


class TaskScope(msgspec.Struct, frozen=True, gc=False):
    """The scope of a task's transitions: the context, and the outcome of the task."""

    context: WorkflowContext
    outcome: Outcome | None = None

    item: ClassVar[Any] = ABSENT
    index: ClassVar[Any] = ABSENT

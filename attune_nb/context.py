"""What a workflow's expressions can see: shared, read-only, and never copied.

Maps and lists are frozen once, when they come in, into read-only subclasses of `dict` and
`list`. From then on every task and item refers to the same objects. A `WorkflowContext` is
a persistent value: making the next version costs what has changed, keeping the old one is
free. An `ItemScope` is three references, whatever the size of the context.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

import msgspec
from pyrsistent import PMap, pmap

from attune_nb.masking import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "ABSENT",
    "FrozenDict",
    "FrozenList",
    "ItemScope",
    "Moment",
    "Outcome",
    "TaskScope",
    "WorkflowContext",
    "freeze",
    "freeze_list",
    "rows_of",
    "size_of",
    "thaw",
]

_DEEPEST = 200


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


def _refuse(self: object, *_: object, **__: object) -> NoReturn:
    kind = "map" if isinstance(self, dict) else "list"
    plain = "dict(value)" if kind == "map" else "list(value)"
    raise TypeError(
        f"this {kind} is read-only, because every task and item shares it; "
        f"change a copy ({plain}), or declare the action with "
        "@attune_nb.action(mutable_input=True) to be given its own copy of its input"
    )


class FrozenDict(dict[Any, Any]):
    """A read-only `dict`. `json`, pandas and `isinstance` take it for what it is."""

    __slots__ = ("size",)
    size: int  # bytes of memory of everything below and including this map

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __copy__(self) -> dict[Any, Any]:
        return dict(self)

    def __deepcopy__(self, memo: object) -> dict[Any, Any]:
        return {key: thaw(value) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (dict(self),)


class FrozenList(list[Any]):
    """A read-only `list`."""

    __slots__ = ("size",)
    size: int

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: object) -> list[Any]:
        return [thaw(value) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (list(self),)


_LEAVES = frozenset({str, int, float, bool, type(None), bytes, complex})
_FROZEN = frozenset({FrozenDict, FrozenList})


def freeze(value: Any) -> Any:
    """Give a value that nobody can change, sharing all that is frozen already.

    `dict` and `list` (and their subclasses) become `FrozenDict` and `FrozenList`, tuples
    are frozen within, sets become frozensets, NumPy arrays read-only views of themselves and
    NumPy scalars plain numbers, texts of a subclass become plain texts. Any other object is
    passed through as it is. (Code in C that is made for lists, such as `heapq`, writes past a
    list's own methods; nothing in Python can refuse that.)

    Raises:
        ValueError: The value contains itself, or is nested deeper than 200 levels.
    """
    kind = type(value)
    if kind in _LEAVES or kind in _FROZEN:
        return value
    return _freeze(value, _DEEPEST)


def _freeze(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in _LEAVES or kind in _FROZEN:
        return value
    if depth == 0:
        raise ValueError(
            f"a value is nested deeper than {_DEEPEST} levels, or contains itself; "
            "publish and return flat data"
        )
    if isinstance(value, dict):
        frozen_map = FrozenDict({key: _freeze(each, depth - 1) for key, each in value.items()})
        frozen_map.size = _container_size(frozen_map, frozen_map.values())
        frozen_map.size += sum(map(size_of, frozen_map))
        return frozen_map
    if isinstance(value, list):
        frozen_list = FrozenList([_freeze(each, depth - 1) for each in value])
        frozen_list.size = _container_size(frozen_list, frozen_list)
        return frozen_list
    if kind is tuple:
        return tuple(_freeze(each, depth - 1) for each in value)
    if kind is set:
        return frozenset(value)
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, str):  # an enum's, or NumPy's: the plain text that it holds
        return str.__str__(value)
    if kind.__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    return value


def freeze_list(values: list[Any]) -> FrozenList:
    """Make a read-only list of values that are frozen already; the list itself is copied once."""
    frozen = FrozenList(values)
    frozen.size = _container_size(frozen, frozen)
    return frozen


def _container_size(container: Any, children: Any) -> int:
    return sys.getsizeof(container) + sum(map(size_of, children))


def size_of(value: Any) -> int:
    """Give the bytes of memory that a frozen value takes, without walking it again.

    Parts that are shared count each time they are referred to. Objects that are not plain
    data count by their own `nbytes`, or by the object alone.
    """
    kind = type(value)
    if kind in _FROZEN:
        known: int = value.size
        return known
    if kind in _LEAVES:
        return sys.getsizeof(value)
    if kind is tuple:
        return _container_size(value, value)
    own = getattr(value, "nbytes", None)
    return own if isinstance(own, int) else sys.getsizeof(value, 0)


def thaw(value: Any) -> Any:
    """Give a deep copy made of plain `dict` and `list`, free to be changed."""
    if isinstance(value, dict):
        return {key: thaw(each) for key, each in value.items()}
    if isinstance(value, list):
        return [thaw(each) for each in value]
    if type(value) is tuple:
        return tuple(thaw(each) for each in value)
    return value


class Moment(msgspec.Struct, frozen=True):
    """The time and the luck of one evaluation, so that a replay gives the same."""

    time: float  # seconds since the epoch, UTC
    seed: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a task ended, as `task.NAME` and `result()` show it."""

    status: str
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
        return msgspec.structs.replace(
            self,
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
        return msgspec.structs.replace(
            self, tasks=self.tasks.set(task, frozen), size_bytes=self.size_bytes + grown
        )

    def at(self, moments: Callable[[], Moment]) -> WorkflowContext:
        """Give the same context with a source of the time for `now()` and `uuid()`."""
        return msgspec.structs.replace(self, moments=moments)

    def shown(self) -> WorkflowContext:
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
        return msgspec.structs.replace(
            self,
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


def rows_of(frame: Any) -> Iterator[FrozenDict]:
    """Give a DataFrame's rows as frozen maps, one at a time."""
    columns = [str(name) for name in frame.columns]
    for row in zip(*(frame.iloc[:, at].tolist() for at in range(len(columns))), strict=True):
        yield freeze(dict(zip(columns, row, strict=True)))

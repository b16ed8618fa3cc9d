"""What an expression may touch and what it may cost.

Only plain data can be looked into. A map that Python calls a subclass, a DataFrame, a path, a
date: each passes as a whole, and nothing of it is read, compared or printed. Work is counted
in steps (up to a quarter of a microsecond and some 40 bytes each) against a budget for each
evaluation, so what an expression costs has an end that no workflow can move.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pyrsistent import PMap

from attune_nb.context import Moment, Outcome
from attune_nb.errors import TemplateError
from attune_nb.values.frozen import FrozenDict, FrozenList, FrozenTuple, freeze
from attune_nb.values.remote import RemoteReference

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ARRAYS",
    "FRESH",
    "FUEL",
    "KEYS",
    "LARGEST_BITS",
    "LONGEST_RANGE",
    "LONGEST_TEXT",
    "MAPS",
    "NUMBERS",
    "PLAIN",
    "RECORD_FIELDS",
    "begin_evaluation",
    "bounded_text",
    "charge",
    "charge_made",
    "charge_many",
    "charge_text",
    "kept",
    "record_to_map",
    "refuel",
    "refuse_elsewhere",
    "small",
    "truth",
    "type_of",
    "weigh",
    "weigh_all",
]

FUEL = 4_000_000  # steps of one evaluation
LONGEST_TEXT = 10_000_000  # characters
LONGEST_RANGE = 100_000  # numbers that one `range` gives
LARGEST_BITS = 4_096  # bits of a whole number that takes part in arithmetic
MATCH_SECONDS = 0.3  # that the patterns of one evaluation may search

NUMBERS: frozenset[type] = frozenset({int, float})
ARRAYS: frozenset[type] = frozenset({list, tuple, FrozenList, FrozenTuple})
MAPS: frozenset[type] = frozenset({dict, FrozenDict})
KEYS: frozenset[type] = NUMBERS | {str, bool, type(None)}  # that a map is asked for
PLAIN: frozenset[type] = NUMBERS | ARRAYS | MAPS | {str, bool, type(None)}
RECORD_FIELDS = (
    "result",
    "status",
    "error",
    "succeeded",
    "attempts",
    "duration_ms",
    "total_count",
    "failed_items",
)

FRESH: frozenset[type] = frozenset({list, tuple, dict})
_WORDS: dict[type, str] = {
    type(None): "null",
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    tuple: "array",
    FrozenList: "array",
    FrozenTuple: "array",
    dict: "object",
    FrozenDict: "object",
}
_BYTES_A_STEP = 48
_CHARACTERS_A_STEP = 32
_FEW = 16  # steps
_SHORT = 256  # characters


class Kept:
    """What an evaluation keeps, if it asks for the moment or searches for a pattern."""

    __slots__ = ("moment", "seconds")

    def __init__(self) -> None:
        self.moment: Moment | None = None
        self.seconds = MATCH_SECONDS


class _Meter(threading.local):
    """What is left for the evaluation under way in this thread."""

    steps: int = FUEL
    kept: Kept | None = None


METER = _Meter()


def begin_evaluation() -> None:
    """Start an evaluation: a full budget, and a moment yet to be asked for."""
    METER.steps = FUEL
    METER.kept = None


def kept() -> Kept:
    """Give what the evaluation under way keeps until its end."""
    if METER.kept is None:
        METER.kept = Kept()
    return METER.kept


def refuel() -> None:
    """Give a part that computes nothing its own budget, within whatever evaluation."""
    METER.steps = FUEL


def charge(steps: int) -> None:
    """Take steps from the budget.

    Raises:
        TemplateError: There are not so many left.
    """
    left = METER.steps = METER.steps - steps
    if left < 0:
        raise TemplateError(
            "the expression is too much work for a template; do it in an action, or on fewer values"
        )


def charge_many(steps: int) -> None:
    """Take steps, unless they are so few that counting would take longer.

    Only for what stands in the source of an expression and is not repeated by it.
    """
    if steps > _FEW:
        charge(steps)


def charge_text(length: int, *, ascii_only: bool = True) -> None:
    """Take what a text of so many characters costs to make or to search, if it is long."""
    if length > _SHORT:
        charge((length if ascii_only else 4 * length) // _CHARACTERS_A_STEP)


def charge_made(text: str) -> None:
    """Take what a text costs that was made for one of many values."""
    length = len(text)
    if length > _CHARACTERS_A_STEP:
        charge((length if text.isascii() else 4 * length) // _CHARACTERS_A_STEP)


def bounded_text(length: int, *, ascii_only: bool = True) -> None:
    """Refuse a text that would be too long before it is made, and charge for it."""
    if length > LONGEST_TEXT:
        raise TemplateError(f"the text would have more than {LONGEST_TEXT:,} characters")
    charge_text(length, ascii_only=ascii_only)


def small(number: Any) -> Any:
    """Give a number back, or refuse one that is not finite or has too many digits."""
    if type(number) is int:
        if number.bit_length() > LARGEST_BITS:
            raise TemplateError(f"a whole number here has at most {LARGEST_BITS:,} bits")
    elif number - number != 0:
        raise TemplateError(f"the result is not a finite number ({number})")
    return number


def type_of(value: Any) -> str:
    """Name a value's type: null, bool, number, string, array, object; or a Python class."""
    kind = type(value)
    return _WORDS.get(kind) or (
        kind.description if issubclass(kind, RemoteReference) else kind.__name__
    )


def truth(value: Any) -> bool:
    """Judge a value as a condition. What is not plain data is true, unseen.

    Raises:
        TemplateError: It is not here.
    """
    if type(value) in PLAIN:
        return bool(value)
    refuse_elsewhere(value)
    return True


def refuse_elsewhere(*values: Any) -> None:
    """Refuse to judge what stands for a value that is not here.

    Raises:
        TemplateError: One of the values is not here.
    """
    for value in values:
        if isinstance(value, RemoteReference):
            raise TemplateError(
                f"a {value.description} is not looked into here, only in the input of a task on "
                "the same cluster; leave out `keep_results`, or let a task give what is asked "
                "for here"
            )


def record_to_map(value: Any) -> Any:
    """Give a task's record, or a whole namespace, as the map that it stands for."""
    if isinstance(value, Outcome):
        return freeze({name: getattr(value, name) for name in RECORD_FIELDS})
    if isinstance(value, PMap):
        charge(3 * len(value))
        # in order of the names, for the map's own order differs between processes
        return freeze({key: record_to_map(value[key]) for key in sorted(value, key=str)})
    return value


def weigh(value: Any) -> None:
    """Charge for the containers that an expression made, as often as they are referred to.

    Whoever freezes the value walks each reference again, so a list of a thousand times the
    same list costs a million parts, though it is small in memory until then.
    """
    stack = [value]
    while stack:
        each = stack.pop()
        if type(each) in FRESH:
            charge(3 + len(each))
            stack.extend(_parts(each))


def _parts(container: Any) -> Sequence[Any]:
    if type(container) is dict:
        return list(container.values())
    return container  # type: ignore[no-any-return]


def weigh_all(value: Any, times: int = 1) -> None:
    """Charge for every part of a value, texts and shared data too, gone through `times` over."""
    stack = [value]
    while stack:
        each = stack.pop()
        kind = type(each)
        if kind is str:
            length = len(each) if each.isascii() else 4 * len(each)
            charge(times * (1 + length // _CHARACTERS_A_STEP))
        elif kind in ARRAYS or kind in MAPS:
            known = getattr(each, "size", None)  # that a frozen value keeps of itself
            if known is not None:
                charge(times * (1 + known // _BYTES_A_STEP))
            else:
                charge(times * (3 + len(each)))
                stack.extend(each.values() if kind in MAPS else each)

"""Jinja2's tests: `x is odd`, `select('odd')`. None looks into what is not plain data."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library.compare import contains, equal, order
from attune_nb.templates.library.signature import Callee, table
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import ARRAYS, MAPS, charge_text, refuse_elsewhere, small

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ASK_DEFINED", "COMPARISONS", "TESTS"]

ASK_DEFINED = ("defined", "undefined")


def _remainder(value: Any, number: Any) -> Any:
    if number == 0:
        raise TemplateError("`divisibleby` takes a number that is not 0")
    return small(value) % small(number)


def _cased(method: Callable[[str], bool]) -> Callable[[Any], bool]:
    def judge(value: Any) -> bool:
        text = to_text(value)
        charge_text(len(text))
        return method(text)

    return judge


def _ordered(compare: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, other: compare(order(value, other), 0)


def _seen(judge: Callable[..., bool]) -> Callable[..., bool]:
    """Have what is not here refused, and not judged."""

    def judged(value: Any, *others: Any) -> bool:
        refuse_elsewhere(value)
        return judge(value, *others)

    return judged


def _is_number(value: Any) -> bool:
    return type(value) in (int, float, bool)


def _is_sequence(value: Any) -> bool:
    return type(value) is str or type(value) in ARRAYS or type(value) in MAPS


def differ(left: Any, right: Any) -> bool:
    """Tell whether two values are not equal."""
    return not equal(left, right)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": equal,
    "ne": differ,
    "lt": _ordered(operator.lt),
    "lteq": _ordered(operator.le),
    "gt": _ordered(operator.gt),
    "gteq": _ordered(operator.ge),
    "in": lambda left, right: contains(right, left),
    "notin": lambda left, right: not contains(right, left),
}
"""The comparison operators, by Jinja2's names."""

_SPELLINGS = {
    "eq": ("eq", "equalto", "=="),
    "ne": ("ne", "!="),
    "lt": ("lt", "lessthan", "<"),
    "lteq": ("le", "<="),
    "gt": ("gt", "greaterthan", ">"),
    "gteq": ("ge", ">="),
    "in": ("in",),
}


def _compared() -> dict[str, tuple[str, Callable[..., Any]]]:
    return {
        name: ("value: any, other: any", COMPARISONS[sign])
        for sign, names in _SPELLINGS.items()
        for name in names
    }


_TYPES: dict[str, Callable[[Any], bool]] = {
    "boolean": lambda value: type(value) is bool,
    "false": lambda value: value is False,
    "float": lambda value: type(value) is float,
    "integer": lambda value: type(value) is int,
    "iterable": _is_sequence,
    "mapping": lambda value: type(value) in MAPS,
    "none": lambda value: value is None,
    "number": _is_number,
    "sequence": _is_sequence,
    "string": lambda value: type(value) is str,
    "true": lambda value: value is True,
}


TESTS: dict[str, Callee] = table(
    {
        "callable": ("value: any", lambda _: False),
        "defined": ("value: any", lambda _: True),
        "divisibleby": (
            "value: number, num: number",
            lambda value, num: _remainder(value, num) == 0,
        ),
        "escaped": ("value: any", lambda _: False),
        "even": ("value: number", lambda value: _remainder(value, 2) == 0),
        "lower": ("value: any", _cased(str.islower)),
        "odd": ("value: number", lambda value: _remainder(value, 2) == 1),
        "sameas": ("value: any, other: any", _seen(operator.is_)),
        "undefined": ("value: any", lambda _: False),
        "upper": ("value: any", _cased(str.isupper)),
        **{name: ("value: any", _seen(judge)) for name, judge in _TYPES.items()},
        **_compared(),
    }
)

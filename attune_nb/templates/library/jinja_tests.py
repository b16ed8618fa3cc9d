"""Jinja2's tests: `x is odd`, `select('odd')`. None looks into a value that is not plain data."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library.compare import compare, contains, is_equal
from attune_nb.templates.library.signature import Callee, make_callees
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import (
    OBJECTS,
    SIZED,
    charge,
    charge_digits,
    check_number,
    refuse_remote,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = tuple[str, Callable[..., Any]]
    """A signature and a Python function."""

__all__ = ["COMPARISONS", "DEFINED_TESTS", "TESTS"]

# Steps of a division.
_REMAINDER_STEPS = 3

# Characters that one step looks at.
_CHARACTERS_PER_STEP = 48

DEFINED_TESTS = ("defined", "undefined")


def _remainder(value: Any, number: Any) -> Any:
    if number == 0:
        raise TemplateError("`divisibleby` takes a number that is not 0")
    charge(_REMAINDER_STEPS)
    if type(check_number(value)) is int:
        charge_digits(value)
    return value % check_number(number)


def _case_test(method: Callable[[str], bool]) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        string = to_text(value)
        charge(1 + len(string) // _CHARACTERS_PER_STEP)
        return method(string)

    return test


def _order_test(accepts: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: accepts(compare(left, right), 0)


def _local_test(test: Callable[..., bool]) -> Callable[..., bool]:
    """Return a test that raises an error for a remote reference, which cannot be tested."""

    def test_local(value: Any, *arguments: Any) -> bool:
        refuse_remote(value)
        return test(value, *arguments)

    return test_local


def _is_number(value: Any) -> bool:
    return type(value) in (int, float, bool)


def _is_sequence(value: Any) -> bool:
    return type(value) in SIZED


# The comparison operators, by Jinja2's names.
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": is_equal,
    "ne": lambda left, right: not is_equal(left, right),
    "lt": _order_test(operator.lt),
    "lteq": _order_test(operator.le),
    "gt": _order_test(operator.gt),
    "gteq": _order_test(operator.ge),
    "in": lambda left, right: contains(right, left),
    "notin": lambda left, right: not contains(right, left),
}

# The names of a comparison as a test.
_COMPARISON_NAMES = {
    "eq": ("eq", "equalto", "=="),
    "ne": ("ne", "!="),
    "lt": ("lt", "lessthan", "<"),
    "lteq": ("le", "<="),
    "gt": ("gt", "greaterthan", ">"),
    "gteq": ("ge", ">="),
    "in": ("in",),
}

_TYPE_TESTS: dict[str, Callable[[Any], bool]] = {
    "boolean": lambda value: type(value) is bool,
    "false": lambda value: value is False,
    "float": lambda value: type(value) is float,
    "integer": lambda value: type(value) is int,
    "iterable": _is_sequence,
    "mapping": lambda value: type(value) in OBJECTS,
    "none": lambda value: value is None,
    "number": _is_number,
    "sequence": _is_sequence,
    "string": lambda value: type(value) is str,
    "true": lambda value: value is True,
}


def _comparison_rows() -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for sign, names in _COMPARISON_NAMES.items():
        rows |= dict.fromkeys(names, ("value: any, other: any", COMPARISONS[sign]))
    return rows


TESTS: dict[str, Callee] = make_callees(
    {
        "callable": ("value: any", lambda _: False),
        "defined": ("value: any", lambda _: True),
        "divisibleby": (
            "value: number, num: number",
            lambda value, num: _remainder(value, num) == 0,
        ),
        "escaped": ("value: any", lambda _: False),
        "even": ("value: number", lambda value: _remainder(value, 2) == 0),
        "lower": ("value: any", _case_test(str.islower)),
        "odd": ("value: number", lambda value: _remainder(value, 2) == 1),
        "sameas": ("value: any, other: any", _local_test(operator.is_)),
        "undefined": ("value: any", lambda _: False),
        "upper": ("value: any", _case_test(str.isupper)),
        **{name: ("value: any", _local_test(test)) for name, test in _TYPE_TESTS.items()},
        **_comparison_rows(),
    }
)

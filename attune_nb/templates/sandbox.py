"""What an expression may touch: plain data, closed lists of names, bounded sizes.

Expressions are parsed by Jinja2 and evaluated by `expression.py`, node by node. Nothing is
reachable unless it is listed here, so the sandbox holds by construction: no attribute of a
Python object is ever read.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2.sandbox import ImmutableSandboxedEnvironment

from attune_nb.context import FrozenDict, FrozenList
from attune_nb.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILTERS", "METHODS", "PLAIN", "TESTS", "bounded", "environment", "is_plain"]

LONGEST = 10_000_000  # characters, bytes or elements that one value may have
LARGEST_POWER = 4_096  # bits that a power may give

PLAIN: frozenset[type] = frozenset(
    {str, int, float, bool, type(None), dict, list, tuple, FrozenDict, FrozenList}
)

FILTERS = frozenset(
    [
        "abs",
        "capitalize",
        "count",
        "d",
        "default",
        "dictsort",
        "e",
        "escape",
        "filesizeformat",
        "first",
        "float",
        "groupby",
        "int",
        "items",
        "join",
        "last",
        "length",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "replace",
        "reverse",
        "round",
        "select",
        "selectattr",
        "sort",
        "string",
        "striptags",
        "sum",
        "title",
        "tojson",
        "trim",
        "truncate",
        "unique",
        "upper",
        "urlencode",
        "wordcount",
    ]
)
TESTS = frozenset(
    [
        "boolean",
        "defined",
        "divisibleby",
        "eq",
        "equalto",
        "even",
        "false",
        "float",
        "ge",
        "greaterthan",
        "gt",
        "in",
        "integer",
        "iterable",
        "le",
        "lessthan",
        "lower",
        "lt",
        "mapping",
        "ne",
        "none",
        "number",
        "odd",
        "sequence",
        "string",
        "true",
        "undefined",
        "upper",
    ]
) | {"==", "!=", "<", "<=", ">", ">="}

METHODS: dict[type, frozenset[str]] = {
    str: frozenset(
        [
            "upper",
            "lower",
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "splitlines",
            "startswith",
            "endswith",
            "title",
            "capitalize",
            "replace",
            "join",
            "count",
            "find",
            "rfind",
            "isdigit",
            "isalpha",
            "isalnum",
        ]
    ),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
}


def is_plain(value: object) -> bool:
    """Tell whether an expression may look inside a value."""
    return type(value) in PLAIN


def bounded(value: Any) -> Any:
    """Give a value back, or refuse one that has grown too large."""
    if isinstance(value, str | bytes | list | tuple | dict) and len(value) > LONGEST:
        raise TemplateError(f"the value has more than {LONGEST:,} parts; make it smaller")
    return value


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Give the Jinja2 environment that parses expressions and lends its filters and tests."""
    env = ImmutableSandboxedEnvironment(
        keep_trailing_newline=True,
        comment_start_string="{#attune-has-no-comments",
        optimized=False,
    )
    env.filters = {name: env.filters[name] for name in FILTERS if name in env.filters}
    env.tests = {name: env.tests[name] for name in TESTS if name in env.tests}
    return env


def operate(operator: str, left: Any, right: Any, compute: Callable[[Any, Any], Any]) -> Any:
    """Apply a binary operator whose result could be out of all proportion."""
    if operator == "**" and isinstance(left, int) and isinstance(right, int):
        if right > 0 and left.bit_length() * right > LARGEST_POWER:
            raise TemplateError(f"`**` would give more than {LARGEST_POWER:,} bits")
    elif operator == "*":
        for many, times in ((left, right), (right, left)):
            if (
                isinstance(many, str | list | tuple)
                and isinstance(times, int)
                and len(many) * times > LONGEST
            ):
                raise TemplateError(f"`*` would give more than {LONGEST:,} parts")
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() + right.bit_length()
            if bits > LARGEST_POWER:
                raise TemplateError(f"`*` would give more than {LARGEST_POWER:,} bits")
    elif operator == "%" and isinstance(left, str):
        raise TemplateError("`%` formats no text here; put the values in `{{ }}`")
    return bounded(compute(left, right))

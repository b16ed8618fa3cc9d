"""How a function, filter, test or method is called, from the library itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.templates.library.filters import FILTERS
from attune_nb.templates.library.filters_sequence import SEQUENCE_FILTERS
from attune_nb.templates.library.functions import FUNCTIONS
from attune_nb.templates.library.jinja_tests import TESTS
from attune_nb.templates.library.methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.reference.entry import Entry
    from attune_nb.templates.library.signature import Callee, Parameter

__all__ = ["format_call", "format_parameters"]

_LIBRARY: dict[str, Mapping[str, Callee]] = {
    "function": FUNCTIONS,
    "filter": {**FILTERS, **SEQUENCE_FILTERS},
    "test": TESTS,
    "string method": METHODS["string"],
    "array method": METHODS["array"],
    "object method": METHODS["object"],
}

# The words before the name in a call.
_STARTS = {
    "filter": "value|",
    "test": "value is ",
    "string method": "text.",
    "array method": "values.",
    "object method": "value.",
}


def format_call(entry: Entry) -> str:
    """Return the call of a word: `value|replace(old, new[, count])`; "" if it is not called."""
    if entry.kind in ("filter", "test") and entry.values:
        return entry.values
    callee = _find_callee(entry)
    start = _STARTS.get(entry.kind, "")
    if callee is None:
        # `now()` and its like read the scope and have no arguments
        return f"{entry.name}()" if entry.kind == "function" else ""

    # the value of a filter or a method stands before its name
    skip = 1 if start else 0
    call = callee.format_call(skip)
    if entry.kind in ("filter", "test"):
        call = call.removesuffix("()")
    return f"{start}{call}"


def format_parameters(entry: Entry) -> list[tuple[str, str]]:
    """Return the parameters of a call, each with the kinds of values that it takes."""
    callee = _find_callee(entry)
    if callee is None:
        return []

    parameters = callee.parameters
    if entry.kind not in ("function", "filter", "test"):
        parameters = parameters[1:]
    return [(f"`{parameter.name}`", _describe(parameter)) for parameter in parameters]


def _find_callee(entry: Entry) -> Callee | None:
    return _LIBRARY.get(entry.kind, {}).get(entry.name)


def _describe(parameter: Parameter) -> str:
    description = parameter.description
    if not description:
        description = "any value"

    if parameter.is_optional:
        return f"{description}; may be left out"
    if parameter.is_repeated:
        return f"{description}; may be repeated"
    return description

"""Jinja2's filters that apply another filter or a test to each element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.errors import TemplateError
from attune_nb.templates.library import arrays
from attune_nb.templates.library.filters import FILTERS
from attune_nb.templates.library.filters_sequence import attribute_of
from attune_nb.templates.members import Missing
from attune_nb.templates.sandbox import charge, charge_made, truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.templates.compiler.build import Build, Evaluate

    Apply = Callable[[Any], Any]
    Prepare = Callable[[Any], Apply]
    Nested = Callable[[str, list[nodes.Expr], list[nodes.Keyword], Build], Prepare]

__all__ = ["EACH", "map_each", "select_each"]

_OF_MANY = 20  # steps that a filter of many values takes, however few these are
EACH = {"select": (True, False), "reject": (False, False)}
EACH |= {"selectattr": (True, True), "rejectattr": (False, True)}
"""Whether the elements that pass are kept, and whether an attribute is tested."""


def map_each(
    arguments: list[nodes.Expr], named: list[nodes.Keyword], build: Build, nested: Nested
) -> Prepare:
    """Compile `map('upper')` or `map(attribute='a.b'[, default=x])`."""
    names = {pair.key: build.value(pair.value) for pair in named}
    if not arguments and "attribute" in names:
        unknown = set(names) - {"attribute", "default"}
        if unknown:
            raise TemplateError(f"`map` takes `attribute` and `default`, not `{min(unknown)}`")
        return lambda scope: _mapping(
            attribute_of(**_attribute({key: each(scope) for key, each in names.items()}))
        )
    name = _name(arguments, "map", "filter")
    inner = nested(name, arguments[1:], named, build)
    cost = 3 if name in FILTERS else _OF_MANY
    return lambda scope: _mapping(inner(scope), cost)


def _attribute(named: dict[str, Any]) -> dict[str, Any]:
    named["path"] = named.pop("attribute")
    return named


def _name(arguments: list[nodes.Expr], whose: str, what: str) -> str:
    first = arguments[0] if arguments else None
    if isinstance(first, nodes.Const) and type(first.value) is str:
        return first.value
    example = "map('upper')" if what == "filter" else f"{whose}('odd')"
    raise TemplateError(f"`{whose}` takes the name of a {what} in quotes first, as in `{example}`")


def _mapping(apply: Apply, cost: int = 3) -> Apply:
    def mapped(value: Any) -> list[Any]:
        many = arrays.elements(value, "map")
        charge(cost * len(many))
        result = []
        for each in many:
            found = apply(each)
            if type(found) is Missing:
                raise TemplateError(f"an element: {found.message}")
            if type(found) is str:
                charge_made(found)
            result.append(found)
        return result

    return mapped


def select_each(
    name: str,
    arguments: list[nodes.Expr],
    named: list[nodes.Keyword],
    build: Build,
    nested: Nested,
) -> Prepare:
    """Compile `select`, `reject`, `selectattr` or `rejectattr`."""
    keep, by_attribute = EACH[name]
    path: Evaluate | None = None
    if by_attribute:
        if not arguments:
            raise TemplateError(f"`{name}` takes an attribute first, as in `{name}('active')`")
        path, arguments = build.value(arguments[0]), arguments[1:]
    if not arguments:
        if named:
            raise TemplateError(f"`{name}` takes no `{named[0].key}`")
        return lambda scope: _selecting(name, _getter(path, scope), _known_truth, keep=keep)
    judge = nested(_name(arguments, name, "test"), arguments[1:], named, build)
    return lambda scope: _selecting(name, _getter(path, scope), judge(scope), keep=keep)


def _getter(path: Evaluate | None, scope: Any) -> Apply:
    if path is None:
        return lambda element: element
    return attribute_of(path(scope), lenient=True)


def _known_truth(value: Any) -> bool:
    if type(value) is Missing:
        raise TemplateError(value.message)
    return truth(value)


def _selecting(name: str, get: Apply, judge: Apply, *, keep: bool) -> Apply:
    def selected(value: Any) -> list[Any]:
        many = arrays.elements(value, name)
        charge(3 * len(many))
        return [each for each in many if bool(judge(get(each))) is keep]

    return selected

"""Accept values that fit a schema at the speed of a compiled validator.

`jsonschema_rs` validates some 100 times as fast as `jsonschema`, but reads a few things in its
own way: it takes an enum member for its value, a `Decimal` for a number, and has patterns and
remainders of its own. Here it only accepts, and only where both libraries agree. A value that it
does not accept is judged, and explained, by `jsonschema`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.values.frozen import FrozenDict, FrozenList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["fits_surely"]

# Levels of nesting that the compiled validator surely reads: its stack is the thread's own.
MAX_LEVELS = 250

_SCALARS = frozenset((str, int, float, bool, type(None)))
_MAPS = frozenset((dict, FrozenDict))
_LISTS = frozenset((list, FrozenList, tuple))
_CONTAINERS = _MAPS | _LISTS

# Keys of an array, and of its integers, that say nothing about how many or which ones there are.
_NOTES = frozenset(("type", "title", "description", "default", "examples", "$comment", "$defs"))
_ARRAY_KEYS = _NOTES | {"items", "definitions"}
_NUMBER_KEYS = _NOTES | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}

# Keys of a schema that the two libraries may read in different ways.
_DISPUTED_KEYS = frozenset(
    ("patternProperties", "$schema", "$id", "$anchor", "$dynamicAnchor", "$dynamicRef")
)


def fits_surely(value: Any, schema: Mapping[str, Any], matches: Callable[[str, str], bool]) -> bool:
    """Return whether a value surely fits a schema.

    If False is returned, `jsonschema` decides whether it fits.

    Args:
        value: Anything. Only containers of plain JSON are looked at.
        schema: A valid JSON Schema.
        matches: Returns whether a pattern, its first argument, matches a text.
    """
    if type(value) is range and len(value) > 1 and _is_convex(schema):
        # all numbers between two that fit do
        value = [value[0], value[-1]]
    if type(value) not in _CONTAINERS or not _is_plain(value) or _is_disputed(schema):
        return False

    # takes 20 ms to import, and only workflows with lists or objects as parameters need it
    import jsonschema_rs  # noqa: PLC0415

    class Pattern:
        """The keyword `pattern`, with the dialect and the time limit of this project."""

        def __init__(self, _parent: Any, pattern: str, _path: Any) -> None:
            self.pattern = pattern

        def validate(self, instance: Any) -> None:
            if isinstance(instance, str) and not matches(self.pattern, instance):
                raise ValueError(self.pattern)

    try:
        validator = jsonschema_rs.Draft202012Validator(
            dict(schema), validate_formats=False, offline=True, keywords={"pattern": Pattern}
        )
        return validator.is_valid(value)
    except (ValueError, jsonschema_rs.ReferencingError):
        # a key is no text, a text has half a surrogate pair, a reference leads nowhere
        return False


def _is_plain(value: Any) -> bool:
    """Return whether a value holds nothing but exact types of JSON, up to `MAX_LEVELS` deep."""
    level: list[Any] = [value]
    for _ in range(MAX_LEVELS):
        inner: list[Any] = []

        for part in level:
            members: Iterable[Any] = part.values() if type(part) in _MAPS else part
            types = set(map(type, members))
            if types <= _SCALARS:
                continue
            if not types - _SCALARS <= _CONTAINERS:
                return False
            inner += [member for member in members if type(member) in _CONTAINERS]

        if not inner:
            return True
        level = inner
    return False


def _is_convex(schema: Mapping[str, Any]) -> bool:
    """Return whether an array of integers fits a schema if the least and the largest do."""
    items = schema.get("items")
    if not isinstance(items, dict):
        return False
    return schema.keys() <= _ARRAY_KEYS and items.keys() <= _NUMBER_KEYS


def _is_disputed(schema: Mapping[str, Any]) -> bool:
    """Return whether the libraries may differ over a schema: it is looked at as a whole."""
    parts: list[Any] = [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            if not _DISPUTED_KEYS.isdisjoint(part) or isinstance(part.get("multipleOf"), float):
                return True
            parts += part.values()
        elif isinstance(part, list | tuple):
            parts += part
    return False

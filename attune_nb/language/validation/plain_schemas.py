"""Recognize the schemas that are surely JSON Schema, without the schema of schemas.

Most declarations are a type, a description and a default. To judge one of them by the schema of
schemas takes 1 ms, and the packs of a folder have tens of thousands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["is_plain_schema"]

_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})

# levels of schemas within schemas that are looked at
_MAX_LEVELS = 20


def is_plain_schema(schema: Any, levels: int = _MAX_LEVELS) -> bool:
    """Return whether a value is surely a JSON Schema.

    If False is returned, the schema of schemas decides.

    Args:
        schema: The value.
        levels: How many levels of schemas within it are looked at.
    """
    if not isinstance(schema, dict) or levels == 0:
        return False

    for key, value in schema.items():
        if key in _INNER_SCHEMAS:
            if not isinstance(value, bool) and not is_plain_schema(value, levels - 1):
                return False
        elif key == "properties":
            if not _are_plain_schemas(value, levels - 1):
                return False
        elif key not in _CHECKS or not _CHECKS[key](value):
            return False
    return True


def _are_plain_schemas(schemas: Any, levels: int) -> bool:
    if not isinstance(schemas, dict):
        return False
    return all(is_plain_schema(schema, levels) for schema in schemas.values())


def _is_type(value: Any) -> bool:
    return isinstance(value, str) and value in _TYPES


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _are_names(value: Any) -> bool:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return False
    return len(set(value)) == len(value)


def _is_anything(_value: Any) -> bool:
    return True


# keys whose value is a schema
_INNER_SCHEMAS = frozenset({"items", "additionalProperties"})

# The keys with simple values; `label` and `position` are no keys of JSON Schema.
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "type": _is_type,
    **dict.fromkeys(("title", "description", "$comment", "format"), _is_string),
    **dict.fromkeys(("deprecated", "readOnly", "writeOnly", "uniqueItems"), _is_boolean),
    **dict.fromkeys(("enum", "examples"), _is_list),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _is_count),
    "required": _are_names,
    **dict.fromkeys(("default", "const", "label", "position"), _is_anything),
}

"""Read the flat schemas of a pack: each name with its declaration.

Within a declaration packs write `required: true` at the inner name itself, too. JSON Schema has
an array of names there, so inner declarations are turned into JSON Schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import Problem, nearest
from attune_nb.language.parameter_specs import (
    SCHEMA_KEYS,
    SCHEMA_LIST_KEYS,
    SCHEMA_MAP_KEYS,
    explain_misfit,
    is_object_schema,
    specs_by_name,
)
from attune_nb.language.reading.foreign_keys import explain_foreign_key
from attune_nb.language.reading.read_parameters import (
    PARAMETER_KEY_NAMES,
    read_flat_schema,
    read_parameters,
)

if TYPE_CHECKING:
    from attune_nb.language.reading.yaml_source import KeyPath
    from attune_nb.packs.reading.pack_reader import PackReader

__all__ = ["read_schema", "read_workflow_parameters"]

# keys for the platform's forms, which do not restrict a value
_FORM_KEYS = ("key_ref",)

# The keys of a declaration without further rules, and the types of values that surely fit it.
_PLAIN_KEYS = frozenset(
    {"type", "description", "default", "enum", "required", "secret", "label", "title"}
)
_PLAIN_TYPES: dict[str, type] = {"string": str, "integer": int, "boolean": bool}

# characters of a key in a message
_MAX_KEY_LENGTH = 80


def read_schema(reader: PackReader, key: str, noun: str) -> dict[str, Any]:
    """Return a flat schema by name, and note its problems; an empty one if there is none.

    A default that does not fit is a warning: the action can still be called with another value.

    Args:
        reader: The reader of the file.
        key: The key of the schema.
        noun: The word for one of its names in messages: "parameter" or "field".
    """
    value = _normalize_all(reader, key)
    schema = read_flat_schema(reader.reader, value, (key,), noun)
    if schema is None:
        return {}

    if not reader.has_errors:
        _check_defaults(reader, key, schema, noun)
    return schema


def read_workflow_parameters(reader: PackReader) -> dict[str, Any] | None:
    """Return the parameters of a workflow's action, and note their problems."""
    value = _normalize_all(reader, "parameters")
    return read_parameters(reader.reader, value, ("parameters",))


def _check_defaults(reader: PackReader, key: str, schema: dict[str, Any], noun: str) -> None:
    for name, spec in schema.items():
        default = spec.get("default")
        if default is None or _fits_plainly(default, spec):
            continue

        misfit = explain_misfit(schema, name, default)
        if misfit is not None:
            misfit = misfit.removeprefix(f"parameter `{name}` ")
            position = reader.reader.value_position((key, name, "default"))
            message = f"the default of {noun} `{name}` {misfit}"
            reader.notes.append(Problem(message, position, "warning"))


def _fits_plainly(value: Any, spec: dict[str, Any]) -> bool:
    """Return whether a value surely fits a declaration without rules."""
    kind = spec.get("type")
    if not spec.keys() <= _PLAIN_KEYS or not isinstance(kind, str):
        return False
    if type(value) is not _PLAIN_TYPES.get(kind):
        return False
    return "enum" not in spec or value in spec["enum"]


def _normalize_all(reader: PackReader, key: str) -> Any:
    """Return a schema with its inner declarations turned into JSON Schema."""
    value = reader.fields.get(key)
    if not isinstance(value, dict):
        return value

    path: KeyPath = (key,)
    if not is_object_schema(value):
        return _normalize_names(reader, value, path)
    specs = specs_by_name(value)
    if not isinstance(specs, dict):
        return value
    return {**value, "properties": _normalize_names(reader, specs, (*path, "properties"))}


def _normalize_names(reader: PackReader, specs: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    normalized: dict[str, Any] = {}
    for name, spec in specs.items():
        normalized[name] = spec
        if isinstance(spec, dict):
            normalized[name] = _normalize(reader, spec, (*path, name), is_inner=False)
    return normalized


def _normalize(
    reader: PackReader, spec: dict[str, Any], path: KeyPath, *, is_inner: bool
) -> dict[str, Any]:
    """Return a declaration with its inner ones turned into JSON Schema.

    Args:
        reader: The reader of the file.
        spec: The declaration.
        path: Its path.
        is_inner: Whether it stands within another one.
    """
    normalized: dict[str, Any] = {}
    for key, value in spec.items():
        key_path = (*path, key)
        if is_inner and key == "required" and isinstance(value, bool):
            # the declaration around this one takes it
            continue
        if is_inner and key == "secret":
            message = "nothing reads `secret` within a declaration; write it at the name itself"
            reader.add_hint(message, *key_path)
            continue
        if not _is_read(reader, key, spec, key_path):
            continue
        normalized[key] = _normalize_inner(reader, key, value, key_path)

    required = _required_names(spec.get("properties"))
    if required:
        _require(normalized, required)
    return normalized


def _normalize_inner(reader: PackReader, key: str, value: Any, path: KeyPath) -> Any:
    """Return the value of a key of a declaration, with the schemas in it normalized."""
    if key in SCHEMA_KEYS and isinstance(value, dict):
        return _normalize(reader, value, path, is_inner=True)

    if key in SCHEMA_MAP_KEYS and isinstance(value, dict):
        schemas: dict[str, Any] = {}
        for name, inner in value.items():
            schemas[name] = inner
            if isinstance(inner, dict):
                schemas[name] = _normalize(reader, inner, (*path, name), is_inner=True)
        return schemas

    if key in SCHEMA_LIST_KEYS and isinstance(value, list):
        parts: list[Any] = []
        for index, inner in enumerate(value):
            part = inner
            if isinstance(inner, dict):
                part = _normalize(reader, inner, (*path, index), is_inner=True)
            parts.append(part)
        return parts
    return value


def _required_names(properties: Any) -> list[str]:
    """Return the names of the properties that say themselves that they are required."""
    if not isinstance(properties, dict):
        return []

    names = []
    for name, spec in properties.items():
        if isinstance(spec, dict) and spec.get("required") is True:
            names.append(name)
    return names


def _require(schema: dict[str, Any], names: list[str]) -> None:
    """Add the names that an object must have to its schema."""
    written = schema.get("required", [])
    if isinstance(written, list):
        schema["required"] = [*written, *(name for name in names if name not in written)]
        return

    # `required: true` says that the parameter itself must be given
    rules = schema.get("allOf", [])
    if isinstance(rules, list):
        schema["allOf"] = [*rules, {"required": names}]


def _is_read(reader: PackReader, key: str, spec: dict[str, Any], path: KeyPath) -> bool:
    """Return whether a key of a declaration is read; note a hint about one that is not.

    A key that is probably misspelt counts as read: the check that follows reports it.
    """
    if key in PARAMETER_KEY_NAMES or key.startswith("x-"):
        return True
    if key in _FORM_KEYS:
        return False

    if explain_foreign_key("a parameter", key, spec) or nearest(key, PARAMETER_KEY_NAMES):
        return True

    reader.add_hint(f"nothing reads `{key[:_MAX_KEY_LENGTH]}` in a declaration", *path)
    return False

"""Read the `parameters` section, and check the schemas of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError, nearest
from attune_nb.language.parameter_specs import (
    INLINE_KEYS,
    SCHEMA_KEYS,
    SCHEMA_LIST_KEYS,
    SCHEMA_MAP_KEYS,
    import_validation,
    is_flat_form,
    is_object_schema,
    parameter_schema,
    specs_by_name,
    to_json_schema,
)
from attune_nb.language.reading.foreign_keys import explain_foreign_key, explain_foreign_type
from attune_nb.reference.parameter_keys import PARAMETER_KEYS
from attune_nb.templates.compiler.parse import has_template
from attune_nb.templates.library.to_text import compile_pattern
from attune_nb.values.describe import describe_with_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.errors import Position
    from attune_nb.language.reading.field_reader import FieldReader
    from attune_nb.language.reading.yaml_source import KeyPath
    from attune_nb.language.validation.validate import SchemaValidator

__all__ = [
    "PARAMETER_KEY_NAMES",
    "check_answer_schema",
    "read_default_positions",
    "read_flat_schema",
    "read_parameters",
]

# JSON Schema has all of these types but `any`.
PARAMETER_TYPES = ("string", "number", "integer", "boolean", "array", "object", "any")
_SCHEMA_TYPES = PARAMETER_TYPES[:-1]
MAX_PARAMETERS = 1000
# Keys of a parameter, and of the schemas within its declaration.
PARAMETER_KEY_NAMES = tuple(entry.name for entry in PARAMETER_KEYS)
_KNOWN_KEYS = tuple(name for name in PARAMETER_KEY_NAMES if name != "secret")

# How a message names a declaration that may have `required` and `secret`.
_OWNERS = ("parameter", "field")

# Characters of a name that a message shows.
_MAX_NAME_LENGTH = 80


def read_parameters(
    reader: FieldReader, value: Any, path: KeyPath, *, check_defaults: bool = True
) -> dict[str, Any] | None:
    """Return the `parameters` of a workflow, and note their problems."""
    if value is None:
        return None
    if not isinstance(value, dict):
        message = f"`parameters` must be an object of names, not {describe_with_value(value)}"
        reader.add_problem(message, path)
        return None

    if not is_object_schema(value):
        _check_specs(reader, value, path, check_defaults=check_defaults)
        return value

    properties = value.get("properties", {})
    if isinstance(properties, dict):
        is_valid = _check_object_schema(reader, value, path)
        _check_specs(reader, value, path, check_defaults=is_valid and check_defaults)
        return value

    description = describe_with_value(properties)
    message = f"`properties` must be an object of names, not {description}"
    reader.add_problem(message, (*path, "properties"))
    reader.unclear.add("parameters")
    return None


def read_flat_schema(
    reader: FieldReader, value: Any, path: KeyPath, noun: str
) -> dict[str, Any] | None:
    """Return an object of names, each with its declaration, and note its problems.

    The defaults are not checked.

    Args:
        reader: The reader of the document.
        value: The object. One schema of `type: object` is turned into this form.
        path: Its path.
        noun: The word for one of its names in messages: "parameter" or "field".
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        message = f"`{path[-1]}` must be an object of names, not {describe_with_value(value)}"
        reader.add_problem(message, path)
        return None

    if is_object_schema(value):
        declared = read_parameters(reader, value, path, check_defaults=False)
        return None if declared is None else _flatten(declared)
    _check_specs(reader, value, path, noun=noun, check_defaults=False)
    return value


def _flatten(declared: dict[str, Any]) -> dict[str, Any]:
    """Return the declarations of an object schema, each with its own `required`."""
    required = declared.get("required")
    if not isinstance(required, list):
        required = []

    flat: dict[str, Any] = {}
    for name, spec in specs_by_name(declared).items():
        flat[name] = spec
        if isinstance(spec, dict) and name in required:
            flat[name] = {**spec, "required": True}
    return flat


def read_default_positions(
    reader: FieldReader, declared: Any, path: KeyPath
) -> dict[str, Position]:
    """Return the positions of the parameters' defaults, by the parameter's name."""
    if not isinstance(declared, dict):
        return {}

    specs = specs_by_name(declared)
    if not isinstance(specs, dict):
        return {}
    specs_path = (*path, "properties") if is_object_schema(declared) else path
    return {name: reader.value_position((*specs_path, name, "default")) for name in specs}


def _check_specs(
    reader: FieldReader,
    declared: dict[str, Any],
    path: KeyPath,
    *,
    check_defaults: bool = True,
    noun: str = "parameter",
) -> None:
    """Note the problems of every parameter's declaration, and of its default."""
    specs = specs_by_name(declared)
    if len(specs) > MAX_PARAMETERS:
        message = f"there are at most {MAX_PARAMETERS:,} {noun}s, not {len(specs):,}"
        reader.add_problem(message, path)
        return
    if not specs:
        return

    specs_path = (*path, "properties") if is_object_schema(declared) else path
    validator = import_validation().SchemaValidator()
    for name, spec in specs.items():
        spec_path = (*specs_path, name)
        is_valid = _check_spec(reader, f"{noun} `{name}`", spec, spec_path, declared)
        if not is_valid or not check_defaults:
            continue

        misfit = _explain_default_misfit(spec, declared, validator)
        if misfit:
            message = f"the default of {noun} `{name}` {misfit}"
            reader.add_problem(message, (*spec_path, "default"))


def _explain_default_misfit(
    spec: dict[str, Any], declared: dict[str, Any], validator: SchemaValidator
) -> str | None:
    default = spec.get("default")
    if default is None:
        return None

    misfit = validator.explain_misfit(default, parameter_schema(spec, declared))
    if misfit and spec.get("secret"):
        return "is not of the declared kind"
    return misfit


def check_answer_schema(reader: FieldReader, schema: Any, path: KeyPath) -> None:
    """Note the problems of a question's `response_schema`, if it holds no expression.

    It is JSON Schema without changes: a key that is unknown here is no problem. Or it has the
    flat form of `parameters`.
    """
    if schema is None or has_template(schema):
        return
    if not isinstance(schema, dict):
        reader.add_problem(
            "`response_schema` must be an object such as {type: string}, "
            f"not {describe_with_value(schema)}",
            path,
        )
        return

    if is_flat_form(schema):
        _check_specs(reader, schema, path, noun="field")
        return

    problem_count = len(reader.problems)
    _check_answer_part(reader, schema, path, schema)
    if len(reader.problems) == problem_count:
        _check_schema(reader, schema, path, "`response_schema`")


def _check_answer_part(
    reader: FieldReader, part: dict[str, Any], path: KeyPath, schema: dict[str, Any]
) -> None:
    """Note wrong types, patterns and references in a part of a schema and in its inner schemas."""
    for key, value in part.items():
        value_path = (*path, key)
        if key == "type":
            _check_type(reader, value, value_path, _SCHEMA_TYPES, "type")
        elif not isinstance(value, str):
            continue
        elif key == "pattern":
            _check_pattern(reader, value, value_path, "`response_schema`")
        elif key == "$ref" and not import_validation().is_local_reference(value, schema):
            reader.add_problem(
                "`$ref` leads only to a part of the schema itself, "
                f"not `{value[:_MAX_NAME_LENGTH]}`; "
                "write `#/$defs/NAME`, with NAME among its `$defs`",
                value_path,
            )

    for inner_path, inner in _inner_schemas(part):
        _check_answer_part(reader, inner, (*path, *inner_path), schema)


def _check_object_schema(reader: FieldReader, declared: dict[str, Any], path: KeyPath) -> bool:
    """Check the keys beside `properties`; return whether they are valid."""
    rules = {key: declared[key] for key in declared if key not in ("properties", "required")}
    problem_count = len(reader.problems)
    _check_keys(reader, rules, path, "`parameters`", declared)
    _check_required(reader, declared, (*path, "required"))

    if len(reader.problems) > problem_count:
        return False
    return _check_schema(reader, to_json_schema(rules, top=True), path, "`parameters`")


def _check_required(reader: FieldReader, declared: dict[str, Any], path: KeyPath) -> None:
    names = declared.get("required", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        reader.add_problem("`required` must be an array of names", path)
        return

    specs = specs_by_name(declared)
    for index, name in enumerate(names):
        if name not in specs:
            hint = nearest(name, specs)
            message = f"`required` names `{name}`, which is not among `properties`{hint}"
            reader.add_problem(message, (*path, index))


def _check_spec(
    reader: FieldReader, owner: str, spec: Any, path: KeyPath, declared: dict[str, Any]
) -> bool:
    """Check the declaration of a parameter or of a field; return whether it is valid."""
    if not isinstance(spec, dict):
        reader.add_problem(
            f"{owner} must be an object such as {{type: string}}, not {describe_with_value(spec)}",
            path,
        )
        return False

    problem_count = len(reader.problems)

    for key in INLINE_KEYS:
        value = spec.get(key, False)
        # an array is the `required` of a nested object
        if isinstance(value, bool) or (key == "required" and isinstance(value, list)):
            continue
        message = f"`{key}` must be true or false, not {describe_with_value(value)}"
        reader.add_problem(message, (*path, key))

    _check_keys(reader, spec, path, owner, declared)
    if len(reader.problems) > problem_count:
        return False
    return _check_schema(reader, to_json_schema(spec, top=True), path, owner)


def _check_keys(
    reader: FieldReader, spec: dict[str, Any], path: KeyPath, owner: str, declared: dict[str, Any]
) -> None:
    """Note unknown keys, types and references, also those of inner schemas."""
    known_keys = PARAMETER_KEY_NAMES if owner.startswith(_OWNERS) else _KNOWN_KEYS

    for key, value in spec.items():
        value_path = (*path, key)
        if key not in known_keys and not key.startswith("x-"):
            foreign_key = explain_foreign_key("a parameter", key, spec)
            if foreign_key is not None:
                hint = f"; {foreign_key.advice}"
            else:
                hint = nearest(key, known_keys)
            if not hint:
                hint = "; a key of your own begins with `x-`"
            message = f"unknown key `{key[:_MAX_NAME_LENGTH]}` in {owner}{hint}"
            reader.add_problem(message, value_path, key=True)
        elif key == "type":
            _check_type(reader, value, value_path, PARAMETER_TYPES, "parameter type")
        elif key == "$ref" and not _is_defined(value, spec, declared):
            reader.add_problem(
                "`$ref` must be `#/$defs/NAME`, with NAME among `$defs`; "
                f"not `{str(value)[:_MAX_NAME_LENGTH]}`",
                value_path,
            )
        elif key == "pattern" and isinstance(value, str):
            _check_pattern(reader, value, value_path, owner)

    for inner_path, inner in _inner_schemas(spec):
        inner_owner = f"`{inner_path[0]}` of {owner}"[:_MAX_NAME_LENGTH]
        _check_keys(reader, inner, (*path, *inner_path), inner_owner, declared)


def _check_pattern(reader: FieldReader, pattern: str, path: KeyPath, owner: str) -> None:
    try:
        compile_pattern(pattern)
    except TemplateError as error:
        reader.add_problem(f"{owner}: {error.message}", path)


def _check_type(
    reader: FieldReader, types: Any, path: KeyPath, known_types: tuple[str, ...], noun: str
) -> None:
    if not isinstance(types, list):
        _check_type_name(reader, types, path, known_types, noun)
        return

    for index, type_name in enumerate(types):
        _check_type_name(reader, type_name, (*path, index), known_types, noun)
    if not types:
        reader.add_problem("`type` is empty; name one, or leave it out", path)


def _check_type_name(
    reader: FieldReader, type_name: Any, path: KeyPath, known_types: tuple[str, ...], noun: str
) -> None:
    if type_name is None:
        message = '`type` must be a string; write the type null as "null", in quotes'
        reader.add_problem(message, path)
        return
    if type_name in (*known_types, "null"):
        return

    hint = explain_foreign_type(str(type_name)[:_MAX_NAME_LENGTH])
    if not hint:
        hint = nearest(str(type_name)[:_MAX_NAME_LENGTH], known_types)
    if not hint:
        hint = f"; known: {', '.join(known_types)}"
    if isinstance(type_name, str):
        message = f"unknown {noun} `{type_name[:_MAX_NAME_LENGTH]}`{hint}"
    else:
        message = f"a {noun} must be a string, not {describe_with_value(type_name)}{hint}"
    reader.add_problem(message, path)


def _check_schema(reader: FieldReader, schema: dict[str, Any], path: KeyPath, owner: str) -> bool:
    """Note where a declaration is not JSON Schema; return whether it is."""
    schema_error = import_validation().find_schema_error(schema)
    if schema_error is None:
        return True

    inner_path, message = schema_error
    place = ""
    if inner_path:
        place = f", `{'.'.join(map(str, inner_path))[:_MAX_NAME_LENGTH]}`"
    reader.add_problem(f"{owner}{place}: {message}", (*path, *inner_path))
    return False


def _inner_schemas(spec: Mapping[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Yield the schemas directly within a schema, each with its path."""
    for key, value in spec.items():
        parts: list[tuple[KeyPath, Any]] = []
        if key in SCHEMA_KEYS:
            parts = [((key,), value)]
        elif key in SCHEMA_LIST_KEYS and isinstance(value, list):
            parts = [((key, index), part) for index, part in enumerate(value)]
        elif key in SCHEMA_MAP_KEYS and isinstance(value, dict):
            parts = [((key, name), part) for name, part in value.items()]

        for path, part in parts:
            if isinstance(part, dict):
                yield path, part


def _is_defined(reference: Any, spec: Mapping[str, Any], declared: Mapping[str, Any]) -> bool:
    """Return whether a `$ref` names a definition of the parameter or of the whole schema."""
    if not isinstance(reference, str):
        return False

    holders = [spec]
    if is_object_schema(declared):
        holders.append(declared)
    for key in ("$defs", "definitions"):
        start = f"#/{key}/"
        if not reference.startswith(start):
            continue
        name = reference.removeprefix(start)
        for holder in holders:
            definitions = holder.get(key)
            if isinstance(definitions, dict) and name in definitions:
                return True
    return False

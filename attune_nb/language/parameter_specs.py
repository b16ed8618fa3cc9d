"""The parameters that a workflow declares, and whether the values of a run fit them.

A declaration is JSON Schema. It is either flat, an object of names in which each parameter has
its own `required` and `secret`, or one schema of type `object`. The libraries `jsonschema_rs` and
`jsonschema` validate values, within limits of our own: no reference leads out of the text, and
patterns have a bounded time (see `validation.validate`).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError, nearest
from attune_nb.templates.library.outer_names import explain_unpassed_name
from attune_nb.values.describe import describe
from attune_nb.values.frozen import freeze_guarded
from attune_nb.values.named_values import is_mapping, read_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from attune_nb.language.validation.validate import SchemaValidator

__all__ = [
    "INLINE_KEYS",
    "SCHEMA_KEYS",
    "SCHEMA_LIST_KEYS",
    "SCHEMA_MAP_KEYS",
    "answer_schema",
    "bind",
    "declared_names",
    "explain_misfit",
    "import_validation",
    "is_flat_form",
    "is_object_schema",
    "mask_secrets",
    "parameter_schema",
    "remove_secrets",
    "required_names",
    "secret_names",
    "specs_by_name",
    "to_json_schema",
    "unset_names",
]

# Keys of a parameter that are not JSON Schema.
INLINE_KEYS = ("required", "secret")

# Keys whose value is an object of schemas, an array of schemas, a schema.
SCHEMA_MAP_KEYS = ("properties", "$defs", "definitions", "dependentSchemas")
SCHEMA_LIST_KEYS = ("allOf", "anyOf", "oneOf", "prefixItems")
SCHEMA_KEYS = (
    "items", "contains", "not", "if", "then", "else", "propertyNames",
    "additionalProperties", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip

# Keys of JSON Schema whose value may be an object.
_OBJECT_KEYS = frozenset(
    (*SCHEMA_MAP_KEYS, *SCHEMA_KEYS, "patternProperties", "dependentRequired", "default", "const")
)

# Keys that hold values of the parameter.
_VALUE_KEYS = ("default", "const", "enum", "examples")

# Keys of an object schema that say nothing about how parameters fit together.
_SINGLE_PARAMETER_KEYS = (
    "title", "description", "$comment", "$schema", "type", "properties", "required",
    "additionalProperties",
)  # fmt: skip

# Characters of a name, and number of names, that a message shows.
_MAX_NAME_LENGTH = 80
_MAX_NAMES = 20


def import_validation() -> ModuleType:
    """Import the validation module: slow, and only workflows with parameters need it."""
    return importlib.import_module("attune_nb.language.validation.validate")


def is_object_schema(declared: Mapping[str, Any]) -> bool:
    """Return whether parameters are declared as one object schema.

    In the flat form every value is an object, so `type` is one as well.
    """
    return declared.get("type") == "object"


def is_flat_form(schema: Mapping[str, Any]) -> bool:
    """Return whether the schema of an answer is an object of fields, each declared by itself.

    In JSON Schema a key whose value is an object has a meaning of its own, such as `properties`.
    """
    if not schema or not all(isinstance(value, Mapping) for value in schema.values()):
        return False
    return any(name not in _OBJECT_KEYS for name in schema)


def answer_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON Schema of an answer; of the flat form, one of `type: object`."""
    if not is_flat_form(schema):
        return schema

    properties: dict[str, Any] = {}
    for name, spec in schema.items():
        properties[name] = to_json_schema(spec, top=True)
        if spec.get("secret") is True:
            properties[name]["writeOnly"] = True
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name, spec in schema.items() if spec.get("required") is True],
        "additionalProperties": False,
    }


def specs_by_name(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the declaration of each parameter, by name."""
    if not is_object_schema(declared):
        return declared

    properties: Mapping[str, Any] = declared.get("properties", {})
    return properties


def to_json_schema(spec: Mapping[str, Any], *, top: bool = False) -> dict[str, Any]:
    """Return a declaration without type `any`, which JSON Schema does not have.

    Args:
        spec: A declaration, or a schema within one.
        top: The declaration is a parameter's own, so `required` and `secret` are left out too.
    """
    schema: dict[str, Any] = {}
    for key, value in spec.items():
        if key == "type" and _allows_any(value):
            continue
        # an array is the `required` of a nested object, which is JSON Schema
        if top and key in INLINE_KEYS and not isinstance(value, list):
            continue

        if key in SCHEMA_MAP_KEYS and isinstance(value, dict):
            schema[key] = {name: _convert_schema(inner) for name, inner in value.items()}
        elif key in SCHEMA_LIST_KEYS and isinstance(value, list):
            schema[key] = [_convert_schema(inner) for inner in value]
        elif key in SCHEMA_KEYS:
            schema[key] = _convert_schema(value)
        else:
            schema[key] = value
    return schema


def _allows_any(types: Any) -> bool:
    if isinstance(types, list):
        return "any" in types
    return bool(types == "any")


def _convert_schema(value: Any) -> Any:
    if isinstance(value, dict):
        return to_json_schema(value)
    return value


def parameter_schema(spec: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return one parameter's schema, with the definitions that its references may need."""
    definitions: dict[str, Any] = {}
    if is_object_schema(declared):
        for key in ("$defs", "definitions"):
            schemas = declared.get(key)
            if isinstance(schemas, dict):
                definitions[key] = {name: _convert_schema(inner) for name, inner in schemas.items()}

    return definitions | to_json_schema(spec, top=True)


def declared_names(declared: Mapping[str, Any] | None) -> set[str]:
    """Return the names of the declared parameters."""
    if not declared:
        return set()
    return set(specs_by_name(declared))


def required_names(declared: Mapping[str, Any] | None) -> list[str]:
    """Return the names of the parameters that a run needs: required and without a default."""
    if not declared:
        return []

    specs = specs_by_name(declared)
    names = [name for name, spec in specs.items() if spec.get("required") is True]
    if is_object_schema(declared):
        names += [name for name in declared.get("required", ()) if name not in names]

    return [name for name in names if "default" not in specs.get(name, {})]


def unset_names(declared: Mapping[str, Any] | None, values: Mapping[str, Any]) -> list[str]:
    """Return the names of optional parameters that have neither a value nor a default."""
    if not declared:
        return []

    required = required_names(declared)
    names = []
    for name, spec in specs_by_name(declared).items():
        is_set = name in values or "default" in spec
        if not is_set and name not in required:
            names.append(name)
    return names


def secret_names(declared: Mapping[str, Any] | None) -> list[str]:
    """Return the names of the parameters whose values must not be shown."""
    if not declared:
        return []
    return [name for name, spec in specs_by_name(declared).items() if spec.get("secret") is True]


def remove_secrets(declared: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return declarations for the record: of a secret parameter only its name remains."""
    secrets = secret_names(declared)
    if not declared or not secrets:
        return declared

    specs = dict(specs_by_name(declared))
    for name in secrets:
        specs[name] = {"secret": True}
    if not is_object_schema(declared):
        return specs

    without_values = {key: value for key, value in declared.items() if key not in _VALUE_KEYS}
    return {**without_values, "properties": specs}


def mask_secrets(declared: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return declarations to show: whatever could be a secret's value is replaced by `***`."""
    secrets = secret_names(declared)
    if not declared or not secrets:
        return declared

    specs = dict(specs_by_name(declared))
    for name in secrets:
        specs[name] = _mask_values(specs[name])
    if not is_object_schema(declared):
        return specs
    return {**_mask_values(declared), "properties": specs}


def _mask_values(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: "***" if key in _VALUE_KEYS else value for key, value in schema.items()}


def bind(declared: Mapping[str, Any] | None, values: Any) -> dict[str, Any]:
    """Return the parameters of a run: the values passed, and defaults for the others.

    Raises:
        ParameterError: The values are not an object; or some are missing, are not declared, or
            do not fit their declarations.
    """
    if not is_mapping(values):
        message = f"the parameters must be an object of names and values, not {describe(values)}"
        raise ParameterError(message)
    try:
        values = read_pairs(values)
    except ValueError as error:
        raise ParameterError(f"the parameters cannot be used: {error}") from None

    if not declared or not specs_by_name(declared):
        if values:
            names = ", ".join(sorted(_quote_name(name) for name in values))
            declarations = ", ".join(
                f"{str(name)[:_MAX_NAME_LENGTH]}: {{type: any}}" for name in [*values][:_MAX_NAMES]
            )
            raise ParameterError(
                f"the workflow declares no parameters, but was given {names}; declare "
                f"`parameters: {{{declarations}}}`"
            )
        return {}

    values, problems = _freeze_values(values)
    if not problems:
        validator: SchemaValidator = import_validation().SchemaValidator()
        problems = list(_find_problems(declared, values, validator))
    if len(problems) > 1:
        lines = "\n".join(f"- {problem}" for problem in problems)
        raise ParameterError(f"{len(problems)} problems with the parameters:\n{lines}")
    if problems:
        raise ParameterError(problems[0])

    parameters = {
        name: spec["default"] for name, spec in specs_by_name(declared).items() if "default" in spec
    }
    parameters.update(values)
    if is_object_schema(declared):
        _check_together(declared, parameters, validator)
    return parameters


def _freeze_values(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return read-only values of parameters, and why others cannot be used."""
    frozen: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in values.items():
        try:
            frozen[name] = freeze_guarded(value)
        except ValueError as error:
            problems.append(f"the parameter {_quote_name(name)} cannot be used: {error}")
    return frozen, problems


def explain_misfit(declared: Mapping[str, Any], name: str, value: Any) -> str | None:
    """Return why a value does not fit a declared parameter, or None if it fits."""
    return _explain_misfit(declared, name, value, import_validation().SchemaValidator())


def _explain_misfit(
    declared: Mapping[str, Any], name: str, value: Any, validator: SchemaValidator
) -> str | None:
    spec = specs_by_name(declared)[name]
    misfit = validator.explain_misfit(value, parameter_schema(spec, declared))

    if misfit is None:
        return None
    if spec.get("secret"):
        misfit = "is not of the declared kind"
    return f"parameter `{name}` {misfit}"


def _find_problems(
    declared: Mapping[str, Any], values: Mapping[str, Any], validator: SchemaValidator
) -> Iterator[str]:
    specs = specs_by_name(declared)
    missing = [name for name in required_names(declared) if name not in values]
    if missing:
        noun = "parameter" if len(missing) == 1 else "parameters"
        hints = [explain_unpassed_name(name) for name in missing]
        yield f"the run needs the {noun} `{'`, `'.join(missing)}`{''.join(hints)}"

    for name, value in values.items():
        if name not in specs:
            hint = nearest(str(name)[:_MAX_NAME_LENGTH], specs)
            if not hint:
                hint = f"; declared: {', '.join(list(specs)[:_MAX_NAMES])}"
            yield f"there is no parameter {_quote_name(name)}{hint}"
            continue

        problem = _explain_misfit(declared, name, value, validator)
        if problem:
            yield problem


def _check_together(
    declared: Mapping[str, Any], parameters: dict[str, Any], validator: SchemaValidator
) -> None:
    """Raise a `ParameterError` if the parameters break a rule of the whole object schema."""
    rules = {key: value for key, value in declared.items() if key not in _SINGLE_PARAMETER_KEYS}
    if not rules:
        return
    misfit = validator.explain_misfit(parameters, to_json_schema(rules, top=True))
    if misfit is None:
        return

    secrets = secret_names(declared)
    if secrets:
        misfit = f"do not fit together (`{secrets[0]}` is secret, so the reason is not shown)"
    raise ParameterError(f"the parameters {misfit.replace('does not fit', 'do not fit', 1)}")


def _quote_name(name: Any) -> str:
    return f"`{str(name)[:_MAX_NAME_LENGTH]}`"

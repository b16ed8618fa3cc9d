"""What a workflow declares its parameters to be, and whether given values fit.

Declarations are JSON Schema, flat (a map of names, `required` and `secret` standing inline) or
as a whole object schema. The `jsonschema` library judges them, within bounds of our own: no
reference leads out of the text, and a pattern takes a bounded time (see `fitting`).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    Path = tuple[str | int, ...]

__all__ = [
    "bind",
    "declared_names",
    "explain_misfit",
    "mask_secrets",
    "required_names",
    "secret_names",
]
_VALUES = ("default", "const", "enum", "examples")  # keys that hold values
INLINE_KEYS = ("required", "secret")
SCHEMA_MAP_KEYS = ("properties", "$defs", "definitions", "dependentSchemas")  # of schemas
SCHEMA_LIST_KEYS = ("allOf", "anyOf", "oneOf", "prefixItems")
SCHEMA_KEYS = (
    "items", "contains", "not", "if", "then", "else", "propertyNames",
    "additionalProperties", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_NARROW = ("title", "description", "$comment", "$schema", "type", "properties", "required",
           "additionalProperties")  # fmt: skip


def import_validation() -> ModuleType:
    """Import what a workflow without parameters does not need: it is slow to import."""
    return importlib.import_module("attune_nb.language.validation.validate")


def is_object_schema(declared: Mapping[str, Any]) -> bool:
    return declared.get("type") == "object"  # the flat form has maps only


def specs_by_name(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (
        declared.get("properties", {}) if is_object_schema(declared) else declared
    )
    return found


def to_json_schema(spec: Mapping[str, Any], *, top: bool = False) -> dict[str, Any]:
    """Give a declaration as JSON Schema proper: without `any` and what stands inline."""
    made: dict[str, Any] = {}
    for key, each in spec.items():
        if key == "type" and "any" in (each if isinstance(each, list) else [each]):
            continue
        if top and key in INLINE_KEYS and not isinstance(each, list):
            continue
        if key in SCHEMA_MAP_KEYS and isinstance(each, dict):
            made[key] = {name: _sub(one) for name, one in each.items()}
        elif key in SCHEMA_LIST_KEYS and isinstance(each, list):
            made[key] = [_sub(one) for one in each]
        else:
            made[key] = _sub(each) if key in SCHEMA_KEYS else each
    return made


def _sub(value: Any) -> Any:
    return to_json_schema(value) if isinstance(value, dict) else value


def parameter_schema(spec: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Give one parameter's schema, with what its references may need."""
    shared = {
        key: {name: _sub(one) for name, one in declared[key].items()}
        for key in ("$defs", "definitions")
        if is_object_schema(declared) and isinstance(declared.get(key), dict)
    }
    return shared | to_json_schema(spec, top=True)


def declared_names(declared: Mapping[str, Any] | None) -> set[str]:
    """Give the declared names."""
    return set(specs_by_name(declared)) if declared else set()


def required_names(declared: Mapping[str, Any] | None) -> list[str]:
    """Give the names that a run must be given: required, and without a default."""
    if not declared:
        return []
    specs = specs_by_name(declared)
    wanted = [name for name, spec in specs.items() if spec.get("required") is True]
    if is_object_schema(declared):
        wanted += [name for name in declared.get("required", ()) if name not in wanted]
    return [name for name in wanted if "default" not in specs.get(name, {})]


def secret_names(declared: Mapping[str, Any] | None) -> list[str]:
    """Give the names whose values must not be shown."""
    if not declared:
        return []
    return [name for name, spec in specs_by_name(declared).items() if spec.get("secret") is True]


def remove_secrets(declared: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Give declarations to be kept: a secret's has its name, and no value."""
    hidden = secret_names(declared)
    if not declared or not hidden:
        return declared
    specs = {
        name: {"secret": True} if name in hidden else spec
        for name, spec in specs_by_name(declared).items()
    }
    if not is_object_schema(declared):
        return specs
    return {key: each for key, each in declared.items() if key not in _VALUES} | {
        "properties": specs
    }


def mask_secrets(declared: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Give declarations to be shown: of a secret, nothing that could be its value."""
    hidden = secret_names(declared)
    if not declared or not hidden:
        return declared
    specs = {
        name: {key: "***" if key in _VALUES else each for key, each in spec.items()}
        if name in hidden
        else spec
        for name, spec in specs_by_name(declared).items()
    }
    if not is_object_schema(declared):
        return specs
    whole = {key: "***" if key in _VALUES else each for key, each in declared.items()}
    return {**whole, "properties": specs}


def bind(declared: Mapping[str, Any] | None, given: Any) -> dict[str, Any]:
    """Give the parameters of a run: what was given, and defaults for the rest.

    Raises:
        ParameterError: Some are missing, unknown, or do not fit their declarations; or what is
            given is no map.
    """
    if not isinstance(given, Mapping):
        raise ParameterError(f"parameters are a map of names to values, not {type(given).__name__}")
    if not declared or not specs_by_name(declared):
        if given:
            told = ", ".join(sorted(f"`{str(name)[:80]}`" for name in given))
            raise ParameterError(f"the workflow declares no parameters, but was given {told}")
        return {}
    judge = import_validation().SchemaValidator()
    wrong = list(_misfits(declared, given, judge))
    if len(wrong) > 1:
        listed = "\n".join(f"- {each}" for each in wrong)
        raise ParameterError(f"{len(wrong)} problems with the parameters:\n{listed}")
    if wrong:
        raise ParameterError(wrong[0])
    values = {
        name: spec["default"] for name, spec in specs_by_name(declared).items() if "default" in spec
    }
    values |= given
    rest = {key: each for key, each in declared.items() if key not in _NARROW}
    if is_object_schema(declared) and rest:
        told = judge.explain_misfit(values, to_json_schema(rest, top=True))
        if told and (secret := secret_names(declared)):
            told = f"do not fit together (`{secret[0]}` is secret, so no more is said)"
        if told:
            raise ParameterError(f"the parameters {told.replace('does not fit', 'do not fit', 1)}")
    return values


def explain_misfit(declared: Mapping[str, Any], name: str, value: Any) -> str | None:
    """Say why a value does not fit a declared parameter, or None."""
    return _misfit(declared, name, value, import_validation().SchemaValidator())


def _misfit(declared: Mapping[str, Any], name: str, value: Any, judge: Any) -> str | None:
    spec = specs_by_name(declared)[name]
    told = judge.explain_misfit(value, parameter_schema(spec, declared))
    if told and spec.get("secret"):
        told = "is not of the declared kind"
    return f"parameter `{name}` {told}" if told else None


def _misfits(declared: Mapping[str, Any], given: Mapping[str, Any], judge: Any) -> Iterator[str]:
    specs = specs_by_name(declared)
    missing = [name for name in required_names(declared) if name not in given]
    if missing:
        listed = "`, `".join(missing)
        yield f"the run needs the parameter{'s' * (len(missing) > 1)} `{listed}`"
    for name, value in given.items():
        if name not in specs:
            hint = nearest(str(name)[:80], specs) or f"; declared: {', '.join(list(specs)[:20])}"
            yield f"there is no parameter `{str(name)[:80]}`{hint}"
        elif told := _misfit(declared, name, value, judge):
            yield told

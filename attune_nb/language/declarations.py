"""What a workflow declares its parameters to be, and whether given values fit.

Declarations are JSON Schema, flat (a map of names, `required` and `secret` standing inline) or
as a whole object schema. The `jsonschema` library judges them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError, nearest
from attune_nb.language.fields import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.language.fields import Reader

    Path = tuple[str | int, ...]

__all__ = ["bind", "names", "read", "required", "secrets"]

TYPES = ("string", "number", "integer", "boolean", "array", "object", "any")
_INLINE = ("required", "secret")
_LONGEST = 200  # characters of a library's message


def read(reader: Reader, value: Any, path: Path) -> dict[str, Any] | None:
    """Read the `parameters` of a workflow, noting what is wrong with them."""
    if value is None:
        return None
    if not isinstance(value, dict):
        reader.wrong(f"`parameters` is a map of names, not {kind_of(value)}", path)
        return None
    place = (*path, "properties") if _is_schema(value) else path
    for name, spec in _specs(value).items():
        if isinstance(spec, dict):
            _check_spec(reader, name, spec, (*place, name))
        else:
            reader.wrong(f"parameter `{name}` is a map such as {{type: string}}", (*place, name))
    return value


def _check_spec(reader: Reader, name: str, spec: dict[str, Any], path: Path) -> None:
    kind = spec.get("type", "any")
    if isinstance(kind, str) and kind not in TYPES:
        hint = nearest(kind, TYPES) or f"; known: {', '.join(TYPES)}"
        reader.wrong(f"unknown parameter type `{kind}`{hint}", (*path, "type"))
        return
    for key in _INLINE:
        if not isinstance(spec.get(key, False), bool) and not isinstance(spec.get(key), list):
            reader.wrong(f"`{key}` is true or false", (*path, key))
    import jsonschema  # noqa: PLC0415 - slow to import, and a workflow without parameters needs none

    schema = _plain(spec)
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        place = (*path, *(each for each in error.absolute_path))
        reader.wrong(f"parameter `{name}`: {error.message[:_LONGEST]}", place)
        return
    if "default" in spec and (misfit := _misfit(spec["default"], schema)):
        told = misfit if not spec.get("secret") else "is not of the declared kind"
        reader.wrong(f"the default of parameter `{name}` {told}", (*path, "default"))


def _is_schema(declared: Mapping[str, Any]) -> bool:
    return declared.get("type") == "object" and isinstance(declared.get("properties"), dict)


def _specs(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = declared["properties"] if _is_schema(declared) else declared
    return found


def _plain(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Give a declaration as JSON Schema proper."""
    kept = {key: each for key, each in spec.items() if key not in _INLINE}
    if isinstance(spec.get("required"), list):
        kept["required"] = spec["required"]  # that of a nested object
    if kept.get("type") == "any":
        del kept["type"]
    return kept


def names(declared: Mapping[str, Any] | None) -> set[str]:
    """Give the declared names."""
    return set(_specs(declared)) if declared else set()


def required(declared: Mapping[str, Any] | None) -> list[str]:
    """Give the names that a run must be given: required, and without a default."""
    if not declared:
        return []
    specs = _specs(declared)
    wanted = [name for name, spec in specs.items() if spec.get("required") is True]
    if _is_schema(declared):
        wanted += [name for name in declared.get("required", ()) if name not in wanted]
    return [name for name in wanted if "default" not in specs.get(name, {})]


def secrets(declared: Mapping[str, Any] | None) -> list[str]:
    """Give the names whose values must not be shown."""
    if not declared:
        return []
    return [name for name, spec in _specs(declared).items() if spec.get("secret") is True]


def bind(declared: Mapping[str, Any] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the parameters of a run: what was given, and defaults for the rest.

    Raises:
        ParameterError: One is missing, unknown, or does not fit its declaration.
    """
    if not declared:
        if given:
            told = ", ".join(sorted(map(str, given)))
            raise ParameterError(f"the workflow declares no parameters, but was given {told}")
        return {}
    specs = _specs(declared)
    for name in given:
        if name not in specs:
            hint = nearest(str(name), specs) or f"; declared: {', '.join(specs)}"
            raise ParameterError(f"there is no parameter `{name}`{hint}")
    missing = [name for name in required(declared) if name not in given]
    if missing:
        listed = "`, `".join(missing)
        raise ParameterError(f"the run needs the parameter{'s' * (len(missing) > 1)} `{listed}`")
    for name, value in given.items():
        misfit = _misfit(value, _plain(specs[name]))
        if misfit:
            told = misfit if not specs[name].get("secret") else "is not of the declared kind"
            raise ParameterError(f"parameter `{name}` {told}")
    defaults = {name: spec["default"] for name, spec in specs.items() if "default" in spec}
    return defaults | dict(given)


def _misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Say how a value does not fit (what follows its name in a message), or None."""
    import jsonschema  # noqa: PLC0415

    validator = _validator()(schema)
    wanted = schema.get("type")
    if wanted is not None:
        many = wanted if isinstance(wanted, list) else [wanted]
        if not any(validator.is_type(value, each) for each in many):
            return f"is to be {' or '.join(map(_with_article, many))}, not {_kind(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}, which is no finite number"
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    if error is None:
        return None
    where = "".join(f"[{part!r}]" for part in error.absolute_path)
    message = error.message if len(error.message) <= _LONGEST else f"{error.message[:_LONGEST]} …"
    return f"does not fit{' at ' + where if where else ''}: {message}"


def _validator() -> Any:
    """Give the validator class; ranges and tuples are arrays too, numbers of NumPy numbers."""
    import jsonschema  # noqa: PLC0415

    base = jsonschema.Draft202012Validator
    arrays = base.TYPE_CHECKER.redefine(
        "array", lambda _, value: isinstance(value, list | tuple | range)
    )
    extend: Any = jsonschema.validators.extend
    return extend(base, type_checker=arrays)


def _with_article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeio" else f"a {kind}"


def _kind(value: Any) -> str:
    kinds: list[tuple[type | tuple[type, ...], str]] = [
        (bool, "a boolean"),
        (str, "a string"),
        (int, "an integer"),
        (float, "a number"),
        (dict, "an object"),
        ((list, tuple, range), "an array"),
    ]
    if value is None:
        return "null"
    found = next((name for kind, name in kinds if isinstance(value, kind)), None)
    return found or f"a {type(value).__name__} (declare `type: any` to take any object)"

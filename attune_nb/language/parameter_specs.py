"""What a workflow declares its parameters to be, and whether given values fit.

Declarations are JSON Schema, flat (a map of names, `required` and `secret` standing inline) or
as a whole object schema. The `jsonschema` library judges them, within bounds of our own: no
reference leads out of the text, and a pattern takes a bounded time (see `fitting`).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError, TemplateError, nearest
from attune_nb.language.reading.field_reader import kind_of
from attune_nb.templates.parsing import has_template
from attune_nb.templates.text import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from attune_nb.language.reading.field_reader import Reader

    Path = tuple[str | int, ...]

__all__ = ["bind", "check_answer", "masked", "misfit", "names", "read", "required", "secrets"]

TYPES = ("string", "number", "integer", "boolean", "array", "object", "any")
_WORDS = TYPES[:-1]  # those of JSON Schema, which has no `any`
_VALUES = ("default", "const", "enum", "examples")  # keys that hold values
MOST = 1000
_INLINE = ("required", "secret")
_MAPS = ("properties", "$defs", "definitions", "dependentSchemas")  # of schemas
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SCHEMAS = (
    "items", "contains", "not", "if", "then", "else", "propertyNames",
    "additionalProperties", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_OTHERS = (
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minLength", "maxLength", "pattern", "format", "minItems", "maxItems",
    "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "required",
    "dependentRequired", "$ref", "default", "title", "label", "description", "examples",
    "deprecated", "readOnly", "writeOnly", "position", "$comment", "$schema",
)  # fmt: skip
_KEYS = (*_OTHERS, *_SCHEMAS, *_LISTS, *_MAPS)
_NARROW = ("title", "description", "$comment", "$schema", "type", "properties", "required",
           "additionalProperties")  # fmt: skip


def read(reader: Reader, value: Any, path: Path) -> dict[str, Any] | None:
    """Read the `parameters` of a workflow, noting what is wrong with them."""
    if value is None:
        return None
    if not isinstance(value, dict):
        reader.wrong(f"`parameters` is a map of names, not {kind_of(value)}", path)
        return None
    specs: Mapping[str, Any]
    if not _is_schema(value):
        specs, place, sure = value, path, True
    elif isinstance(value.get("properties", {}), dict):
        specs, place = _specs(value), (*path, "properties")
        sure = _check_whole(reader, value, path)
    else:
        told = kind_of(value["properties"])
        reader.wrong(f"`properties` is a map of names, not {told}", (*path, "properties"))
        reader.unclear.add("parameters")
        return None
    if len(specs) > MOST:
        reader.wrong(f"a workflow has at most {MOST:,} parameters, not {len(specs):,}", path)
        return value
    judge = _fitting().Judge() if specs else None
    for name, spec in specs.items():
        here = (*place, name)
        if not isinstance(spec, dict):
            told = kind_of(spec)
            reader.wrong(f"parameter `{name}` is a map such as {{type: string}}, not {told}", here)
        elif _check_spec(reader, name, spec, here, value) and sure:
            _check_default(reader, name, spec, here, (value, judge))
    return value


def check_answer(reader: Reader, schema: Any, path: Path) -> None:
    """Check the `response_schema` of a question, where it holds no expression.

    It is JSON Schema as it stands: what is merely unknown to us is no problem.
    """
    if schema is None or has_template(schema):
        return
    if not isinstance(schema, dict):
        told = f"is a map such as {{type: string}}, not {kind_of(schema)}"
        reader.wrong(f"`response_schema` {told}", path)
        return
    count = len(reader.problems)
    _check_answer(reader, schema, path, schema)
    if len(reader.problems) == count:
        _check_schema(reader, schema, path, "`response_schema`")


def _check_answer(reader: Reader, part: dict[str, Any], path: Path, whole: dict[str, Any]) -> None:
    """Note wrong types, patterns and references of a schema, and of those within it."""
    for key, each in part.items():
        here = (*path, key)
        if key == "type":
            _check_type(reader, each, here, _WORDS, "type")
        elif key == "pattern" and isinstance(each, str):
            _check_pattern(reader, each, here, "`response_schema`")
        elif key == "$ref" and isinstance(each, str) and not _fitting().resolves(each, whole):
            message = f"`$ref` leads only to what stands in the schema itself, not `{each[:80]}`"
            reader.wrong(f"{message}; write `#/$defs/NAME`, with NAME among its `$defs`", here)
    for place, inner in _inner(part):
        _check_answer(reader, inner, (*path, *place), whole)


def _check_whole(reader: Reader, declared: dict[str, Any], path: Path) -> bool:
    """Check what stands beside `properties` in an object schema; tell whether it is right."""
    rest = {key: each for key, each in declared.items() if key not in ("properties", "required")}
    count = len(reader.problems)
    _check_keys(reader, rest, path, "`parameters`", declared)
    wanted = declared.get("required", [])
    if not isinstance(wanted, list) or not all(isinstance(each, str) for each in wanted):
        reader.wrong("`required` is a list of names", (*path, "required"))
    else:
        for at, each in enumerate(wanted):
            if each not in _specs(declared):
                hint = nearest(each, _specs(declared))
                message = f"`required` names `{each}`, which is not among `properties`{hint}"
                reader.wrong(message, (*path, "required", at))
    return len(reader.problems) == count and _check_schema(
        reader, _plain(rest, top=True), path, "`parameters`"
    )


def _check_spec(
    reader: Reader, name: str, spec: dict[str, Any], path: Path, declared: dict[str, Any]
) -> bool:
    what, count = f"parameter `{name}`", len(reader.problems)
    for key in _INLINE:
        within = key == "required" and isinstance(spec.get(key), list)  # of a nested object
        if not within and not isinstance(spec.get(key, False), bool):
            message = f"`{key}` is true or false, not {kind_of(spec[key])}"
            reader.wrong(message, (*path, key))
    _check_keys(reader, spec, path, what, declared)
    return len(reader.problems) == count and _check_schema(
        reader, _plain(spec, top=True), path, what
    )


def _check_default(
    reader: Reader, name: str, spec: dict[str, Any], path: Path, by: tuple[dict[str, Any], Any]
) -> None:
    (declared, judge), default = by, spec.get("default")
    if default is not None and (misfit := judge.misfit(default, _whole(spec, declared))):
        told = misfit if not spec.get("secret") else "is not of the declared kind"
        reader.wrong(f"the default of parameter `{name}` {told}", (*path, "default"))


def _check_keys(
    reader: Reader, spec: dict[str, Any], path: Path, what: str, declared: dict[str, Any]
) -> None:
    """Note unknown keys, types and references, also of the schemas within one."""
    known = (*_KEYS, "secret") if what.startswith("parameter") else _KEYS
    for key, each in spec.items():
        here = (*path, key)
        if key not in known and not key.startswith("x-"):
            hint = nearest(key, known) or "; a key of your own begins with `x-`"
            reader.wrong(f"unknown key `{key[:80]}` in {what}{hint}", here, key=True)
        elif key == "type":
            _check_type(reader, each, here)
        elif key == "$ref" and _referred(each, spec, declared) is None:
            message = f"`$ref` is `#/$defs/NAME`, with NAME among `$defs`; not `{str(each)[:80]}`"
            reader.wrong(message, here)
        elif key == "pattern" and isinstance(each, str):
            _check_pattern(reader, each, here, what)
    for place, inner in _inner(spec):
        _check_keys(reader, inner, (*path, *place), f"`{place[0]}` of {what}"[:80], declared)


def _check_pattern(reader: Reader, pattern: str, path: Path, what: str) -> None:
    try:
        compile_pattern(pattern)
    except TemplateError as error:
        reader.wrong(f"{what}: {error.message}", path)


def _check_type(
    reader: Reader,
    kind: Any,
    path: Path,
    told: tuple[str, ...] = TYPES,
    what: str = "parameter type",
) -> None:
    known = (*told, "null")
    for at, each in enumerate(kind if isinstance(kind, list) else [kind]):
        place = (*path, at) if isinstance(kind, list) else path
        if each is None:
            reader.wrong('`type` is a word; write the type null as "null", in quotes', place)
        elif each not in known:
            hint = nearest(str(each)[:80], told) or f"; known: {', '.join(told)}"
            said = f"`{each[:80]}`" if isinstance(each, str) else kind_of(each)
            reader.wrong(f"unknown {what} {said}{hint}", place)
    if kind == []:
        reader.wrong("`type` is empty; name one, or leave it out", path)


def _check_schema(reader: Reader, schema: dict[str, Any], path: Path, what: str) -> bool:
    """Note where a declaration is not JSON Schema; tell whether it is."""
    found = _fitting().schema_misfit(schema)
    if found is None:
        return True
    place, message = found
    where = f", `{'.'.join(map(str, place))[:80]}`" if place else ""
    reader.wrong(f"{what}{where}: {message}", (*path, *place))
    return False


def _fitting() -> ModuleType:
    """Import what a workflow without parameters does not need: it is slow to import."""
    return importlib.import_module("attune_nb.language.validation.validate")


def _inner(spec: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give the schemas within a schema, each with its path."""
    for key, each in spec.items():
        inner: list[tuple[Path, Any]] = []
        if key in _SCHEMAS:
            inner = [((key,), each)]
        elif key in _LISTS and isinstance(each, list):
            inner = [((key, at), one) for at, one in enumerate(each)]
        elif key in _MAPS and isinstance(each, dict):
            inner = [((key, name), one) for name, one in each.items()]
        yield from ((path, one) for path, one in inner if isinstance(one, dict))


def _referred(name: Any, spec: Mapping[str, Any], declared: Mapping[str, Any]) -> Any:
    for key in ("$defs", "definitions"):
        if isinstance(name, str) and name.startswith(f"#/{key}/"):
            for holder in (declared if _is_schema(declared) else spec, spec):
                known = holder.get(key)
                if isinstance(known, dict) and name[len(key) + 3 :] in known:
                    return known
    return None


def _is_schema(declared: Mapping[str, Any]) -> bool:
    return declared.get("type") == "object"  # the flat form has maps only


def _specs(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = declared.get("properties", {}) if _is_schema(declared) else declared
    return found


def _plain(spec: Mapping[str, Any], *, top: bool = False) -> dict[str, Any]:
    """Give a declaration as JSON Schema proper: without `any` and what stands inline."""
    made: dict[str, Any] = {}
    for key, each in spec.items():
        if key == "type" and "any" in (each if isinstance(each, list) else [each]):
            continue
        if top and key in _INLINE and not isinstance(each, list):
            continue
        if key in _MAPS and isinstance(each, dict):
            made[key] = {name: _sub(one) for name, one in each.items()}
        elif key in _LISTS and isinstance(each, list):
            made[key] = [_sub(one) for one in each]
        else:
            made[key] = _sub(each) if key in _SCHEMAS else each
    return made


def _sub(value: Any) -> Any:
    return _plain(value) if isinstance(value, dict) else value


def _whole(spec: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Give one parameter's schema, with what its references may need."""
    shared = {
        key: {name: _sub(one) for name, one in declared[key].items()}
        for key in ("$defs", "definitions")
        if _is_schema(declared) and isinstance(declared.get(key), dict)
    }
    return shared | _plain(spec, top=True)


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


def without_secrets(declared: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Give declarations to be kept: a secret's has its name, and no value."""
    hidden = secrets(declared)
    if not declared or not hidden:
        return declared
    specs = {
        name: {"secret": True} if name in hidden else spec
        for name, spec in _specs(declared).items()
    }
    if not _is_schema(declared):
        return specs
    return {key: each for key, each in declared.items() if key not in _VALUES} | {
        "properties": specs
    }


def masked(declared: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Give declarations to be shown: of a secret, nothing that could be its value."""
    hidden = secrets(declared)
    if not declared or not hidden:
        return declared
    specs = {
        name: {key: "***" if key in _VALUES else each for key, each in spec.items()}
        if name in hidden
        else spec
        for name, spec in _specs(declared).items()
    }
    if not _is_schema(declared):
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
    if not declared or not _specs(declared):
        if given:
            told = ", ".join(sorted(f"`{str(name)[:80]}`" for name in given))
            raise ParameterError(f"the workflow declares no parameters, but was given {told}")
        return {}
    judge = _fitting().Judge()
    wrong = list(_misfits(declared, given, judge))
    if len(wrong) > 1:
        listed = "\n".join(f"- {each}" for each in wrong)
        raise ParameterError(f"{len(wrong)} problems with the parameters:\n{listed}")
    if wrong:
        raise ParameterError(wrong[0])
    values = {name: spec["default"] for name, spec in _specs(declared).items() if "default" in spec}
    values |= given
    rest = {key: each for key, each in declared.items() if key not in _NARROW}
    if _is_schema(declared) and rest:
        told = judge.misfit(values, _plain(rest, top=True))
        if told and (secret := secrets(declared)):
            told = f"do not fit together (`{secret[0]}` is secret, so no more is said)"
        if told:
            raise ParameterError(f"the parameters {told.replace('does not fit', 'do not fit', 1)}")
    return values


def misfit(declared: Mapping[str, Any], name: str, value: Any) -> str | None:
    """Say why a value does not fit a declared parameter, or None."""
    return _misfit(declared, name, value, _fitting().Judge())


def _misfit(declared: Mapping[str, Any], name: str, value: Any, judge: Any) -> str | None:
    spec = _specs(declared)[name]
    told = judge.misfit(value, _whole(spec, declared))
    if told and spec.get("secret"):
        told = "is not of the declared kind"
    return f"parameter `{name}` {told}" if told else None


def _misfits(declared: Mapping[str, Any], given: Mapping[str, Any], judge: Any) -> Iterator[str]:
    specs = _specs(declared)
    missing = [name for name in required(declared) if name not in given]
    if missing:
        listed = "`, `".join(missing)
        yield f"the run needs the parameter{'s' * (len(missing) > 1)} `{listed}`"
    for name, value in given.items():
        if name not in specs:
            hint = nearest(str(name)[:80], specs) or f"; declared: {', '.join(list(specs)[:20])}"
            yield f"there is no parameter `{str(name)[:80]}`{hint}"
        elif told := _misfit(declared, name, value, judge):
            yield told

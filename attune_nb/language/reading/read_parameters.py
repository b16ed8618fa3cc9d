"""Read the `parameters` section and the schemas of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError, nearest
from attune_nb.language.describe import kind_of
from attune_nb.language.parameter_specs import (
    _INLINE,
    _LISTS,
    _MAPS,
    _SCHEMAS,
    _fitting,
    _is_schema,
    _plain,
    _specs,
    _whole,
)
from attune_nb.templates.compiler.parse import has_template
from attune_nb.templates.library.to_text import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.language.reading.field_reader import Reader

    Path = tuple[str | int, ...]

__all__ = ["check_answer", "read"]

TYPES = ("string", "number", "integer", "boolean", "array", "object", "any")
_WORDS = TYPES[:-1]  # those of JSON Schema, which has no `any`
MOST = 1000
_OTHERS = (
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minLength", "maxLength", "pattern", "format", "minItems", "maxItems",
    "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "required",
    "dependentRequired", "$ref", "default", "title", "label", "description", "examples",
    "deprecated", "readOnly", "writeOnly", "position", "$comment", "$schema",
)  # fmt: skip
_KEYS = (*_OTHERS, *_SCHEMAS, *_LISTS, *_MAPS)


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

"""Read the `parameters` section and the schemas of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError, nearest
from attune_nb.language.describe import kind_of
from attune_nb.language.parameter_specs import (
    INLINE_KEYS,
    SCHEMA_KEYS,
    SCHEMA_LIST_KEYS,
    SCHEMA_MAP_KEYS,
    import_validation,
    is_object_schema,
    parameter_schema,
    specs_by_name,
    to_json_schema,
)
from attune_nb.templates.compiler.parse import has_template
from attune_nb.templates.library.to_text import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.language.reading.field_reader import FieldReader

    Path = tuple[str | int, ...]

__all__ = ["check_answer_schema", "read_parameters"]

PARAMETER_TYPES = ("string", "number", "integer", "boolean", "array", "object", "any")
_WORDS = PARAMETER_TYPES[:-1]  # those of JSON Schema, which has no `any`
MAX_PARAMETERS = 1000
_OTHERS = (
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minLength", "maxLength", "pattern", "format", "minItems", "maxItems",
    "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "required",
    "dependentRequired", "$ref", "default", "title", "label", "description", "examples",
    "deprecated", "readOnly", "writeOnly", "position", "$comment", "$schema",
)  # fmt: skip
_KEYS = (*_OTHERS, *SCHEMA_KEYS, *SCHEMA_LIST_KEYS, *SCHEMA_MAP_KEYS)


def read_parameters(reader: FieldReader, value: Any, path: Path) -> dict[str, Any] | None:
    """Read the `parameters` of a workflow, noting what is wrong with them."""
    if value is None:
        return None
    if not isinstance(value, dict):
        reader.add_problem(f"`parameters` is a map of names, not {kind_of(value)}", path)
        return None
    specs: Mapping[str, Any]
    if not is_object_schema(value):
        specs, place, sure = value, path, True
    elif isinstance(value.get("properties", {}), dict):
        specs, place = specs_by_name(value), (*path, "properties")
        sure = _check_whole(reader, value, path)
    else:
        told = kind_of(value["properties"])
        reader.add_problem(f"`properties` is a map of names, not {told}", (*path, "properties"))
        reader.unclear.add("parameters")
        return None
    if len(specs) > MAX_PARAMETERS:
        reader.add_problem(
            f"a workflow has at most {MAX_PARAMETERS:,} parameters, not {len(specs):,}", path
        )
        return value
    judge = import_validation().SchemaValidator() if specs else None
    for name, spec in specs.items():
        here = (*place, name)
        if not isinstance(spec, dict):
            told = kind_of(spec)
            reader.add_problem(
                f"parameter `{name}` is a map such as {{type: string}}, not {told}", here
            )
        elif _check_spec(reader, name, spec, here, value) and sure:
            _check_default(reader, name, spec, here, (value, judge))
    return value


def check_answer_schema(reader: FieldReader, schema: Any, path: Path) -> None:
    """Check the `response_schema` of a question, where it holds no expression.

    It is JSON Schema as it stands: what is merely unknown to us is no problem.
    """
    if schema is None or has_template(schema):
        return
    if not isinstance(schema, dict):
        told = f"is a map such as {{type: string}}, not {kind_of(schema)}"
        reader.add_problem(f"`response_schema` {told}", path)
        return
    count = len(reader.problems)
    _check_answer(reader, schema, path, schema)
    if len(reader.problems) == count:
        _check_schema(reader, schema, path, "`response_schema`")


def _check_answer(
    reader: FieldReader, part: dict[str, Any], path: Path, whole: dict[str, Any]
) -> None:
    """Note wrong types, patterns and references of a schema, and of those within it."""
    for key, each in part.items():
        here = (*path, key)
        if key == "type":
            _check_type(reader, each, here, _WORDS, "type")
        elif key == "pattern" and isinstance(each, str):
            _check_pattern(reader, each, here, "`response_schema`")
        elif (
            key == "$ref"
            and isinstance(each, str)
            and not import_validation().is_local_reference(each, whole)
        ):
            message = f"`$ref` leads only to what stands in the schema itself, not `{each[:80]}`"
            reader.add_problem(
                f"{message}; write `#/$defs/NAME`, with NAME among its `$defs`", here
            )
    for place, inner in _inner(part):
        _check_answer(reader, inner, (*path, *place), whole)


def _check_whole(reader: FieldReader, declared: dict[str, Any], path: Path) -> bool:
    """Check what stands beside `properties` in an object schema; tell whether it is right."""
    rest = {key: each for key, each in declared.items() if key not in ("properties", "required")}
    count = len(reader.problems)
    _check_keys(reader, rest, path, "`parameters`", declared)
    wanted = declared.get("required", [])
    if not isinstance(wanted, list) or not all(isinstance(each, str) for each in wanted):
        reader.add_problem("`required` is a list of names", (*path, "required"))
    else:
        for at, each in enumerate(wanted):
            if each not in specs_by_name(declared):
                hint = nearest(each, specs_by_name(declared))
                message = f"`required` names `{each}`, which is not among `properties`{hint}"
                reader.add_problem(message, (*path, "required", at))
    return len(reader.problems) == count and _check_schema(
        reader, to_json_schema(rest, top=True), path, "`parameters`"
    )


def _check_spec(
    reader: FieldReader, name: str, spec: dict[str, Any], path: Path, declared: dict[str, Any]
) -> bool:
    what, count = f"parameter `{name}`", len(reader.problems)
    for key in INLINE_KEYS:
        within = key == "required" and isinstance(spec.get(key), list)  # of a nested object
        if not within and not isinstance(spec.get(key, False), bool):
            message = f"`{key}` is true or false, not {kind_of(spec[key])}"
            reader.add_problem(message, (*path, key))
    _check_keys(reader, spec, path, what, declared)
    return len(reader.problems) == count and _check_schema(
        reader, to_json_schema(spec, top=True), path, what
    )


def _check_default(
    reader: FieldReader, name: str, spec: dict[str, Any], path: Path, by: tuple[dict[str, Any], Any]
) -> None:
    declared, validator = by
    default = spec.get("default")
    if default is None:
        return

    misfit = validator.explain_misfit(default, parameter_schema(spec, declared))
    if misfit and spec.get("secret"):
        misfit = "is not of the declared kind"
    if misfit:
        reader.add_problem(f"the default of parameter `{name}` {misfit}", (*path, "default"))


def _check_keys(
    reader: FieldReader, spec: dict[str, Any], path: Path, what: str, declared: dict[str, Any]
) -> None:
    """Note unknown keys, types and references, also of the schemas within one."""
    known = (*_KEYS, "secret") if what.startswith("parameter") else _KEYS
    for key, each in spec.items():
        here = (*path, key)
        if key not in known and not key.startswith("x-"):
            hint = nearest(key, known) or "; a key of your own begins with `x-`"
            reader.add_problem(f"unknown key `{key[:80]}` in {what}{hint}", here, key=True)
        elif key == "type":
            _check_type(reader, each, here)
        elif key == "$ref" and _referred(each, spec, declared) is None:
            message = f"`$ref` is `#/$defs/NAME`, with NAME among `$defs`; not `{str(each)[:80]}`"
            reader.add_problem(message, here)
        elif key == "pattern" and isinstance(each, str):
            _check_pattern(reader, each, here, what)
    for place, inner in _inner(spec):
        _check_keys(reader, inner, (*path, *place), f"`{place[0]}` of {what}"[:80], declared)


def _check_pattern(reader: FieldReader, pattern: str, path: Path, what: str) -> None:
    try:
        compile_pattern(pattern)
    except TemplateError as error:
        reader.add_problem(f"{what}: {error.message}", path)


def _check_type(
    reader: FieldReader,
    kind: Any,
    path: Path,
    told: tuple[str, ...] = PARAMETER_TYPES,
    what: str = "parameter type",
) -> None:
    known = (*told, "null")
    for at, each in enumerate(kind if isinstance(kind, list) else [kind]):
        place = (*path, at) if isinstance(kind, list) else path
        if each is None:
            reader.add_problem('`type` is a word; write the type null as "null", in quotes', place)
        elif each not in known:
            hint = nearest(str(each)[:80], told) or f"; known: {', '.join(told)}"
            said = f"`{each[:80]}`" if isinstance(each, str) else kind_of(each)
            reader.add_problem(f"unknown {what} {said}{hint}", place)
    if kind == []:
        reader.add_problem("`type` is empty; name one, or leave it out", path)


def _check_schema(reader: FieldReader, schema: dict[str, Any], path: Path, what: str) -> bool:
    """Note where a declaration is not JSON Schema; tell whether it is."""
    found = import_validation().find_schema_error(schema)
    if found is None:
        return True
    place, message = found
    where = f", `{'.'.join(map(str, place))[:80]}`" if place else ""
    reader.add_problem(f"{what}{where}: {message}", (*path, *place))
    return False


def _inner(spec: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give the schemas within a schema, each with its path."""
    for key, each in spec.items():
        inner: list[tuple[Path, Any]] = []
        if key in SCHEMA_KEYS:
            inner = [((key,), each)]
        elif key in SCHEMA_LIST_KEYS and isinstance(each, list):
            inner = [((key, at), one) for at, one in enumerate(each)]
        elif key in SCHEMA_MAP_KEYS and isinstance(each, dict):
            inner = [((key, name), one) for name, one in each.items()]
        yield from ((path, one) for path, one in inner if isinstance(one, dict))


def _referred(name: Any, spec: Mapping[str, Any], declared: Mapping[str, Any]) -> Any:
    for key in ("$defs", "definitions"):
        if isinstance(name, str) and name.startswith(f"#/{key}/"):
            for holder in (declared if is_object_schema(declared) else spec, spec):
                known = holder.get(key)
                if isinstance(known, dict) and name[len(key) + 3 :] in known:
                    return known
    return None

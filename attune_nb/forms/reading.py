"""The values that a person enters in the fields of a form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError, WorkflowError
from attune_nb.language.export import write_yaml
from attune_nb.language.reading import yaml_source
from attune_nb.values.strict_json import parse_finite

if TYPE_CHECKING:
    from attune_nb.forms.fields import FormField

__all__ = ["NO_CHOICE", "OMITTED", "describe_field", "format_choice", "format_value", "read_value"]

OMITTED: Any = object()
"""The value of a field that is empty and may be."""

NO_CHOICE = -1
"""Stands for no choice, where a choice is entered as its index."""

# characters of a wrong value that a message shows
_MAX_VALUE = 60

# keys that a description of a field names
_MAX_KEYS = 6

# a text of YAML that is shorter stands in one line
_MAX_LINE = 60

_NULLS = ("null", "~")

_NOUNS = {
    "text": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "choice": "one of the choices",
}


def read_value(field: FormField, entered: Any) -> Any:
    """Return the value of a field, or `OMITTED`.

    Whether the value fits its schema is not checked.

    Args:
        field: The field.
        entered: The input: a boolean; the index of a choice, or `NO_CHOICE`; or a text. None if
            nothing was entered.

    Raises:
        ParameterError: It has another type than the field takes, or a value is missing.
    """
    if isinstance(entered, bool):
        return entered
    is_empty = entered is None or entered == NO_CHOICE
    if isinstance(entered, str):
        is_empty = not entered or (field.kind != "text" and not entered.strip())
    if is_empty:
        return _read_nothing(field)

    if field.kind == "choice":
        return field.choices[entered]
    return _read_text(field, entered)


def _read_nothing(field: FormField) -> Any:
    """Return the value of an empty field, or `OMITTED`."""
    if field.is_secret and field.has_default:
        return OMITTED
    if field.has_default and not field.is_secret:
        # the default was filled in, and a person has removed it
        if field.is_nullable:
            return None
        if field.kind == "text":
            return ""
        raise ParameterError(f"`{field.name}` must be {_noun_of(field)}, and it is empty")

    if not field.is_required:
        return OMITTED
    if field.is_nullable:
        return None
    raise ParameterError(f"`{field.name}` needs a value")


def _read_text(field: FormField, text: str) -> Any:
    try:
        match field.kind:
            case "text":
                return text
            case "integer":
                return int(text)
            case "number":
                return _read_number(text)
            case _:
                return _read_yaml(text)
    except ValueError as error:
        reason = f", not `{text[:_MAX_VALUE]}`"
        if field.is_secret:
            reason = " (it is secret, so it is not shown)"
        elif field.kind == "yaml":
            reason = f"; {error}"
        raise ParameterError(f"`{field.name}` must be {_noun_of(field)}{reason}") from None


def _read_number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return parse_finite(text)


def _read_yaml(text: str) -> Any:
    """Return the value of a text of YAML.

    Raises:
        ValueError: It is not YAML; with every problem and its place in the text.
    """
    if text.strip() in _NULLS:
        return None
    try:
        return yaml_source.parse(text, noun="the text").data
    except WorkflowError as error:
        raise ValueError("; ".join(map(_describe_problem, error.problems))) from None


def _describe_problem(problem: Any) -> str:
    position = problem.position
    if position is None:
        return str(problem.message)
    return f"line {position.line}, column {position.column}: {problem.message}"


def _noun_of(field: FormField) -> str:
    if field.kind == "yaml":
        return "YAML"
    return _NOUNS[field.kind]


def format_value(field: FormField, value: Any) -> str:
    """Return the text by which a person would enter a value in a field."""
    if field.kind == "yaml":
        return _format_yaml(value)
    if value is None:
        return ""
    return format_choice(value)


def _format_yaml(value: Any) -> str:
    line = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, dict | list | tuple) and len(line) > _MAX_LINE:
        return write_yaml(value).rstrip("\n")
    if isinstance(value, str) and "\n" not in value:
        # in quotes only if it would be another value without
        return write_yaml(value).removesuffix("...\n").rstrip("\n")
    return line


def format_choice(value: Any) -> str:
    """Return a string as it is, and any other value as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def describe_field(field: FormField) -> str:
    """Describe the values of a field: `an integer, 1 to 10`; empty if it takes any string."""
    parts = [_describe_kind(field), *_describe_limits(field)]
    return ", ".join(part for part in parts if part)


def _describe_kind(field: FormField) -> str:
    if field.kind in ("text", "choice", "boolean"):
        return ""
    if field.kind != "yaml":
        return _NOUNS[field.kind]

    if field.types == ("array",):
        return "an array, as YAML"
    if field.types == ("object",):
        keys = ", ".join(field.keys[:_MAX_KEYS])
        return f"an object of {keys}, as YAML" if keys else "an object, as YAML"
    return "a value, as YAML"


def _describe_limits(field: FormField) -> list[str]:
    limits = field.limits
    parts = [
        _describe_range(limits.get("minimum"), limits.get("maximum"), ""),
        _describe_range(limits.get("minLength"), limits.get("maxLength"), " characters"),
        _describe_range(limits.get("minItems"), limits.get("maxItems"), " elements"),
    ]
    if "exclusiveMinimum" in limits:
        parts.append(f"more than {limits['exclusiveMinimum']}")
    if "exclusiveMaximum" in limits:
        parts.append(f"less than {limits['exclusiveMaximum']}")
    if "multipleOf" in limits:
        parts.append(f"a multiple of {limits['multipleOf']}")
    if "format" in limits and not field.is_secret:
        parts.append(str(limits["format"]))
    return parts


def _describe_range(least: Any, most: Any, unit: str) -> str:
    if least is not None and most is not None:
        return f"{least} to {most}{unit}"
    if least is not None:
        return f"at least {least}{unit}"
    if most is not None:
        return f"at most {most}{unit}"
    return ""

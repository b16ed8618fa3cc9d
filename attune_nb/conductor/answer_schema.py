"""Check the answer to a `core.ask` question, and the `response_schema` it must fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.language.parameter_specs import answer_schema
from attune_nb.values.describe import describe
from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["explain_answer_misfit", "explain_schema_misfit"]

# Characters of a reference that a message shows.
_SHOWN_CHARACTERS = 80


def explain_schema_misfit(schema: Any) -> str | None:
    """Return why a `response_schema` cannot be used to check answers, or None if it can."""
    from attune_nb.language.validation import validate  # noqa: PLC0415 - slow to import, and rarely needed

    if not isinstance(schema, dict):
        return f"`response_schema` must be an object, a JSON Schema, not {describe(schema)}"

    schema = answer_schema(schema)
    error = validate.find_schema_error(schema)
    if error is not None:
        _, message = error
        return f"`response_schema` is not a valid JSON Schema: {message}"

    for reference in _references(schema):
        if not reference.startswith("#"):
            shown = reference[:_SHOWN_CHARACTERS]
            return (
                f"`response_schema` refers to {shown!r}; only references within the schema "
                "(`#/...`) can be read"
            )
    return None


def explain_answer_misfit(value: Any, schema: Any) -> str | None:
    """Return why an answer does not fit its schema, or None if it does.

    A pattern of the schema is given half a second at most.
    """
    from attune_nb.language.validation import validate  # noqa: PLC0415 - slow to import, and rarely needed

    try:
        freeze(value)
    except ValueError as error:
        return f"the answer cannot be used: {error}"

    if schema is None:
        return None

    try:
        problem = validate.SchemaValidator().explain_misfit(value, answer_schema(schema))
    except Exception as error:  # noqa: BLE001 - the library raises many, such as for a missing `$ref`
        return f"the question's `response_schema` cannot be used: {error}"
    return f"the answer {problem}" if problem else None


def _references(schema: Any) -> Iterator[str]:
    """Yield the `$ref` strings of a schema."""
    parts = [schema]
    while parts:
        part = parts.pop()

        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                yield reference
            parts += part.values()
        elif isinstance(part, list):
            parts += part

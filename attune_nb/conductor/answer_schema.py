"""Whether an answer fits what was asked, and whether it could."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["answer_misfit", "schema_misfit"]


def schema_misfit(schema: Any) -> str | None:
    """Say why no answer could be held against a `response_schema`, or None."""
    from attune_nb.language.validation import validate  # noqa: PLC0415 - slow to import, and few runs ask

    if not isinstance(schema, dict):
        return f"`response_schema` is a map, a JSON Schema, not {type(schema).__name__}"
    wrong = validate.find_schema_error(schema)
    if wrong is not None:
        return f"`response_schema` is no JSON Schema: {wrong[1]}"
    away = next((each for each in _references(schema) if not each.startswith("#")), None)
    if away is not None:
        return f"`response_schema` refers to {away[:80]!r}; only `#/...` within itself can be read"
    return None


def answer_misfit(value: Any, schema: Any) -> str | None:
    """Say why an answer does not fit, or None; no pattern takes longer than half a second."""
    from attune_nb.language.validation import validate  # noqa: PLC0415 - as above

    try:
        freeze(value)
    except ValueError as error:
        return f"the answer cannot be used: {error}"
    if schema is None:
        return None
    try:
        told = validate.SchemaValidator().explain_misfit(value, schema)
    except Exception as error:  # noqa: BLE001 - the library has many, such as for a missing `$ref`
        return f"the question's `response_schema` cannot be used: {error}"
    return f"the answer {told}" if told else None


def _references(schema: Any) -> Iterator[str]:
    parts = [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            parts += part.values()
        elif isinstance(part, list):
            parts += part

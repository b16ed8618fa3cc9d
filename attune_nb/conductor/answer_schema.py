"""Check the answer to a `core.ask` question, and the `response_schema` it must fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError
from attune_nb.language.parameter_specs import answer_schema
from attune_nb.values.describe import describe
from attune_nb.values.frozen import freeze_guarded
from attune_nb.values.secrets import is_secret_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_schema", "explain_answer_misfit", "explain_schema_misfit", "secret_parts"]

# Characters of a reference that a message shows.
_SHOWN_CHARACTERS = 80


def check_schema(schema: Any) -> Any:
    """Return a question's schema as a JSON Schema; a flat one is made into one.

    Raises:
        ParameterError: It cannot be used to check answers.
    """
    if schema is None:
        return None

    problem = explain_schema_misfit(schema)
    if problem is not None:
        raise ParameterError(problem)
    return answer_schema(schema)


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
        # a frozen value has no code of its own that the validation could call
        value = freeze_guarded(value)
    except ValueError as error:
        return f"the answer cannot be used: {error}"

    if schema is None:
        return None

    try:
        problem = validate.SchemaValidator().explain_misfit(value, answer_schema(schema))
    except Exception as error:  # noqa: BLE001 - the library raises many, such as for a missing `$ref`
        return f"the question's `response_schema` cannot be used: {error}"
    if not problem:
        return None

    for name in secret_parts(schema):
        if not name or repr(name) in problem:
            return "the answer does not fit (it is secret, so the reason is not shown)"
    return f"the answer {problem}"


def secret_parts(schema: Any) -> tuple[str, ...]:
    """Return the names of the properties of an answer that must not be shown.

    An empty name stands for the whole answer.
    """
    if not isinstance(schema, Mapping):
        return ()

    schema = answer_schema(schema)
    if is_secret_schema(schema):
        return ("",)
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return ()
    return tuple(name for name, inner in properties.items() if _holds_secret(inner))


def _holds_secret(schema: Any) -> bool:
    """Return whether a schema or one within it is of a secret."""
    parts = [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, Mapping):
            if is_secret_schema(part):
                return True
            parts += part.values()
        elif isinstance(part, list | tuple):
            parts += part
    return False


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

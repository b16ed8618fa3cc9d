"""Whether an answer fits what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError
from attune_nb.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fit_answer"]


def fit_answer(value: Any, schema: Mapping[str, Any] | None) -> None:
    """Hold an answer against the question's JSON Schema, if it has one.

    Raises:
        ParameterError: It does not fit, or contains itself, or the schema itself is wrong.
    """
    try:
        freeze(value)
    except ValueError as error:
        raise ParameterError(f"the answer cannot be used: {error}") from None
    if schema is None:
        return
    import jsonschema  # noqa: PLC0415 - slow to import, and few runs ask anything

    try:
        jsonschema.Draft202012Validator(schema).validate(value)
    except jsonschema.ValidationError as error:
        raise ParameterError(f"the answer does not fit: {error.message[:200]}") from None
    except jsonschema.SchemaError as error:
        raise ParameterError(
            f"the question's `response_schema` is wrong: {error.message[:200]}"
        ) from None

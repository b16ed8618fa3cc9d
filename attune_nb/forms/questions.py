"""The form of a question: buttons if its answers are few, otherwise fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.forms.fields import field_of, fields_of_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.forms.fields import FormField

__all__ = ["ANSWER", "build_answer", "few_answers", "fields_of_question", "has_properties"]

ANSWER = "answer"
"""The name of the only field of a form, if the answer is no object with properties."""

# the most answers that have buttons
_MAX_BUTTONS = 5


def few_answers(schema: Mapping[str, Any]) -> Sequence[Any] | None:
    """Return the answers that a schema allows, if they are few enough for buttons; else None."""
    choices = schema.get("enum")
    if isinstance(choices, list) and 0 < len(choices) <= _MAX_BUTTONS:
        return choices
    if schema.get("type") == "boolean" and not choices:
        return (True, False)
    return None


def has_properties(schema: Mapping[str, Any]) -> bool:
    """Return whether an answer has fields: a schema of an object that lists its properties."""
    return schema.get("type") == "object" and bool(schema.get("properties"))


def fields_of_question(schema: Mapping[str, Any]) -> list[FormField]:
    """Return a field for each property of an object, otherwise a single one, `answer`."""
    if has_properties(schema):
        return fields_of_object(schema)
    return [field_of(ANSWER, schema, is_required=True)]


def build_answer(schema: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """Return the answer that the values of the fields make.

    Args:
        schema: The schema of the answer.
        values: The values by the names of the fields, without those left out.
    """
    if not has_properties(schema):
        return values.get(ANSWER, schema.get("default"))

    answer = dict(values)
    for name, inner in schema["properties"].items():
        # the default of a secret stands in no field
        if name not in answer and isinstance(inner, dict) and "default" in inner:
            answer[name] = inner["default"]
    return answer

"""The entries of a form in a page: texts and marks, so that no value changes on its way.

A page shows the entries, and sends back a person's input: the text of a field, a boolean, or the
index of a choice. Values are made of the input here, since the schema is here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import ParameterError
from attune_nb.forms.fields import FieldKind  # noqa: TC001 - msgspec reads it at run time
from attune_nb.forms.questions import build_answer, few_answers, fields_of_question
from attune_nb.forms.reading import (
    NO_CHOICE,
    OMITTED,
    describe_field,
    format_choice,
    format_value,
    read_value,
)
from attune_nb.html import printable
from attune_nb.values.describe import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attune_nb.forms.fields import FormField

__all__ = [
    "FormEntry",
    "QuestionForm",
    "entries_of",
    "form_of_question",
    "read_answer",
    "read_entries",
]

# lines of a text area: the least and the most
_MIN_LINES = 2
_MAX_LINES = 12

_YES_AND_NO = ("Yes", "No")


class FormEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field of a form as a page shows it.

    Attributes:
        name: The name of the parameter, or of the property of an answer.
        kind: The kind of input.
        label: A short name for people.
        hint: Its purpose and its limits, for people.
        is_required: Whether it must have a value.
        is_secret: Whether the input hides its value.
        has_default: Whether a secret has a default, which is not shown.
        may_be_empty: Whether the entry may be left without a value.
        text: The text that is filled in.
        lines: The lines of the input; 1 for a line, more for an area.
        is_checked: Whether a boolean is true at first.
        choices: The texts of the only values that it may have.
        chosen: The index of the choice that is made at first, or -1.
    """

    name: str
    kind: FieldKind
    label: str
    hint: str = ""
    is_required: bool = False
    is_secret: bool = False
    has_default: bool = False
    may_be_empty: bool = False
    text: str = ""
    lines: int = 1
    is_checked: bool = False
    choices: tuple[str, ...] = ()
    chosen: int = NO_CHOICE


class QuestionForm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The form of a question.

    Attributes:
        entries: Its fields; a single one, `answer`, if the answer is no object.
        buttons: The texts of buttons that stand for the only field; empty if it is no choice of
            a few. The button at an index answers with `inputs[index]`.
        inputs: The input of a button: a boolean, or the index of a choice.
        preferred: The index of the button for the default, or -1.
    """

    entries: tuple[FormEntry, ...]
    buttons: tuple[str, ...] = ()
    inputs: tuple[bool | int, ...] = ()
    preferred: int = NO_CHOICE


def entries_of(fields: Iterable[FormField]) -> tuple[FormEntry, ...]:
    """Return the entries for the fields of a form, in their order."""
    return tuple(_entry_of(field) for field in fields)


def form_of_question(schema: Mapping[str, Any] | None) -> QuestionForm:
    """Return the form for a question.

    Args:
        schema: The schema of its answer; None takes every value.
    """
    if schema is None:
        schema = {}
    fields = fields_of_question(schema)
    entries = entries_of(fields)
    answers = few_answers(schema)
    if answers is None:
        return QuestionForm(entries=entries)

    if schema.get("enum"):
        labels = tuple(printable(format_choice(answer)) for answer in answers)
        inputs: tuple[bool | int, ...] = tuple(range(len(answers)))
    else:
        labels = _YES_AND_NO
        inputs = (True, False)
    preferred = NO_CHOICE
    if "default" in schema:
        preferred = _index_of(schema["default"], answers)
    return QuestionForm(entries=entries, buttons=labels, inputs=inputs, preferred=preferred)


def read_entries(
    fields: Iterable[FormField], entered: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of a form by name, and the reasons why entries have none.

    Whether the values fit their schemas is not checked.

    Args:
        fields: The fields.
        entered: The input from a page, by the names of the fields: a text, a boolean, or the index
            of a choice. A name that is missing stands for an empty field.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    names = set()
    for field in fields:
        names.add(field.name)
        try:
            value = _read_entry(field, entered.get(field.name))
        except ParameterError as error:
            problems[field.name] = str(error)
            continue
        if value is not OMITTED:
            values[field.name] = value

    for name in entered:
        if name not in names:
            problems[name] = f"there is no field `{name[:60]}`"
    return values, problems


def read_answer(
    schema: Mapping[str, Any] | None, entered: Mapping[str, Any]
) -> tuple[Any, dict[str, str]]:
    """Return the answer that a person has entered, and the reasons if there is none.

    Args:
        schema: The schema of the answer; None takes every value.
        entered: See `read_entries`.
    """
    if schema is None:
        schema = {}
    values, problems = read_entries(fields_of_question(schema), entered)
    if problems:
        return None, problems
    return build_answer(schema, values), {}


def _read_entry(field: FormField, entry: Any) -> Any:
    """Return the value of an entry, or `OMITTED`.

    Raises:
        ParameterError: It has another type than the page sends, or does not make a value.
    """
    if entry is None or _fits(field, entry):
        return read_value(field, entry)

    noun = describe(entry)
    if field.choices:
        message = f"is the index of a choice, 0 to {len(field.choices) - 1}, not {noun}"
    elif field.kind == "boolean":
        message = f"is true or false, not {noun}"
    else:
        message = f"is a text as a person enters it, not {noun}"
    raise ParameterError(f"`{field.name}` {message}")


def _fits(field: FormField, entry: Any) -> bool:
    if field.choices:
        is_index = isinstance(entry, int) and not isinstance(entry, bool)
        return is_index and NO_CHOICE <= entry < len(field.choices)
    if field.kind == "boolean" and isinstance(entry, bool):
        return True
    # a secret boolean is entered as a text, too
    return isinstance(entry, str)


def _entry_of(field: FormField) -> FormEntry:
    hints = [printable(field.hint), describe_field(field)]
    text = ""
    if field.has_default and not field.is_secret and field.kind not in ("choice", "boolean"):
        text = format_value(field, field.default)
    line_count = text.count("\n") + 1
    if field.kind == "yaml" and not field.is_secret:
        line_count = max(line_count, _MIN_LINES)

    return FormEntry(
        name=field.name,
        kind=field.kind,
        label=printable(field.label),
        hint=" · ".join(hint for hint in hints if hint),
        is_required=field.is_required,
        is_secret=field.is_secret,
        has_default=field.has_default,
        may_be_empty=field.may_be_empty,
        text=text,
        lines=min(line_count, _MAX_LINES),
        is_checked=field.default is True,
        choices=tuple(printable(format_choice(choice)) for choice in field.choices),
        chosen=_chosen_of(field),
    )


def _chosen_of(field: FormField) -> int:
    """Return the index of the choice that is made at first, or `NO_CHOICE`."""
    if field.has_default:
        return _index_of(field.default, field.choices)
    if field.is_required and len(field.choices) == 1:
        return 0
    return NO_CHOICE


def _index_of(value: Any, choices: Iterable[Any]) -> int:
    for index, choice in enumerate(choices):
        # true is no 1
        if type(choice) is type(value) and choice == value:
            return index
    return NO_CHOICE

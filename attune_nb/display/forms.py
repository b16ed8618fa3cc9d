"""A form for a question of `core.ask`, made from its `response_schema`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets

from attune_nb import html
from attune_nb.display.fields import ERROR_STYLE, Fields, close_widgets
from attune_nb.errors import AttuneError
from attune_nb.forms.questions import build_answer, few_answers, fields_of_question, has_properties
from attune_nb.forms.reading import format_choice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.events import AskOpened

__all__ = ["Form"]

# stands for the answer while a field holds a value of another kind
_UNREADABLE: Any = object()

# characters of a prompt that are shown
_MAX_PROMPT = 2_000


class Form:
    """The form of one question: a button for each answer if they are few, otherwise fields.

    Args:
        question: The question.
        answer: Called with the task and the value; raises `AttuneError` if the value does not
            fit.
    """

    def __init__(self, question: AskOpened, answer: Callable[[str, Any], None]) -> None:
        self._task = question.task
        self._answer = answer
        schema: Mapping[str, Any] = {}
        if question.response_schema is not None:
            schema = question.response_schema

        prompt = html.text(question.prompt, max_length=_MAX_PROMPT)
        self._prompt: Any = ipywidgets.HTML(
            str(html.element("div", html.element("b", prompt), style=html.BREAK_WORDS))
        )
        self._message: Any = ipywidgets.HTML()
        self._fields: Fields | None = None
        self._schema = schema
        self._buttons: list[Any] = []

        choices = _choices_of(schema)
        if choices is not None:
            for choice in choices:
                self._add_button(choice.label, partial(_value_of, choice))
            self._mark_default(choices, schema)
        else:
            self._fields = self._make_fields(question.prompt)
            self._add_button("Answer", self._read_fields, style="primary")

        rows = self._fields.rows if self._fields is not None else []
        self._row: Any = ipywidgets.HBox(self._buttons)
        self.widget: Any = ipywidgets.VBox([self._prompt, *rows, self._row, self._message])

    def _make_fields(self, prompt: str) -> Fields:
        """Return a field for each property of an object, otherwise a single one."""
        fields = Fields(fields_of_question(self._schema))
        if not has_properties(self._schema):
            fields.hide_label(html.printable(prompt)[:_MAX_PROMPT])
        return fields

    def _read_fields(self) -> Any:
        """Return the answer; `_UNREADABLE` if a field does not hold a value of its kind."""
        values = self._fields.read() if self._fields is not None else None
        if values is None:
            return _UNREADABLE
        return build_answer(self._schema, values)

    def _add_button(self, label: str, read: Callable[[], Any], *, style: str = "") -> None:
        button: Any = ipywidgets.Button(
            description=label, button_style=style, layout={"width": "auto", "min_width": "6em"}
        )
        button.on_click(lambda _: self._submit(read))
        self._buttons.append(button)

    def _mark_default(self, choices: Sequence[_Choice], schema: Mapping[str, Any]) -> None:
        """Show which of the buttons is the default, if one is."""
        for button, choice in zip(self._buttons, choices, strict=True):
            if "default" in schema and choice.value == schema["default"]:
                button.button_style = "primary"

    def _submit(self, read: Callable[[], Any]) -> None:
        value = read()
        if value is _UNREADABLE:
            self._message.value = ""
            return
        try:
            self._answer(self._task, value)
        except AttuneError as error:
            message = html.element("div", str(error), role="alert", style=ERROR_STYLE)
            self._message.value = str(message)
            return

        for button in self._buttons:
            button.disabled = True
        self._message.value = "sent"

    def close(self) -> None:
        """Close the widgets."""
        if self._fields is not None:
            self._fields.close()
        close_widgets(self._prompt, *self._buttons, self._row, self._message, self.widget)


class _Choice(NamedTuple):
    """An answer that has a button of its own."""

    label: str
    value: Any


def _value_of(choice: _Choice) -> Any:
    return choice.value


def _choices_of(schema: Mapping[str, Any]) -> list[_Choice] | None:
    """Return the answers that a schema allows, if they are few; otherwise None."""
    answers = few_answers(schema)
    if answers is None:
        return None
    if schema.get("enum"):
        return [_Choice(format_choice(answer), answer) for answer in answers]
    return [_Choice(label="Yes", value=True), _Choice(label="No", value=False)]

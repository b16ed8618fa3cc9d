"""A form for a question of `core.ask`, made from its `response_schema`."""

from __future__ import annotations

import json
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets

from attune_nb import html
from attune_nb.errors import AttuneError, ParameterError
from attune_nb.values.secrets import is_secret_schema
from attune_nb.values.strict_json import parse_finite, parse_strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.events import AskOpened

__all__ = ["Form", "close_widgets"]

# the value of a field that is empty and may be
_OMITTED = object()

_WIDTH = "34em"
_ERROR_STYLE = f"color:var(--jp-error-color1,#b30000);{html.BREAK_WORDS}"

# the most answers that have buttons
_MAX_BUTTONS = 5

# characters of a prompt and of a wrong value that are shown
_MAX_PROMPT = 2_000
_MAX_VALUE = 60

# characters of the longest label that widen the column of labels, and the width of one
_MAX_LABEL = 30
_LABEL_EM = 0.62


def close_widgets(*widgets: Any) -> None:
    """Close widgets with their layouts and styles, which have comms of their own."""
    for widget in widgets:
        for name in ("layout", "style"):
            model = getattr(widget, name, None)
            if model is not None:
                model.close()
        widget.close()


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
        self._fields: _Fields | None = None
        self._buttons: list[Any] = []

        choices = _choices_of(schema)
        if choices is not None:
            for choice in choices:
                self._add_button(choice.label, partial(attrgetter("value"), choice))
            self._mark_default(choices, schema)
        else:
            self._fields = _Fields(schema, question.prompt)
            self._add_button("Answer", self._fields.read, style="primary")

        field_widgets = self._fields.widgets if self._fields is not None else []
        self._row: Any = ipywidgets.HBox(self._buttons)
        self.widget: Any = ipywidgets.VBox([self._prompt, *field_widgets, self._row, self._message])

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
        try:
            self._answer(self._task, read())
        except AttuneError as error:
            message = html.element("div", str(error), role="alert", style=_ERROR_STYLE)
            self._message.value = str(message)
            return

        for button in self._buttons:
            button.disabled = True
        self._message.value = "sent"

    def close(self) -> None:
        """Close the widgets."""
        fields = self._fields.widgets if self._fields is not None else []
        close_widgets(self._prompt, *fields, *self._buttons, self._row, self._message, self.widget)


class _Choice(NamedTuple):
    """An answer that has a button of its own."""

    label: str
    value: Any


def _choices_of(schema: Mapping[str, Any]) -> list[_Choice] | None:
    """Return the answers that a schema allows, if they are few; otherwise None."""
    choices = schema.get("enum")
    if isinstance(choices, list) and 0 < len(choices) <= _MAX_BUTTONS:
        return [_Choice(_to_text(choice), choice) for choice in choices]
    if schema.get("type") == "boolean" and not choices:
        return [_Choice(label="Yes", value=True), _Choice(label="No", value=False)]
    return None


class _Fields:
    """The fields of an answer: one for each property of an object, otherwise a single one.

    Attributes:
        widgets: The widgets.

    Args:
        schema: The question's schema.
        prompt: The question, which names a single field.
    """

    def __init__(self, schema: Mapping[str, Any], prompt: str) -> None:
        self._is_object = schema.get("type") == "object" and bool(schema.get("properties"))
        if self._is_object:
            properties = schema["properties"]
            required = schema.get("required", [])
        else:
            properties = {"answer": schema}
            required = ["answer"]

        self._fields: dict[str, _Field] = {}
        for name, property_schema in properties.items():
            self._fields[name] = _Field(name, property_schema, required=name in required)
        self.widgets = [field.widget for field in self._fields.values()]

        if self._is_object:
            self._align()
        else:
            # the prompt stands above, and is the label
            (widget,) = self.widgets
            widget.description = ""
            widget.tooltip = html.printable(prompt)[:_MAX_PROMPT]

    def _align(self) -> None:
        """Give all labels the same width, so that the fields are aligned."""
        longest = max(len(widget.description) for widget in self.widgets)
        width = f"{min(longest, _MAX_LABEL) * _LABEL_EM + 0.5:.1f}em"
        for widget in self.widgets:
            widget.style.description_width = width

    def read(self) -> Any:
        """Return the answer.

        Raises:
            ParameterError: A field has the wrong type.
        """
        values = {}
        for name, field in self._fields.items():
            value = field.read()
            if value is not _OMITTED:
                values[name] = value

        if self._is_object:
            return values
        return values.get("answer")


class _Field:
    """The widget of one value.

    Args:
        name: The name of the property.
        schema: Its JSON Schema.
        required: Whether it must have a value.
    """

    def __init__(self, name: str, schema: Any, *, required: bool) -> None:
        self._name = name
        self._schema: Mapping[str, Any] = {}
        if isinstance(schema, dict):
            self._schema = schema
        self._type = self._schema.get("type")
        self._choices = self._schema.get("enum")
        self._may_be_empty = not required and "default" not in self._schema

        label = str(self._schema.get("title", name))
        if required:
            label += " *"
        self.widget = self._make_widget(label, self._schema.get("default"))
        self.widget.tooltip = str(self._schema.get("description", ""))

    def _make_widget(self, label: str, default: Any) -> Any:
        options = {"description": label, "layout": {"width": _WIDTH}}
        if self._choices:
            return self._make_dropdown(default, options)
        if self._type == "boolean":
            return ipywidgets.Checkbox(value=bool(default), indent=False, **options)

        text = ""
        if default is not None:
            text = _to_text(default)
        if self._type in ("object", "array"):
            return ipywidgets.Textarea(value=text, placeholder="JSON", **options)
        if is_secret_schema(self._schema):
            return ipywidgets.Password(value=text, **options)
        placeholder = _PLACEHOLDERS.get(self._type, "")
        return ipywidgets.Text(value=text, placeholder=placeholder, **options)

    def _make_dropdown(self, default: Any, options: Mapping[str, Any]) -> Any:
        """Return a menu of the choices; its values are their indexes, -1 is an omitted value."""
        choices: Any = self._choices
        entries = [(_to_text(choice), index) for index, choice in enumerate(choices)]
        if self._may_be_empty:
            entries.insert(0, ("", -1))

        selected = entries[0][1]
        if default in choices:
            selected = choices.index(default)
        return ipywidgets.Dropdown(options=entries, value=selected, **options)

    def read(self) -> Any:
        """Return the value, or `_OMITTED`.

        Raises:
            ParameterError: It has another type than the schema asks for.
        """
        value = self.widget.value
        if self._choices:
            if value < 0:
                return _OMITTED
            return self._choices[value]
        if self._type == "boolean":
            return value
        if not value.strip() and self._may_be_empty:
            return _OMITTED
        if self._type in ("string", None):
            return value

        try:
            return _READERS.get(self._type, parse_strict_json)(value)
        except ValueError:
            expected = _PLACEHOLDERS.get(self._type, "JSON")
            message = f"`{self._name}` must be {expected}, not `{value[:_MAX_VALUE]}`"
            raise ParameterError(message) from None


_PLACEHOLDERS: dict[Any, str] = {"integer": "an integer", "number": "a number"}
_READERS: dict[Any, Callable[[str], Any]] = {"integer": int, "number": parse_finite}


def _to_text(value: Any) -> str:
    """Return a string as it is, and any other value as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)

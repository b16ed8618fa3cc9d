"""A form for a question of `core.ask`, made from its `response_schema`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import ipywidgets

from attune_nb import html
from attune_nb.errors import AttuneError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.events import AskOpened

__all__ = ["Form", "close_widgets"]

# the value of a field that is empty and may be
_OMITTED = object()

_WIDTH = "34em"
_ERROR_STYLE = "color:var(--jp-error-color1,#b30000)"

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
    """The fields of one question, and the button that sends the answer.

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

        # an object has a field per property, any other answer is one field
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
        self._align_fields()

        prompt = html.text(question.prompt, max_length=_MAX_PROMPT)
        self._prompt: Any = ipywidgets.HTML(str(html.element("div", html.element("b", prompt))))
        self._send: Any = ipywidgets.Button(description="Answer", button_style="primary")
        self._send.on_click(self._submit)
        self._message: Any = ipywidgets.HTML()
        fields = [field.widget for field in self._fields.values()]
        self.widget: Any = ipywidgets.VBox([self._prompt, *fields, self._send, self._message])

    def _align_fields(self) -> None:
        """Give all labels the same width, so that the fields are aligned."""
        longest = max(len(field.widget.description) for field in self._fields.values())
        width = f"{min(longest, _MAX_LABEL) * _LABEL_EM + 0.5:.1f}em"
        for field in self._fields.values():
            field.widget.style.description_width = width

    def _submit(self, _: object) -> None:
        try:
            value = self._value()
            self._answer(self._task, value)
        except AttuneError as error:
            message = html.element("div", str(error), role="alert", style=_ERROR_STYLE)
            self._message.value = str(message)
            return
        self._send.disabled = True
        self._message.value = "sent"

    def _value(self) -> Any:
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

    def close(self) -> None:
        """Close the widgets."""
        fields = [field.widget for field in self._fields.values()]
        close_widgets(self._prompt, *fields, self._send, self._message, self.widget)


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
        if self._schema.get("format") == "password":
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
            return _READERS.get(self._type, json.loads)(value)
        except ValueError:
            expected = _PLACEHOLDERS.get(self._type, "JSON")
            message = f"`{self._name}` must be {expected}, not `{value[:_MAX_VALUE]}`"
            raise ParameterError(message) from None


_PLACEHOLDERS: dict[Any, str] = {"integer": "an integer", "number": "a number"}
_READERS: dict[Any, Callable[[str], Any]] = {"integer": int, "number": float}


def _to_text(value: Any) -> str:
    """Return a string as it is, and any other value as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)

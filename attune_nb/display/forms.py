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

__all__ = ["Form", "let_go"]

_LEFT_OUT = object()  # what a field gives that was left empty, and may be
_WIDTH = "34em"
_ERROR = "color:var(--jp-error-color1,#b30000)"


def let_go(*widgets: Any) -> None:
    """Close widgets for good, with the models of their looks: each has a comm of its own."""
    for widget in widgets:
        for part in (getattr(widget, "layout", None), getattr(widget, "style", None), widget):
            if part is not None:
                part.close()


class Form:
    """The fields of one question, and what sends the answer.

    Args:
        question: What is asked.
        answer: Called with the task and the value; raises `AttuneError` if it does not fit.
    """

    def __init__(self, question: AskOpened, answer: Callable[[str, Any], None]) -> None:
        self._task, self._answer = question.task, answer
        schema = question.response_schema or {}
        self._whole = schema.get("type") != "object" or not schema.get("properties")
        parts = {"answer": schema} if self._whole else dict(schema["properties"])
        required = ["answer"] if self._whole else schema.get("required", [])
        self._fields = {
            name: _Field(name, part, required=name in required) for name, part in parts.items()
        }
        for field in self._fields.values():
            field.widget.style.description_width = self._width()
        prompt = html.element(
            "div", html.element("b", html.text(question.prompt, max_length=2_000))
        )
        self._prompt: Any = ipywidgets.HTML(str(prompt))
        self._send: Any = ipywidgets.Button(description="Answer", button_style="primary")
        self._told: Any = ipywidgets.HTML()
        self._send.on_click(self._submit)
        fields = [field.widget for field in self._fields.values()]
        self.widget: Any = ipywidgets.VBox([self._prompt, *fields, self._send, self._told])

    def _width(self) -> str:
        """Give the labels one width, so that the fields stand below each other."""
        longest = max(len(field.widget.description) for field in self._fields.values())
        return f"{min(longest, 30) * 0.62 + 0.5:.1f}em"

    def _submit(self, _: object) -> None:
        try:
            value = self._value()
            self._answer(self._task, value)
        except AttuneError as error:
            self._told.value = str(html.element("div", str(error), role="alert", style=_ERROR))
            return
        self._send.disabled = True
        self._told.value = "sent"

    def _value(self) -> Any:
        read = {name: field.read() for name, field in self._fields.items()}
        given = {name: value for name, value in read.items() if value is not _LEFT_OUT}
        return given.get("answer") if self._whole else given

    def close(self) -> None:
        """Let go of the widgets."""
        fields = [field.widget for field in self._fields.values()]
        let_go(self._prompt, *fields, self._send, self._told, self.widget)


class _Field:
    """One value: what shows it, and how it is read."""

    def __init__(self, name: str, schema: Any, *, required: bool) -> None:
        self._name = name
        self._schema: Mapping[str, Any] = schema if isinstance(schema, dict) else {}
        self._may_be_empty = not required and "default" not in self._schema
        label = str(self._schema.get("title") or name) + (" *" if required else "")
        self.widget = self._made(label, self._schema.get("default"))
        self.widget.tooltip = str(self._schema.get("description") or "")

    def _made(self, label: str, default: Any) -> Any:
        looks = {"description": label, "layout": {"width": _WIDTH}}
        kind, choices = self._schema.get("type"), self._schema.get("enum")
        if choices:
            options = [(_written(each), at) for at, each in enumerate(choices)]
            if self._may_be_empty:
                options.insert(0, ("", -1))
            chosen = choices.index(default) if default in choices else options[0][1]
            return ipywidgets.Dropdown(options=options, value=chosen, **looks)
        if kind == "boolean":
            return ipywidgets.Checkbox(value=bool(default), indent=False, **looks)
        text = "" if default is None else _written(default)
        if kind in ("object", "array"):
            return ipywidgets.Textarea(value=text, placeholder="JSON", **looks)
        if self._schema.get("format") == "password":
            return ipywidgets.Password(value=text, **looks)
        return ipywidgets.Text(value=text, placeholder=_PLACEHOLDERS.get(kind, ""), **looks)

    def read(self) -> Any:
        """Give the value.

        Raises:
            ParameterError: It is not what its type asks for.
        """
        value, kind = self.widget.value, self._schema.get("type")
        choices = self._schema.get("enum")
        if choices:
            return _LEFT_OUT if value < 0 else choices[value]
        if kind == "boolean":
            return value
        if not value.strip() and self._may_be_empty:
            return _LEFT_OUT
        if kind in ("string", None):
            return value
        try:
            return _READERS.get(kind, json.loads)(value)
        except ValueError:
            wanted = _PLACEHOLDERS.get(kind, "JSON")
            raise ParameterError(f"`{self._name}` is to be {wanted}, not `{value[:60]}`") from None


_PLACEHOLDERS: dict[Any, str] = {"integer": "a whole number", "number": "a number"}
_READERS: dict[Any, Callable[[str], Any]] = {"integer": int, "number": float}


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)

"""The fields of a form as widgets: each with its label, its purpose, and a message beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets
from traitlets import Unicode

from attune_nb import html
from attune_nb.errors import ParameterError
from attune_nb.forms.reading import (
    NO_CHOICE,
    OMITTED,
    describe_field,
    format_choice,
    format_value,
    read_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from attune_nb.forms.fields import FormField

__all__ = ["ERROR_STYLE", "MUTED_STYLE", "Fields", "close_widgets"]

ERROR_STYLE = f"color:var(--jp-error-color1,#b30000);{html.BREAK_WORDS}"
MUTED_STYLE = f"color:var(--jp-ui-font-color2,#767676);{html.BREAK_WORDS}"

# the width of a field without its label, and the gap between them
_INPUT_WIDTH = "18em"
_GAP = "8px"
_INPUT_LAYOUT = {"max_width": "100%", "flex": "0 1 auto"}
_NOTE_LAYOUT = {"min_width": "10em", "max_width": "40em", "flex": "1 1 10em"}
_ROW_LAYOUT = {"flex_flow": "row wrap", "align_items": "flex-start"}

# lines of a text area: the least and the most
_MIN_LINES = 2
_MAX_LINES = 12

# characters of the longest label that widen the column of labels, and the width of one
_MAX_LABEL = 18
_LABEL_EM = 0.62

# characters of a hint and of a message
_MAX_HINT = 500
_MAX_MESSAGE = 1_000

# the first entry of a menu, while nothing is chosen
_CHOOSE = "choose one"


def close_widgets(*widgets: Any) -> None:
    """Close widgets with their layouts and styles, which have comms of their own."""
    for widget in widgets:
        for name in ("layout", "style"):
            model = getattr(widget, name, None)
            if model is not None:
                model.close()
        widget.close()


class Fields:
    """The fields of a form.

    Attributes:
        rows: A widget for each field.

    Args:
        fields: Their descriptions.
        values: Values that are filled in instead of the defaults, by name.
        check: Returns why a value does not fit its field, or None; called with the field's name
            and the value while a person types.
    """

    def __init__(
        self,
        fields: Sequence[FormField],
        values: Mapping[str, Any] | None = None,
        check: Callable[[str, Any], str | None] | None = None,
    ) -> None:
        if values is None:
            values = {}
        self._check = check

        self._fields: dict[str, _Field] = {}
        for field in fields:
            widget = _Field(field, values.get(field.name, OMITTED))
            widget.on_change(self._check_field)
            self._fields[field.name] = widget

        self._align()
        self.rows = [field.row for field in self._fields.values()]

    def _align(self) -> None:
        """Give all labels the same width, so that the fields are aligned."""
        longest = max((len(field.input.description) for field in self._fields.values()), default=0)
        width = f"{min(longest, _MAX_LABEL) * _LABEL_EM + 0.5:.1f}em"
        for field in self._fields.values():
            field.input.style.description_width = width
            field.input.layout.width = f"calc({width} + {_GAP} + {_INPUT_WIDTH})"
            if isinstance(field.input, ipywidgets.Checkbox):
                # its label is to its right
                field.input.layout.width = _INPUT_WIDTH
                field.input.layout.margin = f"2px 2px 2px calc({width} + {_GAP})"

    def hide_label(self, tooltip: str) -> None:
        """Remove the label of the only field: the text above the form is its label."""
        (field,) = self._fields.values()
        field.input.description = ""
        field.input.layout.width = "25em"
        field.input.tooltip = tooltip

    def _check_field(self, name: str) -> None:
        """Show beside a field why its value does not fit, or nothing if it does."""
        field = self._fields[name]
        try:
            self._read_field(field)
        except ParameterError as error:
            field.show_problem(str(error))
        else:
            field.show_problem("")

    def _read_field(self, field: _Field) -> Any:
        value = field.read()
        if value is OMITTED or self._check is None:
            return value
        problem = self._check(field.name, value)
        if problem is not None:
            raise ParameterError(problem)
        return value

    def read(self) -> dict[str, Any] | None:
        """Return the values by name, without those left out; None if one does not fit.

        The reasons are shown beside the fields.
        """
        values: dict[str, Any] = {}
        has_problem = False
        for name, field in self._fields.items():
            try:
                value = self._read_field(field)
            except ParameterError as error:
                field.show_problem(str(error))
                has_problem = True
                continue

            field.show_problem("")
            if value is not OMITTED:
                values[name] = value
        return None if has_problem else values

    def disable(self, *, is_disabled: bool) -> None:
        """Refuse or accept input."""
        for field in self._fields.values():
            field.input.disabled = is_disabled

    def close(self) -> None:
        """Close the widgets."""
        for field in self._fields.values():
            field.close()


class _Field:
    """The widgets of one field.

    Args:
        field: Its description.
        value: The value to fill in; `OMITTED` for the default.
    """

    def __init__(self, field: FormField, value: Any) -> None:
        self._field = field
        self.name = field.name

        label = html.printable(field.label)
        if field.is_required:
            label += " *"
        self.input: Any = self._make_input(label, value)
        self.input.tooltip = _tooltip_of(field)
        self._note: Any = ipywidgets.HTML(layout=_NOTE_LAYOUT)
        self.row: Any = ipywidgets.HBox([self.input, self._note], layout=_ROW_LAYOUT)
        self.show_problem("")

    def _make_input(self, label: str, value: Any) -> Any:
        field = self._field
        options: dict[str, Any] = {"description": label, "layout": _INPUT_LAYOUT}
        if field.is_secret:
            return _SecretInput(field, value, options)

        if value is OMITTED and field.has_default:
            value = field.default
        if field.choices:
            return _make_menu(field, value, options)
        if field.kind == "boolean":
            return ipywidgets.Checkbox(value=value is True, indent=False, **options)

        text = ""
        if value is not OMITTED:
            text = format_value(field, value)
        lines = text.count("\n") + 1
        if field.kind == "yaml" or lines > 1:
            rows = min(max(lines, _MIN_LINES), _MAX_LINES)
            placeholder = "YAML" if field.kind == "yaml" else ""
            return ipywidgets.Textarea(value=text, rows=rows, placeholder=placeholder, **options)
        return ipywidgets.Text(value=text, **options)

    def on_change(self, handle: Callable[[str], None]) -> None:
        """Call a function with the field's name at each change of the value.

        A secret is sent when its field loses the focus. A message that appears then would move
        the button that is being clicked, so nothing is called.
        """
        if not isinstance(self.input, _SecretInput):
            self.input.observe(lambda _: handle(self.name), "value")

    def read(self) -> Any:
        """Return the value, or `OMITTED`.

        Raises:
            ParameterError: A value is missing, or has another type.
        """
        if isinstance(self.input, _SecretInput):
            return self.input.read()
        return read_value(self._field, self.input.value)

    def show_problem(self, problem: str) -> None:
        """Show why the value does not fit, and the purpose of the field below it."""
        hints = [self._field.hint, describe_field(self._field)]
        hint = " · ".join(text for text in hints if text)

        parts = []
        if problem:
            message = html.text(problem, _MAX_MESSAGE)
            parts.append(html.element("div", message, role="alert", style=ERROR_STYLE))
        if hint:
            parts.append(html.element("div", html.text(hint, _MAX_HINT), style=MUTED_STYLE))
        markup = html.element("div", *parts, style="line-height:1.4;padding:3px 0 0 8px")
        self._note.value = str(markup) if parts else ""

    def close(self) -> None:
        """Close the widgets."""
        close_widgets(self.input, self._note, self.row)


def _tooltip_of(field: FormField) -> str:
    """Return the name, which a long label hides, and the purpose of a field."""
    text = f"{field.name}: {field.hint}" if field.hint else field.name
    return html.printable(text)


def _make_menu(field: FormField, value: Any, options: Mapping[str, Any]) -> Any:
    """Return a menu of choices; its values are their indexes."""
    entries = []
    for index, choice in enumerate(field.choices):
        entries.append((html.printable(format_choice(choice)), index))

    selected = _index_of(value, field.choices)
    if field.is_required and len(field.choices) == 1:
        selected = 0
    if field.may_be_empty:
        entries.insert(0, ("", NO_CHOICE))
    elif selected == NO_CHOICE:
        entries.insert(0, (_CHOOSE, NO_CHOICE))
    return ipywidgets.Dropdown(options=entries, value=selected, **options)


def _index_of(value: Any, choices: Iterable[Any]) -> int:
    for index, choice in enumerate(choices):
        # true is no 1
        if type(choice) is type(value) and choice == value:
            return index
    return NO_CHOICE


class _SecretInput(ipywidgets.Password):  # type: ignore[misc]
    """A field for a secret. The page and a saved notebook never hold its value.

    A front end sends a text when a person leaves the field. It is kept in this process alone:
    the field is emptied at once, and its placeholder says that there is a value.
    """

    value = Unicode().tag(sync=True, echo_update=False)

    def __init__(self, field: FormField, value: Any, options: Mapping[str, Any]) -> None:
        self._field = field
        self._entered: str | None = None
        self._value = value
        super().__init__(continuous_update=False, placeholder=self._describe(), **options)
        self.observe(self._keep, "value")

    def _describe(self) -> str:
        if self._entered is not None or self._value is not OMITTED:
            return "entered, not shown"
        if self._field.has_default:
            return "the default, not shown"
        return ""

    def _keep(self, change: Any) -> None:
        text = change["new"]
        if not text:
            return
        self._entered = text
        self.value = ""
        self.placeholder = self._describe()

    def read(self) -> Any:
        """Return the value, or `OMITTED`.

        Raises:
            ParameterError: A value is missing, or has another type.
        """
        if self._entered is None and self._value is not OMITTED:
            return self._value
        return read_value(self._field, self._entered)

"""A form for the parameters of a workflow, which starts runs of it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Protocol

from attune_nb import html
from attune_nb.display.outputs import CellDisplay, in_kernel, shows_widgets
from attune_nb.display.panel import View
from attune_nb.display.static_text import hide_static_text, static_text
from attune_nb.errors import AttuneError
from attune_nb.forms.reading import describe_field, format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.display.cell_outputs import CellOutput, ReservedOutputs
    from attune_nb.display.form_widgets import FormWidgets
    from attune_nb.display.outputs import Display
    from attune_nb.forms.fields import FormField
    from attune_nb.results.protocols import LiveRun

__all__ = ["FormActions", "WorkflowForm"]

_MASKED = "***"

# characters of a value in the text that remains, and of an error
_MAX_VALUE = 200
_MAX_ERROR = 4_000

_COLUMNS = ("parameter", "value", "meaning")


class FormActions(Protocol):
    """The checks and the starts that a form makes with its values."""

    def explain_misfit(self, name: str, value: Any) -> str | None:
        """Return why a value does not fit its parameter, or None."""

    def start(self, values: Mapping[str, Any], open_display: Callable[[], Display]) -> LiveRun:
        """Start a run in the background, and return it.

        Raises:
            AttuneError: It cannot start.
        """


class WorkflowForm:
    """A form for the parameters of a workflow: fields, and a button that starts a run.

    A notebook shows it as the value of a cell. The run is in the background, and its panel
    appears below the form. A saved notebook keeps the values as text, those of secrets as `***`.

    Attributes:
        run: The run that was started last, or None.

    Args:
        title: The workflow's name.
        description: Its purpose; may be empty.
        fields: A field for each parameter.
        values: Values to fill in instead of the defaults, by name.
        actions: Checks values, and starts runs.
    """

    def __init__(
        self,
        title: str,
        description: str,
        fields: Sequence[FormField],
        values: Mapping[str, Any],
        actions: FormActions,
    ) -> None:
        self.run: LiveRun | None = None

        self._title = title
        self._description = description
        self._fields = fields
        self._values = values
        self._actions = actions

        self._static_class = f"attune-form-{secrets.token_hex(4)}"
        self._widgets: FormWidgets | None = None
        self._static_output: CellOutput | None = None
        self._outputs: ReservedOutputs | None = None

    def __repr__(self) -> str:
        return f"{self._heading()}\n{self._hint()}"

    def _repr_html_(self) -> str:
        return str(self._markup())

    def _ipython_display_(self) -> None:
        """Show the form in a front end with widgets; otherwise its text.

        Raises:
            NotImplementedError: This is no kernel, and IPython prints the text.
        """
        if not in_kernel():
            raise NotImplementedError

        from attune_nb.display.cell_outputs import ReservedOutputs, open_output  # noqa: PLC0415

        self._static_output = open_output(self._static_view())
        if not shows_widgets():
            return
        if self._widgets is None:
            self._widgets = self._make_widgets()
        open_output(self._widgets.box)
        self._outputs = ReservedOutputs()

    def _make_widgets(self) -> FormWidgets:
        from attune_nb.display.fields import Fields  # noqa: PLC0415 - ipywidgets is slow to import
        from attune_nb.display.form_widgets import FormWidgets  # noqa: PLC0415

        fields = Fields(self._fields, self._values, self._actions.explain_misfit)
        heading = html.join([hide_static_text(self._static_class), self._title_markup()])
        return FormWidgets(heading, fields, self._start)

    def _start(self, values: Mapping[str, Any], on_end: Callable[[], None]) -> LiveRun:
        """Start a run whose panel appears below the form, and return it.

        Args:
            values: The parameters.
            on_end: Called at the end of the run, in the engine's thread.

        Raises:
            AttuneError: The run cannot start.
        """

        def open_display() -> Display:
            open_output = None if self._outputs is None else self._outputs.take()
            display = CellDisplay(open_output)
            display.on_end = on_end
            return display

        try:
            self.run = self._actions.start(values, open_display)
        except (AttuneError, OSError):
            if self._outputs is not None:
                self._outputs.take()
            raise

        self._values = values
        if self._static_output is not None:
            self._static_output.update(self._static_view())
        return self.run

    def _title_markup(self) -> html.Markup:
        """Return the title and the description."""
        title = html.element("b", html.text(self._title))
        parts: list[object] = [html.element("div", title)]
        if self._description:
            parts.append(html.element("div", html.text(self._description, _MAX_ERROR)))
        return html.element("div", *parts, style=html.BREAK_WORDS)

    def _static_view(self) -> View:
        return View(static_text(self._markup(), self._static_class), repr(self))

    def _markup(self) -> html.Markup:
        parts: list[object] = [self._title_markup()]
        if self._fields:
            parts.append(html.table(_COLUMNS, self._rows()))
        parts.append(html.element("div", self._hint()))
        return html.element("div", *parts)

    def _rows(self) -> list[dict[str, str]]:
        rows = []
        for field in self._fields:
            meaning = " · ".join(text for text in (field.hint, describe_field(field)) if text)
            row = {"parameter": field.name, "value": self._value_text(field), "meaning": meaning}
            rows.append(row)
        return rows

    def _value_text(self, field: FormField) -> str:
        has_value = field.name in self._values
        if field.is_secret:
            return _MASKED if has_value or field.has_default else ""
        if has_value:
            text = format_value(field, self._values[field.name])
        elif field.has_default:
            text = format_value(field, field.default)
        else:
            text = ""

        return html.shortened(html.printable(text), _MAX_VALUE)

    def _heading(self) -> str:
        names = [field.name for field in self._fields]
        parameters = f"parameters: {', '.join(names)}" if names else "no parameters"
        return html.printable(f"form of `{self._title}`, {parameters}")

    def _hint(self) -> str:
        if self.run is not None:
            return f"run {self.run.run_id} was started with these values"
        return "run the cell in a notebook with widgets to fill in the form"

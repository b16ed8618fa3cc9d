"""The widgets of a form that starts runs: its fields, a button, and a message below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from attune_nb import html
from attune_nb.display.fields import ERROR_STYLE, MUTED_STYLE
from attune_nb.display.widget_box import WidgetBox
from attune_nb.errors import AttuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.display.fields import Fields
    from attune_nb.results.protocols import LiveRun

    # starts a run with values, and calls the function when the run has ended
    Start = Callable[[Mapping[str, Any], Callable[[], None]], LiveRun]

__all__ = ["FormWidgets"]

_WITHOUT_WIDGETS = "a form, which only a front end with widgets shows"
_NOT_STARTED = "not started: correct the values that are marked"

# characters of an error
_MAX_ERROR = 4_000


class FormWidgets:
    """The widgets of a form that starts runs, one after the other.

    Attributes:
        box: The widget to display.

    Args:
        heading: The HTML above the fields.
        fields: The fields.
        start: Starts a run with the values of the fields.
    """

    def __init__(self, heading: html.Markup, fields: Fields, start: Start) -> None:
        self._fields = fields
        self._start = start
        self._run: LiveRun | None = None

        self._button: Any = ipywidgets.Button(
            description="Run", icon="play", button_style="primary", layout={"min_width": "6em"}
        )
        self._message: Any = ipywidgets.HTML()
        self._button.on_click(lambda _: self._submit())

        title = ipywidgets.HTML(str(heading))
        widgets = [title, *fields.rows, self._button, self._message]
        self.box: Any = WidgetBox(widgets, _WITHOUT_WIDGETS)

    def _submit(self) -> None:
        """Start a run, or show why it cannot start."""
        values = self._fields.read()
        if values is None:
            self._show_status(_NOT_STARTED)
            return

        self._message.value = ""
        self._button.disabled = True
        self._run = None
        try:
            self._run = self._start(values, self._end)
            self._show_run()
        except (AttuneError, OSError) as error:
            text = html.text(error, _MAX_ERROR)
            message = html.element("div", text, role="alert", style=ERROR_STYLE)
            self._message.value = str(message)
        finally:
            if self._run is None or self._run.has_ended:
                self._end()

    def _end(self) -> None:
        """Let the next run be started; called at the end of a run, in the engine's thread."""
        self._show_run()
        self._button.disabled = False

    def _show_run(self) -> None:
        """Show the state of the run: after a reload of the page its panel is not updated."""
        if self._run is not None:
            state = self._run.status if self._run.has_ended else "started"
            self._show_status(f"run {self._run.run_id} {state}")

    def _show_status(self, text: str) -> None:
        self._message.value = str(html.element("div", text, role="status", style=MUTED_STYLE))

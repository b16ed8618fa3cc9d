"""The widgets of a form that starts runs: its fields, a button, and a message below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from attune_nb import html
from attune_nb.display.fields import ERROR_STYLE
from attune_nb.errors import AttuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.display.fields import Fields

    # starts a run with values, and calls the function when the run has ended
    Start = Callable[[Mapping[str, Any], Callable[[], None]], None]

__all__ = ["FormWidgets"]

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
        self._button: Any = ipywidgets.Button(
            description="Run", icon="play", button_style="primary", layout={"min_width": "6em"}
        )
        self._message: Any = ipywidgets.HTML()
        self._button.on_click(lambda _: self._submit())
        self.box: Any = ipywidgets.VBox(
            [ipywidgets.HTML(str(heading)), *fields.rows, self._button, self._message]
        )

    def _submit(self) -> None:
        """Start a run, or show why it cannot start."""
        values = self._fields.read()
        if values is None:
            self._message.value = str(html.element("div", _NOT_STARTED, role="status"))
            return

        self._message.value = ""
        self._button.disabled = True
        is_started = False
        try:
            self._start(values, self._enable)
            is_started = True
        except (AttuneError, OSError) as error:
            text = html.text(error, _MAX_ERROR)
            message = html.element("div", text, role="alert", style=ERROR_STYLE)
            self._message.value = str(message)
        finally:
            if not is_started:
                self._enable()

    def _enable(self) -> None:
        self._button.disabled = False

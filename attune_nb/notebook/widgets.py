"""The live panel made of widgets: Pause, Cancel and the questions of a run in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from attune_nb.notebook.display import INTERRUPT, CellDisplay
from attune_nb.notebook.forms import Form, let_go
from attune_nb.notebook.panel import panel

if TYPE_CHECKING:
    from attune_nb.events import Key
    from attune_nb.results.run import Run

__all__ = ["WidgetDisplay"]


class WidgetDisplay(CellDisplay):
    """A panel whose buttons work once the cell has gone on.

    While a cell blocks its kernel no click is handled, so a run in the foreground has no
    buttons and says how to interrupt it. Only `show` writes to the widgets; the buttons only
    ask the run. In the end a static output takes the widgets' place, and they are closed.
    """

    def opening(self) -> object:
        """Make the widgets."""
        self._text: Any = ipywidgets.HTML()
        self._pause: Any = ipywidgets.Button(description="Pause", icon="pause")
        self._cancel: Any = ipywidgets.Button(description="Cancel", icon="stop")
        self._buttons: Any = ipywidgets.HBox([self._pause, self._cancel])
        self._buttons.layout.display = "none"
        self._questions: Any = ipywidgets.VBox()
        self._forms: dict[Key, Form] = {}
        self._pause.on_click(self._toggle)
        self._cancel.on_click(lambda _: self.run.cancel() if self.run is not None else None)
        self._box: Any = _Panel([self._text, self._buttons, self._questions], display=self)
        return self._box

    def show(self) -> None:
        """Update the widgets."""
        self._text.value = str(panel(self.progress, "" if self.in_background else INTERRUPT))
        if not self.in_background or self.run is None:
            return
        self._buttons.layout.display = ""
        paused = self.progress.status == "paused"
        self._pause.description, self._pause.icon = (
            ("Resume", "play") if paused else ("Pause", "pause")
        )
        self._pause.disabled = self._cancel.disabled = self.progress.status == "cancelling"
        self._ask(self.run)

    def _ask(self, run: Run) -> None:
        asked = {(each.task, each.visit): each for each in run.questions}
        if asked.keys() == self._forms.keys():
            return
        for key in self._forms.keys() - asked.keys():
            self._forms.pop(key).close()
        for key in asked.keys() - self._forms.keys():
            self._forms[key] = Form(asked[key], run.answer)
        self._questions.children = [self._forms[key].widget for key in sorted(self._forms)]

    def _toggle(self, _: object) -> None:
        if self.run is not None:
            (self.run.resume if self.run.status == "paused" else self.run.pause)()

    def replace(self, shown: object) -> None:
        """Put something static in the widgets' place, and let go of them."""
        super().replace(shown)
        self._close()

    def finish(self) -> None:
        """Leave what is static, and nothing in the kernel."""
        super().finish()
        self._close()

    def _close(self) -> None:
        for form in self._forms.values():
            form.close()
        self._forms.clear()
        let_go(self._text, self._pause, self._cancel, self._buttons, self._questions, self._box)


class _Panel(ipywidgets.VBox):  # type: ignore[misc]
    """The panel; where widgets are not shown, its text is."""

    def __init__(self, children: list[Any], *, display: WidgetDisplay) -> None:
        super().__init__(children)
        self._display = display

    def __repr__(self) -> str:
        return self._display.progress.text()

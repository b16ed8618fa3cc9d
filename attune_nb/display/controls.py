"""The panel of a run in the background: its progress, Pause, Cancel, and its questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from attune_nb.display.forms import Form, let_go
from attune_nb.display.panel import panel

if TYPE_CHECKING:
    from attune_nb.events import Key
    from attune_nb.results.progress import Progress
    from attune_nb.results.protocols import LiveRun

__all__ = ["Controls"]


class Controls:
    """Widgets that show a run and let a person touch it.

    Only `show` writes to them, so that nothing late can stand over an end; the buttons only ask
    the run. A click is handled wherever the kernel handles one, perhaps in a thread of its own.

    Attributes:
        box: What to display.
    """

    def __init__(self, run: LiveRun, progress: Progress) -> None:
        self._run = run
        self._forms: dict[Key, Form] = {}
        self._text: Any = ipywidgets.HTML(str(panel(progress)))
        self._pause: Any = ipywidgets.Button(description="Pause", icon="pause")
        self._cancel: Any = ipywidgets.Button(description="Cancel", icon="stop")
        self._buttons: Any = ipywidgets.HBox([self._pause, self._cancel])
        self._questions: Any = ipywidgets.VBox()
        self._pause.on_click(self._toggle)
        self._cancel.on_click(lambda _: run.cancel())
        self.box: Any = _Panel([self._text, self._buttons, self._questions], progress)

    def show(self, progress: Progress) -> None:
        """Update the widgets."""
        self._text.value = str(panel(progress))
        look = ("Resume", "play") if progress.status == "paused" else ("Pause", "pause")
        self._pause.description, self._pause.icon = look
        self._pause.disabled = self._cancel.disabled = progress.status == "cancelling"
        self._ask()

    def _ask(self) -> None:
        asked = {(each.task, each.visit): each for each in self._run.questions}
        if asked.keys() == self._forms.keys():
            return
        for key in self._forms.keys() - asked.keys():
            self._forms.pop(key).close()
        for key in asked.keys() - self._forms.keys():
            self._forms[key] = Form(asked[key], self._run.answer)
        self._questions.children = [self._forms[key].widget for key in sorted(self._forms)]

    def _toggle(self, _: object) -> None:
        (self._run.resume if self._run.status == "paused" else self._run.pause)()

    def close(self) -> None:
        """Leave nothing in the kernel."""
        for form in self._forms.values():
            form.close()
        self._forms.clear()
        let_go(self._text, self._pause, self._cancel, self._buttons, self._questions, self.box)


class _Panel(ipywidgets.VBox):  # type: ignore[misc]
    """The panel; where widgets are not shown, its text is."""

    def __init__(self, children: list[Any], progress: Progress) -> None:
        super().__init__(children)
        self._progress = progress

    def __repr__(self) -> str:
        return self._progress.text()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Give the whole text beside the widget, which would else be cut at 110 characters."""
        data = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": repr(self)}

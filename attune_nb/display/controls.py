"""The panel of a run in the background: its progress, Pause, Cancel, and its questions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets

from attune_nb.display.fields import close_widgets
from attune_nb.display.forms import Form
from attune_nb.display.panel import panel
from attune_nb.display.static_text import hide_static_text
from attune_nb.display.widget_box import WidgetBox
from attune_nb.html import join

if TYPE_CHECKING:
    from attune_nb.events import QuestionKey
    from attune_nb.results.progress import Progress
    from attune_nb.results.protocols import LiveRun

__all__ = ["Controls"]

_WITHOUT_WIDGETS = (
    "buttons, which only a front end with widgets shows: use `run.pause()`, "
    "`run.resume()`, `run.cancel()`, `run.answer(TASK, VALUE)`"
)


class Controls:
    """Widgets that show a run in progress and control it.

    Only `show` writes to them, so a late click cannot overwrite the end of the run; the buttons
    only call the run. The kernel may handle a click in another thread.

    Args:
        run: The run.
        progress: Its progress.
        hidden_class: The class of the HTML that the widgets hide while they are shown.

    Attributes:
        box: The widget to display.
    """

    def __init__(self, run: LiveRun, progress: Progress, *, hidden_class: str) -> None:
        self._run = run
        self._hiding_style = hide_static_text(hidden_class)
        self._forms: dict[QuestionKey, Form] = {}
        self._text: Any = ipywidgets.HTML(self._content(progress))
        self._pause: Any = ipywidgets.Button(description="Pause", icon="pause")
        self._cancel: Any = ipywidgets.Button(description="Cancel", icon="stop")
        self._buttons: Any = ipywidgets.HBox([self._pause, self._cancel])
        self._questions: Any = ipywidgets.VBox()
        self._pause.on_click(self._toggle)
        self._cancel.on_click(lambda _: run.cancel())
        self.box: Any = WidgetBox([self._text, self._buttons, self._questions], _WITHOUT_WIDGETS)

    def _content(self, progress: Progress) -> str:
        return str(join([self._hiding_style, panel(progress)]))

    def show(self, progress: Progress) -> None:
        """Update the widgets."""
        self._text.value = self._content(progress)

        if progress.status == "paused":
            self._pause.description = "Resume"
            self._pause.icon = "play"
        else:
            self._pause.description = "Pause"
            self._pause.icon = "pause"
        is_cancelling = progress.status == "cancelling"
        self._pause.disabled = is_cancelling
        self._cancel.disabled = is_cancelling

        self._update_forms()

    def _update_forms(self) -> None:
        """Show a form for every open question."""
        questions = {question.key: question for question in self._run.questions}
        if questions.keys() == self._forms.keys():
            return

        for key in self._forms.keys() - questions.keys():
            self._forms.pop(key).close()
        for key in questions.keys() - self._forms.keys():
            answer = partial(self._run.answer, inquiry=questions[key].inquiry)
            self._forms[key] = Form(questions[key], answer)
        self._questions.children = [self._forms[key].widget for key in sorted(self._forms)]

    def _toggle(self, _: object) -> None:
        if self._run.status == "paused":
            self._run.resume()
        else:
            self._run.pause()

    def close(self) -> None:
        """Close all widgets, so that none stays in the kernel."""
        for form in self._forms.values():
            form.close()
        self._forms.clear()
        close_widgets(
            self._text, self._pause, self._cancel, self._buttons, self._questions, self.box
        )

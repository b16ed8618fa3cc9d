"""Wait for the end of a run; ask its questions, or pause it if it runs unattended."""

from __future__ import annotations

import json
import logging
import shlex
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attune_nb.conductor.answer_schema import explain_answer_misfit
from attune_nb.display.outputs import (
    CellDisplay,
    TerminalDisplay,
    in_ipython,
    in_kernel,
    takes_input,
)
from attune_nb.display.terminal_form import TerminalForms
from attune_nb.errors import QuestionOpen
from attune_nb.html import printable
from attune_nb.results.questions import describe_question
from attune_nb.results.statuses import UNATTENDED
from attune_nb.running.interrupts import HeldInterrupts
from attune_nb.running.store_paths import store_option

if TYPE_CHECKING:
    from attune_nb.display.outputs import Display
    from attune_nb.events import AskOpened, QuestionKey
    from attune_nb.results.in_doubt import Doubt
    from attune_nb.results.protocols import LiveRun

__all__ = ["GRACE", "wait_for_end"]

_log = logging.getLogger("attune_nb")

# seconds of a timeout that is waited for without a word
_SHORT_TIMEOUT = 1.0

GRACE = 1.5
"""Seconds that an interrupt waits for running attempts to end."""

# seconds between two looks at a run that is waited for
_POLL = 0.05

# seconds between two looks for questions and attempts in doubt, which an attended run logs
_LOOK_FOR_NEEDS = 1.0

# questions in a message
_MAX_QUESTIONS = 5

# examples of an answer by the type of the question
_EXAMPLES = {
    "boolean": "true",
    "integer": "NUMBER",
    "number": "NUMBER",
    "object": "'{...}'",
    "array": "'[...]'",
}


def wait_for_end(
    run: LiveRun,
    display: Display | None,
    interrupts: HeldInterrupts | None = None,
    *,
    is_attended: bool = False,
) -> None:
    """Wait for the end of a run; an interrupt cancels it.

    Its questions are asked in the terminal. While a notebook's cell blocks, its kernel handles
    no answer; so once only questions are open, the cell returns and the run continues in the
    background. The same is done, in a notebook or not, if attempts are in doubt or if the
    backend is gone.

    Args:
        run: The run.
        display: What shows it.
        interrupts: Those that the caller holds; by default they are held from now on.
        is_attended: Whether other processes answer its questions, decide its attempts in doubt,
            and resume it. Then nothing but its end ends the wait.

    Raises:
        QuestionOpen: Only questions are open, and the run is unattended. It is paused.
    """
    if interrupts is None:
        with HeldInterrupts() as held_interrupts:
            wait_for_end(run, display, held_interrupts, is_attended=is_attended)
        return

    attendant = _Elsewhere() if is_attended else _find_attendant(display, interrupts)
    # at once; the loop below comes to it a moment later
    interrupts.on_interrupt = run.cancel
    try:
        interrupts.raise_held()
        # within the wait itself an interrupt would leave a lock of the run in disorder
        while not run.wait(_POLL):
            interrupts.raise_held()
            if not is_attended and (run.in_doubt or run.pause_reason):
                break
            if attendant.attend(run):
                break
    except KeyboardInterrupt:
        _interrupt(run, interrupts)
    finally:
        interrupts.on_interrupt = None
    if run.status == "cancelled":
        interrupts.drop_held()

    if isinstance(display, TerminalDisplay) and not run.has_ended:
        # what is printed next would stand between the lines
        display.hold()
    elif display is not None and not run.has_ended:
        display.attach(run, background=True)
    if run.pause_reason == UNATTENDED:
        message = _describe_open_questions(run, attendant.pause_text)
        raise QuestionOpen(message, run, interrupted=attendant.was_interrupted)


def _find_attendant(display: Display | None, interrupts: HeldInterrupts) -> _Attendant:
    if isinstance(display, CellDisplay):
        return _notebook_attendant()

    is_own_display = display is not None and not isinstance(display, TerminalDisplay)
    if is_own_display:
        return _Attendant()
    if threading.current_thread() is not threading.main_thread():
        # such as the thread of an action
        return _Unattended()
    if in_kernel():
        return _notebook_attendant()

    forms = TerminalForms.open(display, explain_answer_misfit)
    if forms is None:
        return _Unattended()
    return _Terminal(forms, interrupts)


def _notebook_attendant() -> _Attendant:
    if takes_input():
        return _Notebook()
    return _Unattended()


class _Attendant:
    """Looks at the questions of a run while a call waits for it.

    This one leaves them to the program that shows the run.

    Attributes:
        was_interrupted: Whether a person broke off an answer with Ctrl-C.
        pause_text: Why the run is paused, as a sentence.
    """

    was_interrupted = False
    pause_text = "Nobody can answer here, so the run is paused."

    def attend(self, run: LiveRun) -> bool:  # noqa: ARG002 - others look at it
        """Look at the open questions; return whether the call that waits returns now."""
        return False


class _Elsewhere(_Attendant):
    """Other processes attend to the run; the log names its questions and attempts in doubt."""

    def __init__(self) -> None:
        self._next_look = 0.0
        self._announced: set[Any] = set()

    def attend(self, run: LiveRun) -> bool:
        """Log each question and each attempt in doubt once; look for them once a second."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + _LOOK_FOR_NEEDS

        for question in run.questions:
            if self._is_new(question.key):
                self._log_question(run, question)
        for doubt in run.in_doubt:
            if self._is_new(doubt):
                self._log_doubt(run, doubt)
        reason = run.pause_reason
        if reason and self._is_new(reason):
            _log.warning("the run is paused: %s", reason)
        return False

    def _log_question(self, run: LiveRun, question: AskOpened) -> None:
        task = shlex.quote(question.task)
        value = _example_value(question.response_schema)
        _log.warning(
            "task %s; to answer: `attune-nb answer %s %s %s%s`",
            printable(describe_question(question)),
            run.run_id,
            task,
            value,
            _store_words(run),
        )

    def _log_doubt(self, run: LiveRun, doubt: Doubt) -> None:
        item = f"{doubt.task}[{doubt.index}]"
        words = f"{run.run_id} {shlex.quote(item)}"
        _log.warning(
            "`%s` may have run already; `attune-nb rerun %s%s` runs it again, and "
            "`attune-nb accept %s RESULT%s` records its result",
            item,
            words,
            _store_words(run),
            words,
            _store_words(run),
        )

    def _is_new(self, need: Any) -> bool:
        """Return whether a need was not logged yet; remember it."""
        is_new = need not in self._announced
        self._announced.add(need)
        return is_new


class _Notebook(_Attendant):
    """Questions are answered in a form or in another cell, once this cell has returned."""

    def attend(self, run: LiveRun) -> bool:
        """Return whether only questions are open."""
        if not run.has_only_questions:
            return False
        # another process may answer before the cell looks at the run again
        run.is_handed_back = True
        return True


class _Unattended(_Attendant):
    """No person can answer: the run is paused once only questions are open.

    It is not paused while one of them will time out and the workflow goes on then.
    """

    def __init__(self) -> None:
        self._announced: set[QuestionKey] = set()

    def attend(self, run: LiveRun) -> bool:
        """Pause the run if only questions are open; the pause ends the wait."""
        if not run.has_only_questions:
            return False

        if any(map(run.is_awaited_by_action, run.questions)):
            # a pause would not stop these actions
            for question in run.questions:
                self._announce(
                    question,
                    "its action goes on waiting; the next time answer in advance with "
                    f"{_example_answer(question)}, in Python with `answers=`",
                )
            return False

        timeouts = [(question, run.handled_timeout(question)) for question in run.questions]
        if all(timeout is None for _, timeout in timeouts):
            run.pause_for_questions()
            return False

        for question, timeout in timeouts:
            if timeout is not None and timeout > _SHORT_TIMEOUT:
                effect = f"the workflow goes on when it times out after {timeout:g} s"
                self._announce(question, effect)
        return False

    def _announce(self, question: AskOpened, effect: str) -> None:
        """Log once why the run waits.

        Args:
            question: The question.
            effect: The effect of a missing answer.
        """
        if question.key not in self._announced:
            self._announced.add(question.key)
            description = describe_question(question)
            _log.warning("task %s; nobody can answer here, so %s", description, effect)


class _Terminal(_Unattended):
    """Questions are asked in the terminal as they open, until its input ends."""

    pause_text = "There is no answer yet, so the run is paused."

    def __init__(self, forms: TerminalForms, interrupts: HeldInterrupts) -> None:
        super().__init__()
        self._forms = forms
        self._interrupts = interrupts

    def attend(self, run: LiveRun) -> bool:
        """Ask the open questions, one after the other."""
        if self._forms.is_closed:
            return super().attend(run)

        try:
            self._interrupts.let_in()
            self._forms.ask(run)
            self._interrupts.hold()
        except KeyboardInterrupt:
            # the run stays as it is, so that it can be continued with an answer
            self.was_interrupted = True
            run.pause_for_questions(at_once=True)
            self._forms.close()
        return False


def _interrupt(run: LiveRun, interrupts: HeldInterrupts) -> None:
    """Cancel a run, and after a moment its running attempts; a second interrupt does so at once."""
    run.cancel()
    if not _ends_within_grace(run, interrupts):
        interrupts.drop_held()
        run.cancel(force=True)
        _ends_within_grace(run, interrupts)
    interrupts.drop_held()


def _ends_within_grace(run: LiveRun, interrupts: HeldInterrupts) -> bool:
    """Wait for the end of a run, for a moment or until the next interrupt."""
    deadline = time.monotonic() + GRACE
    while not run.wait(_POLL):
        if interrupts.has_held or time.monotonic() > deadline:
            return False
    return True


def _describe_open_questions(run: LiveRun, pause_text: str) -> str:
    """Return the message of `QuestionOpen`: the questions, and how to answer them."""
    questions = run.questions
    lines = []
    for question in questions[:_MAX_QUESTIONS]:
        lines.append(f"task {printable(describe_question(question))}")
        problem = run.answer_problems.get(question.key)
        if problem:
            lines.append(f"  its answer was not used: {problem}")
    if len(questions) > _MAX_QUESTIONS:
        lines.append(f"and {len(questions) - _MAX_QUESTIONS:,} more questions are open")

    answers = " ".join(_example_answer(question) for question in questions[:_MAX_QUESTIONS])
    lines.append(pause_text)
    if run.store is None:
        lines.append(f"It has no record (the store is `none`): run it again with {answers}")
    else:
        command = f"resume {run.run_id} {answers}"
        lines.append(f"To go on: `attune-nb {command}{store_option(run.store)}`")
        if in_ipython():
            lines.append(f"or `%attune {command}`; or run it again with {answers}")
    return "\n".join(lines)


def _store_words(run: LiveRun) -> str:
    """Return the option that names the store of a run, for commands in any folder."""
    if run.store is None:
        return ""
    return f" --store {shlex.quote(str(run.store.absolute()))}"


def _example_answer(question: AskOpened) -> str:
    return f"--answer {shlex.quote(question.task)}={_example_value(question.response_schema)}"


def _example_value(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return "TEXT"

    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        choice = choices[0]
        text = choice if isinstance(choice, str) else json.dumps(choice, default=str)
        return shlex.quote(text)
    return _EXAMPLES.get(str(schema.get("type")), "TEXT")

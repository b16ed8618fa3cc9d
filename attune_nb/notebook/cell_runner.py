"""Starting a run in a cell: its progress, its outcome, and the variables that hold it."""

from __future__ import annotations

import sys
import weakref
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from IPython.display import display

from attune_nb.display.outputs import CellDisplay, Display, in_kernel
from attune_nb.errors import LookupFailed, QuestionOpen, RunCancelled, RunFailed
from attune_nb.html import printable, shortened
from attune_nb.notebook.breakpoints import watch_breakpoints
from attune_nb.notebook.post_mortem import ErrorCapture
from attune_nb.results.questions import describe_question
from attune_nb.running.history import last_run
from attune_nb.running.raised_errors import observe_errors
from attune_nb.running.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from attune_nb.notebook.command import PendingRun
    from attune_nb.notebook.session import Session
    from attune_nb.results.failures import FailedTask
    from attune_nb.running.history import AnyRun

__all__ = ["CellRunner"]

# the variable of a run without `--out`
_RUN_VARIABLE = "run"

# characters of the reason why a cell failed, which is one line
_MAX_REASON_LENGTH = 1_000


class CellRunner:
    """Starts runs in cells; a cell shows its run once, as its panel or as its value."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        self._shell = shell
        self._session = session
        # a run that its cell shows already, and the number of the cell
        self._shown: tuple[AnyRun, int] | None = None
        # the run that was assigned to `run` without `--out`
        self._assigned: weakref.ref[Run] | None = None

    def start(
        self,
        pending_run: PendingRun,
        *,
        out: str | None,
        quiet: bool,
        debug: bool,
        background: bool,
        has_progress: bool,
    ) -> Run | None:
        """Start a run, and return it as the value of the cell.

        Args:
            pending_run: The run to start.
            out: A variable for the Run.
            quiet: Show nothing.
            debug: Show the traceback of a failed action.
            background: Whether the run continues after the cell, which then never fails.
            has_progress: Show the progress, if this is a notebook.

        Raises:
            RunFailed: The run did not succeed. Its outcome is shown, and the variables hold it.
            QuestionOpen: The run waits for an answer, and is unattended.
        """
        displays: list[Display] = []

        def create_display() -> Display:
            displays.append(CellDisplay())
            return displays[0]

        progress_option: Callable[[], Display] | bool = False
        if has_progress and not quiet and in_kernel():
            progress_option = create_display
        error_capture = ErrorCapture()
        observation: Any = nullcontext()
        if not background:
            observation = observe_errors(error_capture.record)
        with observation, watch_breakpoints(self._shell, debug=debug):
            try:
                run, question = _start(pending_run, progress_option)
            except KeyboardInterrupt:
                self._keep_interrupted(pending_run.name, out)
                raise

        self._session.add_run(pending_run.name, run)
        variable = self._assign(run, out)
        if displays and run.has_ended:
            # the panel becomes the outcome: one output, not two
            displays[0].replace(run)

        if quiet:
            _print_questions(run)

        try:
            if not background:
                self._check_outcome(
                    run,
                    error_capture,
                    question or _failure_of(run, variable),
                    is_shown=bool(displays) or quiet,
                    debug=debug,
                    raises=pending_run.raises,
                )
        finally:
            error_capture.close()

        # a terminal would show an empty `Out[1]:`
        if quiet and not in_kernel():
            self._set_last_value(run)
            return None

        if displays or quiet:
            self._shown = run, self._shell.execution_count
        return run

    def keep_run(self, name: str, run: Run, out: str | None) -> None:
        """Keep a run that no cell has started, but the button of a form.

        Args:
            name: The workflow's name in the session.
            run: The run.
            out: A variable for the Run.
        """
        self._session.add_run(name, run)
        self._assign(run, out)

    def display_once(self, run: AnyRun) -> None:
        """Display nothing for a run that its cell shows already; an IPython display formatter.

        Raises:
            NotImplementedError: The cell does not show it yet; IPython uses its other formatters.
        """
        shown = self._shown
        self._shown = None
        if shown is None:
            raise NotImplementedError

        shown_run, execution_count = shown
        if shown_run is not run or execution_count != self._shell.execution_count:
            raise NotImplementedError

    def _assign(self, run: Run, out: str | None) -> str:
        """Assign a run to its variable, and return the variable's name.

        Without `--out` this is `run`, unless the notebook itself uses this name; then `_`.
        """
        variables = self._shell.user_ns
        if out:
            variables[out] = run
            return out

        assigned = None if self._assigned is None else self._assigned()
        if _RUN_VARIABLE in variables and variables[_RUN_VARIABLE] is not assigned:
            return "_"
        variables[_RUN_VARIABLE] = run
        self._assigned = weakref.ref(run)
        return _RUN_VARIABLE

    def _keep_interrupted(self, name: str, out: str | None) -> None:
        """Keep a run whose start an interrupt left; it is being cancelled."""
        try:
            run = last_run()
        except LookupFailed:
            return
        if isinstance(run, Run) and run.run_id not in self._session.runs:
            self._session.add_run(name, run)
            self._assign(run, out)

    def _set_last_value(self, run: Run) -> None:
        """Let `_` hold a run that is not the value of its cell."""
        displayhook: Any = self._shell.displayhook
        displayhook.update_user_ns(run)

    def _check_outcome(
        self,
        run: Run,
        error_capture: ErrorCapture,
        failure: QuestionOpen | RunFailed | None,
        *,
        is_shown: bool,
        debug: bool,
        raises: bool,
    ) -> None:
        """Raise an error if the run did not succeed; show the run before.

        Raises:
            RunFailed: It did not succeed, and the cell shall fail.
            QuestionOpen: It waits for an answer, and is unattended.
        """
        if failure is None:
            return

        failed_tasks = run.failed_tasks()
        exception = None
        if failed_tasks:
            error_info = failed_tasks[-1].first.error
            exception = error_capture.find(error_info.type, error_info.message)
        if raises and not is_shown:
            display(run)  # type: ignore[no-untyped-call, unused-ignore]
        if debug and exception is not None:
            error, traceback = exception
            self._shell.showtraceback((type(error), error, traceback))
        elif not in_kernel():
            # a notebook shows it folded, below the outcome
            _print_failure(run)

        if not raises:
            return
        self._set_last_value(run)
        if exception is not None:
            _, traceback = exception
            raise failure.with_traceback(traceback) from None
        raise failure


def _failure_of(run: Run, variable: str) -> RunFailed | None:
    """Return the error of the cell of a run that has not succeeded; None if the cell is fine.

    Args:
        run: A run whose cell waited for it.
        variable: The variable that holds it.
    """
    status = run.status
    if status == "succeeded":
        return None
    if status == "cancelled":
        return RunCancelled(_one_line(run.error_text(), "the run was cancelled"), run)
    if run.has_ended:
        reason = _one_line(run.error_text(), "the run failed")
        return RunFailed(f"{reason}{_hint_at_items(run.failed_tasks(), variable)}", run)

    if run.is_handed_back or run.has_only_questions:
        # the cell has been handed back for the answer, and the run continues in the background
        return None
    if status == "paused":
        reason = run.pause_reason
        if not reason and run.in_doubt:
            reason = "attempts are in doubt"
        return RunFailed(_one_line(f"the run is paused: {reason}", ""), run)
    return RunCancelled("the run was interrupted, and its attempts in progress have not ended", run)


def _hint_at_items(failed_tasks: list[FailedTask], variable: str) -> str:
    """Return a hint at the items of the last task that failed, if there is more to see."""
    if not failed_tasks or failed_tasks[-1].failed <= 1 or not failed_tasks[-1].with_items:
        return ""
    return f'; {variable}.failures("{failed_tasks[-1].task}")'


def _one_line(reason: str, default: str) -> str:
    if not reason:
        return default
    return shortened(printable(reason), _MAX_REASON_LENGTH)


def _start(pending_run: PendingRun, progress: Any) -> tuple[Run, QuestionOpen | None]:
    """Start a run; return it, and the error if it waits for an answer unattended.

    The run is kept as any other, so that it can be answered and continued.
    """
    try:
        return pending_run.start(progress), None
    except QuestionOpen as error:
        return error.run, error


def _print_questions(run: Run) -> None:
    """Print the open questions of a run that shows nothing else, so that it does not just wait."""
    for question in run.questions:
        answer = f"`%attune answer {run.run_id} {question.task} VALUE` answers"
        sys.stderr.write(f"{printable(describe_question(question))} ({answer})\n")


def _print_failure(run: Run) -> None:
    """Print the item and the user's own frames of a task that failed."""
    text = run.failure_text()
    if text:
        sys.stdout.write(f"{printable(text)}\n")

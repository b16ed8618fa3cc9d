"""The parts of a run that its views and displays use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from attune_nb.context import Outcome, WorkflowContext
    from attune_nb.events import AskOpened, Event, Key, QuestionKey, RunStatus, TaskStatus
    from attune_nb.results.failures import FailedTask
    from attune_nb.results.in_doubt import Doubt
    from attune_nb.results.log_text import ShownLine
    from attune_nb.values.paged_bytes import PagedBytes

__all__ = ["ExecutionState", "LiveRun", "ReadableRun", "RunSource", "ViewedState"]


class ExecutionState(Protocol):
    """The state of one execution of a task."""

    @property
    def key(self) -> Key:
        """The task's path and the visit."""

    @property
    def status(self) -> TaskStatus:
        """The status."""

    @property
    def items(self) -> Any:
        """The source of the items; None for a task without `with_items`."""

    @property
    def last_attempts(self) -> PagedBytes:
        """For each item the number of its last attempt; `FINAL` if no more will follow."""

    @property
    def context(self) -> WorkflowContext:
        """The context that the task saw when it started."""

    @property
    def outcome(self) -> Outcome | None:
        """The outcome, once the execution has ended."""


class ViewedState(Protocol):
    """The state of a run."""

    @property
    def status(self) -> RunStatus:
        """The status."""

    @property
    def context(self) -> WorkflowContext:
        """The context as it stands now."""

    @property
    def executions(self) -> Mapping[Key, ExecutionState]:
        """The executions of tasks."""

    @property
    def order(self) -> Sequence[Key]:
        """The keys of the executions in order of start."""

    @property
    def inquiries(self) -> Mapping[int, object]:
        """The questions that actions have asked, by id."""

    def is_open(self, question: QuestionKey) -> bool:
        """Return whether a question waits for its answer."""

    @property
    def in_doubt(self) -> Mapping[tuple[str, int, int], int]:
        """The attempts in doubt: task, visit and index to the attempt's number."""

    @property
    def output(self) -> Any:
        """The output."""

    @property
    def error(self) -> str | None:
        """The reason why the run did not succeed."""


class RunSource(Protocol):
    """Where a view reads a run: a driver, or a record that was replayed."""

    @property
    def state(self) -> ViewedState:
        """The state as it is now."""

    @property
    def events(self) -> list[Event]:
        """The events so far, oldest first."""


class ReadableRun(Protocol):
    """A run that can be rendered and compared."""

    run_id: str
    workflow_name: str
    store: Path | None

    @property
    def status(self) -> RunStatus:
        """The status."""

    @property
    def kind(self) -> str:
        """How it differs from an ordinary run; empty if it does not."""

    @property
    def error(self) -> str | None:
        """The reason why the run did not succeed."""

    @property
    def output(self) -> Any:
        """The output."""

    @property
    def context(self) -> WorkflowContext:
        """The context, without secrets."""

    @property
    def events(self) -> list[Event]:
        """The events so far, oldest first, without secrets."""

    @property
    def duration_ms(self) -> float:
        """The milliseconds from the start to the end, or to now."""

    @property
    def in_doubt(self) -> list[Doubt]:
        """The attempts in doubt."""

    @property
    def questions(self) -> list[AskOpened]:
        """The questions that wait for an answer."""

    def describe_artifacts(self) -> list[str]:
        """Return a line that names the artifacts of the run; no line if it has none."""

    def describe_children(self) -> list[str]:
        """Return a line that counts the child runs, and says how to see one; or no line."""

    def describe_answers(self) -> list[str]:
        """Return a line for each question that was answered, and by whom."""

    def last_lines(self, task: str, index: int) -> list[ShownLine]:
        """Return the last lines of an item, or of a task without items (index 0)."""

    def describe_logs(self) -> list[str]:
        """Return a line that counts the log lines; no line if there are none."""

    @property
    def pause_reason(self) -> str:
        """The reason for a pause that no user asked for, or an empty string."""

    @property
    def alerts(self) -> list[str]:
        """Notes on things that deserve a look."""

    @property
    def has_ended(self) -> bool:
        """Whether the run has ended."""

    def result(self, task: str) -> Any:
        """Return the result of a task's last execution."""

    def error_text(self) -> str:
        """Return the error with counts, types and the user's own lines."""

    def failed_tasks(self) -> list[FailedTask]:
        """Return the tasks that failed, also those whose failure was handled."""

    def summary(self) -> list[dict[str, str]]:
        """Return a small row for each task."""


class LiveRun(ReadableRun, Protocol):
    """A run of this process, which can be controlled.

    Attributes:
        is_handed_back: Whether the cell that waited for it has returned for its questions, and it
            continues in the background.
    """

    is_handed_back: bool

    @property
    def has_only_questions(self) -> bool:
        """Whether questions wait for an answer, and nothing runs but actions that wait for one."""

    @property
    def answer_problems(self) -> Mapping[QuestionKey, str]:
        """Why an answer that was passed in advance was not used, by the question."""

    def is_awaited_by_action(self, question: AskOpened) -> bool:
        """Return whether an action waits for the answer to a question while it runs."""

    def handled_timeout(self, question: AskOpened) -> float | None:
        """Return the seconds after which the workflow goes on without an answer, or None."""

    def pause_for_questions(self, *, at_once: bool = False) -> None:
        """Pause the run as unattended, if or as soon as only questions are open."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, and return whether it has come."""

    def cancel(self, *, force: bool = False, reason: str = "", by: str = "") -> None:
        """Stop the run."""

    def pause(self, *, by: str = "") -> None:
        """Start no more attempts."""

    def resume(self, *, by: str = "") -> None:
        """Continue a paused run."""

    def answer(
        self,
        task: str,
        value: Any,
        *,
        by: str | None = None,
        visit: int | None = None,
        inquiry: int | None = None,
    ) -> None:
        """Answer a question."""

"""The progress of a run, as text and as figures for a display."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.events import (
    AskOpened,
    AttemptsEnded,
    CancelRequested,
    InquiryEnded,
    PauseRequested,
    RerunRequested,
    ResumeRequested,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskEnded,
)
from attune_nb.html import shortened
from attune_nb.results.durations import format_duration
from attune_nb.results.in_doubt import Doubt, format_in_doubt
from attune_nb.results.questions import describe_question
from attune_nb.results.statuses import RESUME, format_handled, format_pause
from attune_nb.results.timeline import TaskTimeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attune_nb.events import Event, Key, QuestionKey, RunStatus
    from attune_nb.results.timeline import TaskExecution

__all__ = ["Progress"]

# characters of a bar, of the last error, and of the reason for a pause
_BAR_LENGTH = 20
_MAX_ERROR_LENGTH = 80
_MAX_REASON_LENGTH = 300

# executions that are shown
_MAX_OPEN = 12
_MAX_FAILED = 3


class Progress:
    """Reads the events of a run and describes how far it is.

    Attributes:
        name: The workflow's name.
        run_id: The run's id; empty before its start.
        handled: How many failures of tasks were handled: a transition led on from them.
        kind: How the run differs from an ordinary one, such as `dry run`; else empty.
        status: The run's status.
        now: The time of the last event, in seconds since the run's start. A display may set it.
        resume_command: The command that continues the run if it is paused, for a message.
        tasks: The executions of tasks, in order of start.
    """

    def __init__(self) -> None:
        self.name = "workflow"
        self.run_id = ""
        self.handled = 0
        self.kind = ""
        self.status: RunStatus = "pending"
        self.now = 0.0
        self._timeline = TaskTimeline()
        self._doubts: dict[tuple[str, int, int], Doubt] = {}
        self._questions: dict[QuestionKey, AskOpened] = {}
        self.resume_command = RESUME
        self._pause_reason = ""
        self._pause_start = 0.0
        # for each execution the seconds in which the run was paused
        self._paused_seconds: dict[Key, float] = {}

    @property
    def tasks(self) -> dict[Key, TaskExecution]:
        """The executions of tasks, in order of their first events."""
        return self._timeline.executions

    @property
    def in_doubt(self) -> list[Doubt]:
        """The attempts in doubt."""
        return list(self._doubts.values())

    @property
    def asks(self) -> list[AskOpened]:
        """The open questions."""
        return list(self._questions.values())

    @property
    def questions(self) -> list[str]:
        """The open questions, one line each, with the way to answer them."""
        lines = []
        for question in self._questions.values():
            answer = f'`run.answer("{question.task}", ...)` answers'
            lines.append(f"{describe_question(question)} ({answer})")
        return lines

    @property
    def pause_note(self) -> str:
        """The reason for a pause and how to continue; empty if the run is not paused.

        If attempts in doubt are the reason, it is empty too: `format_in_doubt` describes them.
        """
        if self.status != "paused":
            return ""
        if self._doubts and not self._pause_reason:
            return ""
        reason = shortened(self._pause_reason, _MAX_REASON_LENGTH)
        return format_pause(reason, self.resume_command)

    def read(self, events: Sequence[Event]) -> None:
        """Read new events."""
        for event in events:
            self.now = max(self.now, event.time)
            self._timeline.add(event)
            self._track_question(event)

            if isinstance(event, AttemptsEnded):
                if self._doubts:
                    self._decide(event.time, event.task, event.visit, event.batch.index)
            elif isinstance(event, TaskEnded):
                if event.handled and event.status in ("failed", "timed_out"):
                    self.handled += 1
            elif isinstance(event, RunStarted):
                self.name = event.workflow
                self.run_id = event.run_id
                self.kind = event.kind
                self.status = "running"
            elif isinstance(event, RunEnded):
                self.status = event.status
                # the clock of a display may be ahead
                self.now = event.time
            else:
                self._change_status(event)

    def _track_question(self, event: Event) -> None:
        if isinstance(event, AskOpened):
            self._questions[event.key] = event
        elif isinstance(event, TaskEnded):
            self._questions.pop((event.task, event.visit, 0), None)
        elif isinstance(event, InquiryEnded):
            self._questions.pop(event.key, None)
        elif isinstance(event, RunEnded):
            self._questions = {}

    def _change_status(self, event: Event) -> None:
        """Change the status if the event does, as the conductor did."""
        if isinstance(event, CancelRequested):
            if self.status == "paused":
                self._continue(event.time)
            self.status = "cancelling"
            self._doubts = {}

        elif isinstance(event, PauseRequested):
            if self.status == "running":
                reason = event.reason
                if event.by and not reason:
                    reason = f"paused by {event.by}"
                self._pause(event.time, reason)

        elif isinstance(event, ResumeRequested):
            if self.status == "paused":
                self._continue(event.time)

        elif isinstance(event, RerunRequested):
            self._decide(event.time, event.task, event.visit, [event.index])
        elif isinstance(event, RunResumed):
            self._resume(event)

    def _resume(self, event: RunResumed) -> None:
        self._doubts = {attempt[:3]: Doubt(*attempt) for attempt in event.doubts}
        if self.status == "paused":
            self._continue(event.time)
        if self._doubts and self.status == "running":
            self._pause(event.time)

    def _pause(self, time: float, reason: str = "") -> None:
        self.status = "paused"
        self._pause_reason = reason
        self._pause_start = time

    def _continue(self, time: float) -> None:
        """End a pause. Its seconds do not count for the rates of open executions."""
        for key, execution in self.tasks.items():
            if execution.ended is None:
                paused = time - max(self._pause_start, execution.started)
                self._paused_seconds[key] = self._paused_seconds.get(key, 0.0) + max(paused, 0.0)
        self.status = "running"
        self._pause_reason = ""

    def _decide(self, time: float, task: str, visit: int, indexes: Iterable[int]) -> None:
        """Drop doubts that were decided; with the last one the run continues."""
        had_doubts = bool(self._doubts)

        for index in indexes:
            self._doubts.pop((task, visit, index), None)

        if had_doubts and not self._doubts and self.status == "paused":
            self._continue(time)

    def heading(self) -> str:
        """Return the run's state as one line."""
        kind = f" ({self.kind})" if self.kind else ""
        duration = format_duration(self.now)
        handled = format_handled(self.handled)
        return f"{self.name}{kind}: {self.status} after {duration}{handled}"

    def rows(self) -> tuple[list[TaskExecution], int]:
        """Return the executions to show, and how many more are open.

        These are the last ones that failed, of each task one, and the first ones that are open.
        """
        executions = self.tasks.values()
        last_failed = {row.task: row for row in executions if row.status in ("failed", "timed_out")}
        failed = list(last_failed.values())
        open_rows = [row for row in executions if row.ended is None]
        hidden_count = max(len(open_rows) - _MAX_OPEN, 0)
        return [*failed[-_MAX_FAILED:], *open_rows[:_MAX_OPEN]], hidden_count

    def text(self) -> str:
        """Return the heading, and a line for each execution that is open or has failed."""
        rows, hidden_count = self.rows()
        width = max((len(row.task) for row in rows), default=0)

        lines = [self.heading()]
        lines += [f"  {row.task:<{width}}  {self._line(row)}" for row in rows]
        if hidden_count:
            lines.append(f"  and {hidden_count:,} more tasks")

        lines += [f"  {question}" for question in self.questions]
        if self._doubts:
            lines.append(f"  {format_in_doubt(self.in_doubt)}")
        if self.pause_note:
            lines.append(f"  {self.pause_note}")
        return "\n".join(lines)

    def rate_and_time_left(self, row: TaskExecution) -> tuple[str, str]:
        """Return the items a second and the time left, such as `250/s` and `2.0 s left`.

        A string is empty if it cannot be known.
        """
        if not row.with_items or not row.done or row.ended is not None or self.status == "paused":
            return "", ""

        rate = self._rate(row)
        time_left = ""
        if row.total is not None and rate:
            time_left = f"{format_duration((row.total - row.done) / rate)} left"
        return f"{rate:,.0f}/s", time_left

    def _rate(self, row: TaskExecution) -> float:
        """Return the items that ended in a second, on average so far."""
        seconds = self.now - row.started - self._paused_seconds.get(row.key, 0.0)
        return row.done / seconds if seconds > 0 else 0.0

    def _line(self, row: TaskExecution) -> str:
        if not row.with_items:
            return self._line_without_items(row)

        parts = [f"{_bar(row)} {row.item_counts}", row.losses, *self.rate_and_time_left(row)]
        if row.last_error and row.failed:
            parts.append(f"last error: {shortened(row.last_error, _MAX_ERROR_LENGTH)}")
        return "  ".join(part for part in parts if part)

    def _line_without_items(self, row: TaskExecution) -> str:
        line = self.state_of(row)
        if row.ended is None and row.attempts:
            line += f", attempt {row.attempts + 1}"
        return line

    def state_of(self, row: TaskExecution) -> str:
        """Return the status of an execution, and for how long it has it: `waiting for 12.0 s`."""
        status = row.status.replace("_", " ")
        if row.ended is not None:
            return status

        since = row.started
        if row.question_opened is not None:
            since = row.question_opened
        if row.wait_ended is not None:
            since = row.wait_ended
        return f"{status} for {format_duration(max(self.now - since, 0.0))}"


def _bar(row: TaskExecution) -> str:
    share = row.done / row.total if row.total else 0.0
    filled = min(_BAR_LENGTH, int(share * _BAR_LENGTH))
    return "█" * filled + "░" * (_BAR_LENGTH - filled)

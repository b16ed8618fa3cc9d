"""The figures of a run in the list of runs, updated event by event."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune_nb.events import (
    AskAnswered,
    AskOpened,
    AttemptsEnded,
    CancelRequested,
    InquiryEnded,
    PauseRequested,
    RerunRequested,
    ResumeRequested,
    RetriesPlanned,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskEnded,
    TaskStarted,
)

if TYPE_CHECKING:
    from attune_nb.events import Event, Key, QuestionKey, RunStatus

__all__ = ["RunFigures"]

_STATUS_AFTER: dict[type[Event], RunStatus] = {
    RunStarted: "running",
    PauseRequested: "paused",
    ResumeRequested: "running",
    CancelRequested: "cancelling",
    RunResumed: "running",
}


class RunFigures:
    """The figures of a run after the events so far.

    Attributes:
        started: When it began, in seconds since the epoch, UTC.
        duration: The time of the last event, in seconds since the run began.
        status: Its status.
        tasks: The task executions that have started.
        items: The items that have ended, of tasks with items.
        failed: Those of them that failed.
    """

    def __init__(self) -> None:
        self.started = time.time()
        self.duration = 0.0
        self.status: RunStatus = "pending"
        self.tasks = 0
        self.items = 0
        self.failed = 0
        self._has_ended = False
        self._with_items: set[Key] = set()
        self._open_questions: set[QuestionKey] = set()
        # the attempts in doubt: task, visit, index
        self._doubts: set[tuple[str, int, int]] = set()

    @property
    def has_ended(self) -> bool:
        """Whether the run has ended."""
        return self._has_ended

    @property
    def question_count(self) -> int:
        """The number of questions that wait for an answer."""
        return len(self._open_questions)

    @property
    def doubt_count(self) -> int:
        """The number of attempts in doubt."""
        return len(self._doubts)

    def add(self, event: Event) -> None:
        """Add the next event of the run."""
        self.duration = event.time
        if not self._has_ended:
            self.status = _STATUS_AFTER.get(type(event), self.status)

        match event:
            case RunStarted():
                self.started = event.started_at
            case RunEnded():
                self.status = event.status
                self._has_ended = True
                self._open_questions.clear()
                self._doubts.clear()
            case _:
                self._count(event)
                self._follow_questions(event)
                self._follow_doubts(event)

    def _count(self, event: Event) -> None:
        """Count the tasks that start, and the items that end."""
        match event:
            case TaskStarted():
                self.tasks += 1
                if event.with_items:
                    self._with_items.add((event.task, event.visit))
            case AttemptsEnded() if (event.task, event.visit) in self._with_items:
                self.items += event.batch.count
                self.failed += event.batch.failed
            case RetriesPlanned() if (event.task, event.visit) in self._with_items:
                # the attempts to retry are no longer failed items
                self.items -= event.count
                self.failed -= event.count

    def _follow_questions(self, event: Event) -> None:
        match event:
            case AskOpened():
                self._open_questions.add(event.key)
            case AskAnswered() | InquiryEnded():
                self._open_questions.discard(event.key)
            case TaskEnded():
                # not its inquiries: an action may leave one open
                self._open_questions.discard((event.task, event.visit, 0))

    def _follow_doubts(self, event: Event) -> None:
        match event:
            case RunResumed() if event.doubts:
                self.status = "paused"
                self._doubts = {(task, visit, index) for task, visit, index, _ in event.doubts}
            case RerunRequested():
                self._doubts.discard((event.task, event.visit, event.index))
            case AttemptsEnded() if self._doubts:
                # a result was accepted
                for index in event.batch.index:
                    self._doubts.discard((event.task, event.visit, index))

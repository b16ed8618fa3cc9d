"""A run that was opened from a store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from attune_nb import html
from attune_nb.conductor.state import ENDED
from attune_nb.errors import StoreError
from attune_nb.events import RunStarted
from attune_nb.running.answers import AnswerText, user_name
from attune_nb.running.run import BaseRun

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from attune_nb.conductor.state import RunState
    from attune_nb.events import Event, RunStatus
    from attune_nb.results.clock import RunClock
    from attune_nb.results.scaling import WorkflowScaling
    from attune_nb.running.request import RunRequest
    from attune_nb.store.commands import CommandKind
    from attune_nb.store.log_rows import StoredLogs

__all__ = ["Record", "RecordedRun", "ReplayedRun"]


class ReplayedRun(NamedTuple):
    """The events of a record, and the state that follows from them."""

    state: RunState
    events: list[Event]


class Record:
    """The events of a run on record, read when one of them is first needed.

    Args:
        read: Reads the events, and the state that follows from them.
    """

    def __init__(self, read: Callable[[], ReplayedRun]) -> None:
        self._read = read
        self._replayed: ReplayedRun | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> RunState:
        """The state that follows from the events.

        Raises:
            StoreError: The record cannot be read.
        """
        return self._replay().state

    @property
    def events(self) -> list[Event]:
        """The events, oldest first.

        Raises:
            StoreError: The record cannot be read.
        """
        return self._replay().events

    def _replay(self) -> ReplayedRun:
        with self._lock:
            if self._replayed is None:
                self._replayed = self._read()
            return self._replayed


class RecordedRun(BaseRun):
    """A run as its record stands: it can be read, forked and retried.

    A run that another process drives can be controlled: it gets commands through a file beside
    the store, and carries them out within a moment. This object shows the run as it was when it
    was opened.

    Its events are read from the store when something but its status is first looked at. That
    raises a `StoreError` if they are damaged or were removed since.

    Args:
        run_id: The run's id.
        record: Its events and its state.
        status: Its status when it was opened.
        request: The request that it followed, without the parameters.
        scaling: The durations of its workflow's tasks in earlier runs.
        notes: The alerts on record.
        store: The file with its record.
        logs: Its log lines; also those that another process writes just now.
    """

    def __init__(
        self,
        run_id: str,
        record: Record,
        status: RunStatus,
        request: RunRequest,
        scaling: WorkflowScaling,
        notes: Sequence[str],
        store: Path,
        logs: StoredLogs,
    ) -> None:
        super().__init__(run_id, record, request, scaling, notes, store, logs)
        self._status = status
        self._stored_logs = logs

    @property
    def status(self) -> RunStatus:
        """As in `Run`; interrupted if the run's process is gone."""
        if self._status in ENDED:
            return self._status
        return super().status

    def read_status(self) -> RunStatus:
        """Return the status of the run as it is now, not as it was when the run was opened.

        Raises:
            StoreError: The record cannot be read, or was removed.
        """
        from attune_nb.store.reading import run_of  # noqa: PLC0415 - SQLite is slow to import

        return run_of(self._stored_logs.path, self.run_id).status

    def is_over(self) -> bool:
        """Return whether no process writes events or lines of the run any more.

        Raises:
            StoreError: The record cannot be read, or was removed.
        """
        if self._status in ENDED:
            return True
        status = self.read_status()
        return status in ENDED or status == "interrupted"

    def log_clock(self) -> RunClock:
        """Return the clock that turns the times of lines into dates; the other events stay unread.

        Raises:
            StoreError: The record cannot be read.
        """
        from attune_nb.results.clock import RunClock  # noqa: PLC0415 - pandas is slow to import

        return RunClock(self._stored_logs.starts())

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - as in `Run`
        """Return True at once: a record does not change."""
        return True

    def __await__(self) -> Generator[Any, None, Self]:
        """Return the run at once: a record does not change."""
        yield from ()
        return self

    def cancel(
        self,
        *,
        force: bool = False,
        grace: float | None = None,
        reason: str = "",
        by: str | None = None,
    ) -> None:
        """Cancel the run in the process that drives it, as `Run.cancel` does.

        Args:
            force: Whether to stop running attempts at once, too.
            grace: The seconds after which running attempts are stopped, as after Ctrl-C; by
                default they continue to their end.
            reason: Why, for the record and the message of the run.
            by: Who asks, for the record; by default the user of this process.

        Raises:
            CommandRefused: The run has ended, is interrupted, or did not take the command.
            StoreError: The command cannot be sent.
        """
        self._send("cancel", {"force": force, "grace": grace, "reason": reason}, by)

    def pause(self, *, by: str | None = None) -> None:
        """Pause the run in the process that drives it, as `Run.pause` does.

        Args:
            by: As in `cancel`.

        Raises:
            AttuneError: As in `cancel`.
        """
        self._send("pause", {}, by)

    def resume(self, *, by: str | None = None) -> None:
        """Continue a paused run in the process that drives it.

        `attune_nb.resume` continues a run that no process drives.

        Args:
            by: As in `cancel`.

        Raises:
            AttuneError: As in `cancel`; the run is not paused.
        """
        self._send("resume", {}, by)

    def answer(
        self,
        task: str,
        value: Any,
        *,
        by: str | None = None,
        visit: int | None = None,
        inquiry: int | None = None,
    ) -> None:
        """Answer a question of the run in the process that drives it, as `Run.answer` does.

        Args:
            task: The task; `deploy[3]/ask` for one of a child run.
            value: The answer.
            by: As in `cancel`.
            visit: As in `Run.answer`.
            inquiry: As in `Run.answer`.

        Raises:
            AttuneError: As in `cancel`; the task has no open question, or the answer does not fit.
        """
        data: dict[str, Any] = {"task": task, "visit": visit, "inquiry": inquiry}
        if type(value) is AnswerText:
            data["text"] = value.text
        else:
            data["value"] = value
        self._send("answer", data, by)

    def rerun(self, task: str, index: int | None = None, *, by: str | None = None) -> None:
        """Make an attempt in doubt again in the process of the run, as `Run.rerun` does.

        Args:
            task: The task.
            index: The index of the item; by default all attempts of the task that are in doubt.
            by: As in `cancel`.

        Raises:
            AttuneError: As in `cancel`; no such attempt is in doubt.
        """
        self._send("rerun", {"task": task, "index": index}, by)

    def accept(
        self, task: str, result: Any, index: int | None = None, *, by: str | None = None
    ) -> None:
        """Record the result of an attempt in doubt in the process of the run.

        Args:
            task: The task.
            result: The result, which another process can get: no table, and no other object.
            index: The index of the item.
            by: As in `cancel`.

        Raises:
            AttuneError: As in `cancel`; no such attempt is in doubt, or several are.
        """
        self._send("accept", {"task": task, "index": index, "result": result}, by)

    def _send(self, kind: CommandKind, data: dict[str, Any], by: str | None) -> None:
        from attune_nb.store.commands import send_command  # noqa: PLC0415 - SQLite is slow to import

        if by is None:
            by = user_name()
        send_command(self._stored_logs.path, self.run_id, kind, data, by=by)

    def __repr__(self) -> str:
        try:
            return super().__repr__()
        except StoreError as error:
            return str(error)

    def _repr_html_(self) -> str:
        try:
            return super()._repr_html_()
        except StoreError as error:
            return html.element("p", error)

    def _earlier_parameters(self) -> Mapping[str, Any]:
        for event in self._source.events:
            if isinstance(event, RunStarted):
                parameters: Mapping[str, Any] = event.parameters
                return parameters
        return {}

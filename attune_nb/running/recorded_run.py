"""A run that was opened from a store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

from attune_nb import html
from attune_nb.conductor.state import ENDED
from attune_nb.errors import AttuneError, StoreError
from attune_nb.events import RunStarted
from attune_nb.running.run import BaseRun

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from attune_nb.conductor.state import RunState
    from attune_nb.events import Event, RunStatus
    from attune_nb.results.clock import RunClock
    from attune_nb.results.scaling import WorkflowScaling
    from attune_nb.running.request import RunRequest
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
    """A run as its record stands: it can be read, forked and retried, but not controlled.

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

    def cancel(self, *, force: bool = False) -> NoReturn:  # noqa: ARG002 - as in `Run`
        """Raise `AttuneError`."""
        self._refuse("cancel")

    def pause(self) -> NoReturn:
        """Raise `AttuneError`."""
        self._refuse("pause")

    def resume(self) -> NoReturn:
        """Raise `AttuneError`; `attune_nb.resume` continues an interrupted run."""
        self._refuse("resume")

    def answer(self, task: str, value: Any) -> NoReturn:  # noqa: ARG002 - as in `Run`
        """Raise `AttuneError`."""
        self._refuse("answer")

    def rerun(self, task: str, index: int | None = None) -> NoReturn:  # noqa: ARG002 - as in `Run`
        """Raise `AttuneError`."""
        self._refuse("rerun")

    def accept(self, task: str, result: Any, index: int | None = None) -> NoReturn:  # noqa: ARG002
        """Raise `AttuneError`."""
        self._refuse("accept")

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

    def _refuse(self, verb: str) -> NoReturn:
        hint = "; `attune_nb.resume` continues it" if self.status == "interrupted" else ""
        raise AttuneError(
            f"`{verb}` needs a run of this process; run {self.run_id} was opened from its "
            f"record{hint}"
        )

"""The only loop of the engine: conductor <-> backend <-> readers."""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.attempt import Call
from attune_nb.backends.protocol import Job
from attune_nb.conductor.machine import step
from attune_nb.conductor.state import RetryItem, StartTask, StopTask
from attune_nb.context import Moment
from attune_nb.events import AttemptsEnded, CancelRequested, Event, RunEnded, RunStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.actions.registry import Action
    from attune_nb.backends.protocol import Backend
    from attune_nb.conductor.state import RunState
    from attune_nb.events import Input

    Reader = Callable[[list[Event]], None]

__all__ = ["Driver"]

TICK = 0.05  # seconds: how often finished items are gathered
_log = logging.getLogger("attune_nb")


class Driver:
    """Carries one run from its start to its end.

    `events` is the run's log: it only ever grows, so any thread may read it.
    """

    def __init__(
        self,
        state: RunState,
        backend: Backend,
        actions: Mapping[str, Action],
        readers: list[Reader] | None = None,
    ) -> None:
        self.state = state
        self.events: list[Event] = []
        self.ended = threading.Event()
        self._backend = backend
        self._actions = actions
        self._readers = list(readers or [])
        self._inbox: queue.SimpleQueue[tuple[str, bool]] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, RetryItem]] = []
        self._ticket = itertools.count()
        self._zero = time.perf_counter()
        self._started_at = time.time()
        self._unread: list[Event] = []

    def clock(self) -> float:
        """Give the seconds since the run began."""
        return time.perf_counter() - self._zero

    def cancel(self, reason: str = "", *, force: bool = False) -> None:
        """Ask the run to stop; from any thread."""
        self._inbox.put((reason, force))

    def run(self, run_id: str, name: str, parameters: Any) -> None:
        """Carry the run to its end."""
        try:
            self._feed(
                RunStarted(
                    time=0.0,
                    seed=_luck(),
                    run_id=run_id,
                    workflow=name,
                    started_at=self._started_at,
                    parameters=parameters,
                )
            )
            while not self.state.ended:
                self._turn()
        except BaseException as error:
            self._give_up(error)
            raise
        finally:
            self._backend.close()
            self._tell()
            self.ended.set()

    def _turn(self) -> None:
        wait = TICK
        if self._timers:
            wait = min(TICK, max(0.0, self._timers[0][0] - self.clock()))
        self._backend.pump(wait)
        for (task, visit), batch in self._backend.drain():
            self._feed(
                AttemptsEnded(time=self.clock(), seed=_luck(), task=task, visit=visit, batch=batch)
            )
        while not self._inbox.empty():
            reason, force = self._inbox.get()
            self._feed(CancelRequested(time=self.clock(), seed=_luck(), reason=reason, force=force))
        while self._timers and self._timers[0][0] <= self.clock():
            _, _, again = heapq.heappop(self._timers)
            self._backend.retry(again.key, again.index, again.attempt)
        self._tell()

    def _feed(self, event: Input) -> None:
        self._write(event)
        self.state, decisions = step(self.state, event)
        for decision in decisions:
            if isinstance(decision, Event):
                self._write(decision)
            elif isinstance(decision, StartTask):
                self._start(decision)
            elif isinstance(decision, StopTask):
                self._stop(decision)
            else:
                due = self.clock() + decision.delay
                heapq.heappush(self._timers, (due, next(self._ticket), decision))

    def _start(self, command: StartTask) -> None:
        task = self.state.workflow.task(command.key[0])
        cancel = CancelToken()
        context = command.context.at(lambda: Moment(time.time(), _luck()))
        self._backend.start(
            Job(
                command.key,
                Call(self._actions[task.name], task.input, context, cancel),
                command.items,
                command.total,
                command.concurrency,
                cancel=cancel,
                clock=self.clock,
                retries=task.retry is not None,
            )
        )

    def _stop(self, command: StopTask) -> None:
        mine = [each for each in self._timers if each[2].key == command.key]
        self._timers = [each for each in self._timers if each[2].key != command.key]
        heapq.heapify(self._timers)
        for _, _, again in mine:  # ends as cancelled, by way of the backend
            self._backend.retry(again.key, again.index, again.attempt)
        self._backend.stop(command.key, force=command.force)

    def _write(self, event: Event) -> None:
        self.events.append(event)
        self._unread.append(event)

    def _tell(self) -> None:
        if not self._unread:
            return
        fresh, self._unread = self._unread, []
        for reader in list(self._readers):
            try:
                reader(fresh)
            except Exception as error:  # noqa: BLE001 - a reader must never break a run
                self._readers.remove(reader)
                _log.warning("a reader of the run failed and is dropped: %s", error)

    def _give_up(self, error: BaseException) -> None:
        interrupted = isinstance(error, KeyboardInterrupt)
        status = "cancelled" if interrupted else "failed"
        text = "the run was interrupted" if interrupted else f"the engine failed: {error!r}"
        self.state = msgspec.structs.replace(self.state, status=status, error=text)
        self._write(RunEnded(time=self.clock(), status=status, output=None, error=text))


def _luck() -> int:
    return random.getrandbits(63)

"""The only loop of the engine: conductor <-> backend <-> readers."""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import random
import threading
import time
from array import array
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.backends.attempt.attempt import Call
from attune_nb.backends.attempt.job import EarlierAttempts, Job
from attune_nb.backends.attempt.job_spec import JobSpec
from attune_nb.conductor.answer_schema import explain_answer_misfit
from attune_nb.conductor.machine import step
from attune_nb.conductor.state import Alarm, Hold, RetryItem, StartTask, StopTask
from attune_nb.context import Moment
from attune_nb.errors import AttuneError, BackendUnavailable, ParameterError
from attune_nb.events import (
    AlarmRang,
    AskAnswered,
    AttemptsEnded,
    Batch,
    CancelRequested,
    Event,
    PauseRequested,
    RerunRequested,
    ResumeRequested,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskEnded,
)
from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.actions.registry import Action
    from attune_nb.backends.protocol import Backend
    from attune_nb.conductor.recovery import PendingTimer, Recovered
    from attune_nb.conductor.state import RunState
    from attune_nb.conductor.step import Decision
    from attune_nb.events import Input, Key, RunEndStatus

    Reader = Callable[[list[Event]], None]
    Said = Callable[[float, int], Input]

__all__ = ["Driver"]

TICK = 0.05  # seconds: how often finished items are gathered
_log = logging.getLogger("attune_nb")


class Driver:
    """Carries one run from its start to its end.

    `events` is the run's log: it only ever grows, so any thread may read it. `announce` is
    called before each attempt that must not be made twice, with its task, index and number.

    Args:
        state: The conductor's state before the run.
        backend: Where the attempts run.
        actions: What each task does, by its path.
        readers: Called with the new events, in the engine's thread.
        skip_delays: Do not wait out delays, as in a dry run; timeouts keep their time.
    """

    def __init__(
        self,
        state: RunState,
        backend: Backend,
        actions: Mapping[str, Action],
        readers: Sequence[Reader] = (),
        *,
        skip_delays: bool = False,
    ) -> None:
        self.state = state
        self.events: list[Event] = []
        self.ended = threading.Event()
        self.announce: Callable[[Key, int, int], None] | None = None
        self._past: tuple[Recovered, bool] | None = None
        self._backend = backend
        self._actions = actions
        self._readers = list(readers)
        self._skip_delays = skip_delays
        self._inbox: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, RetryItem | Alarm]] = []
        self._ticket = itertools.count()
        self._zero = time.perf_counter()
        self._started_at = time.time()
        self._unread: list[Event] = []
        self._read_at = -TICK  # when the memory was read last

    def clock(self) -> float:
        """Give the seconds since the run began."""
        return time.perf_counter() - self._zero

    def cancel(self, reason: str = "", *, force: bool = False) -> None:
        """Ask the run to stop; from any thread."""
        self._inbox.put(
            lambda time, seed: CancelRequested(time=time, seed=seed, reason=reason, force=force)
        )

    def pause(self) -> None:
        """Ask the run to begin nothing more; from any thread."""
        self._inbox.put(lambda time, seed: PauseRequested(time=time, seed=seed))

    def resume(self) -> None:
        """Ask a paused run to go on; from any thread."""
        self._inbox.put(lambda time, seed: ResumeRequested(time=time, seed=seed))

    def answer(self, task: str, visit: int, value: Any, schema: Any = None) -> None:
        """Answer a question; from any thread.

        Raises:
            ParameterError: The answer does not fit the schema, or contains itself.
        """
        told = explain_answer_misfit(value, schema)
        if told is not None:
            raise ParameterError(told)
        self._inbox.put(
            lambda time, seed: AskAnswered(
                time=time, seed=seed, task=task, visit=visit, value=value
            )
        )

    def rerun(self, task: str, visit: int, index: int) -> None:
        """Make an attempt in doubt again; from any thread."""
        self._inbox.put(
            lambda time, seed: RerunRequested(
                time=time, seed=seed, task=task, visit=visit, index=index
            )
        )

    def settle(self, task: str, visit: int, index: int, attempt: int, result: Any) -> None:
        """Take what an attempt in doubt gave; from any thread.

        Raises:
            ParameterError: It contains itself.
        """
        try:
            told = freeze(result)
        except ValueError as error:
            raise ParameterError(f"the result cannot be used: {error}") from None

        def said(time: float, seed: int) -> AttemptsEnded:
            batch = Batch(
                index=array("q", [index]),
                attempt=array("q", [attempt]),
                worker=array("q", [0]),
                start=array("d", [time]),
                duration=array("d", [0.0]),
                status=bytes(1),
                results=[told],
                errors={},
            )
            return AttemptsEnded(time=time, seed=seed, task=task, visit=visit, batch=batch)

        self._inbox.put(said)

    def run(self, run_id: str, name: str, parameters: Any) -> None:
        """Carry the run to its end."""
        self._carry(
            lambda: self._feed(
                RunStarted(
                    time=0.0,
                    seed=_luck(),
                    run_id=run_id,
                    workflow=name,
                    started_at=self._started_at,
                    parameters=parameters,
                    memory=self._memory(),
                )
            )
        )

    def restore(self, past: Recovered, *, written: int = 0, full_time: bool = False) -> None:
        """Take over what is known of a run, before `continue_run`.

        Args:
            past: What is known.
            written: How many of its events the readers know already.
            full_time: Whether the run has its whole time once more, in place of what is left.
        """
        self.state, self.events = past.state, [*past.events]
        self._unread = self.events[written:]
        self._past = past, full_time

    def continue_run(self) -> None:
        """Carry a run that was recovered to its end."""
        self._carry(self._take_up)

    def _take_up(self) -> None:
        if self._past is None or self.state.ended:
            return
        (past, full_time), self._past = self._past, None
        last = past.events[-1].time
        self._zero = time.perf_counter() - last
        began = time.time() - last
        for each in past.timers:
            what = each.command
            doubted = isinstance(what, RetryItem) and what.index in past.items_in_doubt(what.key)
            if not doubted:
                self._wait_on(each, last, began, full_time=full_time)
        self._backend.hold(over=False)
        for left in past.jobs:
            earlier = EarlierAttempts(left.last_attempts, past.items_in_doubt(left.start.key))
            self._start(left.start, earlier)
            if left.stopping:
                self._backend.stop(left.start.key, force=True)
        self._feed(
            RunResumed(
                time=last,
                seed=_luck(),
                started_at=began,
                doubts=past.in_doubt,
                memory=self._memory(),
            )
        )
        if self.state.status != "paused":
            self._backend.hold(over=True)

    def _wait_on(self, each: PendingTimer, last: float, began: float, *, full_time: bool) -> None:
        """Set a timer for what is left of a wait.

        Delays and waits for a retry went on while nobody was there; what a person or the run
        has time for did not.
        """
        what = each.command
        whole = what.delay if isinstance(what, RetryItem) else what.seconds
        if isinstance(what, RetryItem) or what.kind == "delay":
            spent = began + last - each.epoch_time
        else:
            spent = 0.0 if full_time else last - each.time
        self._set_timer(0.0 if self._skip_delays else min(whole, max(0.0, whole - spent)), what)

    def _carry(self, begin: Callable[[], None]) -> None:
        try:
            begin()
            self._tell()
            while not self.state.ended:
                self._turn()
        except BaseException as error:
            self._give_up(error)
            raise
        finally:
            try:
                self._backend.close()
                self._tell()
            finally:
                self.ended.set()  # whoever waits is let go, whatever the backend does

    def _turn(self) -> None:
        wait = TICK
        if self._timers:
            wait = min(TICK, max(0.0, self._timers[0][0] - self.clock()))
        try:
            self._backend.pump(wait)
        except BackendUnavailable as error:
            self._feed(PauseRequested(time=self.clock(), seed=_luck(), reason=str(error)))
        for (task, visit), batch in self._backend.drain():
            ended = AttemptsEnded(
                time=self.clock(),
                seed=_luck(),
                task=task,
                visit=visit,
                batch=batch,
                memory=self._memory(always=len(batch) > 1),
            )
            self._feed(ended)
        while not self._inbox.empty():
            self._feed(self._inbox.get()(self.clock(), _luck()))
        while self._timers and self._timers[0][0] <= self.clock():
            _, _, due = heapq.heappop(self._timers)
            self._ring(due)
        self._tell()

    def _ring(self, due: RetryItem | Alarm) -> None:
        if isinstance(due, RetryItem):
            if self.announce is not None:
                self._tell()
            self._backend.retry(due.key, due.index, due.attempt)
        else:
            task, visit = due.key
            self._feed(
                AlarmRang(time=self.clock(), seed=_luck(), kind=due.kind, task=task, visit=visit)
            )

    def _feed(self, event: Input) -> None:
        self._write(event)
        self.state, decisions = step(self.state, event)
        for decision in decisions:
            self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> None:
        if isinstance(decision, Event):
            self._write(decision)
            if isinstance(decision, TaskEnded):
                self._backend.forget((decision.task, decision.visit))
        elif isinstance(decision, StartTask):
            self._start(decision)
        elif isinstance(decision, StopTask):
            self._stop(decision)
        elif isinstance(decision, Hold):
            self._backend.hold(over=decision.over)
        elif isinstance(decision, RetryItem):
            self._set_timer(0.0 if self._skip_delays else decision.delay, decision)
        else:
            waits = not (self._skip_delays and decision.kind == "delay")
            self._set_timer(decision.seconds if waits else 0.0, decision)

    def _set_timer(self, seconds: float, what: RetryItem | Alarm) -> None:
        heapq.heappush(self._timers, (self.clock() + seconds, next(self._ticket), what))

    def _start(self, command: StartTask, earlier: EarlierAttempts | None = None) -> None:
        path = command.key[0]
        task = self.state.workflow.task(path)
        context = command.context.with_clock(lambda: Moment(time.time(), _luck()))
        announce = None if self._actions[path].idempotent else self.announce
        if announce is not None:
            self._tell()  # what led to an attempt is told before it is
        spec = JobSpec(
            key=command.key,
            call=Call(self._actions[path], task.input, context),
            total=command.total,
            concurrency=command.concurrency,
            clock=self.clock,
            retries=task.retry is not None,
            timeout=task.timeout,
            announce=announce,
            selector=_map_of(task.attune_fields.get("worker_selector")),
            keep_results=task.keep_results == "cluster",
        )
        self._backend.start(Job(spec, command.items, earlier))

    def _stop(self, command: StopTask) -> None:
        def of_this(timer: tuple[float, int, RetryItem | Alarm]) -> bool:
            return isinstance(timer[2], RetryItem) and timer[2].key == command.key

        mine = [timer[2] for timer in self._timers if of_this(timer)]
        self._timers = [timer for timer in self._timers if not of_this(timer)]
        heapq.heapify(self._timers)
        self._backend.stop(command.key, force=command.force)
        for again in mine:  # a stopped job records what it is given as cancelled
            if isinstance(again, RetryItem):
                self._backend.retry(again.key, again.index, again.attempt)

    def _memory(self, *, always: bool = False) -> int:
        """Read what this process holds, in bytes; 0 if that was read just now."""
        now = self.clock()
        if now - self._read_at < TICK and not always:
            return 0
        self._read_at = now
        import psutil  # noqa: PLC0415 - no run, no need

        found: int = psutil.Process().memory_info().rss
        return found

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
        status: RunEndStatus = "cancelled" if interrupted else "failed"
        told = str(error) if isinstance(error, AttuneError) else repr(error)
        text = "the run was interrupted" if interrupted else f"the engine failed: {told}"
        self.state = msgspec.structs.replace(self.state, status=status, error=text)
        self._write(RunEnded(time=self.clock(), status=status, output=None, error=text))


def _map_of(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _luck() -> int:
    return random.getrandbits(63)

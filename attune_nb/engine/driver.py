"""The driver of a run: the loop between conductor, backend and readers."""

from __future__ import annotations

import logging
import random
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakMethod

import msgspec

from attune_nb.actions.hidden_values import take_hidden_values
from attune_nb.backends.attempt.attempt import MANY_ITEMS, Call
from attune_nb.backends.attempt.job import EarlierAttempts, Job
from attune_nb.backends.attempt.job_spec import JobSpec
from attune_nb.capture import installation
from attune_nb.capture.collector import LineCollector
from attune_nb.conductor.dry_run import forgive_inputs
from attune_nb.conductor.machine import step
from attune_nb.conductor.retries import retry_delay
from attune_nb.conductor.state import Alarm, RetryItem, SetPaused, StartTask, StopTask
from attune_nb.conductor.summaries import summarize
from attune_nb.context import Moment
from attune_nb.engine.cell_names import name_cells
from attune_nb.engine.event_log import EventLog
from attune_nb.engine.memory_gauge import MemoryGauge
from attune_nb.engine.request_queue import RequestQueue
from attune_nb.engine.stopwatch import Stopwatch
from attune_nb.engine.timers import Timers
from attune_nb.errors import AttuneError, BackendUnavailable, StoreError
from attune_nb.events import (
    AlarmRang,
    AskOpened,
    AttemptsEnded,
    Event,
    KeyAdded,
    PauseRequested,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskEnded,
)
from attune_nb.values.frozen import may_hold_tables
from attune_nb.values.guard import LONGEST_RUN_ERROR, ask, cut_text, error_text, repr_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.actions.registry import Action
    from attune_nb.backends.protocol import Backend
    from attune_nb.capture.collector import LineReader
    from attune_nb.conductor.recovery import PendingTimer, Recovered
    from attune_nb.conductor.state import RunState
    from attune_nb.conductor.step import Decision
    from attune_nb.engine.event_log import Reader
    from attune_nb.events import Batch, Input, Key, RunEndStatus
    from attune_nb.values.secrets import Mask

__all__ = ["Driver", "RunsWithin"]

_log = logging.getLogger("attune_nb")

# not the generator of `random` itself: its numbers are those of the user's code, which may seed it
_RANDOM = random.Random()  # noqa: S311 - seeds of expressions, no secrets

# Seconds between two collections of finished attempts.
TICK = 0.05


class RunsWithin(Protocol):
    """The runs within a run: attempts of tasks that run workflows."""

    def has_only_questions(self, key: Key) -> bool:
        """Return whether a task runs workflows, and all of them wait for answers alone."""

    def all_within(self) -> Sequence[RequestQueue]:
        """Return the requests of all runs within the outermost run that have not ended."""


class Driver(RequestQueue):
    """Runs one run from its start to its end, in the thread that calls `run` or `continue_run`.

    Other threads only put requests into its queue, see `RequestQueue`.

    A run within another one is driven by `begin`, `advance` and `close`, in the loop of the
    outermost run: see `ChildRuns`.

    Attributes:
        run_id: The id of the run; empty before its start.
        state: The conductor's latest state.
        clock: Returns the seconds since the run started.
        ended: Is set when the run has ended.
        announce: Called with task, index and attempt before each attempt that must not run
            twice.
        sync: Called to wait until all events that the readers have received are on record.
        keep_results: Writes the results of a batch to the disk, without the secrets of a mask,
            for tasks with `keep_results: store`; None if no task has that.
        adapt_action: Returns the action that the attempts of an execution call, from the task's
            own; None if that is always its own. The readers have got the task's start before.
        on_error: Called with each exception that an action raised in this process.
        on_question: Called with the driver and each question that opens, or is open in a
            recovered run.
        on_end: Called when all attempts have ended.
        log_readers: Called with the lines that attempts have written, masked, in the engine's
            thread: at most once a turn, and before the readers get the ends of these attempts.
            Without any, nothing is captured. Add them before the run starts.
        runs_within: The backend, if tasks of the run may be runs of workflows; else None.
        show_lines: Shows log lines of this run to a person; None if none are shown.
        was_restored: Whether the run began with events of an earlier time.
        leaves_at_questions: Whether `run` and `continue_run` return when nothing but questions
            is open. `drive_on` continues.

    Args:
        state: The conductor's state before the run.
        backend: Where the attempts run.
        actions: The action of each task, by the task's path.
        readers: Called with the new events, in the engine's thread.
        result_readers: The same; they also get the results that no log and no record keeps.
        skip_delays: Whether delays end at once and no rate is kept, as in a dry run. Timeouts keep
            their time.
    """

    def __init__(
        self,
        state: RunState,
        backend: Backend,
        actions: Mapping[str, Action],
        readers: Sequence[Reader] = (),
        *,
        result_readers: Sequence[Reader] = (),
        skip_delays: bool = False,
    ) -> None:
        super().__init__(state)
        self.run_id = ""
        self.ended = threading.Event()
        self.announce: Callable[[Key, int, int], None] | None = None
        self.sync: Callable[[], None] | None = None
        self.keep_results: Callable[[Batch, Mask], Batch] | None = None
        self.adapt_action: Callable[[Key, Action], Action] | None = None
        self.on_error: Callable[[BaseException], None] | None = None
        self.on_question: Callable[[Driver, AskOpened], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self.log_readers: list[LineReader] = []
        self.show_lines: LineReader | None = None
        self.was_restored = False
        self.leaves_at_questions = False
        self.runs_within: RunsWithin | None = None

        self._backend = backend
        self._actions = actions
        self._skip_delays = skip_delays
        self._log = EventLog(readers, result_readers)
        self._lines: LineCollector | None = None
        self._on_reader_failure: WeakMethod[Callable[[StoreError | str], None]] | None = None
        self._timers = Timers()
        # the jobs at the backend
        self._jobs: dict[Key, Job] = {}
        # the jobs that begin no more attempts until others are on record
        self._jobs_to_sync: set[Key] = set()
        self._recovered: Recovered | None = None
        self._restarts_timeouts = False
        self._hidden_values: list[Any] = []
        self._changed: tuple[str, ...] = ()
        self._notes: tuple[str, ...] = ()

        self._stopwatch = Stopwatch()
        # not a method of the driver: jobs and lines hold it, and must not keep the driver alive
        self.clock: Callable[[], float] = self._stopwatch.read
        self._started_at = time.time()
        self._gauge = MemoryGauge(TICK)

    @property
    def events(self) -> list[Event]:
        """The run's log. It only grows, so any thread may read it."""
        return self._log.events

    def add_reader(self, reader: Reader) -> None:
        """Call one more reader with new events; before the run starts."""
        self._log.add_reader(reader)

    def add_key(self, ref: str, value: Any) -> None:
        """Hide the texts of a key in all that follows, also in the runs within this one."""
        super().add_key(ref, value)
        if self.runs_within is not None:
            for queue in self.runs_within.all_within():
                RequestQueue.add_key(queue, ref, value)

    def on_reader_failure(self, callback: Callable[[StoreError | str], None]) -> None:
        """Call a method when a reader fails: with the record's error, or another's message.

        It is called as long as its object exists, and does not keep that.
        """
        self._on_reader_failure = WeakMethod(callback)

    def run(
        self,
        run_id: str,
        name: str,
        parameters: Any,
        *,
        dry_run: bool = False,
        mocked: bool = False,
    ) -> None:
        """Run the workflow from its start to its end.

        Args:
            run_id: The id of the run.
            name: The workflow's name.
            parameters: The parameters, without the secret ones.
            dry_run: Whether it runs no action at all.
            mocked: Whether results of tasks are made up.
        """
        self._run_loop(
            lambda: self._start_run(run_id, name, parameters, dry_run=dry_run, mocked=mocked)
        )

    def share_with(self, parent: Driver) -> None:
        """Use the error observer and the memory gauge of the run that this one is part of."""
        self.on_error = parent.on_error
        self._gauge = parent._gauge

    def begin(self, run_id: str, name: str, parameters: Any) -> None:
        """Start a run without waiting for its end, which `advance` leads to.

        Args:
            run_id: The id of the run.
            name: The workflow's name.
            parameters: The parameters, without the secret ones.
        """
        self._guard(lambda: self._begin(lambda: self._start_run(run_id, name, parameters)))

    def begin_again(self) -> None:
        """Continue a restored run without waiting for its end, which `advance` leads to."""
        self._guard(lambda: self._begin(self._resume_recovered))

    def advance(self) -> None:
        """Process all that has happened since the last call."""
        self._guard(self._advance)

    def close(self) -> None:
        """Release all that a run which has ended uses; end one that has not."""
        if not self.state.ended:
            self._end_with_error(KeyboardInterrupt())
        self._close()

    def has_work(self) -> bool:
        """Return whether `advance` has a request, a timer or a line to process."""
        if self._lines is not None and self._lines.has_lines():
            return True
        return not self.has_no_requests() or self.seconds_until_timer(1.0) <= 0

    def seconds_until_timer(self, longest: float) -> float:
        """Return the seconds until the next timer is due, `longest` at most."""
        return self._timers.seconds_until_next(self.clock(), longest)

    def _guard(self, advance: Callable[[], None]) -> None:
        """Drive a part of the run; an error of the engine ends the run, and is logged."""
        self._collect_lines()
        try:
            advance()
            self._flush()
        except BaseException as error:
            self._end_with_error(error)
            if isinstance(error, KeyboardInterrupt):
                raise

            _log.warning("run %s: %s", self.run_id, self.state.error)

    def _start_run(
        self,
        run_id: str,
        name: str,
        parameters: Any,
        *,
        dry_run: bool = False,
        mocked: bool = False,
    ) -> None:
        self.run_id = run_id
        self._process(
            RunStarted(
                time=0.0,
                seed=_new_seed(),
                run_id=run_id,
                workflow=name,
                started_at=self._started_at,
                parameters=parameters,
                memory=self._gauge.read(),
                dry_run=dry_run,
                mocked=mocked,
            )
        )

    def restore(
        self,
        past: Recovered,
        *,
        written: int = 0,
        full_time: bool = False,
        changed: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> None:
        """Take over a recovered run, before `continue_run`.

        Args:
            past: The recovered run.
            written: The number of its events that the readers have received.
            full_time: Whether timeouts start again, instead of lasting for their rest.
            changed: As in `RunResumed`.
            notes: As in `RunResumed`.
        """
        self.was_restored = True
        self.state = past.state
        for event in past.events[:1]:
            if isinstance(event, RunStarted):
                self.run_id = event.run_id
        self._log.restore(past.events, read=written)
        self._recovered = past
        self._restarts_timeouts = full_time
        self._changed = tuple(changed)
        self._notes = tuple(notes)

    def continue_run(self) -> None:
        """Run a restored run to its end."""
        self._run_loop(self._resume_recovered)

    def drive_on(self) -> None:
        """Run a run to its end that `run` or `continue_run` left at its questions."""
        self.leaves_at_questions = False
        self._run_loop(lambda: None)

    def pause_for_questions(self, reason: str, *, at_once: bool = False) -> None:
        """Request a pause if only questions are open when it is processed.

        Args:
            reason: The reason of the pause.
            at_once: Pause it in any case.
        """

        def make_pause(time: float, seed: int) -> PauseRequested | None:
            if self.state.status != "running":
                return None
            if not at_once and not self._has_only_open_questions():
                return None
            return PauseRequested(time=time, seed=seed, reason=reason)

        self._requests.put(make_pause)

    def _resume_recovered(self) -> None:
        """Set the timers and start the jobs of a recovered run."""
        past = self._recovered
        self._recovered = None
        if past is None or self.state.ended:
            return

        last_time = past.events[-1].time
        self._stopwatch.restart(last_time)
        started_at = time.time() - last_time
        for timer in past.timers:
            if not _is_in_doubt(timer, past):
                self._restore_timer(timer, last_time, started_at)

        # the backend holds until it is clear whether the run is paused
        self._backend.set_paused(paused=True)
        for job in past.jobs:
            key = job.start.key
            earlier = EarlierAttempts(
                job.last_attempts,
                past.items_in_doubt(key),
                failed=job.failed,
                last_start=job.last_start,
            )
            self._start_job(job.start, earlier)
            if job.stopping:
                self._backend.stop(key, force=True)

        self._process(
            RunResumed(
                time=last_time,
                seed=_new_seed(),
                started_at=started_at,
                doubts=past.in_doubt,
                memory=self._gauge.read(),
                changed=self._changed,
                notes=self._notes,
            )
        )
        if self.state.status != "paused":
            self._backend.set_paused(paused=False)
        self._report_open_questions()

    def _report_open_questions(self) -> None:
        """Call `on_question` with the questions that are open in a recovered run."""
        if self.on_question is None:
            return
        for event in self._log.events:
            if not isinstance(event, AskOpened):
                continue
            if self.state.is_open(event.key):
                self.on_question(self, event)

    def _restore_timer(self, timer: PendingTimer, last_time: float, started_at: float) -> None:
        """Set a timer for the rest of a delay or timeout.

        The time without an engine counts for delays, also those before retries. It does not
        count for the timeouts of questions and of the run.
        """
        seconds, is_delay = _wait_of(timer.command)
        if is_delay:
            elapsed = started_at + last_time - timer.epoch_time
        elif self._restarts_timeouts:
            elapsed = 0.0
        else:
            elapsed = last_time - timer.time

        remaining = min(seconds, max(0.0, seconds - elapsed))
        if self._skip_delays:
            remaining = 0.0
        self._timers.set(self.clock() + remaining, timer.command)

    def _collect_lines(self) -> None:
        """Collect the lines of attempts from now on, if there is a reader of lines."""
        if self.log_readers and self._lines is None:
            self._lines = LineCollector(self.clock)
            self._lines.on_due(self._deliver_lines)

    def _run_loop(self, begin: Callable[[], None]) -> None:
        if not self.log_readers:
            self._run_to_end(begin)
            return

        installation.install()
        self._collect_lines()
        try:
            self._run_to_end(begin)
        finally:
            # also if the backend breaks as it is closed
            installation.uninstall()

    def _run_to_end(self, begin: Callable[[], None]) -> None:
        is_left = False
        try:
            self._begin(begin)
            self._flush()
            while not self.state.ended and not is_left:
                self._turn()
                is_left = self.leaves_at_questions and self._has_only_unanswered_questions()
        except BaseException as error:
            self._end_with_error(error)
            if self._shows_secret(error):
                raise AttuneError(self.state.error) from None
            raise
        finally:
            if not is_left:
                self._close()

    def _begin(self, begin: Callable[[], None]) -> None:
        """Begin, and process the requests from before: a cancelled run makes no attempt."""
        if self.has_no_requests():
            begin()
            return

        self._backend.set_paused(paused=True)
        begin()
        self._process_requests()
        if self.state.status != "paused":
            self._backend.set_paused(paused=False)

    @property
    def has_only_questions(self) -> bool:
        """Whether nothing runs, also in the runs within this one, and questions are open."""
        if self.state.has_only_questions:
            return True
        if self.runs_within is None:
            return False
        return self._waits_for_questions(self.runs_within)

    def _waits_for_questions(self, runs_within: RunsWithin) -> bool:
        """Return whether each task waits for an answer, itself or in the runs that it waits for."""
        statuses = set()
        for execution in self.state.executions.values():
            is_parallel = self.state.workflow.task(execution.task).type == "parallel"
            if execution.outcome is not None or is_parallel:
                continue

            status = execution.status
            if status == "running" and runs_within.has_only_questions(execution.key):
                status = "waiting"
            statuses.add(status)
        return statuses == {"waiting"}

    def _has_only_open_questions(self) -> bool:
        """Return whether only questions are open, and no answer is on its way."""
        is_answered = any(map(self.state.is_open, self.answered))
        return self.has_only_questions and not is_answered

    def _has_only_unanswered_questions(self) -> bool:
        return self.has_no_requests() and self.has_only_questions

    def _close(self) -> None:
        try:
            self._backend.close()
            if self.on_end is not None:
                self.on_end()
            if self._lines is not None:
                self._lines.close()
            self._flush()
        finally:
            # threads that wait for the run must not wait forever if the backend fails
            self.ended.set()

    def _turn(self) -> None:
        """Wait until something happens, and process it."""
        try:
            self._backend.poll(self.seconds_until_timer(TICK))
        except BackendUnavailable as error:
            self._process(PauseRequested(time=self.clock(), seed=_new_seed(), reason=str(error)))
        self._advance()

    def _advance(self) -> None:
        must_sync = False
        collected_batches = self._backend.collect()
        # an attempt that has ended may have got keys and opened inquiries before
        self._add_keys()
        self._process_inquiries()
        for (task, visit), collected in collected_batches:
            must_sync = must_sync or (task, visit) in self._jobs_to_sync
            batch = collected
            if self._actions[task].secret_parameters:
                batch = self._hide_values(task, batch)
            input_error = ""
            if self.keep_results is not None and self._keeps_in_store(task):
                batch = self.keep_results(batch, self.state.context.mask)
            if self.state.unmade:
                batch, input_error = forgive_inputs(self.state, (task, visit), batch)
            event = AttemptsEnded(
                time=self.clock(),
                seed=_new_seed(),
                task=task,
                visit=visit,
                batch=name_cells(batch) if batch.errors else batch,
                memory=self._gauge.read(always=len(batch) > 1),
                input_error=input_error,
                secrets=self._actions[task].secret_fields,
            )
            decisions = self._process(self._without_results(event), event)
            job = self._jobs.get((task, visit))
            if job is not None and job.spec.retries:
                repeated = {item.index for item in decisions if isinstance(item, RetryItem)}
                job.forget_ended(batch, repeated)

        self._process_requests()
        while (command := self._timers.pop_due(self.clock())) is not None:
            self._execute_due(command)

        if self._lines is not None:
            # the keys of the attempts that have printed them
            self._lines.gather()
            self._add_keys()
        self._flush()
        if must_sync and self.sync is not None:
            self.sync()

    def _hide_values(self, task: str, batch: Batch) -> Batch:
        """Process the secrets that attempts found in their results; return the results without."""
        results, hidden_values = take_hidden_values(batch.results)
        if not hidden_values:
            return batch

        for value in hidden_values:
            if value not in self._hidden_values:
                self._hidden_values.append(value)
                self._process(KeyAdded(time=self.clock(), seed=_new_seed(), name=task, value=value))
        return msgspec.structs.replace(batch, results=results)

    def _without_results(self, event: AttemptsEnded) -> AttemptsEnded:
        """Return an event as the log holds it; the same one, unless its task keeps no results."""
        task = self.state.workflow.task(event.task)
        execution = self.state.executions.get((event.task, event.visit))
        if task.keep_results != "none" or execution is None or execution.counts is None:
            return event
        batch = summarize(execution, task.retry, event.batch)
        return msgspec.structs.replace(event, batch=batch)

    def _keeps_in_store(self, path: str) -> bool:
        """Return whether the results of a task stay on the disk.

        Secrets in them do not, so such results stay in memory.
        """
        if self._actions[path].secret_fields:
            return False
        return self.state.workflow.task(path).keep_results == "store"

    def _add_keys(self) -> None:
        """Process the keys that attempts have got."""
        while not self.state.ended:
            event = self.pop_key(self.clock(), _new_seed())
            if event is None:
                return
            self._process(event)

    def _process_inquiries(self) -> None:
        """Process the questions that actions have asked."""
        while not self.state.ended:
            event = self.pop_inquiry(self.clock(), _new_seed())
            if event is None:
                return
            # the question may hold a key that its attempt got before
            self._add_keys()
            self._process(event)

    def _process_requests(self) -> None:
        """Process what users have requested; of a run that has ended, nothing more."""
        while not self.state.ended and (make_input := self.pop_request()) is not None:
            event = make_input(self.clock(), _new_seed())
            if event is not None:
                self._process(event)

    def _execute_due(self, command: RetryItem | Alarm) -> None:
        """Make a retry, or ring an alarm."""
        if isinstance(command, RetryItem):
            if self.announce is not None:
                # the cause of an attempt is on record before the attempt
                self._flush()
            self._backend.retry(command.key, command.index, command.attempt)
            return

        task, visit = command.key
        self._process(
            AlarmRang(
                time=self.clock(),
                seed=_new_seed(),
                kind=command.kind,
                task=task,
                visit=visit,
                inquiry=command.inquiry,
            )
        )

    def _process(self, event: Input, with_results: Input | None = None) -> Sequence[Decision]:
        """Feed the conductor with an input, execute its decisions, and return them.

        Args:
            event: The input.
            with_results: As in `EventLog.append`.
        """
        self._log.append(event, with_results)
        self.state, decisions = step(self.state, event)
        for decision in decisions:
            self._execute(decision)
        return decisions

    def _execute(self, decision: Decision) -> None:
        if isinstance(decision, AskOpened) and self.on_question is not None:
            # before the log shows the question, so that no person is asked in vain
            self.on_question(self, decision)
        if isinstance(decision, Event):
            self._log.append(decision)
            if isinstance(decision, TaskEnded):
                self._backend.release((decision.task, decision.visit))
                self._jobs.pop((decision.task, decision.visit), None)
                self._jobs_to_sync.discard((decision.task, decision.visit))
            return

        if isinstance(decision, StartTask):
            self._start_job(decision)
        elif isinstance(decision, StopTask):
            self._stop_job(decision)
        elif isinstance(decision, SetPaused):
            self._backend.set_paused(paused=decision.paused)
        else:
            self._set_timer(decision)

    def _set_timer(self, command: RetryItem | Alarm) -> None:
        seconds, is_delay = _wait_of(command)
        if is_delay and self._skip_delays:
            seconds = 0.0
        self._timers.set(self.clock() + seconds, command)

    def _start_job(self, command: StartTask, earlier: EarlierAttempts | None = None) -> None:
        path, _ = command.key
        task = self.state.workflow.task(path)
        action = self._actions[path]
        context = command.context.with_clock(lambda: Moment(time.time(), _new_seed()))
        selector = task.attune_fields.get("worker_selector")
        if not isinstance(selector, dict):
            selector = {}

        # the engine must see the results of such an action, to hide the secrets in them
        has_secrets = bool(action.secret_fields or action.secret_parameters)
        timeout = task.timeout
        if timeout is None:
            timeout = action.timeout

        interval = 0.0
        if task.rate_limit is not None and not self._skip_delays:
            interval = task.rate_limit.interval

        announce = None
        if not action.idempotent:
            announce = self.announce
        if announce is not None:
            # the cause of an attempt is on record before the attempt
            self._flush()

        call = Call(self._adapt_action(command.key), task.input, context, self.on_error)
        if may_hold_tables(command.items):
            call.hands_out_tables = True
        if command.items is not None and (command.total is None or command.total >= MANY_ITEMS):
            call.expect_many()

        keeps_none = task.keep_results == "none"
        spec = JobSpec(
            key=command.key,
            call=call,
            total=command.total,
            concurrency=command.concurrency,
            clock=self.clock,
            retries=task.retry is not None,
            timeout=timeout,
            announce=announce,
            selector=selector,
            keep_results=task.keep_results == "cluster" and not has_secrets,
            gathers=keeps_none and announce is None and task.report_every is None,
            drops_results=keeps_none and not self._are_results_read(path),
            max_failures=command.max_failures,
            will_retry=lambda attempt, error: retry_delay(task.retry, attempt, error) is not None,
            interval=interval,
            report_every=task.report_every,
            lines=self._lines,
        )
        if task.report_every is not None:
            self._jobs_to_sync.add(command.key)
        job = Job(spec, command.items, earlier)
        self._jobs[command.key] = job
        self._backend.start(job)

    def _adapt_action(self, key: Key) -> Action:
        """Return the action that the attempts of an execution call."""
        action = self._actions[key[0]]
        if self.adapt_action is None or action.runs_workflow:
            return action
        # the readers get the start of the task before
        self._flush()
        return self.adapt_action(key, action)

    def _are_results_read(self, path: str) -> bool:
        """Return whether a reader, or the mask of secrets, needs the results of each batch."""
        return self._log.has_result_readers or bool(self._actions[path].secret_fields)

    def _stop_job(self, command: StopTask) -> None:
        retries = self._timers.pop_retries(command.key)
        self._backend.stop(command.key, force=command.force)
        for retry in retries:
            # a stopped job records them as cancelled
            self._backend.retry(retry.key, retry.index, retry.attempt)

    def _end_with_error(self, error: BaseException) -> None:
        """Record that the run ended because of an error of the engine, or a KeyboardInterrupt."""
        status: RunEndStatus = "failed"
        if isinstance(error, KeyboardInterrupt):
            status = "cancelled"
            message = "the run was interrupted"
        elif isinstance(error, AttuneError):
            message = f"the engine failed: {error_text(error)}"
        else:
            message = f"the engine failed: {repr_of(error)}"

        message = cut_text(self._mask_text(message), LONGEST_RUN_ERROR)
        self.state = msgspec.structs.replace(self.state, status=status, error=message)
        self._log.append(RunEnded(time=self.clock(), status=status, output=None, error=message))

    def _flush(self) -> None:
        """Call the readers with the new lines and events, and report those that fail."""
        # the lines of an attempt come before its end
        self._deliver_lines()
        self._report_failures(self._log.flush())

    def _deliver_lines(self) -> None:
        """Call the readers of lines with the new ones, unless a key may be in them.

        An attempt may print a key as soon as it has got it, and before the mask knows it.
        """
        if self._lines is None:
            return

        self._lines.gather()
        mask = self.state.context.mask
        if self.has_new_keys():
            if not self.state.ended:
                return
            while (event := self.pop_key(self.clock(), _new_seed())) is not None:
                mask = mask.with_secret(event.name, event.value)
        self._report_failures(self._lines.deliver(self.log_readers, mask))

    def _report_failures(self, errors: Sequence[Exception]) -> None:
        """Report the readers that have failed."""
        for error in errors:
            failure: StoreError | str
            if isinstance(error, StoreError):
                # the recorder has logged it
                failure = error
            else:
                failure = self._mask_text(str(error))
                _log.warning("a reader of the run failed and was removed: %s", failure)

            callback = None
            if self._on_reader_failure is not None:
                callback = self._on_reader_failure()
            if callback is not None:
                callback(failure)

    def _mask_text(self, text: str) -> str:
        return self.state.context.mask.text(text)

    def _shows_secret(self, error: BaseException) -> bool:
        """Return whether the traceback of an error of the engine, as it is shown, has a secret."""
        if not self.state.context.mask:
            return False
        lines = ask(lambda: traceback.format_exception(error))
        if lines is None:
            return True
        text = "".join(lines)
        return self._mask_text(text) != text


def _wait_of(command: RetryItem | Alarm) -> tuple[float, bool]:
    """Return the seconds until a command is due, and whether this is a delay, not a timeout."""
    if isinstance(command, RetryItem):
        return command.delay, True
    return command.seconds, command.kind == "delay"


def _is_in_doubt(timer: PendingTimer, past: Recovered) -> bool:
    """Return whether a timer is for a retry of which an attempt is in doubt."""
    command = timer.command
    if not isinstance(command, RetryItem):
        return False
    return command.index in past.items_in_doubt(command.key)


def _new_seed() -> int:
    return _RANDOM.getrandbits(63)

"""Assemble the engine of a run, let it drive the run, and wait for the end."""

from __future__ import annotations

import hashlib
import logging
import threading
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.actions.fingerprint import own_code
from attune_nb.capture.attempt_output import copy_context, current_outlet
from attune_nb.display.log_output import open_log_output
from attune_nb.display.outputs import open_display
from attune_nb.errors import BackendError, StoreError
from attune_nb.language.identity import task_identity
from attune_nb.log_batches import RunLogs
from attune_nb.results.scaling import DurationHistory
from attune_nb.running.child_book import ChildBook
from attune_nb.running.followers import FollowerSet, RunFollower
from attune_nb.running.mailbox import MAILBOX
from attune_nb.running.raised_errors import current_observer
from attune_nb.running.record import open_recorder
from attune_nb.running.store_paths import store_path
from attune_nb.running.waiting import wait_for_end
from attune_nb.values.guard import MANY_BITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from attune_nb.display.log_output import LogOutput
    from attune_nb.display.outputs import Display
    from attune_nb.engine.driver import Driver
    from attune_nb.events import Event
    from attune_nb.log_lines import LogLine
    from attune_nb.results.scaling import TaskDuration, WorkflowScaling
    from attune_nb.running.interrupts import HeldInterrupts
    from attune_nb.running.mailbox import SteeredRun
    from attune_nb.running.pack_session import PackSession
    from attune_nb.running.plan import RunPlan
    from attune_nb.running.request import EventReader, ProgressOption, RunOptions, RunRequest
    from attune_nb.running.workflow_view import WorkflowView
    from attune_nb.store.recorder import Recorder
    from attune_nb.store.tables.keeping import ResultKeeper

    LineReader = Callable[[Sequence[LogLine]], None]

__all__ = ["Engine", "assemble_engine", "drive_run"]

_log = logging.getLogger("attune_nb")

# the types of parameters that are equal in runs whose durations may be compared
_COMPARED_TYPES = frozenset({str, int, float, bool, type(None)})

# the durations of the tasks that this process ran
_history = DurationHistory()


class Engine(NamedTuple):
    """A driver and everything that follows its run.

    Attributes:
        drive: Drives the run to its end.
        store: The file with the run's record.
        record_alerts: Notes on the values that the record lacks; the list grows.
        logs: The log lines of the run so far.
        log_output: Shows the first of them; None if none are shown.
        child_book: The child runs that this process keeps.
        recorder: Writes the record; None if the run has none.
    """

    driver: Driver
    drive: Callable[[], None]
    display: Display | None
    scaling: WorkflowScaling
    store: Path | None
    record_alerts: Sequence[str]
    logs: RunLogs
    log_output: LogOutput | None
    child_book: ChildBook
    recorder: Recorder | None


def assemble_engine(plan: RunPlan) -> Engine:
    """Open the record and the display of a run, and make a driver that reports to them.

    Raises:
        AttuneError: The store or the backend cannot be used.
    """
    request = plan.request
    comparison = _comparison_keys(request, plan.prepared.recorded_parameters)
    logs = _open_logs(plan)
    recorder = open_recorder(plan, comparison, logs)
    _check_attended(request, recorder)
    store = recorder.path if recorder is not None else None
    record_alerts = recorder.alerts if recorder is not None else []
    keeper = _open_keeper(plan, recorder)
    display = _open_display(request.observation.progress)
    scaling = _scaling_of(request.name, comparison, store)
    remember_durations = _durations_reader(request.workflow, scaling)

    log_output = _open_log_output(request, display)
    readers = [*_event_readers(recorder, log_output, display), remember_durations]

    child_book = ChildBook(
        recorder,
        logs=logs,
        answers=request.options.answers,
        is_resumed=plan.claim is not None,
        reuse=plan.child_reuse,
    )
    followers = _followers_of(plan)
    child_book.followers = followers
    driver = plan.prepared.make_driver(
        readers, _functions_of(request.observation.readers), child_book.open_child
    )
    followers.connect(driver, plan.run_id, past=plan.recorded_events)
    driver.log_readers += _line_readers(logs, recorder, log_output)
    if log_output is not None:
        driver.show_lines = log_output.read
    driver.on_error = current_observer()
    if plan.prepared.pack_session is not None:
        _connect_session(plan.prepared.pack_session, driver, request.options)
    if keeper is not None:
        driver.keep_results = keeper.keep
    if recorder is not None:
        _connect_recorder(recorder, driver)

    if plan.past is None:
        drive = _start_of(plan, driver)
    else:
        drive = _continuation_of(plan, driver)
        remember_durations(plan.recorded_events)
        if display is not None:
            display.read(plan.recorded_events)
    return Engine(
        driver,
        drive,
        display,
        scaling,
        store,
        record_alerts,
        logs,
        log_output,
        child_book,
        recorder,
    )


def _event_readers(
    recorder: Recorder | None, log_output: LogOutput | None, display: Display | None
) -> Iterator[EventReader]:
    """Yield the readers of the events of a run, in the order of the calls."""
    if recorder is not None:
        yield recorder.read
    if log_output is not None:
        yield log_output.read_events
    if display is not None:
        yield display.read


def _functions_of(readers: Sequence[EventReader | RunFollower]) -> list[EventReader]:
    """Return the readers of a run that are functions."""
    return [reader for reader in readers if not isinstance(reader, RunFollower)]


def _followers_of(plan: RunPlan) -> FollowerSet:
    """Return the readers of a run that also follow the runs within it."""
    request = plan.request
    followers = [
        reader for reader in request.observation.readers if isinstance(reader, RunFollower)
    ]
    backend = request.options.backend
    if not isinstance(backend, str):
        # as in the record
        backend = "other"
    return FollowerSet(followers, plan.run_id, backend)


def _check_attended(request: RunRequest, recorder: Recorder | None) -> None:
    """Check that a run which other processes attend to is on record.

    Raises:
        StoreError: It is not, so none of them could find it.
    """
    if recorder is None and request.observation.attended:
        raise StoreError(
            "a run that other processes attend to needs a store, by which they find it; name one "
            "(`store=`, `--store`), or leave out `attended`"
        )


def _start_of(plan: RunPlan, driver: Driver) -> Callable[[], None]:
    """Return the call that runs a new run to its end."""
    request = plan.request
    return lambda: driver.run(
        plan.run_id,
        request.name,
        plan.prepared.recorded_parameters,
        dry_run=request.options.dry_run,
        mocked=bool(request.options.mock),
    )


def _continuation_of(plan: RunPlan, driver: Driver) -> Callable[[], None]:
    """Restore the past of a run; return the call that runs it to its end."""
    past: Any = plan.past
    driver.restore(
        past,
        written=len(plan.recorded_events),
        full_time=plan.claim is None,
        changed=plan.changed,
        notes=plan.notes,
    )
    return driver.continue_run


def _connect_recorder(recorder: Recorder, driver: Driver) -> None:
    """Let a run wait for its record, and end with it."""
    # the driver holds the recorder, which must not keep it alive
    known_driver = weakref.ref(driver)

    def cancel(reason: str) -> None:
        live_driver = known_driver()
        if live_driver is not None:
            live_driver.cancel(reason, force=True)

    recorder.on_failure(cancel)
    driver.announce = recorder.intend
    recorder.record_metrics(lambda: _measure(known_driver()))
    driver.sync = recorder.sync


def _measure(driver: Driver | None) -> dict[str, float]:
    """Return the metrics of a run whose driver lives."""
    from attune_nb.results.metrics import compute_metrics  # noqa: PLC0415 - runs on record need it

    return {} if driver is None else compute_metrics(driver.events, driver.state.context)


def _line_readers(
    logs: RunLogs, recorder: Recorder | None, log_output: LogOutput | None
) -> Iterator[LineReader]:
    """Yield the readers of the log lines of a run, in the order of the calls."""
    yield logs.read
    if recorder is not None:
        # it takes them from the logs
        yield recorder.read_lines
    if log_output is not None:
        yield log_output.read


def _open_log_output(request: RunRequest, display: Display | None) -> LogOutput | None:
    """Return the output that shows the first log lines of a run; None if none are shown."""
    workflow = request.workflow
    with_items = {path for path, task in workflow.walk() if task.with_items is not None}
    logs = request.observation.logs
    if callable(logs):
        return logs(with_items, display)
    is_in_attempt = current_outlet.get() is not None
    return open_log_output(logs, display, with_items, in_attempt=is_in_attempt)


def _open_logs(plan: RunPlan) -> RunLogs:
    """Return the log lines of a run: of a resumed one those that its record holds already.

    Raises:
        StoreError: They cannot be read.
    """
    store = plan.request.observation.store
    if plan.claim is None or store is None:
        return RunLogs()

    from attune_nb.store.log_rows import count_lines, read_batches  # noqa: PLC0415 - SQLite is slow
    from attune_nb.store.reading import reading_record  # noqa: PLC0415

    path = store_path(store)
    number = plan.claim.number
    with reading_record(plan.run_id):
        return RunLogs(read_batches(path, number), count_lines(path, number))


def _connect_session(session: PackSession, driver: Driver, options: RunOptions) -> None:
    """Connect the API for actions of packs with the run."""
    from attune_nb.running.run_executions import RunExecutions  # noqa: PLC0415 - few runs need it

    executions = RunExecutions(replace(options, pack_session=session))
    session.connect(driver, executions, is_inline=options.backend == "inline")


def _open_keeper(plan: RunPlan, recorder: Recorder | None) -> ResultKeeper | None:
    """Return what keeps results on the disk; None if no task asks for it.

    Raises:
        StoreError: A task does, and the run has no store.
    """
    request = plan.request
    paths = [path for path, task in request.workflow.walk() if task.keep_results == "store"]
    if not paths or request.options.dry_run:
        return None
    if recorder is None:
        raise StoreError(
            f"task `{paths[0]}` has `keep_results: store`, and the run has no store; name one "
            "(`store=`, `--store`), or leave out `keep_results`"
        )

    from attune_nb.store.tables.keeping import ResultKeeper  # noqa: PLC0415 - SQLite is slow to import

    return ResultKeeper(recorder.path, plan.prepared.mask, recorder.report)


def drive_run(run: SteeredRun, engine: Engine, plan: RunPlan, interrupts: HeldInterrupts) -> None:
    """Let the engine drive a run; unless it is in the background, wait for its end.

    Of a run that was interrupted before, no attempt is made.

    Raises:
        BackendError: The system provides no thread.
    """
    display = engine.display
    in_background = plan.request.observation.background
    has_doubts = plan.past is not None and bool(plan.past.in_doubt)
    is_inline = plan.request.options.backend == "inline" and not in_background and not has_doubts
    # inline, the questions are asked when nothing else is left
    engine.driver.leaves_at_questions = is_inline
    engine = engine._replace(drive=MAILBOX.listen(run, engine.recorder, engine.drive))

    try:
        if display is not None:
            display.attach(run, background=in_background)
    except KeyboardInterrupt:
        # raised by the display itself: the run ends before its first attempt
        engine.driver.cancel(force=True)
        _drive_here(engine, interrupts)
        raise

    if interrupts.has_held:
        engine.driver.cancel(force=True)
    if is_inline:
        _drive_here(engine, interrupts)
        if engine.driver.state.ended:
            return
        drive_on = engine.driver.drive_on
        engine = engine._replace(drive=MAILBOX.listen(run, engine.recorder, drive_on))

    log_output = engine.log_output
    if log_output is not None and in_background:
        log_output.leave_cell()
    _drive_in_thread(run.run_id, engine)
    if not in_background:
        try:
            is_attended = plan.request.observation.attended
            wait_for_end(run, display, interrupts, is_attended=is_attended)
        finally:
            if log_output is not None and not run.has_ended:
                log_output.leave_cell()


def _open_display(progress: ProgressOption) -> Display | None:
    if callable(progress):
        return progress()
    return open_display(progress)


def _drive_here(engine: Engine, interrupts: HeldInterrupts) -> None:
    """Drive a run in this thread; one that is interrupted is cancelled, and no error."""
    driver = engine.driver
    interrupts.on_interrupt = lambda: driver.cancel(force=True)
    try:
        engine.drive()
    except KeyboardInterrupt:
        # the driver has recorded the run as cancelled, and the user gets the partial run
        return
    finally:
        interrupts.on_interrupt = None
        if driver.state.status == "cancelled":
            interrupts.drop_held()


def _drive_in_thread(run_id: str, engine: Engine) -> None:
    # the actions see the context variables of the cell
    run_in_context = copy_context().run
    thread = threading.Thread(
        target=run_in_context,
        args=(_drive_and_log, engine, run_id),
        name=f"attune {run_id}",
        daemon=True,
    )
    try:
        thread.start()
    except RuntimeError as error:
        if engine.display is not None:
            engine.display.drop()
        raise BackendError(
            f"the system provides no thread for the run ({error}); use the inline backend"
        ) from None


def _drive_and_log(engine: Engine, run_id: str) -> None:
    """Carry a run in a thread of its own, and log it if the engine itself breaks."""
    try:
        engine.drive()
    except BaseException:  # noqa: BLE001 - logged here; the driver has recorded it as the run's error
        _log.exception("the engine of run %s failed", run_id)


def _comparison_keys(request: RunRequest, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return digests that are equal for runs whose durations may be compared.

    `given` is one of the plain parameters, `tasks` has one for each task with items: of its
    text and its action's code.
    """
    tasks = {}
    for path, task in request.workflow.walk():
        if task.with_items is not None:
            code = request.code.get(path)
            # as in older records, the code alone: what it uses says little about its speed
            own = None if code is None else own_code(code)
            tasks[path] = f"{_digest(task_identity(task))} {own}"

    plain_parameters = []
    for name in sorted(parameters):
        value = parameters[name]
        if type(value) is int and value.bit_length() > MANY_BITS:
            plain_parameters.append((name, hex(value)))
        elif type(value) in _COMPARED_TYPES:
            plain_parameters.append((name, value))
    return {"given": _digest(repr(plain_parameters)), "tasks": tasks}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _durations_reader(
    workflow: WorkflowView, scaling: WorkflowScaling
) -> Callable[[Sequence[Event]], None]:
    """Return a reader that remembers the durations of tasks with items."""
    if any(task.with_items is not None for _, task in workflow.walk()):
        return scaling.reader()

    def read_nothing(events: Sequence[Event]) -> None:
        """Skip events: durations of tasks without items are not used."""

    return read_nothing


def _scaling_of(name: str, comparison: Mapping[str, Any], store: Path | None) -> WorkflowScaling:
    """Return the scaling of a workflow's tasks: from the store, if the run is recorded."""
    if store is None:
        return _history.of(name, comparison["tasks"], comparison["given"])

    def read_store() -> list[TaskDuration]:
        from attune_nb.store.reading import task_durations  # noqa: PLC0415 - SQLite is slow to import

        try:
            return task_durations(store, name, comparison)
        except StoreError:
            return []  # the recorder has reported the error already

    return _history.of(name, comparison["tasks"], comparison["given"], read_store)

"""The runs within a run: they are made, continued after a crash, and kept for views."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from attune_nb.engine.child_runs import Child
from attune_nb.engine.driver import Driver
from attune_nb.errors import StoreError
from attune_nb.events import secret_of
from attune_nb.log_batches import RunLogs
from attune_nb.running.answers import check_secret_answers, restore_mask
from attune_nb.running.child_answers import select_answers
from attune_nb.running.child_record import open_child_record
from attune_nb.running.child_reuse import replay_reused
from attune_nb.running.new_run_id import new_run_id
from attune_nb.running.replay_record import find_doubts, replay_record

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from attune_nb.capture.collector import LineReader
    from attune_nb.engine.child_runs import Channel, ParentAttempt
    from attune_nb.events import Event
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.log_lines import LogLine
    from attune_nb.running.child_reuse import ChildReuse
    from attune_nb.running.child_workflow import ChildWorkflow
    from attune_nb.running.followers import FollowerSet
    from attune_nb.running.prepared_run import PreparedRun
    from attune_nb.store.claims import Claim
    from attune_nb.store.reading import StoredRun
    from attune_nb.store.recorder import ChildRecorder, Recorder
    from attune_nb.values.secrets import Mask

__all__ = ["ChildBook", "KeptChild"]

# the child runs that are kept in memory, if there is no store
_MAX_CHILDREN = 2_000


@dataclass(frozen=True, kw_only=True)
class KeptChild:
    """A run within a run of this process.

    Attributes:
        run_id: Its id.
        attempt: The attempt that it is.
        workflow: Its workflow.
        prepared: The run as it began.
        driver: Its driver.
        logs: Its log lines.
        answers: The answers to its questions, by the path of the task in it.
        reuse: The child runs of an earlier run that its own child runs reuse; None for none.
        alerts: Notes on values that its record lacks.
        store: The file with its record; None if it is not recorded.
    """

    run_id: str
    attempt: ParentAttempt
    workflow: ChildWorkflow
    prepared: PreparedRun
    driver: Driver
    logs: RunLogs
    answers: Mapping[str, Any]
    reuse: ChildReuse | None
    alerts: Sequence[str] = field(default_factory=list)
    store: Path | None = None

    @property
    def path(self) -> str:
        """The attempt that it is, for the paths of its tasks: `deploy[3]/`, or `deploy/`."""
        return self.attempt.path


class _Opening(NamedTuple):
    """A run within a run while it is made.

    Attributes:
        attempt: The attempt that it is.
        workflow: Its workflow.
        prepared: The run.
        driver: Its driver.
        answers: The answers to its questions, by the path of the task in it.
        path: Its path, which stands before the names of its tasks: `deploy[3]/`.
    """

    attempt: ParentAttempt
    workflow: ChildWorkflow
    prepared: PreparedRun
    driver: Driver
    answers: Mapping[str, Any]
    path: str


class ChildBook:
    """Makes the runs within a run, and keeps them: all of them, or those that no store holds.

    The thread of the run makes them; any thread may read them.

    Attributes:
        dropped: How many child runs that no store holds were dropped, as they were too many.
        followers: Follow these runs, too; None if nothing does.

    Args:
        recorder: The recorder of the run; None if it is not recorded.
        logs: The log lines of the run, which counts those of all these runs.
        answers: The answers to questions of all these runs, by the path from the outermost run.
        is_resumed: Whether the record of the run was continued, so that it may hold runs within.
        reuse: The child runs of an earlier run, whose results are reused.
    """

    def __init__(
        self,
        recorder: Recorder | None = None,
        *,
        logs: RunLogs | None = None,
        answers: Mapping[str, Any] | None = None,
        is_resumed: bool = False,
        reuse: ChildReuse | None = None,
    ) -> None:
        self._recorder = recorder
        self._logs = logs
        self._root_answers = {} if answers is None else answers
        self._lock = threading.Lock()
        self.dropped = 0
        self.followers: FollowerSet | None = None
        self._children: dict[str, KeptChild] = {}
        # those that have not ended, by their parent's driver and their path in it; two visits of a
        # task may run at the same time
        self._running: dict[tuple[Driver, str], list[KeptChild]] = {}
        # the runs whose record was continued, and the runs within them on record
        self._resumed_runs: dict[str, dict[tuple[str, int, int, int], StoredRun]] = {}
        self._is_resumed = is_resumed
        self._root_reuse = reuse

    def children_of(self, driver: Driver) -> list[KeptChild]:
        """Return the runs within a run that are kept, in the order in which they began."""
        with self._lock:
            return [child for child in self._children.values() if child.attempt.driver is driver]

    def running_in(self, driver: Driver) -> list[KeptChild]:
        """Return the runs within a run that have not ended."""
        if not self._running:
            return []
        return [child for child in self.children_of(driver) if not child.driver.state.ended]

    def find_running(self, driver: Driver, path: str) -> KeptChild | None:
        """Return the run within a run that has a path, such as `deploy[3]/`; None if none has it.

        One that has ended is not found.
        """
        with self._lock:
            children = self._running.get((driver, path))
            return children[0] if children else None

    def find_by_id(self, run_id: str) -> KeptChild | None:
        """Return a run at any depth within the outermost run; None if it has ended."""
        with self._lock:
            child = self._children.get(run_id)
        if child is None or child.driver.state.ended:
            return None
        return child

    def open_child(
        self, attempt: ParentAttempt, function: Any, rendered: Any, channel: Channel
    ) -> Child:
        """Make the run of an attempt, or continue the one on record.

        Args:
            attempt: The attempt.
            function: The function of the task's action: a `ChildWorkflow`.
            rendered: The parameters.
            channel: The backend of the run.

        Raises:
            AttuneError: The workflow or a parameter cannot be used, or the record is damaged.
        """
        workflow = cast("ChildWorkflow", function)
        stored = self._find_stored(attempt)
        if stored is not None:
            workflow = workflow.as_recorded(stored)

        bound = workflow.bound()
        outer_mask = attempt.driver.state.context.mask
        answers = self._answers_for(attempt)
        prepared = bound.prepare(rendered, outer_mask, answers=answers)
        driver = Driver(prepared.state, channel, bound.actions, skip_delays=prepared.skip_delays)
        driver.share_with(attempt.driver)
        driver.on_question = prepared.answers.give
        opening = _Opening(attempt, workflow, prepared, driver, answers, channel.path)
        if stored is not None:
            return self._continue_child(opening, stored)

        run_id = new_run_id()
        reused = self._reuse(opening, run_id)
        if reused is not None:
            return reused

        child = self._keep(opening, run_id, prepared.mask)
        return Child(
            driver,
            lambda: driver.begin(run_id, workflow.name, prepared.recorded_parameters),
            lambda: self._finish(child),
        )

    def _reuse(self, opening: _Opening, run_id: str) -> Child | None:
        """Make the run of an attempt from an earlier run of its item, if there is one to reuse."""
        attempt = opening.attempt
        parent = self._children.get(attempt.driver.run_id)
        reuse = self._root_reuse if parent is None else parent.reuse
        earlier = None if reuse is None else reuse.find(attempt)
        if reuse is None or earlier is None:
            return None

        replayed = replay_reused(
            reuse,
            earlier,
            opening.workflow,
            opening.prepared,
            run_id,
            answers=opening.answers,
            path=opening.path,
        )
        if replayed is None:
            return None

        past, inner_reuse, origin = replayed
        driver = opening.driver
        driver.restore(past, full_time=True)
        mask = past.state.context.mask
        child = self._keep(opening, run_id, mask, origin=origin, reuse=inner_reuse)
        return Child(driver, driver.begin_again, lambda: self._finish(child))

    def _keep(
        self,
        opening: _Opening,
        run_id: str,
        mask: Mask,
        past: Sequence[Event] = (),
        stored: StoredRun | None = None,
        origin: str = "",
        reuse: ChildReuse | None = None,
    ) -> KeptChild:
        """Open the record of a run, connect its driver with it, and keep the run."""
        attempt = opening.attempt
        driver = opening.driver
        outer_logs = self._logs_of(attempt.driver)
        logs = RunLogs(outer=outer_logs)
        claim = None
        if stored is not None:
            logs, claim = self._claim(stored, len(past), outer_logs)

        record: ChildRecorder | None = None
        store = None
        alerts: Sequence[str] = ()
        if self._recorder is not None:
            store = self._recorder.path
            record = open_child_record(
                self._recorder,
                opening.workflow,
                opening.prepared,
                attempt,
                run_id,
                mask=mask,
                logs=logs,
                origin=origin,
                claim=claim,
                past=past,
            )
            alerts = record.alerts
            driver.add_reader(record.read)
            driver.announce = record.intend
            driver.sync = self._recorder.sync

        if self.followers is not None:
            self.followers.connect(driver, run_id, attempt=attempt, past=past)

        parent = attempt.driver
        if parent.log_readers:
            driver.log_readers.append(logs.read)
            if record is not None:
                driver.log_readers.append(record.read_lines)
            driver.show_lines = _reader_at(attempt, driver.state.workflow)
            if driver.show_lines is not None:
                driver.log_readers.append(driver.show_lines)

        child = KeptChild(
            run_id=run_id,
            attempt=attempt,
            workflow=opening.workflow,
            prepared=opening.prepared,
            driver=driver,
            logs=logs,
            answers=opening.answers,
            reuse=reuse,
            alerts=alerts,
            store=store,
        )
        with self._lock:
            self._children[run_id] = child
            self._running.setdefault((attempt.driver, child.path), []).append(child)
        return child

    def _answers_for(self, attempt: ParentAttempt) -> Mapping[str, Any]:
        """Return the answers to the questions of a run, by the path of the task in it."""
        parent = self._children.get(attempt.driver.run_id)
        answers = self._root_answers if parent is None else parent.answers
        return select_answers(answers, attempt.task, attempt.index)

    def _finish(self, child: KeptChild) -> tuple[int, Any, Any]:
        """Return how a run has ended, and drop it if it is on record."""
        outcome = child.workflow.outcome_of(child.driver)
        _hide_in_parent(child)

        with self._lock:
            self._forget_running(child)
            if self._recorder is not None and self._recorder.error is None:
                self._children.pop(child.run_id, None)
            else:
                self._drop_oldest()
        return outcome

    def _forget_running(self, child: KeptChild) -> None:
        """Forget that a child run is running; called under the lock."""
        key = (child.attempt.driver, child.path)
        self._running[key].remove(child)
        if not self._running[key]:
            del self._running[key]

    def _drop_oldest(self) -> None:
        """Drop child runs if there are too many: those that succeeded before others."""
        if len(self._children) <= _MAX_CHILDREN:
            return

        ended = [child for child in self._children.values() if child.driver.state.ended]
        ended.sort(key=lambda child: child.driver.state.status != "succeeded")
        # a tenth at once: it takes a while to look for them
        for child in ended[: _MAX_CHILDREN // 10]:
            del self._children[child.run_id]
            self.dropped += 1

    def _find_stored(self, attempt: ParentAttempt) -> StoredRun | None:
        """Return the run of an attempt that the record holds from before a crash; or None."""
        parent_id = attempt.driver.run_id
        if not self._is_resumed or self._recorder is None:
            return None
        if not attempt.driver.was_restored:
            return None

        children = self._resumed_runs.get(parent_id)
        if children is None:
            from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import

            children = {}
            for stored in reading.children_of(self._recorder.path, parent_id):
                place = (
                    stored.parent_task,
                    stored.parent_visit,
                    stored.parent_item,
                    stored.parent_attempt,
                )
                children[place] = stored
            self._resumed_runs[parent_id] = children
        place = (attempt.task, attempt.visit, attempt.index, attempt.attempt)
        return children.pop(place, None)

    def _continue_child(self, opening: _Opening, stored: StoredRun) -> Child:
        """Make the run of an attempt from its record."""
        from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import

        prepared = opening.prepared
        answers = opening.answers
        driver = opening.driver
        path = self._store_path()
        with reading.reading_record(stored.run_id):
            events = reading.events_of(path, stored, prepared.mask)
            mask = restore_mask(prepared.mask, events, answers)
            if mask is not prepared.mask:
                events = reading.events_of(path, stored, mask)
            check_secret_answers(stored.run_id, events)
            prepared.answers.drop_used(events)
            past = replay_record(prepared, events, stored)
            doubts = find_doubts(past.state, reading.intents_of(path, stored))
            past = msgspec.structs.replace(past, in_doubt=tuple(doubts))

        driver.restore(past, written=len(events))
        mask = past.state.context.mask
        child = self._keep(opening, stored.run_id, mask, past=events, stored=stored)
        return Child(driver, driver.begin_again, lambda: self._finish(child))

    def _claim(
        self, stored: StoredRun, written: int, outer_logs: RunLogs | None
    ) -> tuple[RunLogs, Claim]:
        """Return the log lines of a run on record, and the right to continue its record."""
        from attune_nb.store.claims import Claim  # noqa: PLC0415 - SQLite is slow to import
        from attune_nb.store.log_rows import count_lines, read_batches  # noqa: PLC0415

        path = self._store_path()
        batches = read_batches(path, stored.number)
        logs = RunLogs(batches, count_lines(path, stored.number), outer_logs)
        # the outermost run has claimed all
        claim = Claim(number=stored.number, owner="", written=written, batches=len(batches))
        return logs, claim

    def _logs_of(self, driver: Driver) -> RunLogs | None:
        """Return the log lines of a run, which may be the outermost one."""
        with self._lock:
            child = self._children.get(driver.run_id)
        return self._logs if child is None else child.logs

    def _store_path(self) -> Path:
        if self._recorder is None:
            raise StoreError("the run has no record")
        return self._recorder.path


def _reader_at(attempt: ParentAttempt, workflow: WorkflowSpec) -> LineReader | None:
    """Return a reader that shows lines of a run with its parent's; None if none are shown.

    They are shown with their path: `deploy[3]/ping[0]`.
    """
    parent = attempt.driver
    show = parent.show_lines
    if show is None:
        return None

    with_items = {path for path, task in workflow.walk() if task.with_items is not None}
    prefix = attempt.path.removesuffix("/")

    def show_prefixed(lines: Sequence[LogLine]) -> None:
        show([_with_path(line, prefix, with_items) for line in lines])

    return show_prefixed


def _with_path(line: LogLine, prefix: str, with_items: Collection[str]) -> LogLine:
    path = prefix
    if line.task:
        path += f"/{line.task}"
    if line.task in with_items:
        path += f"[{line.index}]"
    return msgspec.structs.replace(line, task=path)


def _hide_in_parent(child: KeptChild) -> None:
    """Hide the secrets of a child run in its parent, if its output holds one."""
    state = child.driver.state
    parent = child.attempt.driver
    hidden = parent.state.context.mask.value(state.output)
    if state.context.mask.value(hidden) is hidden:
        # the parent hides all that it gets
        return

    prepared = child.prepared
    for name, value in prepared.parameters.items():
        if name not in prepared.recorded_parameters:
            parent.add_key(f"{child.path}parameters.{name}", value)
    for event in child.driver.events:
        secret = secret_of(event)
        if secret is not None:
            name, value = secret
            parent.add_key(f"{child.path}{name}", value)

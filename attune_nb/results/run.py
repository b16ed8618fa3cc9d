"""A run as a user reads it, while it is running and after."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attune_nb.errors import LookupFailed, RunCancelled, RunFailed, StoreError, nearest
from attune_nb.events import (
    AskAnswered,
    AskOpened,
    MockMissing,
    PauseRequested,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskEnded,
    find_attention,
    mask_event,
)
from attune_nb.html import printable
from attune_nb.log_batches import RunLogs
from attune_nb.results import render
from attune_nb.results.batches import batches_by_key
from attune_nb.results.in_doubt import Doubt
from attune_nb.results.log_text import shown_line
from attune_nb.results.logs import LogSelection, date_lines, join_lines, logs_frame
from attune_nb.results.reuse import ReusedPart, find_reused
from attune_nb.results.summary import summarize
from attune_nb.results.timeline import TaskTimeline
from attune_nb.values.frozen import copy_tables
from attune_nb.values.remote import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    import pandas as pd

    from attune_nb.context import WorkflowContext
    from attune_nb.events import Attention, Batch, ErrorInfo, Event, Key, RunStatus, TaskStatus
    from attune_nb.log_batches import LogColumns, LogCounts, LogSource
    from attune_nb.results.clock import RunClock
    from attune_nb.results.failures import FailedTask
    from attune_nb.results.item_frames import ItemTable
    from attune_nb.results.log_text import ShownLine
    from attune_nb.results.logs import DatedLines
    from attune_nb.results.protocols import ExecutionState, ReadableRun, RunSource
    from attune_nb.results.scaling import WorkflowScaling
    from attune_nb.values.secrets import Mask

__all__ = ["RunView"]

# names in a message
_MAX_NAMES = 20

# the last lines of a failed item, the characters of each, and how many lines are looked at for them
_MAX_LAST_LINES = 5
_MAX_LINE_LENGTH = 300
_MAX_SEARCHED_LINES = 100_000

# `RunEnded` is among the last events of a run, if it has ended
_LAST_EVENTS = 3


class RunView:
    """One run of a workflow: its state, its results, its record. It changes nothing.

    Args:
        run_id: The run's id.
        source: Where its state and its events are.
        workflow_name: The name of its workflow.
        task_names: The tasks, in the order of the text.
        scaling: The durations of its workflow's tasks in this and earlier runs.
        notes: Alerts that were known before the start.
        store: The file with its record.
        logs: Its log lines; by default there are none.
    """

    def __init__(
        self,
        run_id: str,
        source: RunSource,
        workflow_name: str,
        task_names: list[str],
        scaling: WorkflowScaling,
        notes: Sequence[str] = (),
        store: Path | None = None,
        logs: LogSource | None = None,
    ) -> None:
        self.run_id = run_id
        self.workflow_name = workflow_name
        self.store = store
        self._source = source
        self._task_names = task_names
        self._scaling = scaling
        self._notes = list(notes)
        self._logs: LogSource = RunLogs() if logs is None else logs
        # the number of events, and the tasks that had failed by then: a summary reads them often
        self._failed_tasks: tuple[int, list[FailedTask]] | None = None

    @property
    def status(self) -> RunStatus:
        """pending, running, paused, cancelling, succeeded, failed, timed_out or cancelled.

        A recorded run whose process is gone is interrupted.
        """
        return self._source.state.status

    @property
    def kind(self) -> str:
        """How it differs from an ordinary run: dry run, mocked, fork of RUN, retry of RUN.

        Empty for an ordinary run.
        """
        for event in self._source.events:
            if isinstance(event, RunStarted):
                return event.kind
        return ""

    @property
    def has_ended(self) -> bool:
        """Whether the run has ended."""
        last_events = self._source.events[-_LAST_EVENTS:]
        return any(isinstance(event, RunEnded) for event in last_events)

    @property
    def output(self) -> Any:
        """The value of `output_map`, or None.

        Raises:
            StoreError: The file of a table in it is missing or damaged.
        """
        return copy_tables(self._mask.value(fetch(self._source.state.output)))

    @property
    def error(self) -> str | None:
        """The reason why the run did not succeed."""
        return self._source.state.error

    @property
    def events(self) -> list[Event]:
        """The run's events so far, oldest first, without secrets."""
        mask = self._mask
        if not mask:
            return self._log
        return [mask_event(event, mask) for event in self._log]

    @property
    def _log(self) -> list[Event]:
        """The events as they are, for readers that show neither inputs nor results of them."""
        return list(self._source.events)

    @property
    def _mask(self) -> Mask:
        return self._source.state.context.mask

    @property
    def started(self) -> datetime:
        """The time of the run's start, in UTC."""
        for event in self._source.events:
            if isinstance(event, RunStarted):
                return datetime.fromtimestamp(event.started_at, UTC)
        return datetime.fromtimestamp(0.0, UTC)

    @property
    def breaks(self) -> list[tuple[float, float]]:
        """The times in which no process carried the run: at which second of it, and how long.

        The seconds of a run do not count them; its dates do.
        """
        starts = [event for event in self._log if isinstance(event, RunStarted | RunResumed)]
        return [
            (after.time, after.started_at - before.started_at)
            for before, after in itertools.pairwise(starts)
        ]

    @property
    def duration_ms(self) -> float:
        """The milliseconds from the run's start to its end; to now while it is in progress.

        The clock of a paused run stands still.
        """
        return self._now * 1000

    @property
    def _now(self) -> float:
        """The seconds from the run's start to its last event; a run in progress goes on."""
        events = self._source.events
        return events[-1].time if events else 0.0

    @property
    def tasks(self) -> pd.DataFrame:
        """One row for each task execution.

        `reused` says whether an earlier run made its result or some of them, see `items`.
        """
        from attune_nb.results.frames import tasks_frame  # noqa: PLC0415 - pandas is slow to import

        return tasks_frame(self._log, self._task_names, self._open_statuses())

    def attempts(self, task: str | None = None) -> pd.DataFrame:
        """Return one row for each attempt that has ended.

        Columns: task, visit, index (of the item), attempt (from 1), worker, start, end (dates in
        UTC), duration_ms, status, error, error_type. Of a task with `keep_results: none` there are
        the first failures and a sample of the others, with a column `weight`: for how many
        attempts each one stands.

        Args:
            task: The task whose last execution is meant; by default all executions of all tasks.

        Raises:
            LookupFailed: There is no such task, or it has not run.
        """
        from attune_nb.results.clock import RunClock  # noqa: PLC0415 - pandas is slow to import
        from attune_nb.results.frames import attempts_frame  # noqa: PLC0415

        log = self._log
        batches = batches_by_key(log)
        if task is not None:
            key = self._last_execution(task).key
            batches = {key: batches.get(key, [])}
        return attempts_frame(batches, RunClock(log))

    def items(self, task: str, *, expand: bool = False) -> pd.DataFrame:
        """Return one row for each item of a task's last execution whose attempts have ended.

        Once the task has ended, items that never began because of `max_failures` have a row, too.

        Columns: index, item, status (`retrying` until a failed item's next attempt has ended),
        attempts, start (of the first attempt), end (of the last one; both are dates in UTC),
        duration_ms (from the first start to the end: all attempts and the waits between them),
        attempt_ms (the last attempt alone), result (of a failed item the data that its action
        left behind), error, error_type, reused (whether an earlier run made the result; in a run
        that was resumed with changed code, whether it was made before the change). Of a task with
        `keep_results: none` there are the items of the attempts that `attempts` returns.

        Args:
            task: The task. One without `with_items` has one row, of index 0.
            expand: Whether each key of the results becomes a column in place of `result`; a key
                that another column is named after becomes `result.KEY`. Results that were kept
                on a cluster are fetched.

        Raises:
            LookupFailed: There is no such task, or it has not run.
            BackendError: A result that was kept on a cluster is lost (with `expand`).
        """
        from attune_nb.results.clock import RunClock  # noqa: PLC0415
        from attune_nb.results.item_frames import items_frame  # noqa: PLC0415

        log = self._log
        execution = self._last_execution(task)
        table = self._item_table(execution, batches_by_key(log))
        part = find_reused(log).get(execution.key, ReusedPart())
        return items_frame(table, RunClock(log), reused_attempts=part.attempts, expand=expand)

    def failures(self, task: str | None = None) -> pd.DataFrame:
        """Return one row for each item that has failed for good, of a task's last execution.

        Columns: index, item, error (the message), error_type, attempts, result (the data that
        the action left behind, such as its output, or None). Cancelled items have not failed.
        A task that failed although no item of it did, because an expression failed or a question
        had no answer in time, has one row without an index. Of a task with `keep_results: none`
        these are the first 1,000; `alerts` says of how many.

        Args:
            task: The task; by default all tasks, with a column `task` before the others.

        Raises:
            LookupFailed: There is no such task, or it has not run.
        """
        from attune_nb.results.item_frames import failures_frame  # noqa: PLC0415

        errors = {}
        for event in self._log:
            if isinstance(event, TaskEnded) and event.status != "cancelled":
                errors[event.task, event.visit] = event.error
        return self._item_rows(task, lambda key, table: failures_frame(table, errors.get(key)))

    def successes(self, task: str | None = None) -> pd.DataFrame:
        """Return one row for each item that succeeded, of a task's last execution.

        Columns: index, item, result (a reference, if it was kept on a cluster: `run.result`
        fetches it).

        Args:
            task: As in `failures`.

        Raises:
            LookupFailed: There is no such task, or it has not run.
        """
        from attune_nb.results.item_frames import successes_frame  # noqa: PLC0415

        return self._item_rows(task, lambda _, table: successes_frame(table))

    def item_tables(self, keys: Iterable[Key]) -> dict[Key, ItemTable]:
        """Return the items of some task executions, for views that show a few of them.

        A table reads and masks only the items that it is asked for.

        Args:
            keys: The task and the visit of each execution, which must have started.
        """
        batches = batches_by_key(self._log)
        executions = self._source.state.executions
        return {
            key: self._item_table(executions[key], batches) for key in keys if key in executions
        }

    def logs(
        self,
        task: str | None = None,
        *,
        index: int | None = None,
        attempt: int | None = None,
        level: str | int | None = None,
    ) -> pd.DataFrame:
        """Return one row for each line that the actions have printed or logged so far.

        Lines of child runs are among them; their task is a path, such as `deploy[3]/ping`.

        Columns: time (a date in UTC), task, visit, index (of the item; 0 for a task without
        items), attempt (from 1), worker, level ("stdout", "stderr", or a logging level's name,
        such as "WARNING"), text. Secrets are masked. At most 64 KB of an attempt are kept, and
        50 MB of a run; a line says how many more there were.

        Args:
            task: Only lines of this task, in all its executions; of a parallel task, those of its
                inner tasks; of one that runs a workflow, those of its child runs. The path of a
                task of child runs has the item in brackets, or none for all:
                `deploy[3]/ping`, `deploy/ping`.
            index: Only lines of the item of this index.
            attempt: Only lines of the attempt of this number.
            level: "stdout" or "stderr"; or a logging level: only lines of this one and above.

        Raises:
            LookupFailed: There is no such task.
            ParameterError: Another argument cannot be used.
            StoreError: The record cannot be read.
        """
        return logs_frame(self._dated_lines(self.select_logs(task, index, attempt, level)))

    def _dated_lines(self, selection: LogSelection) -> DatedLines:
        """Return the lines that are wanted, by their dates."""
        columns, _ = self.read_lines()
        return join_lines([date_lines(selection.select(columns), self.log_clock)])

    def select_logs(
        self, task: str | None, index: int | None, attempt: int | None, level: str | int | None
    ) -> LogSelection:
        """Return which lines the arguments of `logs` select.

        Raises:
            LookupFailed: There is no such task.
            ParameterError: Another argument cannot be used.
        """
        return LogSelection.read(task, index, attempt, level, self._task_paths)

    def read_lines(self, first: int = 0) -> tuple[LogColumns, int]:
        """Return the lines from a batch on, and the number of the batch that will come next.

        Raises:
            StoreError: The record cannot be read.
        """
        return self._logs.read_from(first)

    def log_clock(self) -> RunClock:
        """Return the clock that turns the times of lines into dates."""
        from attune_nb.results.clock import RunClock  # noqa: PLC0415 - pandas is slow to import

        return RunClock(self._log)

    @property
    def log_counts(self) -> LogCounts:
        """How many lines the actions have printed or logged, and how many of them are warnings."""
        return self._logs.counts()

    def last_lines(self, task: str, index: int) -> list[ShownLine]:
        """Return the last lines of an item, or of a task without items (index 0).

        They are looked for among the lines of an ordinary run; among very many, there are none.
        Nor are there any if the record of the lines is damaged, which `describe_logs` says.
        """
        try:
            if not 0 < self.log_counts.lines <= _MAX_SEARCHED_LINES:
                return []
            lines = self._dated_lines(LogSelection(task, index)).last(_MAX_LAST_LINES)
        except StoreError:
            return []
        return [shown_line(line, (), _MAX_LINE_LENGTH) for line in lines.columns.rows()]

    def describe_logs(self) -> list[str]:
        """Return a line that counts the log lines; no line if there are none."""
        try:
            lines, warnings = self.log_counts
        except StoreError as error:
            # the rest of the run can be read
            return [str(error)]
        if not lines:
            return []

        count = "1 log line" if lines == 1 else f"{lines:,} log lines"
        if warnings:
            count += f", {warnings:,} of level WARNING or above"
        return [f"{count}: `run.logs()` shows {'it' if lines == 1 else 'them'}"]

    def explain_no_logs(self) -> str:
        """Return a sentence that says why there are no log lines."""
        reason = self._logs.explain_none()
        if not reason:
            reason = "its actions have printed and logged nothing"
            if not self.has_ended:
                reason += " so far"
        return f"run {self.run_id} has no log lines: {reason}"

    @property
    def _task_paths(self) -> Sequence[str]:
        """The paths of all tasks."""
        return self._task_names

    def result(self, task: str) -> Any:
        """Return the result of a task's last execution; None until it has ended.

        A result that was kept on a cluster is fetched.

        Raises:
            LookupFailed: There is no such task, or it has not run.
        """
        outcome = self._last_execution(task).outcome
        if outcome is None:
            return None
        return copy_tables(self._mask.value(fetch(outcome.result)))

    @property
    def context(self) -> WorkflowContext:
        """The context as it stands now; a secret in it is `***`."""
        return self._source.state.context.masked()

    def context_at(self, task: str) -> WorkflowContext:
        """Return the context as a task saw it when it started; a secret in it is `***`.

        Raises:
            LookupFailed: There is no such task, or it has not run.
        """
        return self._last_execution(task).context.masked()

    @property
    def metrics(self) -> dict[str, float]:
        """The figures that every run has."""
        from attune_nb.results.metrics import compute_metrics  # noqa: PLC0415 - seldom needed

        return compute_metrics(self._log, self._source.state.context)

    @property
    def alerts(self) -> list[str]:
        """Notes on things that deserve a look, each one line with advice."""
        from attune_nb.results.metrics import find_alerts  # noqa: PLC0415 - seldom needed
        from attune_nb.results.mistakes import find_mistakes  # noqa: PLC0415 - seldom needed

        log = self._log
        mistakes = find_mistakes(self.failed_tasks())
        alerts = find_alerts(log, self._source.state.context)
        return [*mistakes, *self._all_notes(), *alerts, *self._scaling.alerts(log)]

    def _all_notes(self) -> list[str]:
        """Return the alerts from before the start and from resumes, without repeats."""
        notes = list(self._notes)
        for event in self._log:
            if isinstance(event, RunResumed):
                notes += event.notes
            elif isinstance(event, MockMissing):
                notes.append(event.message)
        return list(dict.fromkeys(notes))

    @property
    def pause_reason(self) -> str:
        """The reason for a pause that no user asked for: the backend is gone. Else empty."""
        if self.status != "paused":
            return ""
        for event in reversed(self._log):
            if isinstance(event, PauseRequested):
                return event.reason
        return ""

    @property
    def questions(self) -> list[AskOpened]:
        """The questions that wait for an answer."""
        state = self._source.state
        statuses = {execution.status for execution in state.executions.values()}
        if "waiting" not in statuses and not state.inquiries:
            # most runs ask nothing, and a log may be long
            return []

        questions = [event for event in self._log if isinstance(event, AskOpened)]
        return [question for question in questions if state.is_open(question.key)]

    @property
    def attention(self) -> Attention:
        """Why the run needs a person, as `attune_nb.runs` says it; empty if it needs none."""
        return find_attention(self.status, len(self.questions), len(self.in_doubt))

    @property
    def answers(self) -> pd.DataFrame:
        """One row for each question so far: what was answered, by whom, and when.

        Columns: task, visit, prompt, response, by, asked, answered (both are dates in UTC). A
        question without an answer has no response.
        """
        from attune_nb.results.questions import answers_frame  # noqa: PLC0415 - imports pandas

        kinds = (RunStarted, RunResumed, AskOpened, AskAnswered)
        return answers_frame(self._events_of(*kinds))

    def describe_artifacts(self) -> list[str]:
        """Return a line that names the artifacts of the run; no line without packs."""
        return []

    def describe_children(self) -> list[str]:
        """Return a line that counts the child runs; no line without any."""
        return []

    def describe_answers(self) -> list[str]:
        """Return a line for each question that was answered, and by whom."""
        from attune_nb.results.questions import describe_answers  # noqa: PLC0415 - seldom needed

        return describe_answers(self._events_of(AskAnswered))

    def _events_of(self, *kinds: type[Event]) -> list[Event]:
        """Return the events of some kinds, without secrets."""
        events = [event for event in self._source.events if isinstance(event, kinds)]
        mask = self._mask
        return [mask_event(event, mask) for event in events]

    @property
    def in_doubt(self) -> list[Doubt]:
        """The attempts that may or may not have run before a crash.

        For each one, `rerun` or `accept` decides.
        """
        in_doubt = self._source.state.in_doubt
        return [Doubt(*item, attempt) for item, attempt in sorted(in_doubt.items())]

    def diff(self, other: ReadableRun) -> pd.DataFrame:
        """Return the differences from another run: parameters, outcome, results, times.

        Columns: what, before (in this run), after (in the other); all are strings.
        """
        import pandas as pd  # noqa: PLC0415 - slow to import

        from attune_nb.results.diff import Difference, find_differences  # noqa: PLC0415

        return pd.DataFrame(find_differences(self, other), columns=list(Difference._fields))

    def to_chrome_trace(self, path: str | PathLike[str]) -> Path:
        """Write the executions and attempts in the Chrome Trace Event format, for Perfetto.

        Args:
            path: The file; one that ends in `.gz` is compressed.

        Raises:
            OSError: The file cannot be written.
        """
        from attune_nb.results.trace.chrome import write_chrome_trace  # noqa: PLC0415 - few need it

        return write_chrome_trace(path, self._log)

    def raise_for_status(self) -> None:
        """Raise an error if the run did not succeed; its message has the reason first.

        Raises:
            RunCancelled: The run was cancelled.
            RunFailed: The run failed or timed out.
        """
        reason = self.error_text()
        if self.status == "cancelled":
            raise RunCancelled(reason or "the run was cancelled", self)
        if self.status in ("failed", "timed_out"):
            raise RunFailed(reason or "the run failed", self)

    def errors(self) -> list[ErrorInfo]:
        """Return the errors of the task executions that did not succeed, oldest first."""
        ends = [event for event in self._log if isinstance(event, TaskEnded)]
        return [end.error for end in ends if end.error is not None]

    def failure_text(self) -> str:
        """Describe the last task that failed: its first failed item, the error and its place.

        It has no characters that a terminal would obey: an error may quote anything.
        """
        from attune_nb.results.failures import describe_failure  # noqa: PLC0415 - seldom needed

        return printable(describe_failure(self.failed_tasks()))

    def error_text(self) -> str:
        """Return `error` with counts, types and the user's own lines; empty without an error."""
        from attune_nb.results.failures import explain_error  # noqa: PLC0415 - seldom needed

        if self.error is None:
            return ""
        return explain_error(self.error, self.failed_tasks())

    def failed_tasks(self) -> list[FailedTask]:
        """Return the tasks that failed, also those whose failure was handled, with their errors."""
        from attune_nb.results.failures import find_failed_tasks  # noqa: PLC0415 - seldom needed

        log = self._log
        if self._failed_tasks is None or self._failed_tasks[0] != len(log):
            executions = self._source.state.executions
            failed_tasks = find_failed_tasks(
                log, lambda key, index: executions[key].items[index], self._mask.value
            )
            self._failed_tasks = len(log), failed_tasks
        return list(self._failed_tasks[1])

    def summary(self) -> list[dict[str, str]]:
        """Return a small row for each task: its status, its visits, its items, its time."""
        timeline = TaskTimeline()
        timeline.read(self._log)
        now = max(self._now, timeline.now)
        executions = timeline.executions.values()
        return summarize(executions, self._open_statuses(), find_reused(self._log), now)

    def __repr__(self) -> str:
        return render.render_text(self)

    def _repr_html_(self) -> str:
        return render.render_html(self)

    def _last_execution(self, task: str) -> ExecutionState:
        state = self._source.state
        for key in reversed(state.order):
            if key[0] == task:
                return state.executions[key]

        self._check_task(task)
        raise LookupFailed(f"task `{task}` has not run")

    def _check_task(self, task: str) -> None:
        """Check that there is a task.

        Raises:
            LookupFailed: There is none.
        """
        if task in self._task_names:
            return
        hint = nearest(task, self._task_names)
        if not hint:
            hint = f"; there are {', '.join(self._task_names[:_MAX_NAMES])}"
        raise LookupFailed(f"there is no task `{task}`{hint}")

    def _item_rows(
        self, task: str | None, make_frame: Callable[[Key, ItemTable], pd.DataFrame]
    ) -> pd.DataFrame:
        """Return the rows of a task's items, or those of all tasks with a column `task`."""
        import pandas as pd  # noqa: PLC0415 - slow to import

        from attune_nb.results.item_frames import ItemTable  # noqa: PLC0415

        batches = batches_by_key(self._log)
        if task is not None:
            execution = self._last_execution(task)
            return make_frame(execution.key, self._item_table(execution, batches))

        # a later execution of a task takes the place of an earlier one
        state = self._source.state
        last_keys = {key[0]: key for key in state.order}
        frames = []
        for name, key in last_keys.items():
            frame = make_frame(key, self._item_table(state.executions[key], batches))
            frame.insert(0, "task", name)
            frames.append(frame)

        if not frames:
            frame = make_frame(("", 0), ItemTable([], None, self._mask))
            frame.insert(0, "task", "")
            return frame
        return pd.concat(frames, ignore_index=True)

    def _item_table(
        self, execution: ExecutionState, batches: Mapping[Key, Sequence[Batch]]
    ) -> ItemTable:
        from attune_nb.results.item_frames import ItemTable  # noqa: PLC0415 - imports pandas

        last_attempts = execution.last_attempts if execution.outcome is None else None
        own_batches = batches.get(execution.key, ())
        total = None
        if execution.outcome is not None and any(batch.begun is not None for batch in own_batches):
            total = execution.outcome.total_count
        return ItemTable(own_batches, execution.items, self._mask, last_attempts, total)

    def _open_statuses(self) -> dict[Key, TaskStatus]:
        """Return the statuses of the task executions that have not ended, as they are now."""
        return {
            key: execution.status
            for key, execution in self._source.state.executions.items()
            if execution.outcome is None
        }

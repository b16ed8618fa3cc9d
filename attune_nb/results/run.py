"""`Run`: what a user holds, while a run is under way and after."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from attune_nb.errors import LookupFailed, RunCancelled, RunFailed, nearest
from attune_nb.events import (
    AskOpened,
    PauseRequested,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskEnded,
    mask_event,
)
from attune_nb.html import shortened
from attune_nb.results import render
from attune_nb.results.durations import say_duration
from attune_nb.results.progress import Progress
from attune_nb.results.protocols import Doubt
from attune_nb.values.remote import fetch

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from os import PathLike
    from pathlib import Path

    import pandas as pd

    from attune_nb.context import WorkflowContext
    from attune_nb.events import ErrorInfo, Event, Key, TaskStatus
    from attune_nb.results.protocols import Engine
    from attune_nb.results.scaling import Past
    from attune_nb.values.secrets import Mask

__all__ = ["Run"]

_ERROR = 120  # characters of a task's error in the summary
_POLL = 0.02  # seconds between two looks of a coroutine that waits


class Run:
    """One run of a workflow: its state, its results, its record."""

    def __init__(
        self,
        run_id: str,
        workflow_name: str,
        names: list[str],
        engine: Engine,
        past: Past,
        told: Sequence[str] = (),
    ) -> None:
        self.run_id = run_id
        self.workflow_name = workflow_name
        self._names = names
        self._engine = engine
        self._past = past
        self._told = [*told]  # what is worth a look, from before it began
        self.store: Path | None = None  # the file that holds its record

    @property
    def _mask(self) -> Mask:
        found: Mask = self._engine.state.context.mask
        return found

    @property
    def status(self) -> str:
        """pending, running, paused, cancelling, succeeded, failed, timed_out or cancelled.

        A run on record whose kernel is gone is interrupted.
        """
        return str(self._engine.state.status)

    @property
    def workflow(self) -> Any:
        """The workflow that runs, to be run again: `run.workflow.run(...)`."""
        return self._engine.state.workflow

    @property
    def output(self) -> Any:
        """What `output_map` gave, or None."""
        return self._mask.value(self._engine.state.output)

    @property
    def error(self) -> str | None:
        """Why the run did not succeed."""
        found: str | None = self._engine.state.error
        return found

    @property
    def events(self) -> list[Event]:
        """The run's events so far, oldest first."""
        mask = self._mask
        return [mask_event(event, mask) for event in self._log] if mask else self._log

    @property
    def _log(self) -> list[Event]:
        """The events as they are, for readers that show neither inputs nor results of them."""
        return list(self._engine.events)

    @property
    def started(self) -> datetime:
        """When the run began, in UTC."""
        first = next((e for e in self._engine.events if isinstance(e, RunStarted)), None)
        return datetime.fromtimestamp(first.started_at if first else 0.0, UTC)

    @property
    def breaks(self) -> list[tuple[float, float]]:
        """When nobody was at the run: at which second of it, and for how many seconds.

        The seconds of a run do not count them; its dates do.
        """
        begun = [each for each in self._log if isinstance(each, RunStarted | RunResumed)]
        pairs = itertools.pairwise(begun)
        return [(now.time, now.started_at - then.started_at) for then, now in pairs]

    @property
    def duration_ms(self) -> float:
        """The milliseconds from the run's start to its last event."""
        return self._engine.events[-1].time * 1000 if self._engine.events else 0.0

    @property
    def tasks(self) -> pd.DataFrame:
        """One row a task execution."""
        from attune_nb.results.frames import tasks_frame  # noqa: PLC0415 - pandas is heavy

        return tasks_frame(self._log, self._names, self._live())

    @property
    def attempts(self) -> pd.DataFrame:
        """One row an attempt; `start` and `duration` in seconds from the run's start."""
        from attune_nb.results.frames import attempts_frame  # noqa: PLC0415

        return attempts_frame(self._log)

    def items(self, task: str) -> pd.DataFrame:
        """One row an item of a task's last execution.

        Raises:
            LookupFailed: There is no such task, or it has not run.
        """
        from attune_nb.results.frames import items_frame  # noqa: PLC0415

        execution = self._execution(task)
        return items_frame(self.events, execution.key, self._mask.value(execution.items))

    def result(self, task: str) -> Any:
        """Give what a task's last execution gave (None while it has not ended).

        What was kept on a cluster is fetched.

        Raises:
            LookupFailed: There is no such task, or it has not run.
        """
        outcome = self._execution(task).outcome
        return self._mask.value(fetch(outcome.result)) if outcome is not None else None

    @property
    def context(self) -> WorkflowContext:
        """The context as it stands now; a secret in it is `***`."""
        found: WorkflowContext = self._engine.state.context
        return found.masked()

    def context_at(self, task: str) -> WorkflowContext:
        """Give the context as a task saw it when it started; a secret in it is `***`.

        Raises:
            LookupFailed: There is no such task, or it has not run.
        """
        found: WorkflowContext = self._execution(task).context
        return found.masked()

    @property
    def metrics(self) -> dict[str, float]:
        """The figures that every run carries."""
        from attune_nb.results.metrics import metrics_of  # noqa: PLC0415

        return metrics_of(self._log, self._engine.state.context)

    @property
    def alerts(self) -> list[str]:
        """What the metrics say is worth a look, each in one line with what to do."""
        from attune_nb.results.metrics import alerts_of  # noqa: PLC0415

        log = self._log
        found = alerts_of(log, self._engine.state.context)
        return [*self._told, *found, *self._past.alerts(log)]

    def __await__(self) -> Generator[Any, None, Self]:
        """Wait for the end in a cell or a coroutine, and give the run."""
        import asyncio  # noqa: PLC0415 - who awaits has it already

        while not self.wait(0.0):
            yield from asyncio.sleep(_POLL).__await__()
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; tell whether it has come."""
        ended: bool = self._engine.ended.wait(timeout)
        return ended

    def cancel(self, *, force: bool = False) -> None:
        """Ask the run to stop; `force` also gives up on the attempts under way."""
        self._engine.cancel(force=force)

    def pause(self) -> None:
        """Ask the run to begin nothing more; attempts under way go on to their end.

        Delays and timeouts keep their time. A run that has ended, or is to stop, is left alone.
        """
        self._engine.pause()

    def resume(self) -> None:
        """Ask a paused run to go on."""
        self._engine.resume()

    @property
    def pause_reason(self) -> str:
        """Why the run was paused, where it was not a person: its backend is gone."""
        if self.status != "paused":
            return ""
        paused = (each for each in reversed(self._log) if isinstance(each, PauseRequested))
        last = next(paused, None)
        return last.reason if last is not None else ""

    @property
    def has_only_questions(self) -> bool:
        """Whether nothing is under way but questions that wait for an answer."""
        state = self._engine.state
        if state.ended or not state.ask_tasks:
            return False
        found = {
            each.status
            for each in state.executions.values()
            if each.outcome is None and state.workflow.task(each.task).type != "parallel"
        }
        return found == {"waiting"}

    @property
    def questions(self) -> list[AskOpened]:
        """The questions that wait for an answer."""
        opened = [each for each in self._log if isinstance(each, AskOpened)]
        executions = self._engine.state.executions
        return [each for each in opened if executions[each.task, each.visit].status == "waiting"]

    @property
    def in_doubt(self) -> list[Doubt]:
        """The attempts of which nobody knows whether they were made, and that wait for a word."""
        found = self._engine.state.in_doubt
        return [
            Doubt(task, visit, index, attempt)
            for (task, visit, index), attempt in sorted(found.items())
        ]

    def rerun(self, task: str, index: int | None = None) -> None:
        """Make an attempt in doubt again; without an index, all those of a task.

        Raises:
            LookupFailed: There is none in doubt.
        """
        for each in self._doubts(task, index):
            self._engine.rerun(each.task, each.visit, each.index)

    def accept(self, task: str, result: Any, index: int | None = None) -> None:
        """Take a result for an attempt in doubt, which was made after all.

        Raises:
            LookupFailed: There is none in doubt, or several are and no index says which.
            ParameterError: The result contains itself.
        """
        found = self._doubts(task, index)
        if len(found) > 1:
            told = ", ".join(str(each.index) for each in found[:20])
            raise LookupFailed(f"several items of `{task}` are in doubt ({told}); give an index")
        self._engine.settle(found[0].task, found[0].visit, found[0].index, found[0].attempt, result)

    def _doubts(self, task: str, index: int | None) -> list[Doubt]:
        known = self.in_doubt
        found = [each for each in known if each.task == task and index in (None, each.index)]
        if not found:
            others = ", ".join(f"`{each.task}` {each.index}" for each in known[:20]) or "nothing"
            raise LookupFailed(f"no such attempt of `{task}` is in doubt; in doubt: {others}")
        return found

    def answer(self, task: str, value: Any) -> None:
        """Answer the question of a `core.ask` task.

        Raises:
            ParameterError: The answer does not fit the question's schema, or contains itself.
            LookupFailed: The task asks nothing now.
        """
        waiting = [each for each in self.questions if each.task == task]
        if not waiting:
            others = ", ".join(f"`{each.task}`" for each in self.questions) or "none"
            raise LookupFailed(f"task `{task}` asks nothing now; waiting for an answer: {others}")
        self._engine.answer(task, waiting[0].visit, value, waiting[0].response_schema)

    def diff(self, other: Run) -> pd.DataFrame:
        """Give what differs in another run: parameters, outcome, results, times.

        Columns: what, before (in this run), after (in the other); all are texts.
        """
        import pandas as pd  # noqa: PLC0415 - pandas is heavy

        from attune_nb.results.diff import Difference, differences  # noqa: PLC0415

        return pd.DataFrame(differences(self, other), columns=list(Difference._fields))

    def to_chrome_trace(self, path: str | PathLike[str]) -> Path:
        """Write what ran when in the Chrome Trace Event format, which Perfetto opens.

        Args:
            path: The file; one that ends in `.gz` is compressed.

        Raises:
            OSError: The file cannot be written.
        """
        from attune_nb.results.trace.chrome import write_chrome_trace  # noqa: PLC0415 - few need it

        return write_chrome_trace(path, self._log)

    def raise_for_status(self) -> None:
        """Raise `RunFailed` or `RunCancelled` unless the run succeeded."""
        if self.status == "cancelled":
            raise RunCancelled(self.error or "the run was cancelled")
        if self.status in ("failed", "timed_out"):
            raise RunFailed(self.error or "the run failed")

    def failures(self) -> list[ErrorInfo]:
        """Give the errors of the tasks that failed."""
        ended = [each for each in self._log if isinstance(each, TaskEnded)]
        return [each.error for each in ended if each.error is not None]

    def failure_text(self) -> str:
        """Tell of the last task that failed: its first failed item, and what went wrong where."""
        from attune_nb.results.failures import failure_text  # noqa: PLC0415 - seldom wanted

        executions, mask = self._engine.state.executions, self._mask
        return failure_text(
            self.events, lambda key, index: mask.value(executions[key].items[index])
        )

    def _execution(self, task: str) -> Any:
        found = [key for key in self._engine.state.order if key[0] == task]
        if not found:
            if task in self._names:
                raise LookupFailed(f"task `{task}` has not run")
            hint = nearest(task, self._names) or f"; there are {', '.join(self._names[:20])}"
            raise LookupFailed(f"there is no task `{task}`{hint}")
        return self._engine.state.executions[found[-1]]

    def _live(self) -> dict[Key, TaskStatus]:
        """Give the statuses of the task executions that have not ended, as they are now."""
        executions = self._engine.state.executions
        return {key: each.status for key, each in executions.items() if each.outcome is None}

    def summary(self) -> list[dict[str, str]]:
        """Give a small row for each task execution: what a person wants to see first."""
        progress = Progress()
        progress.read(self._log)
        live = self._live()
        return [
            {
                "task": row.task if row.visit == 1 else f"{row.task} #{row.visit}",
                "status": live.get(row.key, row.status) if row.ended is None else row.status,
                "items": row.counted if row.with_items else "",
                "failed": f"{row.failed:,}" if row.with_items and row.failed else "",
                "cancelled": f"{row.cancelled:,}" if row.with_items and row.cancelled else "",
                "time": say_duration(
                    (progress.now if row.ended is None else row.ended) - row.started
                ),
                "error": shortened(row.error or "", _ERROR),
            }
            for row in progress.tasks.values()
        ]

    def __repr__(self) -> str:
        return render.text_of(self)

    def _repr_html_(self) -> str:
        return render.html_of(self)

    @property
    def has_ended(self) -> bool:
        """Whether the run has come to its end."""
        return any(isinstance(each, RunEnded) for each in self._engine.events[-3:])

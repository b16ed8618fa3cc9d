"""A run of a workflow: control it, draw it, and make other runs of it."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, Unpack

import msgspec

from attune_nb.errors import LookupFailed, ParameterError, StoreError, nearest
from attune_nb.results.logs import LogSelection
from attune_nb.results.run import RunView
from attune_nb.results.statuses import UNATTENDED
from attune_nb.running.answers import AdvanceAnswers, user_name, value_for
from attune_nb.running.artifact_folders import artifact_folder
from attune_nb.running.bind_actions import find_nested_workflows
from attune_nb.running.child_counts import count_by_task, count_on_record, describe_counts
from attune_nb.running.child_paths import read_step
from attune_nb.running.child_views import (
    children_frame,
    find_row,
    list_children,
    request_of,
    scaling_of,
)
from attune_nb.running.current_actions import current_actions
from attune_nb.running.family_logs import FamilyLogs
from attune_nb.running.fork import plan_fork, plan_retry, restore_secrets
from attune_nb.running.interrupts import HeldInterrupts
from attune_nb.running.latest import LATEST
from attune_nb.running.plan import plan_run
from attune_nb.running.prepare import binding_context, check_workflow, read_names, read_options
from attune_nb.running.process_costs import find_process_costs
from attune_nb.running.record import check_nothing_missing
from attune_nb.running.request import (
    OBSERVATION_NAMES,
    EarlierRun,
    ObservationOptions,
    RunChanges,
)
from attune_nb.running.start import assemble_engine, drive_run
from attune_nb.running.waiting import GRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from os import PathLike

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.conductor.state import RunState
    from attune_nb.engine.driver import Driver
    from attune_nb.events import AskOpened, Event, QuestionKey
    from attune_nb.explore.page import PageTheme
    from attune_nb.explore.run_page import RunPage
    from attune_nb.language.model import Task
    from attune_nb.log_batches import LogSource
    from attune_nb.packs.artifacts.view import Artifacts
    from attune_nb.results.in_doubt import Doubt
    from attune_nb.results.logs import DatedLines
    from attune_nb.results.scaling import WorkflowScaling
    from attune_nb.running.artifact_folders import ArtifactFolder
    from attune_nb.running.child_book import ChildBook, KeptChild
    from attune_nb.running.child_counts import ChildCount
    from attune_nb.running.child_views import ChildRow
    from attune_nb.running.plan import RunPlan
    from attune_nb.running.request import RunRequest
    from attune_nb.running.workflow_view import WorkflowView
    from attune_nb.values.secrets import Mask

__all__ = ["BaseRun", "Run", "StateSource", "execute_plan", "start_run"]

# seconds between two looks of a coroutine that waits
_POLL = 0.02

# names in a message
_MAX_NAMES = 20

# how the kind of a run names the run that it is made from
_ORIGIN = re.compile(r"\b(?:fork|retry) of (\w+)")

# artifacts that the summary names
_MAX_ARTIFACTS = 5


class StateSource(Protocol):
    """Where a run's state and events are: in a driver, or read from a record."""

    @property
    def state(self) -> RunState:
        """The state of the conductor."""

    @property
    def events(self) -> list[Event]:
        """The events, oldest first."""


class BaseRun(RunView):
    """A run that others can be made of and that can be drawn.

    Args:
        run_id: The run's id.
        source: Where its state and its events are.
        request: The request that it follows.
        scaling: The durations of its workflow's tasks in this and earlier runs.
        notes: Alerts that were known before the start.
        store: The file with its record.
        logs: Its log lines.
    """

    _source: StateSource

    def __init__(
        self,
        run_id: str,
        source: StateSource,
        request: RunRequest,
        scaling: WorkflowScaling,
        notes: Sequence[str] = (),
        store: Path | None = None,
        logs: LogSource | None = None,
    ) -> None:
        task_names = [task.name for task in request.workflow.tasks]
        super().__init__(run_id, source, request.name, task_names, scaling, notes, store, logs)
        self._request = request
        self._artifact_folder: ArtifactFolder | None = None
        # the ids of the child runs, by task, visit and index, once another run reuses them
        self._earlier_children: dict[tuple[str, int, int], str] | None = None

    # `Any`, as the module of `Workflow` imports this one
    @property
    def workflow(self) -> Any:
        """The `Workflow` that runs, to be run again: `run.workflow.run(...)`."""
        workflow = self._request.workflow
        spec = self._source.state.workflow
        if spec is workflow.spec:
            return workflow
        return type(workflow)(spec)  # a mocked parallel task is an action here

    @property
    def _task_paths(self) -> Sequence[str]:
        return [path for path, _ in self._request.workflow.walk()]

    @property
    def tasks_with_items(self) -> set[str]:
        """The paths of the tasks with `with_items`."""
        tasks = self._request.workflow.walk()
        return {path for path, task in tasks if task.with_items is not None}

    @property
    def artifacts(self) -> Artifacts:
        """The artifacts of actions of packs, such as files and progress, by index or by ref.

        A notebook shows an artifact by its type; `.frame` is a table of all.
        """
        from attune_nb.packs.artifacts.registry import FILES, read_artifacts  # noqa: PLC0415 - few need it
        from attune_nb.packs.artifacts.view import Artifacts  # noqa: PLC0415

        folder = self._find_artifact_folder()
        if folder is None:
            return Artifacts([], Path(), self._mask)
        return Artifacts(read_artifacts(folder), folder / FILES, self._mask)

    def _find_artifact_folder(self) -> Path | None:
        """Return the folder with the run's artifacts; None if it has none."""
        if self._artifact_folder is not None:
            folder = self._artifact_folder.path
        elif self.store is not None:
            folder = artifact_folder(self.store, self.run_id)
        else:
            return None
        return folder if folder.is_dir() else None

    def describe_artifacts(self) -> list[str]:
        """Return a line that names the artifacts of the run; no line if it has none."""
        if self._find_artifact_folder() is None:
            # most runs have none, and their summary is quick
            return []
        refs = [artifact.ref for artifact in self.artifacts]
        if not refs:
            return []

        count = "1 artifact" if len(refs) == 1 else f"{len(refs):,} artifacts"
        names = ", ".join(f"`{ref}`" for ref in refs[:_MAX_ARTIFACTS])
        if len(refs) > _MAX_ARTIFACTS:
            names += " ..."
        return [f"{count}: {names}; `run.artifacts` shows them"]

    def fork(
        self,
        at: str,
        parameters: Mapping[str, Any] | None = None,
        workflow: WorkflowView | None = None,
        **options: Unpack[RunChanges],
    ) -> Run:
        """Run a task and the tasks that follow from it again, and reuse all other results.

        Functions are used as they are defined now, also if a cell has defined them again. Reused
        results are shared, not copied. If a task whose result is reused has changed, or what its
        action uses, or a parameter that it reads, the new run's `alerts` say so.

        Args:
            at: The task; `parallel/name` for one within a parallel task, `deploy/name` for one of
                the child runs of `deploy`.
            parameters: The parameters that change.
            workflow: The workflow, if it was edited.
            options: As in `Workflow.run`; by default those of this run.

        Raises:
            LookupFailed: There is no such task, or the new run does not reach it.
            ParameterError: Something that no record holds must be passed again.
            StoreError: The store cannot be used.
            WorkflowError: An action does not exist or does not take the task's input.
        """
        request = self._changed_request(parameters, workflow, options)
        earlier, request = restore_secrets(self.as_earlier(), request)
        return execute_plan(lambda: plan_fork(earlier, request, at))

    def retry(
        self,
        *,
        failed_only: bool = True,
        parameters: Mapping[str, Any] | None = None,
        workflow: WorkflowView | None = None,
        **options: Unpack[RunChanges],
    ) -> Run:
        """Run the failed tasks again; of a task with items, those that did not succeed.

        Functions are used as they are defined now, and older results are marked, as in `fork`.

        Args:
            failed_only: False runs everything again.
            parameters: As in `fork`.
            workflow: The workflow, if it was edited.
            options: As in `Workflow.run`; by default those of this run.

        Raises:
            LookupFailed: Nothing has failed.
            AttuneError: As in `fork`.
        """
        request = self._changed_request(parameters, workflow, options)
        earlier, request = restore_secrets(self.as_earlier(), request)
        if not failed_only:
            return start_run(request)
        return execute_plan(lambda: plan_retry(earlier, request))

    def children(self, task: str | None = None) -> pd.DataFrame:
        """Return the child runs: one row for each attempt of a task that runs a workflow.

        Columns: task, visit, index (of the item), attempt, run_id, workflow, status, duration_ms,
        tasks (executions in it), failed (items in it).

        Args:
            task: Only those of this task.

        Raises:
            LookupFailed: There is no such task.
            StoreError: The record cannot be read.
        """
        rows = self._child_rows()
        if task is not None:
            self._check_task(task)
            rows = [row for row in rows if row.task == task]
        return children_frame(rows)

    def child(self, task: str, index: int = 0, *, visit: int | None = None) -> BaseRun:
        """Return a child run, with tasks, items, logs and pictures like any run.

        Of several attempts it is the last one.

        Args:
            task: The path of the task that runs the workflow.
            index: The index of the item.
            visit: The number of the execution of the task; by default the last one.

        Raises:
            LookupFailed: There is no such run.
            StoreError: Its record cannot be read.
        """
        try:
            row = find_row(self._child_rows(), self.run_id, task, index, visit)
        except LookupFailed as error:
            raise LookupFailed(f"{error}{self._explain_reuse()}") from None
        return self._open_child(row.run_id)

    def _explain_reuse(self) -> str:
        """Return where the reused child runs are; an empty string if there are none."""
        origin = _ORIGIN.search(self.kind)
        if origin is None:
            return ""
        return f"; child runs whose results are reused are in run {origin[1]}"

    def describe_children(self) -> list[str]:
        """Return a line that counts the child runs, and one for the run that this is within."""
        lines = describe_counts(self._count_children())
        stored = self._request.stored
        # a fork has the record of the run that it was made from
        if stored is not None and stored.run_id == self.run_id and stored.place:
            lines.append(f"this is a child run: `{stored.place}`")
        return lines

    def _count_children(self) -> list[ChildCount]:
        return [] if self.store is None else count_on_record(self.store, self.run_id)

    def open_children(
        self, is_wanted: Callable[[ChildRow], bool]
    ) -> Iterator[tuple[ChildRow, BaseRun]]:
        """Yield the child runs that are wanted, each with the row that `children` has of it.

        Raises:
            StoreError: The record cannot be read.
        """
        for row in self._child_rows():
            if is_wanted(row):
                yield row, self._open_child(row.run_id)

    def select_logs(
        self, task: str | None, index: int | None, attempt: int | None, level: str | int | None
    ) -> LogSelection:
        """Return which lines the arguments of `logs` select.

        Args:
            task: A task, or its path in child runs: `deploy[3]/ping`, or `deploy/ping` in all.
            index: The index of an item.
            attempt: The number of an attempt.
            level: The level.

        Raises:
            LookupFailed: There is no such task, or no such child run.
            ParameterError: Another argument cannot be used.
        """
        if type(task) is not str or task in self._task_paths:
            return super().select_logs(task, index, attempt, level)
        try:
            step = read_step(self, task)
        except LookupFailed:
            # the message is that of a task
            return super().select_logs(task, index, attempt, level)

        if step.rest:
            child = self._child_of_step(step.task, step.index)
            inner = child.select_logs(step.rest, index, attempt, level)
            return LogSelection(step.task, step.index, inner=inner)
        if index not in (None, step.index):
            raise ParameterError(f"`{task}` names an item, and `index` another one")
        return super().select_logs(step.task, step.index, attempt, level)

    def _child_of_step(self, task: str, index: int | None) -> BaseRun:
        """Return the last child run of an item; without an index that of the first item."""
        if index is None:
            index = min((row.index for row in self._child_rows() if row.task == task), default=0)
        return self.child(task, index)

    def _dated_lines(self, selection: LogSelection) -> DatedLines:
        return FamilyLogs(self, selection).read()

    def is_over(self) -> bool:
        """Return whether no process writes events or lines of the run any more."""
        return self.has_ended

    def _child_rows(self) -> list[ChildRow]:
        return list_children(self.store, self.run_id, ())

    def _open_child(self, run_id: str) -> BaseRun:
        # imported here: `history` imports this module
        history = importlib.import_module("attune_nb.running.history")
        child: BaseRun = history.open_run(run_id, self.store)
        return child

    def timeline(self, ax: Axes | None = None, *, dark: bool | None = None) -> Figure:
        """Draw the executions and attempts over time."""
        from attune_nb.charts import timeline  # noqa: PLC0415 - matplotlib is slow to import

        return timeline(self, ax=ax, dark=dark)

    def graph(self, ax: Axes | None = None, *, dark: bool | None = None) -> Figure:
        """Draw the workflow and the state of each task in this run."""
        from attune_nb.charts import graph  # noqa: PLC0415 - matplotlib is slow to import

        return graph(self, ax=ax, dark=dark)

    def explore(self, path: str | PathLike[str] | None = None, *, dark: bool = False) -> RunPage:
        """Return the run as one interactive page: timeline, graph, items, errors and logs.

        A notebook shows it in an iframe. The page is a single document that loads nothing, so it
        also works in a saved notebook, in a published page and as a file. Of a run in progress it
        shows the state at the time of the call.

        Args:
            path: A file that the page is written to as well; it opens in any browser.
            dark: For a dark page; without it the page follows the theme around it.

        Raises:
            OSError: The file cannot be written.
        """
        from attune_nb.explore.page import build_page  # noqa: PLC0415
        from attune_nb.explore.run_page import RunPage  # noqa: PLC0415 - few need it

        theme: PageTheme | None = None
        if dark:
            theme = "dark"
        page = RunPage(
            build_page(self, theme=theme),
            summary=self._repr_html_(),
            text=repr(self),
            title=f"Run {self.run_id} of {self.workflow_name}",
        )
        if path is not None:
            page.save(path)
        return page

    def nested_workflows(self) -> dict[str, WorkflowView]:
        """Return the workflows that tasks run, by the task's path.

        A run on record does not have the actions that were passed to it. If a workflow was among
        them, it is read from the record of a child run.

        Raises:
            StoreError: A record cannot be read.
        """
        context = binding_context(self._request.options)
        nested_workflows = find_nested_workflows(self.workflow, context)
        workflows = {path: nested for path, _, nested in nested_workflows}
        for row in self._child_rows():
            if row.task not in workflows:
                workflows[row.task] = self._open_child(row.run_id).workflow
        return workflows

    def as_earlier(self) -> EarlierRun:
        """Return the run as the origin of a fork, a retry or a child run."""
        self._earlier_children = None
        return EarlierRun(
            run_id=self.run_id,
            state=self._source.state,
            events=self._log,
            store=self.store,
            code=self._request.code,
            read_events=self._read_events,
            find_child=self._find_earlier_child,
        )

    def _read_events(self, mask: Mask) -> Sequence[Event]:
        """Return the events, with the secrets of a mask in their places."""
        stored = self._request.stored
        if stored is None or self.store is None or not mask:
            return self._log

        from attune_nb.store.reading import events_of  # noqa: PLC0415 - SQLite is slow to import

        return events_of(self.store, stored, mask)

    def _find_earlier_child(self, task: str, visit: int, index: int) -> EarlierRun | None:
        """Return the last child run of an item, for another run that reuses its results."""
        if self._earlier_children is None:
            self._earlier_children = {
                (row.task, row.visit, row.index): row.run_id for row in self._child_rows()
            }
        run_id = self._earlier_children.get((task, visit, index))
        if run_id is None:
            return None
        return self._open_child(run_id).as_earlier()

    def _earlier_parameters(self) -> Mapping[str, Any]:
        """Return the parameters of this run, with the secret ones as far as they are known."""
        return self._request.parameters

    def _changed_request(
        self,
        parameters: Mapping[str, Any] | None,
        workflow: WorkflowView | None,
        changes: RunChanges,
    ) -> RunRequest:
        """Return the request for another run.

        Raises:
            ParameterError: An option does not exist or cannot be used, or something that no
                record holds must be passed again.
        """
        parameters = read_names("parameters", parameters)
        check_workflow(workflow)
        for name in changes:
            if name not in RunChanges.__annotations__:
                hint = nearest(name, RunChanges.__annotations__)
                raise ParameterError(f"there is no option `{name}`{hint}")

        # the readers and the display of this run are not those of the other one
        request = self._request
        observation: Any = {"store": request.observation.store, "name": request.observation.name}
        options: Any = dict(changes)
        for name in OBSERVATION_NAMES:
            if name in options:
                observation[name] = options.pop(name)

        if "actions" not in options:
            options["actions"] = current_actions(request.options.actions)

        new_workflow = request.workflow if workflow is None else workflow
        new_parameters = {} if parameters is None else parameters
        changed = replace(
            request,
            workflow=new_workflow,
            parameters={**self._earlier_parameters(), **new_parameters},
            options=read_options(replace(request.options, **options)),
            observation=ObservationOptions(**observation),
        )
        if changed.stored is not None:
            check_nothing_missing(
                changed.stored,
                changed.parameters,
                changed.options,
                has_workflow=workflow is not None,
            )
        return changed


class Run(BaseRun):
    """One run of a workflow, while it is running and after: `Workflow.run` returns it.

    Attributes:
        run_id: The run's id.
        workflow_name: The name of its workflow.
        store: The file with its record; None if it has none.
    """

    def __init__(
        self,
        run_id: str,
        driver: Driver,
        request: RunRequest,
        scaling: WorkflowScaling,
        notes: Sequence[str] = (),
        store: Path | None = None,
        answers: AdvanceAnswers | None = None,
        record_alerts: Sequence[str] = (),
        artifact_folder: ArtifactFolder | None = None,
        api_notes: Sequence[str] = (),
        logs: LogSource | None = None,
        child_book: ChildBook | None = None,
    ) -> None:
        super().__init__(run_id, driver, request, scaling, notes, store, logs)
        self._driver = driver
        self._child_book = child_book
        # the list grows while the run is recorded
        self._record_alerts = record_alerts
        self._artifact_folder = artifact_folder
        # the list grows, too
        self._api_notes = api_notes
        # the alerts about artifacts, once the run has ended
        self._artifact_alerts: list[str] | None = None
        self._answers = answers if answers is not None else AdvanceAnswers({})
        self.is_handed_back = False

    @property
    def alerts(self) -> list[str]:
        """Notes on things that deserve a look, each one line with advice."""
        packs = self._request.options.packs
        costs = find_process_costs(self._log, self._driver.state.workflow, packs.actions)
        artifact_alerts = self._find_artifact_alerts()
        # an action may need no key after all; if it fails, its message seldom names the key
        api_notes = map(self._mask.text, self._api_notes) if self.failed_tasks() else ()
        return [
            *self._record_alerts,
            *super().alerts,
            *costs,
            *artifact_alerts,
            *api_notes,
            *self._describe_dropped_children(),
        ]

    def _describe_dropped_children(self) -> Iterator[str]:
        """Yield an alert if child runs were dropped."""
        if self._child_book is not None and self._child_book.dropped:
            yield (
                f"{self._child_book.dropped:,} child runs are no longer kept, as the run has no "
                "store; name one (`store=`, `--store`) to keep them all"
            )

    def _count_children(self) -> list[ChildCount]:
        if self.store is not None:
            return super()._count_children()
        return count_by_task(self._child_rows())

    def _child_rows(self) -> list[ChildRow]:
        kept_children: Sequence[KeptChild] = ()
        if self._child_book is not None:
            kept_children = self._child_book.children_of(self._driver)
        return list_children(self.store, self.run_id, kept_children)

    def _open_child(self, run_id: str) -> BaseRun:
        if self._child_book is not None:
            for child in self._child_book.children_of(self._driver):
                if child.run_id == run_id:
                    return self._view_child(child)
        return super()._open_child(run_id)

    def _view_child(self, child: KeptChild) -> Run:
        """Return a child run that this process keeps."""
        return Run(
            child.run_id,
            child.driver,
            request_of(child, self._request, self.store),
            scaling_of(child),
            store=child.store,
            answers=child.prepared.answers,
            record_alerts=child.alerts,
            logs=child.logs,
            child_book=self._child_book,
        )

    def _running_children(self) -> list[tuple[str, Run]]:
        """Return the child runs that have not ended, each with its path in this run."""
        if self._child_book is None:
            return []
        children = self._child_book.running_in(self._driver)
        return [(child.path, self._view_child(child)) for child in children]

    def _find_child_of(self, task: str) -> tuple[Run, str] | None:
        """Return the child run that a path leads into, and the rest of the path; or None."""
        if self._child_book is None:
            return None
        for slash in re.finditer("/", task):
            path = task[: slash.end()]
            child = self._child_book.find_running(self._driver, path)
            if child is not None:
                return self._view_child(child), task.removeprefix(path)
        return None

    def find_child_run(self, run_id: str) -> Run | None:
        """Return a run within this one, at any depth, by its id; None if it has ended."""
        child = None if self._child_book is None else self._child_book.find_by_id(run_id)
        return None if child is None else self._view_child(child)

    def mask_text(self, text: str) -> str:
        """Return a text without the secrets of the run."""
        return self._mask.text(text)

    def _find_artifact_alerts(self) -> list[str]:
        """Return an alert for each artifact that an action has written a secret to."""
        if self._artifact_alerts is not None:
            return self._artifact_alerts
        if not self._mask or self._find_artifact_folder() is None:
            return []

        refs = [artifact.ref for artifact in self.artifacts if artifact.holds_secret()]
        effect = "what is shown of it is hidden, but its file is as the action wrote it"
        alerts = [f"artifact `{ref}` holds a secret: {effect}" for ref in refs]
        if self.has_ended:
            # no file changes any more
            self._artifact_alerts = alerts
        return alerts

    @property
    def _now(self) -> float:
        """The seconds from the run's start to its end; to now while it is in progress."""
        if self.has_ended or self.status in ("pending", "paused"):
            return super()._now
        return self._driver.clock()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds, and return whether the run has ended."""
        return self._driver.ended.wait(timeout)

    def __await__(self) -> Generator[Any, None, Self]:
        """Wait for the end in a cell or a coroutine, and return the run."""
        import asyncio  # noqa: PLC0415 - slow to import

        while not self.wait(0.0):
            yield from asyncio.sleep(_POLL).__await__()
        return self

    def cancel(self, *, force: bool = False, reason: str = "", by: str = "") -> None:
        """Stop the run. Running attempts continue to their end unless `force` stops them too.

        Args:
            force: Whether to stop running attempts, too.
            reason: Why, for the record and the message of the run.
            by: Who asks, if it is not this program itself.
        """
        self._driver.cancel(reason, force=force, by=by)

    def pause(self, *, by: str = "") -> None:
        """Start no more attempts; running attempts continue to their end.

        Delays and timeouts continue. A run that has ended, or is being cancelled, is not changed.

        Args:
            by: As in `cancel`.
        """
        self._driver.pause(by=by)

    def resume(self, *, by: str = "") -> None:
        """Continue a paused run.

        Args:
            by: As in `cancel`.
        """
        self._driver.resume(by=by)

    def answer(
        self,
        task: str,
        value: Any,
        *,
        by: str | None = None,
        visit: int | None = None,
        inquiry: int | None = None,
    ) -> None:
        """Answer the question of a `core.ask` task.

        A run that was paused as unattended continues.

        Args:
            task: The task; `parallel/name` for one within a parallel task.
            value: The answer.
            by: Who answers, for the record; by default the user of this process.
            visit: The number of the execution of the task, if several have an open question; by
                default the first one.
            inquiry: The id of the inquiry, if the task's action has opened several; by default
                the first open one.

        Raises:
            ParameterError: The answer does not fit the question's schema, or contains itself.
            LookupFailed: The task has no open question.
        """
        questions = self.questions
        for question in self._own_questions():
            if question.task != task or visit not in (None, question.visit):
                continue
            if inquiry in (None, question.inquiry):
                self._answer_question(question, value, by)
                return

        child_task = self._find_child_of(task)
        if child_task is not None:
            child, path = child_task
            child.answer(path, value, by=by, visit=visit, inquiry=inquiry)
            if self.pause_reason == UNATTENDED:
                self._driver.resume()
            return

        names = []
        for question in questions:
            number = f" (inquiry {question.inquiry})" if question.inquiry else ""
            names.append(f"`{question.task}`{number}")
        if not names:
            names = ["none"]
        raise LookupFailed(
            f"task `{task}` has no open question; tasks that wait for an answer: {', '.join(names)}"
        )

    def _answer_question(self, question: AskOpened, value: Any, by: str | None) -> None:
        if by is None:
            by = user_name()
        schema = question.response_schema
        value = value_for(value, schema)
        self._driver.answer(
            question.task, question.visit, value, schema, by=by, inquiry=question.inquiry
        )
        if self.pause_reason == UNATTENDED:
            self._driver.resume()

    def rerun(self, task: str, index: int | None = None, *, by: str = "") -> None:
        """Make an attempt in doubt again; without an index, all those of a task.

        Args:
            task: The task.
            index: The index of the item.
            by: As in `cancel`.

        Raises:
            LookupFailed: No such attempt is in doubt.
        """
        child_task = self._find_child_of(task)
        if child_task is not None:
            child, path = child_task
            child.rerun(path, index, by=by)
            return
        for doubt in self._find_doubts(task, index):
            self._driver.rerun(doubt.task, doubt.visit, doubt.index, by=by)

    def accept(self, task: str, result: Any, index: int | None = None, *, by: str = "") -> None:
        """Record the result of an attempt in doubt that did run.

        Args:
            task: The task.
            result: The result.
            index: The index of the item.
            by: As in `cancel`.

        Raises:
            LookupFailed: No such attempt is in doubt, or several are and there is no index.
            ParameterError: The result contains itself.
        """
        child_task = self._find_child_of(task)
        if child_task is not None:
            child, path = child_task
            child.accept(path, result, index, by=by)
            return

        doubts = self._find_doubts(task, index)
        if len(doubts) > 1:
            indexes = ", ".join(str(doubt.index) for doubt in doubts[:_MAX_NAMES])
            raise LookupFailed(
                f"several items of `{task}` are in doubt ({indexes}); pass the index of one"
            )

        (doubt,) = doubts
        self._driver.accept(doubt.task, doubt.visit, doubt.index, doubt.attempt, result, by=by)

    @property
    def has_only_questions(self) -> bool:
        """Whether only questions are open: all actions that run wait for an answer."""
        if not self._driver.has_only_questions and not self._has_only_asking_actions():
            return False

        # an answer may wait for the engine
        return not self.has_unprocessed_answer()

    def has_unprocessed_answer(self) -> bool:
        """Return whether the engine has not processed an answer, also of a child run."""
        if any(map(self._source.state.is_open, self._driver.answered)):
            return True
        return any(child.has_unprocessed_answer() for _, child in self._running_children())

    def _has_only_asking_actions(self) -> bool:
        """Return whether every task that runs has an action that waits for an answer."""
        state = self._source.state
        asking = set()
        for inquiry_id in list(self._driver.awaited_inquiries):
            inquiry = state.inquiries.get(inquiry_id)
            if inquiry is not None and inquiry.status == "pending":
                asking.add((inquiry.task, inquiry.visit))
        if not asking:
            return False

        for key, execution in state.executions.items():
            is_parallel = state.workflow.task(execution.task).type == "parallel"
            if execution.outcome is not None or is_parallel:
                continue
            if execution.status != "waiting" and key not in asking:
                return False
        return True

    def is_awaited_by_action(self, question: AskOpened) -> bool:
        """Return whether the action that asks a question waits for the answer while it runs."""
        if self._find_child_of(question.task) is not None:
            # an action of a child run asks nothing
            return False
        return question.inquiry in self._driver.awaited_inquiries

    @property
    def questions(self) -> list[AskOpened]:
        """The questions that wait for an answer; a child run's with the path: `deploy[3]/ask`."""
        questions = self._own_questions()
        for path, child in self._running_children():
            for question in child.questions:
                questions.append(msgspec.structs.replace(question, task=path + question.task))
        return questions

    @property
    def in_doubt(self) -> list[Doubt]:
        """As in every run; attempts of a child run with the path: `deploy[3]/charge`."""
        doubts = super().in_doubt
        for path, child in self._running_children():
            for doubt in child.in_doubt:
                doubts.append(msgspec.structs.replace(doubt, task=path + doubt.task))
        return doubts

    def _own_questions(self) -> list[AskOpened]:
        """Return the questions of this run that wait for an answer."""
        state = self._source.state
        if not state.ask_tasks and not state.inquiries:
            return []

        answered = self._driver.answered
        return [question for question in super().questions if question.key not in answered]

    def pause_for_questions(self, *, at_once: bool = False) -> None:
        """Pause the run, as no person answers its questions.

        Args:
            at_once: Pause it also if more than questions is open.
        """
        self._driver.pause_for_questions(UNATTENDED, at_once=at_once)

    def handled_timeout(self, question: AskOpened) -> float | None:
        """Return the seconds after which the workflow goes on if a question is not answered.

        It is None if the question has no timeout, or if no transition tests for `timed_out()`.
        """
        child_task = self._find_child_of(question.task)
        if child_task is not None:
            child, path = child_task
            return child.handled_timeout(msgspec.structs.replace(question, task=path))

        state = self._source.state
        waiting_task = state.workflow.task(question.task)
        timeout = waiting_task.timeout
        if question.inquiry:
            timeout = state.inquiries[question.inquiry].timeout
            task = self._find_waiting_task(question.inquiry)
            if task is None:
                return None
            waiting_task = task

        for transition in waiting_task.next:
            if transition.when is None:
                continue
            if any(name == "timed_out" for name, _ in transition.when.calls):
                return timeout
        return None

    def _find_waiting_task(self, inquiry: int) -> Task | None:
        """Return the first task that waits for an inquiry, or None if none does."""
        state = self._source.state
        for execution in state.executions.values():
            if execution.inquiry == inquiry and execution.status == "waiting":
                return state.workflow.task(execution.task)
        return None

    @property
    def answer_problems(self) -> Mapping[QuestionKey, str]:
        """The reason why an answer passed in advance was not used, by the question."""
        problems = dict(self._answers.problems)
        for path, child in self._running_children():
            for (task, visit, inquiry), problem in child.answer_problems.items():
                problems[path + task, visit, inquiry] = problem
        return problems

    def note_failed_reader(self, failure: StoreError | str) -> None:
        """Add an alert that a reader of the events failed: the record, or a display."""
        if isinstance(failure, StoreError):
            self._notes.append(f"the run is not wholly on record: {failure}")
            self.store = None
        else:
            self._notes.append(f"a reader of the run failed and was removed: {failure}")

    def _find_doubts(self, task: str, index: int | None) -> list[Doubt]:
        doubts = [doubt for doubt in self.in_doubt if doubt.task == task]
        if index is not None:
            doubts = [doubt for doubt in doubts if doubt.index == index]
        if doubts:
            return doubts

        names = [f"`{doubt.task}` {doubt.index}" for doubt in self.in_doubt[:_MAX_NAMES]]
        if not names:
            names = ["nothing"]
        raise LookupFailed(f"no such attempt of `{task}` is in doubt; in doubt: {', '.join(names)}")


def start_run(request: RunRequest, interrupts: HeldInterrupts | None = None) -> Run:
    """Run a workflow from its start.

    Args:
        request: The run.
        interrupts: As in `execute_plan`.

    Raises:
        AttuneError: The workflow, its parameters or an option cannot be used.
    """
    return execute_plan(lambda: plan_run(request), interrupts)


def execute_plan(make_plan: Callable[[], RunPlan], interrupts: HeldInterrupts | None = None) -> Run:
    """Start or continue a run; unless it is in the background, wait for its end.

    The run is kept from its start on, so that `last_run` returns it if an interrupt ends the wait.

    Args:
        make_plan: Prepares the run.
        interrupts: Those that the caller holds; by default they are held from now on.

    Raises:
        AttuneError: The run cannot be prepared, or the store or the backend cannot be used.
    """
    if interrupts is None:
        with HeldInterrupts() as held_interrupts:
            return execute_plan(make_plan, held_interrupts)

    run = _execute(make_plan(), interrupts)
    # a run that an interrupt cancelled is kept, also by one that comes just now, and one whose
    # last events are not on record yet
    if run.wait(0.0) and run.status != "cancelled":
        interrupts.at_end = partial(LATEST.release, run)
    return run


def _execute(plan: RunPlan, interrupts: HeldInterrupts) -> Run:
    session = plan.prepared.pack_session
    try:
        engine = assemble_engine(plan)
    except BaseException:
        if session is not None:
            session.close()
        raise

    artifact_folder = None
    api_notes: Sequence[str] = ()
    if session is not None:
        artifact_folder = session.artifact_folder
        api_notes = session.notes
    run = Run(
        plan.run_id,
        engine.driver,
        plan.request,
        engine.scaling,
        plan.notes,
        engine.store,
        plan.prepared.answers,
        engine.record_alerts,
        artifact_folder,
        api_notes,
        engine.logs,
        engine.child_book,
    )
    engine.driver.on_reader_failure(run.note_failed_reader)
    LATEST.keep(run)
    try:
        drive_run(run, engine, plan, interrupts)
        interrupts.raise_held()
    except KeyboardInterrupt:
        # the wait itself takes an interrupt; this is another one, or one just before or after it
        run.cancel(force=True)
        run.wait(GRACE)
        raise
    return run

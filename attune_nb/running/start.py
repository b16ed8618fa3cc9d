"""A run under way: what begins it, who watches it, and the `Run` that a user holds."""

from __future__ import annotations

import hashlib
import logging
import threading
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from attune_nb.display.outputs import open_display
from attune_nb.errors import BackendError, LookupFailed, ParameterError, StoreError, nearest
from attune_nb.results import run as results
from attune_nb.results.scaling import Past, Record
from attune_nb.running.prepare import prepared, refuse_unless_map, refuse_unless_workflow
from attune_nb.running.record import recorder, refuse_missing
from attune_nb.running.request import _MANNER, Begun, Changes, Manner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.conductor.recovery import Recovered
    from attune_nb.display.outputs import Display
    from attune_nb.engine.driver import Driver
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.results.scaling import Taken
    from attune_nb.running.prepare import Prepared
    from attune_nb.running.request import Done
    from attune_nb.store.claims import Claim

__all__ = ["Run", "begin", "carry"]

_log = logging.getLogger("attune_nb")
GRACE = 1.5  # seconds that an interrupt waits for attempts under way
_past = Record()  # of the runs of this process


class Run(results.Run):
    """One run of a workflow, with its picture, and the runs that can be made of it."""

    _begun: Begun | None = None

    def fork(
        self,
        at: str,
        parameters: Mapping[str, Any] | None = None,
        workflow: WorkflowSpec | None = None,
        **options: Unpack[Changes],
    ) -> Run:
        """Run a task and what it leads to once more, with all the rest as it was in this run.

        What is reused is shared, not copied. A task that is reused although it, or a parameter
        that it reads, has changed is told of in the new run's `alerts`.

        Args:
            at: The task; `parallel/name` for one within a parallel task.
            parameters: Those that are to be others.
            workflow: The workflow, where it was edited.
            options: As in `Workflow.run`; by default as this run began.

        Raises:
            LookupFailed: There is no such task, or it does not come to run.
            ParameterError: Something is to be given again: no record holds it.
            StoreError: The store cannot be used.
            WorkflowError: An action does not exist or does not take the task's input.
        """
        from attune_nb.running import fork as forking  # noqa: PLC0415 - it makes runs

        begun = self._changed(parameters, workflow, options)
        return forking.fork(*forking.with_secrets(self._done(), begun), at)

    def retry(
        self,
        *,
        failed_only: bool = True,
        parameters: Mapping[str, Any] | None = None,
        workflow: WorkflowSpec | None = None,
        **options: Unpack[Changes],
    ) -> Run:
        """Run again what failed: of a task with items, those that did not succeed.

        Args:
            failed_only: False runs everything again.
            parameters: As in `fork`, as are those that follow.
            workflow: The workflow, where it was edited.
            options: As in `Workflow.run`.

        Raises:
            LookupFailed: Nothing has failed.
            AttuneError: As in `fork`.
        """
        from attune_nb.running import fork as forking  # noqa: PLC0415 - as above

        begun = self._changed(parameters, workflow, options)
        done, begun = forking.with_secrets(self._done(), begun)
        return forking.retry(done, begun, failed_only=failed_only)

    def _done(self) -> Done:
        from attune_nb.running.request import Done  # noqa: PLC0415

        code = self._begun.code if self._begun is not None else {}
        return Done(self.run_id, self._engine.state, self._log, self.store, code)

    def _changed(
        self, parameters: Mapping[str, Any] | None, workflow: WorkflowSpec | None, changes: Changes
    ) -> Begun:
        if self._begun is None:
            raise LookupFailed("nobody knows what this run was begun with")
        refuse_unless_map("parameters", parameters)
        refuse_unless_workflow(workflow)
        begun, given = self._begun, dict(changes)
        known = Changes.__annotations__
        odd = next((name for name in given if name not in known), None)
        if odd is not None:
            raise ParameterError(f"there is no option `{odd}`{nearest(odd, known)}")
        # who watches the one run does not watch the other
        manner: Any = {"store": begun.manner.store, "name": begun.manner.name}
        manner |= {name: given.pop(name) for name in _MANNER if name in given}
        options: Any = given
        begun = replace(
            begun,
            workflow=workflow or begun.workflow,
            parameters={**begun.parameters, **(parameters or {})},
            options=replace(begun.options, **options),
            manner=Manner(**manner),
        )
        if begun.stored is not None:
            refuse_missing(
                begun.stored,
                begun.parameters,
                begun.options,
                has_workflow=workflow is not None,
            )
        return begun

    def timeline(self, ax: Axes | None = None, *, dark: bool = False) -> Figure:
        """Draw what ran when."""
        from attune_nb.charts import timeline  # noqa: PLC0415 - matplotlib is heavy

        return timeline(self, ax=ax, dark=dark)

    def graph(self, ax: Axes | None = None, *, dark: bool = False) -> Figure:
        """Draw how far the run has come in its workflow."""
        from attune_nb.charts import graph  # noqa: PLC0415 - as above

        return graph(self, ax=ax, dark=dark)


def begin(begun: Begun, parameters: Mapping[str, Any]) -> Run:
    """Run a workflow from its start.

    Raises:
        AttuneError: What was asked for does not fit.
    """
    ready = prepared(begun.workflow, parameters, begun.options)
    run_id = uuid.uuid4().hex[:12]
    begun = replace(begun, parameters=ready.given, code=ready.code)
    return carry(begun, run_id, ready)


def carry(
    begun: Begun,
    run_id: str,
    ready: Prepared,
    past: Recovered | None = None,
    claim: Claim | None = None,
    told: Sequence[str] = (),
) -> Run:
    """Begin a run, or go on with one; unless it is in the background, wait for its end.

    Args:
        begun: What it is begun with.
        run_id: Its id.
        ready: What was prepared for it.
        past: What is known to have happened, where it is not begun anew.
        claim: The right to write to its record, where it has one.
        told: What is worth a look, from before it began.
    """
    workflow, manner, options = begun.workflow, begun.manner, begun.options
    called = manner.name or workflow.name
    written = past.events[: claim.written] if past is not None and claim is not None else []
    alike = _alike(begun, ready.parameters)
    record = recorder(
        manner.store, workflow, (run_id, called), options, ready, claim, written, alike
    )
    shown = manner.progress() if callable(manner.progress) else open_display(manner.progress)
    growth = _growth_of(alike, called, record.path if record else None)
    growth_reader = growth.reader()
    driver = ready.driver(
        [
            *([record.read] if record else []),
            *manner.readers,
            *([shown.read] if shown else []),
            growth_reader,
        ]
    )
    if record:
        record.on_failure(lambda why: driver.cancel(why, force=True))
        driver.announce = record.intend
    run = Run(run_id, called, [task.name for task in workflow.tasks], driver, growth, told)
    run._begun = begun  # noqa: SLF001 - this is the function that makes one
    run.store = record.path if record else None
    go = _go(driver, run_id, called, ready.parameters)
    if past is not None:
        driver.restore(past, written=len(written), full_time=claim is None)
        go = driver.continue_run
        growth_reader(written)
        if shown:
            shown.read(written)
    if shown:
        shown.attach(run, background=manner.background)
    here = options.backend == "inline" and not manner.background and not (past and past.in_doubt)
    _start(run, go, shown, here=here)
    if not manner.background and not here:
        _wait(run, shown)
    return run


def _go(driver: Driver, run_id: str, name: str, parameters: Any) -> Callable[[], None]:
    return lambda: driver.run(run_id, name, parameters)


def _start(run: Run, go: Callable[[], None], shown: Display | None, *, here: bool) -> None:
    """Let the engine go: in this thread, or in one of its own."""
    if here:
        try:
            go()
        except KeyboardInterrupt:
            return  # the driver has recorded the run as cancelled; the partial Run is there
        return
    thread = threading.Thread(
        target=_carry, args=(go, run.run_id), name=f"attune {run.run_id}", daemon=True
    )
    try:
        thread.start()
    except RuntimeError as error:
        if shown:
            shown.drop()
        told = f"the system gives no thread for the run ({error}); use the inline backend"
        raise BackendError(told) from None


def _carry(go: Callable[[], None], run_id: str) -> None:
    """Carry a run in a thread of its own; an engine that breaks is told in the log and the Run."""
    try:
        go()
    except BaseException:  # noqa: BLE001 - logged, and the Run says so
        _log.exception("the engine of run %s failed", run_id)


def _alike(begun: Begun, values: Mapping[str, Any]) -> dict[str, Any]:
    """Give what tells whether two runs may be compared: plain parameters, tasks, actions."""
    tasks = {
        path: f"{_digest(repr(task))} {begun.code.get(path)}"
        for path, task in begun.workflow.walk()
        if task.with_items is not None
    }
    plain = (str, int, float, bool, type(None))
    given = sorted((key, each) for key, each in values.items() if isinstance(each, plain))
    return {"given": _digest(repr(given)), "tasks": tasks}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _growth_of(alike: Mapping[str, Any], name: str, store: Path | None) -> Past:
    """Give the past of what is run: from the store, where it is on record."""

    def earlier() -> list[Taken]:
        from attune_nb.store.reading import taken_by  # noqa: PLC0415 - SQLite takes its time

        try:
            return taken_by(store, name, alike) if store is not None else []
        except StoreError:
            return []  # the run has been told of what is wrong with it

    past = earlier if store is not None else None
    return _past.of(name, alike["tasks"], alike["given"], past)


def _wait(run: Run, shown: Display | None) -> None:
    """Wait for the end; an interrupt cancels, and waits no longer than a moment.

    A notebook's cell that blocks hears no answer, so a run that has nothing left but questions
    hands it back, and goes on in the background. So does, anywhere, one with attempts in doubt,
    and one whose backend is gone.
    """
    hears = shown is not None and shown.hears_answers
    try:
        while not run.wait(0.2) and not (
            (hears and run.has_only_questions) or run.in_doubt or run.pause_reason
        ):
            pass
    except KeyboardInterrupt:
        _stop(run)
    if shown is not None and not run.has_ended:
        shown.attach(run, background=True)


def _stop(run: Run) -> None:
    """Cancel, and then give up on what is under way; a second interrupt waits no more."""
    try:
        run.cancel()
        if not run.wait(GRACE):
            run.cancel(force=True)
            run.wait(GRACE)
    except KeyboardInterrupt:
        run.cancel(force=True)
        run.wait(0.2)

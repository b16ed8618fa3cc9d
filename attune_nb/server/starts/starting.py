"""Runs that a server starts: each is a process of its own, which goes on without the server."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.errors import WorkflowError
from attune_nb.html import printable
from attune_nb.running.new_run_id import new_run_id
from attune_nb.server.starts.marks import find_live_runs, read_mark
from attune_nb.server.starts.options import CodeOptions
from attune_nb.server.starts.process import StartCommand, start_process
from attune_nb.server.starts.values import check_secrets, encode_values, read_values
from attune_nb.server.starts.workflow_files import confine
from attune_nb.server.web.problems import StartRefused, problems_of_text
from attune_nb.store.database import connected
from attune_nb.store.output_files import prune_outputs
from attune_nb.store.reading import ENDED, has_run, run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.errors import Problem
    from attune_nb.running.workflow import Workflow
    from attune_nb.server.starts.options import RepeatOptions, StartOptions
    from attune_nb.store.reading import StoredRun

__all__ = ["Started", "Starter"]

# seconds that a request waits for an earlier one with the same id
_PATIENCE = 60.0
_LOOK = 0.05

_NO_CODE = CodeOptions()

# characters of a path in a message
_MAX_PATH = 200


class Started(NamedTuple):
    """A run that was started.

    Attributes:
        run_id: The run's id.
        is_new: Whether this request has started it, and not an earlier one with the same id.
        is_recorded: Whether its record has begun.
    """

    run_id: str
    is_new: bool = True
    is_recorded: bool = True


class Starter:
    """Starts runs. All methods may block for seconds; several threads may call them.

    Args:
        root: The folder with the workflow files, without links.
        store: The store of new runs.
        stores: Returns the files of all stores of the server.
        code: The code that the runs may use.
        most_started: The most runs that are alive at the same time.
    """

    def __init__(
        self,
        root: Path,
        store: Path,
        stores: Callable[[], Sequence[Path]],
        *,
        code: CodeOptions = _NO_CODE,
        most_started: int = 8,
    ) -> None:
        self._root = root
        self._store = store.absolute()
        self._stores = stores
        self._code = code
        self._most_started = most_started

        self._lock = threading.Lock()
        # the ids of the runs that are being started
        self._pending: set[str] = set()
        self._is_closed = threading.Event()

    def close(self) -> None:
        """End all waits, as the server ends. The processes go on."""
        self._is_closed.set()

    def start(
        self,
        file: str,
        *,
        parameters: Mapping[str, Any],
        entered: Mapping[str, Any] | None = None,
        options: StartOptions,
        run_id: str | None = None,
        actor: str = "",
    ) -> Started:
        """Start a run of a workflow file; return once its record has begun.

        Args:
            file: The path of the file below the root.
            parameters: The values of parameters by name.
            entered: The entries of the form, by the names of its fields; see `forms.entries`.
            options: Further options.
            run_id: The id of the new run. If an earlier request has started it, nothing is done.
            actor: Who asks for it, for the log.

        Raises:
            StartRefused: 404: there is no such file. 409: another run has the id. 422: the
                workflow, a parameter or an option cannot be used. 429: too many runs are alive.
            StoreError: The store cannot be read, or the log cannot be written.
        """
        path = confine(self._root, file)
        if path is None:
            raise StartRefused(
                404, f"there is no workflow file `{printable(file[:_MAX_PATH])}` here"
            )

        def is_same(stored: StoredRun) -> bool:
            return stored.source.name == str(path)

        if run_id is not None and self._was_started(self._store, run_id, is_same):
            return Started(run_id, is_new=False)

        words = options.words()
        workflow = self._load(path)
        values = read_values(workflow, parameters, entered)
        chosen_id = new_run_id() if run_id is None else run_id
        command = StartCommand(
            store=self._store,
            run_id=chosen_id,
            python=self._code.python,
            words=["run", str(path), "--run-id", chosen_id, *words, *self._code.words()],
            folder=path.parent,
            parameters=encode_values(values),
            is_new=True,
            actor=actor,
            has_begun=lambda: _has_run(self._store, chosen_id),
        )
        return self._carry_out(command, is_same)

    def resume(
        self,
        store: Path,
        run_id: str,
        *,
        parameters: Mapping[str, Any],
        options: RepeatOptions,
        actor: str = "",
    ) -> Started:
        """Continue an interrupted run; return once its new process has claimed it.

        Args:
            store: The store with the run.
            run_id: The run's id.
            parameters: The parameters that no record holds: the secret ones.
            options: Options in place of those of the run.
            actor: Who asks for it, for the log.

        Raises:
            StartRefused: 409: it is not interrupted. 422: a secret parameter is missing, or
                something else cannot be used. 429: too many runs are alive.
            StoreError: The store cannot be read, or the log cannot be written.
        """
        stored = _outermost_run(store, run_id)
        if stored.status != "interrupted" or read_mark(store, run_id) is not None:
            raise StartRefused(409, _explain_no_resume(stored))

        words = options.words()
        check_secrets(stored, parameters)
        owner = _owner_of(store, run_id)
        command = StartCommand(
            store=store.absolute(),
            run_id=run_id,
            python=self._code.python,
            words=["resume", run_id, *words, *self._code.words()],
            folder=self._folder_of(stored),
            parameters=encode_values(parameters),
            is_new=False,
            actor=actor,
            has_begun=lambda: _owner_of(store, run_id) != owner,
        )
        return self._carry_out(command)

    def retry(
        self,
        store: Path,
        run_id: str,
        *,
        parameters: Mapping[str, Any],
        options: RepeatOptions,
        new_id: str | None = None,
        actor: str = "",
    ) -> Started:
        """Start a run that repeats the tasks and items that have failed in another one.

        Args:
            store: The store with that run.
            run_id: The id of that run.
            parameters: Changed parameters, and the secret ones.
            options: Options in place of those of that run.
            new_id: The id of the new run. If an earlier request has started it, nothing is done.
            actor: Who asks for it, for the log.

        Raises:
            StartRefused: 409: the run has not ended, or another one has the id. 422: nothing has
                failed, or something cannot be used. 429: too many runs are alive.
            StoreError: The store cannot be read, or the log cannot be written.
        """

        def is_same(stored: StoredRun) -> bool:
            return stored.options.get("origin") == f"retry of {run_id}"

        if new_id is not None and self._was_started(store, new_id, is_same):
            return Started(new_id, is_new=False)

        stored = _outermost_run(store, run_id)
        if stored.status not in ENDED:
            raise StartRefused(
                409, f"run {run_id} is {stored.status}; its failures are known when it ends"
            )
        words = options.words()
        check_secrets(stored, parameters)
        chosen_id = new_run_id() if new_id is None else new_id
        command = StartCommand(
            store=store.absolute(),
            run_id=chosen_id,
            python=self._code.python,
            words=["retry", run_id, "--run-id", chosen_id, *words, *self._code.words()],
            folder=self._folder_of(stored),
            parameters=encode_values(parameters),
            is_new=True,
            actor=actor,
            has_begun=lambda: _has_run(store, chosen_id),
        )
        return self._carry_out(command, is_same)

    def live_runs(self) -> set[str]:
        """Return the ids of the runs of these stores that are alive and were started by servers."""
        run_ids: set[str] = set()
        for store in {self._store, *self._stores()}:
            run_ids.update(find_live_runs(store))
        return run_ids

    def _load(self, path: Path) -> Workflow:
        """Load and check a workflow.

        Raises:
            StartRefused: 422, with its problems.
        """
        from attune_nb.running.workflow import load_file  # noqa: PLC0415 - a server starts without it

        try:
            workflow = load_file(path)
        except WorkflowError as error:
            raise _refuse_workflow(path, error.problems) from None

        if self._code.is_empty:
            # otherwise the process checks the actions: their code has no place in the server
            problems = [problem for problem in workflow.check() if problem.severity == "error"]
            if problems:
                raise _refuse_workflow(path, problems)
        return workflow

    def _folder_of(self, stored: StoredRun) -> Path:
        """Return the folder of the file that a run came from, if it is below the root."""
        path = Path(stored.source.name)
        with suppress(OSError, ValueError):
            if path.is_absolute() and path.is_relative_to(self._root) and path.parent.is_dir():
                return path.parent
        return self._root

    def _was_started(self, store: Path, run_id: str, is_same: Callable[[StoredRun], bool]) -> bool:
        """Return whether an earlier request has started a run; wait while one is about to.

        Args:
            store: The store of the run.
            run_id: The run's id.
            is_same: Returns whether a run on record is the one that is asked for.

        Raises:
            StartRefused: 409: it is another run.
        """
        end = time.monotonic() + _PATIENCE
        while run_id in self._pending and time.monotonic() < end:
            if self._is_closed.wait(_LOOK):
                break

        if not _has_run(store, run_id):
            return run_id in self._pending or read_mark(store, run_id) is not None
        if not is_same(run_of(store, run_id, damaged=True)):
            raise StartRefused(409, f"there is another run `{run_id}`; choose another id")
        return True

    def _carry_out(
        self, command: StartCommand, is_same: Callable[[StoredRun], bool] | None = None
    ) -> Started:
        """Start the process of a command, and wait until it has begun.

        Raises:
            StartRefused: 409: it is being started. 422: it did not begin. 429: too many are alive.
            StoreError: The log cannot be written.
        """
        run_id = command.run_id
        with self._lock:
            is_pending = run_id in self._pending
            if not is_pending:
                self._check_count()
                self._pending.add(run_id)
        if is_pending:
            if is_same is not None and self._was_started(command.store, run_id, is_same):
                return Started(run_id, is_new=False)
            raise StartRefused(409, f"run {run_id} is being started by another request")

        try:
            prune_outputs(command.store, keep=self.live_runs())
            is_recorded = start_process(command, self._is_closed)
            return Started(run_id, is_recorded=is_recorded)
        finally:
            self._pending.discard(run_id)

    def _check_count(self) -> None:
        """Check that another run may be started.

        Raises:
            StartRefused: 429: too many are alive.
        """
        live = self.live_runs() | self._pending
        if len(live) >= self._most_started:
            raise StartRefused(
                429,
                f"{len(live)} runs that were started here are alive, and no more are allowed "
                "(`c.AttuneApp.most_started`); wait until one ends, or cancel one",
            )


def _refuse_workflow(path: Path, problems: Sequence[Problem]) -> StartRefused:
    replies = problems_of_text(problems)
    count = len(problems)
    heading = f"{path.name} cannot run"
    if count == 1:
        message = f"{heading}: {replies[0].message}"
    else:
        message = f"{heading}, as it has {count:,} problems"
    return StartRefused(422, message, replies)


def _outermost_run(store: Path, run_id: str) -> StoredRun:
    """Return a run on record.

    Raises:
        StartRefused: 409: it is a part of another run.
        StoreError: The record cannot be read.
    """
    stored = run_of(store, run_id)
    if stored.parent:
        raise StartRefused(
            409, f"run {run_id} is a part of run {stored.parent}; resume or retry that one"
        )
    return stored


def _explain_no_resume(stored: StoredRun) -> str:
    run_id = stored.run_id
    if stored.status in ENDED:
        status = stored.status.replace("_", " ")
        return f"run {run_id} has ended ({status}); a retry runs its failures again"
    if stored.status == "paused":
        return f"run {run_id} is paused, and its process is alive: send it the command `resume`"
    return f"run {run_id} is under way"


def _has_run(store: Path, run_id: str) -> bool:
    """Return whether a store, which may not exist yet, has a run.

    Raises:
        StoreError: The store cannot be read.
    """
    return store.exists() and has_run(store, run_id)


def _owner_of(store: Path, run_id: str) -> str:
    """Return the token of the process that writes a run's record.

    Raises:
        StoreError: The store cannot be read.
    """
    with connected(store) as connection:
        statement = "SELECT owner FROM runs WHERE run_id = ?"
        row = connection.execute(statement, (run_id,)).fetchone()
    return "" if row is None else str(row[0])

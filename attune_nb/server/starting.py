"""Runs that a server starts: each is a process of its own, which goes on without the server.

The process is `attune-nb run`, `resume` or `retry`. It leads a session of its own, so no signal of
the server's terminal reaches it. It gets its parameters by standard input, where `ps` does not show
them, and writes all its output to a file beside the store.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attune_nb.errors import AttuneError, ParameterError, WorkflowError
from attune_nb.forms.entries import read_entries
from attune_nb.forms.fields import fields_of_parameters
from attune_nb.html import printable
from attune_nb.language.parameter_specs import (
    bind,
    explain_misfit,
    required_names,
    specs_by_name,
)
from attune_nb.running.new_run_id import new_run_id
from attune_nb.running.prepare import BACKENDS
from attune_nb.running.workflow import load_file
from attune_nb.server.problems import problems_by_field, problems_of_text
from attune_nb.server.start_marks import find_live_runs, read_mark, remove_mark, write_mark
from attune_nb.server.workflow_files import confine
from attune_nb.store.database import connected
from attune_nb.store.output_files import (
    open_output,
    output_path,
    prune_outputs,
    read_output,
    remove_outputs,
)
from attune_nb.store.reading import ENDED, has_run, run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.errors import Problem
    from attune_nb.running.workflow import Workflow
    from attune_nb.server.problems import ProblemReply
    from attune_nb.store.reading import StoredRun

__all__ = ["RepeatOptions", "StartOptions", "StartRefused", "Started", "Starter"]

# seconds that a start waits for the first row of the run; a cluster may take longer to connect
_PATIENCE = 20.0
_LOOK = 0.05

# characters of the output of a process that could not start its run
_MAX_MESSAGE = 4000

# exit status of `attune-nb` after wrong usage, or with a workflow that cannot run
_REFUSED = 2

# variables of Jupyter, and words in those that a run must not get
_JUPYTER = ("JUPYTER", "JPY_", "CONFIGPROXY_")
_SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "COOKIE")


class RepeatOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of a resumed or retried run. What is left out is as in that run.

    Attributes:
        backend: Where attempts run.
        workers: The threads for a task, or the worker processes.
        concurrency: Overrides the concurrency of every task.
    """

    backend: str | None = None
    workers: int | None = None
    concurrency: int | None = None

    def words(self) -> list[str]:
        """Return the options as words of the command line.

        Raises:
            StartRefused: 422: one cannot be used.
        """
        words = []
        if self.backend is not None:
            if self.backend not in BACKENDS:
                names = ", ".join(f"`{name}`" for name in BACKENDS)
                message = f"there is no backend `{printable(self.backend[:60])}`; there are {names}"
                raise StartRefused(422, message, problems_by_field({"backend": message}))
            words += ["--backend", self.backend]
        for name, number in (("workers", self.workers), ("concurrency", self.concurrency)):
            if number is None:
                continue
            if number < 1:
                message = f"`{name}` must be an integer of 1 or more, not {number}"
                raise StartRefused(422, message, problems_by_field({name: message}))
            words += [f"--{name}", str(number)]
        return words


class StartOptions(RepeatOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of a new run, as those of `attune-nb run`. What is left out is as there.

    Attributes:
        backend: Where attempts run.
        workers: The threads for a task, or the worker processes.
        concurrency: Overrides the concurrency of every task.
        dry_run: Whether the workflow runs without its actions.
    """

    dry_run: bool = False

    def words(self) -> list[str]:
        """Return the options as words of the command line.

        Raises:
            StartRefused: 422: one cannot be used.
        """
        words = super().words()
        if self.dry_run:
            words.append("--dry-run")
        return words


class StartRefused(AttuneError):  # noqa: N818 - pairs with `CommandRefused`
    """A run is not started.

    Args:
        status: The status of HTTP.
        message: The reason, and the remedy.
        problems: Single faults.
    """

    def __init__(self, status: int, message: str, problems: Sequence[ProblemReply] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.problems = tuple(problems)


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


class _Command(NamedTuple):
    """A command that runs a workflow.

    Attributes:
        store: The store of the run.
        run_id: The run's id.
        words: The words after `attune-nb`.
        folder: The current folder of the process.
        parameters: The parameters as JSON, for standard input.
        is_new: Whether the run is a new one.
        actor: Who asked for it.
        has_begun: Returns whether the process has written to the record.
    """

    store: Path
    run_id: str
    words: Sequence[str]
    folder: Path
    parameters: bytes
    is_new: bool
    actor: str
    has_begun: Callable[[], bool]


class Starter:
    """Starts runs. All methods may block for seconds; several threads may call them.

    Args:
        root: The folder with the workflow files, without links.
        store: The store of new runs.
        stores: Returns the files of all stores of the server.
        allow_imports: Whether actions may be `module:function`.
        most_started: The most runs that are alive at the same time.
    """

    def __init__(
        self,
        root: Path,
        store: Path,
        stores: Callable[[], Sequence[Path]],
        *,
        allow_imports: bool = False,
        most_started: int = 8,
    ) -> None:
        self._root = root
        self._store = store.absolute()
        self._stores = stores
        self._allow_imports = allow_imports
        self._most_started = most_started
        self._lock = threading.Lock()
        # the ids of the runs that are being started
        self._pending: set[str] = set()

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
            entered: What a person has entered in the form, by name; see `forms.entries`.
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
            raise StartRefused(404, f"there is no workflow file `{printable(file[:200])}` here")

        def is_same(stored: StoredRun) -> bool:
            return stored.source.name == str(path)

        if run_id is not None and self._was_started(self._store, run_id, is_same):
            return Started(run_id, is_new=False)

        words = options.words()
        workflow = self._load(path)
        values = _read_values(workflow, parameters, entered)
        chosen_id = new_run_id() if run_id is None else run_id
        command = _Command(
            store=self._store,
            run_id=chosen_id,
            words=["run", str(path), "--run-id", chosen_id, *words],
            folder=path.parent,
            parameters=_encode(values),
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
        _check_secrets(stored, parameters)
        owner = _owner_of(store, run_id)
        command = _Command(
            store=store.absolute(),
            run_id=run_id,
            words=["resume", run_id, *words],
            folder=self._folder_of(stored),
            parameters=_encode(parameters),
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
        """Start a run that repeats what has failed in another one.

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

        def is_same(other: StoredRun) -> bool:
            return other.options.get("origin") == f"retry of {run_id}"

        if new_id is not None and self._was_started(store, new_id, is_same):
            return Started(new_id, is_new=False)

        stored = _outermost_run(store, run_id)
        if stored.status not in ENDED:
            raise StartRefused(
                409, f"run {run_id} is {stored.status}; what has failed in it is known when it ends"
            )
        words = options.words()
        _check_secrets(stored, parameters)
        chosen_id = new_run_id() if new_id is None else new_id
        command = _Command(
            store=store.absolute(),
            run_id=chosen_id,
            words=["retry", run_id, "--run-id", chosen_id, *words],
            folder=self._folder_of(stored),
            parameters=_encode(parameters),
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
        try:
            workflow = load_file(path)
        except WorkflowError as error:
            raise _refuse_workflow(path, error.problems) from None

        if not self._allow_imports:
            # otherwise the check would import code of the user into the server
            problems = [found for found in workflow.check() if found.severity == "error"]
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
            time.sleep(_LOOK)

        if not _has_run(store, run_id):
            return run_id in self._pending or read_mark(store, run_id) is not None
        if not is_same(run_of(store, run_id, damaged=True)):
            raise StartRefused(409, f"there is another run `{run_id}`; choose another id")
        return True

    def _carry_out(
        self, command: _Command, is_same: Callable[[StoredRun], bool] | None = None
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
            return self._start_process(command)
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

    def _start_process(self, command: _Command) -> Started:
        store, run_id = command.store, command.run_id
        prune_outputs(store, keep=self.live_runs())
        log = open_output(store, run_id, is_new=False)
        try:
            _write_heading(log, command)
            begin = os.fstat(log).st_size
            process = subprocess.Popen(  # noqa: S603 - words of our own, and a file below the root
                self._words_of(command),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=command.folder,
                env=_clean_environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise StartRefused(500, f"no process can be started: {error.strerror}") from None
        finally:
            os.close(log)

        write_mark(store, run_id, process.pid)
        threading.Thread(
            target=_attend, args=(process, command), name=f"attune {run_id}", daemon=True
        ).start()
        return self._wait_for_begin(process, command, begin)

    def _words_of(self, command: _Command) -> list[str]:
        words = [
            # the folder of the workflow must not hide modules of Python
            *(sys.executable, "-P", "-u", "-m", "attune_nb"),
            *command.words,
            *("--store", str(command.store)),
            *("--params", "-"),
            *("--log-file", str(output_path(command.store, command.run_id))),
            "--attended",
            "--no-progress",
        ]
        if self._allow_imports:
            words.append("--allow-imports")
        return words

    def _wait_for_begin(
        self, process: subprocess.Popen[bytes], command: _Command, begin: int
    ) -> Started:
        """Wait until a process has written to the record of its run.

        Args:
            process: The process.
            command: Its command.
            begin: Where its output begins in the log.

        Raises:
            StartRefused: 422: it ended without; the message is its output.
        """
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            # it may end at once after it has written
            has_ended = process.poll() is not None
            if command.has_begun():
                return Started(command.run_id)
            if has_ended:
                raise _refuse_output(command, begin, process.returncode)
            time.sleep(_LOOK)
        return Started(command.run_id, is_recorded=False)


def _attend(process: subprocess.Popen[bytes], command: _Command) -> None:
    """Send the parameters to a process, and wait for its end, so that it is no zombie."""
    # `communicate` ignores a process that has ended before it reads
    process.communicate(command.parameters)
    remove_mark(command.store, command.run_id, process.pid)


def _write_heading(log: int, command: _Command) -> None:
    moment = time.strftime("%Y-%m-%d %H:%M:%S")
    actor = printable(command.actor[:200])
    by = f" for {actor}" if actor else ""
    words = printable(" ".join(command.words))
    os.write(log, f"[{moment}: attune-nb {words}, started{by}]\n".encode())


def _clean_environment() -> dict[str, str]:
    """Return the environment of the server without what lets one log in to Jupyter."""
    return {name: value for name, value in os.environ.items() if not _is_login(name)}


def _is_login(name: str) -> bool:
    name = name.upper()
    return name.startswith(_JUPYTER) and any(word in name for word in _SECRET_WORDS)


def _refuse_workflow(path: Path, problems: Sequence[Problem]) -> StartRefused:
    replies = problems_of_text(problems)
    count = len(problems)
    heading = f"{path.name} cannot run"
    if count == 1:
        message = f"{heading}: {replies[0].message}"
    else:
        message = f"{heading}, as it has {count:,} problems"
    return StartRefused(422, message, replies)


def _refuse_output(command: _Command, begin: int, status: int) -> StartRefused:
    """Return the refusal for a process that has ended without a run; its log is removed."""
    part = read_output(command.store, command.run_id, begin, _MAX_MESSAGE)
    text = "" if part is None else part.text.strip()
    if command.is_new:
        remove_outputs(command.store, [command.run_id])
    if status == _REFUSED and text:
        return StartRefused(422, text)

    last_line = text.rpartition("\n")[2]
    return StartRefused(
        500, f"the process of the run ended with status {status} before the run began: {last_line}"
    )


def _read_values(
    workflow: Workflow, parameters: Mapping[str, Any], entered: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the parameters of a run.

    Raises:
        StartRefused: 422: one is missing, is not declared, or does not fit.
    """
    declared = workflow.parameters
    values = dict(parameters)
    problems: dict[str, str] = {}
    if entered is not None:
        fields = fields_of_parameters(declared)
        fields = [field for field in fields if field.name not in parameters]
        read, problems = read_entries(fields, entered)
        values |= read

    specs = specs_by_name(declared) if declared else {}
    for name, value in values.items():
        if declared and name in specs:
            problem = explain_misfit(declared, name, value)
            if problem is not None:
                problems.setdefault(name, problem)
    if problems:
        replies = problems_by_field(problems)
        message = f"{len(replies)} parameters cannot be used"
        if len(replies) == 1:
            message = replies[0].message
        raise StartRefused(422, message, replies)

    try:
        bind(declared, values)
    except ParameterError as error:
        missing = [name for name in required_names(declared) if name not in values]
        replies = problems_by_field(dict.fromkeys(missing, "a value is needed"))
        raise StartRefused(422, str(error), replies) from None
    return values


def _encode(parameters: Mapping[str, Any]) -> bytes:
    """Return parameters as JSON.

    Raises:
        StartRefused: 422: one cannot be sent.
    """
    try:
        return json.dumps(parameters, allow_nan=False).encode()
    except (TypeError, ValueError):
        message = "a parameter cannot be sent: it must be plain data, and its numbers finite"
        raise StartRefused(422, message) from None


def _check_secrets(stored: StoredRun, parameters: Mapping[str, Any]) -> None:
    """Check that the secret parameters of a run, which no record holds, were passed.

    Raises:
        StartRefused: 422, with a problem for each that is missing.
    """
    names = [name for name in stored.options.get("secrets", ()) if name not in parameters]
    if names:
        listed = ", ".join(f"`{name}`" for name in names)
        raise StartRefused(
            422,
            f"the record of run {stored.run_id} does not hold the secret {listed}; enter it again",
            problems_by_field(dict.fromkeys(names, "it is secret: enter it again")),
        )


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
        return f"run {run_id} has ended ({status}); a retry runs what has failed again"
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

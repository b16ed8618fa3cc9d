"""The process of a run that a server starts: `attune-nb run`, `resume` or `retry`.

It leads a session of its own, so no signal of the server's terminal reaches it, and it goes on
without the server. It gets its parameters by standard input, where `ps` does not show them, and
writes all its output to a file beside the store.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.errors import StoreError
from attune_nb.html import printable
from attune_nb.server.starts.marks import remove_mark, write_mark
from attune_nb.server.web.problems import StartRefused
from attune_nb.store.output_files import (
    open_output,
    output_path,
    read_output,
    remove_outputs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["StartCommand", "start_process"]

# seconds that a start waits for the first row of the run; a cluster may take longer to connect
_PATIENCE = 50.0
_LOOK = 0.05

# bytes of the output of a process that could not start its run
_MAX_MESSAGE = 4000

# exit status of `attune-nb` after wrong usage, or with a workflow that cannot run
_REFUSED = 2

# prefixes of the variables of Jupyter, and words in those that hold its credentials
_JUPYTER = ("JUPYTER", "JPY_", "CONFIGPROXY_")
_SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "COOKIE")


class StartCommand(NamedTuple):
    """A command that runs a workflow.

    Attributes:
        store: The store of the run.
        run_id: The run's id.
        python: The Python that executes it.
        words: The words after `attune-nb`.
        folder: The current folder of the process.
        parameters: The parameters as JSON, for standard input; empty for none.
        is_new: Whether the run is a new one.
        actor: Who asked for it.
        has_begun: Returns whether the process has written to the record.
    """

    store: Path
    run_id: str
    python: str
    words: Sequence[str]
    folder: Path
    parameters: bytes
    is_new: bool
    actor: str
    has_begun: Callable[[], bool]


def start_process(command: StartCommand, is_closed: threading.Event) -> bool:
    """Start the process of a command; return whether it has begun within 50 s.

    Args:
        command: The command.
        is_closed: Set when the server ends, which then waits no longer.

    Raises:
        StartRefused: 422: it has ended before the run began; the message is its output. 500: the
            process cannot be started.
        StoreError: The store cannot be read, or the log cannot be written: nothing is started.
    """
    # raises the error of the store while there is no process
    command.has_begun()

    store = command.store
    run_id = command.run_id
    log = open_output(store, run_id)
    try:
        _write_heading(log, command)
        begin = os.fstat(log).st_size
        process = subprocess.Popen(  # noqa: S603 - words of our own, and a file below the root
            _words_of(command),
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
    return _wait_for_begin(process, command, begin, is_closed)


def _words_of(command: StartCommand) -> list[str]:
    words = [
        # -P: the folder of the workflow must not hide modules of Python
        *(command.python, "-P", "-u", "-m", "attune_nb"),
        *command.words,
        *("--store", str(command.store)),
        *("--log-file", str(output_path(command.store, command.run_id))),
        "--attended",
        "--no-progress",
    ]
    if command.parameters:
        words += ["--params", "-"]
    return words


def _wait_for_begin(
    process: subprocess.Popen[bytes],
    command: StartCommand,
    begin: int,
    is_closed: threading.Event,
) -> bool:
    """Return whether a process has written to the record of its run, once it has; after 50 s False.

    Args:
        process: The process.
        command: Its command.
        begin: Where its output begins in the log.
        is_closed: Ends the wait.

    Raises:
        StartRefused: 422: it ended without; the message is its output.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        # it may end at once after it has written
        has_ended = process.poll() is not None
        if _has_begun(command):
            return True
        if has_ended:
            raise _refuse_output(command, begin, process.returncode)

        if is_closed.wait(_LOOK):
            break
    return False


def _has_begun(command: StartCommand) -> bool:
    """Return whether the record shows that the process of a command has begun its run.

    The store may be locked for a moment. The process goes on then, so an error would make the
    caller start another one.
    """
    try:
        return command.has_begun()
    except StoreError:
        return False


def _attend(process: subprocess.Popen[bytes], command: StartCommand) -> None:
    """Send the parameters to a process, and wait for its end, so that it is no zombie."""
    # `communicate` ignores a process that has ended before it reads
    process.communicate(command.parameters)
    remove_mark(command.store, command.run_id, process.pid)


def _write_heading(log: int, command: StartCommand) -> None:
    moment = time.strftime("%Y-%m-%d %H:%M:%S")
    actor = printable(command.actor[:200])
    by = f" for {actor}" if actor else ""
    words = printable(" ".join(command.words))
    os.write(log, f"[{moment}: attune-nb {words}, started{by}]\n".encode())


def _clean_environment() -> dict[str, str]:
    """Return the environment of the server without the credentials of Jupyter."""
    environment = {name: value for name, value in os.environ.items() if not _is_credential(name)}
    # the log is read as UTF-8, whatever the locale
    environment.setdefault("PYTHONIOENCODING", "utf-8")
    return environment


def _is_credential(name: str) -> bool:
    name = name.upper()
    return name.startswith(_JUPYTER) and any(word in name for word in _SECRET_WORDS)


def _refuse_output(command: StartCommand, begin: int, status: int) -> StartRefused:
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

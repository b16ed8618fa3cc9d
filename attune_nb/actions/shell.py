"""Run a command; when cancelled, end it with all processes that it started."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from typing import IO, TYPE_CHECKING, Any

from attune_nb.actions.arguments import check_arguments
from attune_nb.actions.process_tree import ProcessTree
from attune_nb.actions.to_text import to_text
from attune_nb.errors import ActionError
from attune_nb.templates.library.to_text import STRICT_JSON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from attune_nb.actions.cancel import CancelToken

__all__ = ["shell"]

GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL."""

# process groups that must end with this process
_running: set[int] = set()


def _check_together(arguments: Mapping[str, Any]) -> tuple[str | None, str] | None:
    """Return the argument that contradicts another one, and the message."""
    cmd = arguments.get("cmd")
    argv = arguments.get("argv")
    message = "give exactly one of `cmd` and `argv`"

    if cmd is None and argv is None:
        return None, message
    if cmd is not None and argv is not None:
        return "argv", message
    if argv is not None and not argv:
        return "argv", "`argv` is empty: its first element names the program"
    return None


@check_arguments(_check_together)
def shell(
    cmd: str | None = None,
    argv: Sequence[Any] | None = None,
    env: Mapping[str, Any] | None = None,
    cwd: str | PathLike[str] | None = None,
    stdin: str | bytes | None = None,
    *,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Run a command in a session of its own and wait until it ends.

    Args:
        cmd: A line for `/bin/sh`. Give this or `argv`.
        argv: A program and its arguments, run without a shell; values are written as in
            templates.
        env: Variables that are added to this process's environment; values are written as in
            templates.
        cwd: The working directory.
        stdin: The standard input of the command; empty by default.
        cancel: When set, the command's process group and all its descendants get SIGTERM,
            a second later SIGKILL.

    Returns:
        `exit_code`, `stdout`, `stderr`, and `data`: stdout parsed as strict JSON, or None.

    Raises:
        ActionError: The input is invalid, the command cannot start, its exit code is not 0, or
            it was cancelled.
    """
    if cancel is not None and cancel.cancelled:
        raise ActionError("the command was cancelled before it started")
    command = _command(cmd, argv)
    environment = _environment(env)

    # Files, not pipes: a background child that keeps a pipe open cannot hold the action up.
    with ExitStack() as stack:
        stdout = stack.enter_context(tempfile.TemporaryFile())
        stderr = stack.enter_context(tempfile.TemporaryFile())
        source = stack.enter_context(_input(stdin))
        try:
            process = subprocess.Popen(  # noqa: S603 - running commands is the purpose
                command,
                stdin=source,
                stdout=stdout,
                stderr=stderr,
                cwd=cwd,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise ActionError(f"cannot start `{command[0]}`: {error}") from error

        _running.add(process.pid)
        try:
            was_cancelled = _wait(process, cancel)
        finally:
            _running.discard(process.pid)
        result = _result(process.returncode, _read(stdout), _read(stderr))

    if was_cancelled:
        raise ActionError("the command was cancelled", data=result)
    if process.returncode != 0:
        raise ActionError(_failure_message(process.returncode, result["stderr"]), data=result)
    return result


@atexit.register
def _kill_all() -> None:
    """Kill the commands that still run when the interpreter ends."""
    for group in list(_running):
        ProcessTree(group).kill()


def _command(cmd: str | None, argv: Sequence[Any] | None) -> list[str]:
    """Return the program and its arguments."""
    if cmd is not None:
        return ["/bin/sh", "-c", cmd]
    if argv is None:
        return []
    return [
        to_text(value, f"`argv`, element {number}") for number, value in enumerate(argv, start=1)
    ]


def _environment(env: Mapping[str, Any] | None) -> dict[str, str]:
    """Return this process's environment with the added variables."""
    environment = dict(os.environ)
    if env is not None:
        for name, value in env.items():
            environment[str(name)] = to_text(value, f"`env`, `{name}`")
    return environment


def _input(stdin: str | bytes | None) -> IO[bytes]:
    """Return a file with the standard input; the caller closes it."""
    if stdin is None:
        return open(os.devnull, "rb")  # noqa: PTH123 - a device; the caller closes it

    content = stdin
    if isinstance(content, str):
        content = content.encode()
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(content)
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> str:
    """Return the content of an output file.

    The command shares the file's offset, and a background child may still be writing.
    Therefore the file is read by position.
    """
    size = os.fstat(file.fileno()).st_size
    parts = []

    offset = 0
    while offset < size:
        part = os.pread(file.fileno(), size - offset, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
    return b"".join(parts).decode(errors="replace")


def _result(exit_code: int, stdout: str, stderr: str) -> dict[str, Any]:
    data = None
    with suppress(ValueError, RecursionError):
        data = json.loads(stdout, **STRICT_JSON)
    return {"exit_code": exit_code, "stdout": stdout, "stderr": stderr, "data": data}


def _failure_message(exit_code: int, stderr: str) -> str:
    """Return the exit code and the last line of the error output."""
    message = f"command exited with {exit_code}"
    lines = stderr.strip().splitlines()
    if lines:
        message += f": {lines[-1].strip()}"
    return message


def _wait(process: subprocess.Popen[bytes], cancel: CancelToken | None) -> bool:
    """Wait until the process ends; return whether the token ended it."""
    tree = ProcessTree(process.pid)
    has_ended = threading.Event()
    # the time of the cancellation, if there was one
    cancelled_at: list[float] = []

    def kill_later() -> None:
        if not has_ended.wait(GRACE):
            tree.kill()

    def terminate() -> None:
        if process.returncode is None:
            cancelled_at.append(time.monotonic())
            tree.terminate()
            threading.Thread(target=kill_later, name="shell-kill", daemon=True).start()

    try:
        with ExitStack() as stack:
            if cancel is not None:
                stack.enter_context(cancel.on_cancel(terminate))
            process.wait()
    except BaseException:
        tree.kill()
        process.wait()
        raise

    if not cancelled_at:
        return False
    tree.kill_at(cancelled_at[0] + GRACE)
    has_ended.set()
    return True

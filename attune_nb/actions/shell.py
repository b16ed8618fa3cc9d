"""Run a command, and on cancel end it together with everything it started."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from typing import IO, TYPE_CHECKING, Any

from attune_nb.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.actions.cancel import CancelToken

__all__ = ["shell"]

_running: set[int] = set()  # process groups that are to end with this process
GRACE = 1.0
"""Seconds between the polite signal and the final one."""


def shell(
    cmd: str | None = None,
    argv: Sequence[Any] | None = None,
    env: Mapping[str, Any] | None = None,
    cwd: str | None = None,
    stdin: str | bytes | None = None,
    *,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Run a command in a session of its own and wait for it.

    Args:
        cmd: A line for `/bin/sh`. Give this or `argv`.
        argv: A program and its arguments; no shell takes part.
        env: Variables to add to this process's environment.
        cwd: The folder to run in.
        stdin: What the command reads; nothing by default.
        cancel: When raised, the command's process group gets SIGTERM, a second later SIGKILL.

    Returns:
        `exit_code`, `stdout`, `stderr`, and `data`: stdout read as JSON, or None.

    Raises:
        ActionError: The command cannot start, exits with other than 0, or was cancelled.
    """
    if (cmd is None) == (argv is None):
        raise ActionError("give exactly one of `cmd` and `argv`")
    command = ["/bin/sh", "-c", cmd] if cmd is not None else [str(part) for part in argv or ()]
    if not command:
        raise ActionError("`argv` is empty: its first element names the program")
    if cancel is not None and cancel.cancelled:
        raise ActionError("the command was cancelled before it started")
    variables = {**os.environ, **{name: str(value) for name, value in (env or {}).items()}}
    # Files, not pipes: a background child that keeps a pipe open cannot hold the action up.
    with ExitStack() as stack:
        out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        source = stack.enter_context(_input(stdin))
        try:
            process = subprocess.Popen(  # noqa: S603 - running commands is the purpose
                command,
                stdin=source,
                stdout=out,
                stderr=err,
                cwd=cwd,
                env=variables,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise ActionError(f"cannot start `{command[0]}`: {error}") from error
        _running.add(process.pid)
        try:
            stopped = _wait(process, cancel)
        finally:
            _running.discard(process.pid)
        result = _result(process.returncode, _read(out), _read(err))
    if stopped:
        raise ActionError("the command was cancelled", data=result)
    if process.returncode != 0:
        raise ActionError(_complaint(process.returncode, result["stderr"]), data=result)
    return result


@atexit.register
def _end_all() -> None:
    """Leave no command behind when the interpreter ends."""
    for group in list(_running):
        _signal(group, signal.SIGKILL)


def _input(stdin: str | bytes | None) -> IO[bytes]:
    if stdin is None:
        return open(os.devnull, "rb")  # noqa: PTH123 - a device; the caller closes it
    content = stdin.encode() if isinstance(stdin, str) else stdin
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(content)
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> str:
    # The command shares the file's offset, and a background child may still be writing:
    # read by position.
    size = os.fstat(file.fileno()).st_size
    parts = []
    offset = 0
    while offset < size and (part := os.pread(file.fileno(), size - offset, offset)):
        parts.append(part)
        offset += len(part)
    return b"".join(parts).decode(errors="replace")


def _result(code: int, stdout: str, stderr: str) -> dict[str, Any]:
    data = None
    with suppress(ValueError, RecursionError):
        data = json.loads(stdout)
    return {"exit_code": code, "stdout": stdout, "stderr": stderr, "data": data}


def _complaint(code: int, stderr: str) -> str:
    lines = stderr.strip().splitlines()
    return f"command exited with {code}" + (f": {lines[-1].strip()}" if lines else "")


def _wait(process: subprocess.Popen[bytes], cancel: CancelToken | None) -> bool:
    """Wait for the process; True if it was stopped by the token."""
    stopping: list[float] = []  # when the polite signal was sent
    group_gone = threading.Event()

    def escalate() -> None:
        if not group_gone.wait(GRACE):
            _signal(process.pid, signal.SIGKILL)

    def stop() -> None:
        if process.returncode is None:
            stopping.append(time.monotonic())
            _signal(process.pid, signal.SIGTERM)
            threading.Thread(target=escalate, name="shell-kill", daemon=True).start()

    try:
        with ExitStack() as stack:
            if cancel is not None:
                stack.enter_context(cancel.on_cancel(stop))
            process.wait()
    except BaseException:
        _signal(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if stopping:
        _end_group(process.pid, stopping[0] + GRACE)
        group_gone.set()
    return bool(stopping)


def _end_group(group: int, deadline: float) -> None:
    """Give what is left of a group until the deadline, then kill it."""
    while _signal(group, 0):
        if time.monotonic() >= deadline:
            _signal(group, signal.SIGKILL)
            return
        time.sleep(0.01)


def _signal(group: int, number: int) -> bool:
    """Send a signal to a process group; False if there is nobody in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS: EPERM when only zombies are left
        return False
    return True

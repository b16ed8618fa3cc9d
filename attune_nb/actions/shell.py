"""Run a command, and on cancel end it together with everything it started."""

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

from attune_nb.actions.arguments import judged
from attune_nb.actions.process_tree import Family
from attune_nb.actions.to_text import text
from attune_nb.errors import ActionError
from attune_nb.templates.library.to_text import STRICT_JSON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from attune_nb.actions.cancel import CancelToken

__all__ = ["shell"]

_running: set[int] = set()  # process groups that are to end with this process
GRACE = 1.0
"""Seconds between the polite signal and the final one."""


def _together(given: Mapping[str, Any]) -> tuple[str | None, str] | None:
    """Say which arguments do not go together."""
    cmd, argv = given.get("cmd"), given.get("argv")
    if (cmd is None) == (argv is None):
        told = "give exactly one of `cmd` and `argv`"
        return None if cmd is None else "argv", told
    if argv is not None and not argv:
        return "argv", "`argv` is empty: its first element names the program"
    return None


@judged(_together)
def shell(
    cmd: str | None = None,
    argv: Sequence[Any] | None = None,
    env: Mapping[str, Any] | None = None,
    cwd: str | PathLike[str] | None = None,
    stdin: str | bytes | None = None,
    *,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Run a command in a session of its own and wait for it.

    Args:
        cmd: A line for `/bin/sh`. Give this or `argv`.
        argv: A program and its arguments, written as in templates; no shell takes part.
        env: Variables to add to this process's environment, written as in templates.
        cwd: The folder to run in.
        stdin: What the command reads; nothing by default.
        cancel: When raised, the command's process group and all its descendants get SIGTERM,
            a second later SIGKILL.

    Returns:
        `exit_code`, `stdout`, `stderr`, and `data`: stdout read as strict JSON, or None.

    Raises:
        ActionError: The input is wrong, or the command cannot start, exits with other than 0,
            or was cancelled.
    """
    command = ["/bin/sh", "-c", cmd] if cmd is not None else _words(argv or ())
    if cancel is not None and cancel.cancelled:
        raise ActionError("the command was cancelled before it started")
    added = {str(key): text(each, f"`env`, `{key}`") for key, each in (env or {}).items()}
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
                env={**os.environ, **added},
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
        Family(group).kill()


def _words(argv: Sequence[Any]) -> list[str]:
    return [text(each, f"`argv`, element {at}") for at, each in enumerate(argv, start=1)]


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
        data = json.loads(stdout, **STRICT_JSON)
    return {"exit_code": code, "stdout": stdout, "stderr": stderr, "data": data}


def _complaint(code: int, stderr: str) -> str:
    lines = stderr.strip().splitlines()
    return f"command exited with {code}" + (f": {lines[-1].strip()}" if lines else "")


def _wait(process: subprocess.Popen[bytes], cancel: CancelToken | None) -> bool:
    """Wait for the process; True if it was stopped by the token."""
    family = Family(process.pid)
    stopping: list[float] = []  # when everyone was asked to end
    gone = threading.Event()

    def escalate() -> None:
        if not gone.wait(GRACE):
            family.kill()

    def stop() -> None:
        if process.returncode is None:
            stopping.append(time.monotonic())
            family.ask()
            threading.Thread(target=escalate, name="shell-kill", daemon=True).start()

    try:
        with ExitStack() as stack:
            if cancel is not None:
                stack.enter_context(cancel.on_cancel(stop))
            process.wait()
    except BaseException:
        family.kill()
        process.wait()
        raise
    if stopping:
        family.end_by(stopping[0] + GRACE)
        gone.set()
    return bool(stopping)

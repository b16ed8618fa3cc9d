"""Run a command; when cancelled, end it with all processes that it started."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any

from attune_nb.actions.arguments import check_arguments
from attune_nb.actions.json_text import parse_json
from attune_nb.actions.process_tree import GRACE
from attune_nb.actions.run_command import run_command
from attune_nb.actions.to_text import to_text
from attune_nb.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from attune_nb.actions.cancel import CancelToken
    from attune_nb.actions.output_pipes import KeptOutput

__all__ = ["shell"]

# characters of the error output in which its last line is looked for
_LAST_PART = 10_000


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
        cwd: The working directory; a `~` at its beginning is the home directory.
        stdin: The standard input of the command; empty by default.
        cancel: When set, the command and all processes that it has started get SIGTERM, a second
            later SIGKILL. The same happens when this process ends, however it ends. Processes
            that the command leaves in the background when it ends by itself go on.

    Returns:
        `exit_code`, `stdout`, `stderr`, `data`: stdout parsed as strict JSON, or None, and
        `data_error`: why JSON is not in `data`, or None. Of each stream at most 10 MB are kept:
        its beginning and its end, and a line between them that gives the number of bytes left
        out.

    Raises:
        ActionError: The input is invalid, the command cannot start, its exit code is not 0, or
            it was cancelled.
    """
    if cancel is not None and cancel.cancelled:
        raise ActionError("the command was cancelled before it started")
    command = _command(cmd, argv)
    folder = _folder(cwd)
    environment = _environment(env)

    with ExitStack() as stack:
        source = _input(stdin, stack)
        try:
            end = run_command(
                command,
                environment=environment,
                folder=folder,
                stdin=source,
                grace=GRACE,
                cancel=cancel,
            )
        except (OSError, ValueError) as error:
            raise ActionError(_start_message(error, command, folder, cmd=cmd)) from error

    result = _result(end.exit_code, end.stdout, end.stderr)
    if end.was_cancelled:
        raise ActionError("the command was cancelled", data=result)
    if end.exit_code != 0:
        raise ActionError(_failure_message(end.exit_code, result["stderr"]), data=result)
    return result


def _command(cmd: str | None, argv: Sequence[Any] | None) -> list[str]:
    """Return the program and its arguments."""
    if cmd is not None:
        return ["/bin/sh", "-c", _checked(cmd, "`cmd`")]
    if argv is None:
        return []

    words = []
    for number, value in enumerate(argv, start=1):
        name = f"`argv`, element {number}"
        words.append(_checked(to_text(value, name), name))
    return words


def _checked(text: str, name: str) -> str:
    """Return a text that the system can pass to a program.

    Raises:
        ActionError: It holds a NUL character, or a surrogate that stands for no byte.
    """
    if "\0" in text:
        raise ActionError(f"{name} holds a NUL character, which the system cannot pass on")
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise ActionError(f"{name} cannot be passed on: {error}") from None
    return text


def _folder(cwd: str | PathLike[str] | None) -> str | None:
    """Return the working directory, with the home directory for `~`."""
    if cwd is None:
        return None
    folder = os.fsdecode(cwd)
    return os.path.expanduser(_checked(folder, "`cwd`"))  # noqa: PTH111 - it stays as it was written


def _environment(env: Mapping[str, Any] | None) -> dict[str, str]:
    """Return this process's environment with the added variables."""
    environment = dict(os.environ)
    if env is not None:
        for name, value in env.items():
            variable = str(name)
            if not variable or "=" in variable:
                raise ActionError(f"`env`: `{variable}` is no name of a variable")
            _checked(variable, f"`env`, the name `{variable}`")
            path = f"`env`, `{variable}`"
            environment[variable] = _checked(to_text(value, path), path)
    return environment


def _input(stdin: str | bytes | None, stack: ExitStack) -> int | IO[bytes]:
    """Return the source of the standard input; the stack closes it.

    Raises:
        ActionError: The text holds a surrogate that stands for no byte.
    """
    if stdin is None:
        return subprocess.DEVNULL

    content = stdin
    if isinstance(content, str):
        try:
            # as Python passes the names of files
            content = content.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise ActionError(f"`stdin` has no text in UTF-8: {error}") from None
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the stack closes it
    stack.enter_context(file)
    file.write(content)
    file.seek(0)
    return file


def _start_message(
    error: OSError | ValueError, command: list[str], folder: str | None, *, cmd: str | None
) -> str:
    """Return the message of a command that cannot start; it names the argument at fault."""
    argument = "argv" if cmd is None else "cmd"
    if isinstance(error, ValueError):
        return f"cannot start `{command[0]}`: {error}"
    if folder is not None and error.filename == folder:
        return f"`cwd`: cannot enter the folder `{folder}`: {error.strerror}"
    if error.errno == errno.E2BIG:
        return (
            f"`{argument}` or `env` is too long for the system; pass large data with `stdin` or in "
            "a file"
        )
    return f"cannot start `{command[0]}`: {error}"


def _result(exit_code: int, stdout: KeptOutput, stderr: KeptOutput) -> dict[str, Any]:
    data, problem = parse_json(stdout.text)
    if stdout.is_cut:
        data = None
        problem = "stdout was cut"
    return {
        "exit_code": exit_code,
        "stdout": stdout.text,
        "stderr": stderr.text,
        "data": data,
        "data_error": problem,
    }


def _failure_message(exit_code: int, stderr: str) -> str:
    """Return the exit code and the last line of the error output."""
    message = f"command exited with {exit_code}"
    lines = stderr[-_LAST_PART:].strip().splitlines()
    if lines:
        message += f": {lines[-1].strip()}"
    return message

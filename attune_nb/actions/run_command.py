"""Run a command in a session of its own; when cancelled, end it with all that it has started."""

from __future__ import annotations

import atexit
import os
import subprocess
import threading
import time
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, NamedTuple

from attune_nb.actions.output_pipes import InputPipe, OutputPipes
from attune_nb.actions.process_tree import MARK, ProcessTree
from attune_nb.actions.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from attune_nb.actions.cancel import CancelToken
    from attune_nb.actions.output_pipes import KeptOutput

__all__ = ["CommandEnd", "run_command"]

_supervisor = Supervisor()


class CommandEnd(NamedTuple):
    """How a command ended.

    Attributes:
        exit_code: Its exit code; of one that a signal ended, the signal's number below 0.
        stdout: Its output.
        stderr: Its error output.
        was_cancelled: Whether the token ended it.
    """

    exit_code: int
    stdout: KeptOutput
    stderr: KeptOutput
    was_cancelled: bool


def run_command(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: str | PathLike[str] | None,
    stdin: int | IO[bytes] | bytes,
    grace: float,
    cancel: CancelToken | None,
    private_file: str | PathLike[str] | None = None,
) -> CommandEnd:
    """Run a command and wait until it ends.

    Args:
        command: The program and its arguments.
        environment: All variables of the command, without the mark by which it is found.
        folder: The working directory; None for that of this process.
        stdin: The standard input: a file, or bytes that are written while the output is read.
        grace: Seconds between SIGTERM and SIGKILL when it is cancelled.
        cancel: When set, the command and all processes that it has started are ended. The same
            happens when this process ends, however it ends. Processes that the command leaves in
            the background when it ends by itself go on.
        private_file: A file for the command. It is removed if this process is killed meanwhile;
            otherwise the caller removes it.

    Raises:
        OSError, ValueError: The command cannot start.
    """
    mark = os.urandom(16).hex()
    # the command may run below another one, which keeps its own mark
    outer_marks = environment.get(MARK, "")
    marked_environment = {**environment, MARK: f"{outer_marks} {mark}".strip()}

    with ExitStack() as stack:
        pipes = stack.enter_context(OutputPipes())
        source = stdin
        feed = None
        if isinstance(source, bytes):
            feed = stack.enter_context(InputPipe(source))
            source = feed.source

        _supervisor.announce(mark, private_file)
        stack.callback(_supervisor.forget, mark)
        process = subprocess.Popen(  # noqa: S603 - running commands is the purpose
            command,
            stdin=source,
            stdout=pipes.stdout_source,
            stderr=pipes.stderr_source,
            cwd=folder,
            env=marked_environment,
            start_new_session=True,
        )
        _supervisor.watch(mark, process.pid)
        tree = ProcessTree(process.pid, mark)
        was_cancelled = _wait(process, tree, pipes, feed, cancel, grace)
        return CommandEnd(process.returncode, pipes.stdout(), pipes.stderr(), was_cancelled)


atexit.register(_supervisor.kill_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_supervisor.leave_to_parent)


def _wait(
    process: subprocess.Popen[bytes],
    tree: ProcessTree,
    pipes: OutputPipes,
    feed: InputPipe | None,
    cancel: CancelToken | None,
    grace: float,
) -> bool:
    """Read the output until the process ends; return whether the token ended it."""
    has_ended = threading.Event()
    # the time of the cancellation, if there was one
    cancelled_at: list[float] = []

    def kill_later() -> None:
        if not has_ended.wait(grace):
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
            pipes.read_until_end(process, feed)
    except BaseException:
        tree.kill()
        process.wait()
        raise

    if not cancelled_at:
        return False
    tree.kill_at(cancelled_at[0] + grace)
    has_ended.set()
    return True

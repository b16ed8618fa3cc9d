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
from attune_nb.capture.streams import current_output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike

    from attune_nb.actions.cancel import CancelToken
    from attune_nb.actions.output_pipes import KeptOutput

__all__ = ["CommandEnd", "run_command"]

_supervisor = Supervisor()


class CommandEnd(NamedTuple):
    """The end of a command.

    Attributes:
        exit_code: Its exit code; the negative number of a signal that ended it.
        stdout: Its output.
        stderr: Its error output.
        was_cancelled: Whether it was ended by the token.
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
    hide: Callable[[str], str] | None = None,
    logs_stdout: bool = True,
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
        hide: Returns lines of the output without secrets, for the lines of the attempt.
        logs_stdout: Whether the standard output becomes lines of the attempt, as the error
            output does.

    Raises:
        OSError, ValueError: The command cannot start.
    """
    mark = os.urandom(16).hex()
    # the command may run below another one, which keeps its own mark
    outer_marks = environment.get(MARK, "")
    marked_environment = {**environment, MARK: f"{outer_marks} {mark}".strip()}

    with ExitStack() as stack:
        pipes = stack.enter_context(OutputPipes())
        output = current_output()
        if output is not None:
            pipes.copy_lines(output, hide, logs_stdout=logs_stdout)
        source = stdin
        feed = None
        if isinstance(source, bytes):
            feed = stack.enter_context(InputPipe(source))
            source = feed.source

        _supervisor.announce(mark, grace, private_file)
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
        watch = _Watch(process, tree, mark, grace)
        was_cancelled = watch.wait(pipes, feed, cancel)
        return CommandEnd(process.returncode, pipes.stdout(), pipes.stderr(), was_cancelled)


atexit.register(_supervisor.end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_supervisor.leave_to_parent)


class _Watch:
    """The wait for one process, which a token may end.

    Args:
        process: The process.
        tree: The process, and all that it has started.
        mark: The mark of the command.
        grace: Seconds between SIGTERM and SIGKILL.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], tree: ProcessTree, mark: str, grace: float
    ) -> None:
        self._process = process
        self._tree = tree
        self._mark = mark
        self._grace = grace
        self._has_ended = threading.Event()
        # when it is killed, in monotonic time; None if it was not cancelled
        self._deadline: float | None = None

    def wait(self, pipes: OutputPipes, feed: InputPipe | None, cancel: CancelToken | None) -> bool:
        """Read the output until the process ends; return whether the token ended it."""
        try:
            with ExitStack() as stack:
                if cancel is not None:
                    stack.enter_context(cancel.on_cancel(self._terminate))
                pipes.read_until_end(self._process, feed)
        except BaseException:
            self._tree.kill()
            self._process.wait()
            raise

        if self._deadline is None:
            return False
        self._tree.kill_at(self._deadline)
        self._has_ended.set()
        return True

    def _terminate(self) -> None:
        if self._process.returncode is not None:
            return

        self._deadline = time.monotonic() + self._grace
        self._tree.terminate()
        # not before: if this process is killed in between, the supervisor must send SIGTERM
        _supervisor.note_termination(self._mark, self._deadline)
        threading.Thread(target=self._kill_later, name="shell-kill", daemon=True).start()

    def _kill_later(self) -> None:
        if not self._has_ended.wait(self._grace):
            self._tree.kill()

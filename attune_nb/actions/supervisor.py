"""The process that ends commands whose own process has died, however it died.

A process that is killed can end no commands itself, and a command in a session of its own gets no
signal with it. Therefore the first command of a process starts a supervisor, in a session of its
own. It receives a line about every command over a pipe. When the pipe's other end is closed, or the
process has ended, it ends the commands that are left, as a cancellation does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from attune_nb.actions import process_tree

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Supervisor"]

# Starts a program in the background, with its signals ignored, and ends at once. Without `3` the
# program would not have this standard input.
_DETACH = """trap '' INT TERM HUP; { "$@" <&3 3<&- & } 3<&0"""


class Supervisor:
    """The commands that run in this process, and the process that ends them after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: int | None = None
        # mark -> number of the leader, 0 before it has started
        self._commands: dict[str, int] = {}
        # mark -> seconds between SIGTERM and SIGKILL
        self._graces: dict[str, float] = {}
        # mark -> the name of a file of the command, in hexadecimal digits
        self._files: dict[str, str] = {}

    def announce(self, mark: str, grace: float, file: str | PathLike[str] | None = None) -> None:
        """Register a command that is about to start.

        Args:
            mark: Its mark.
            grace: Seconds between SIGTERM and SIGKILL.
            file: A file of the command that must not be left if this process dies.
        """
        self._commands[mark] = 0
        self._graces[mark] = grace
        if file is not None:
            self._files[mark] = os.fsencode(file).hex()

        if self._pipe is None:
            self._start()
        else:
            self._send(self._describe(mark))

    def watch(self, mark: str, leader: int) -> None:
        """Register the number of a command's first process."""
        self._commands[mark] = leader
        self._send(f"= {mark} {leader}\n")

    def note_termination(self, mark: str, deadline: float) -> None:
        """Register that a command was sent SIGTERM, and when it is killed, in monotonic time."""
        self._send(f"! {mark} {deadline}\n")

    def forget(self, mark: str) -> None:
        """Remove a command that has ended, or that could not start."""
        self._files.pop(mark, None)
        self._graces.pop(mark, None)
        if self._commands.pop(mark, None) is not None:
            self._send(f"- {mark}\n")

    def end_all(self) -> None:
        """Kill the commands that run; those with a long time to end are left to the supervisor."""
        for mark, leader in list(self._commands.items()):
            ends_later = self._pipe is not None and self._graces.get(mark, 0.0) > process_tree.GRACE
            if leader and not ends_later:
                process_tree.ProcessTree(leader, mark).kill()

    def leave_to_parent(self) -> None:
        """Forget the commands in a forked process: they are its parent's."""
        pipe = self._pipe
        self._lock = threading.Lock()
        self._pipe = None
        self._commands = {}
        self._graces = {}
        self._files = {}
        if pipe is not None:
            with suppress(OSError):
                os.close(pipe)

    def _start(self) -> None:
        """Start the supervisor, and send it the commands; without one they run all the same."""
        with self._lock:
            if self._pipe is not None or not sys.executable:
                return

            program = [sys.executable, "-I", "-S", process_tree.__file__, str(os.getpid())]
            source, pipe = os.pipe()
            try:
                # Before a command starts, the supervisor is no descendant of this process any more:
                # it survives if this process is killed with all of them.
                subprocess.run(  # noqa: S603 - a fixed command
                    ["/bin/sh", "-c", _DETACH, "sh", *program],
                    stdin=source,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    # it must not keep a file system busy
                    cwd="/",
                    start_new_session=True,
                    check=False,
                )
            except BaseException as error:
                os.close(pipe)
                if isinstance(error, OSError):
                    return
                raise
            finally:
                os.close(source)

            # a supervisor that was stopped must not hold up a command
            os.set_blocking(pipe, False)
            self._pipe = pipe

        for mark, leader in list(self._commands.items()):
            lines = self._describe(mark)
            if leader:
                lines += f"= {mark} {leader}\n"
            self._send(lines)

    def _describe(self, mark: str) -> str:
        """Return the lines about a command that is about to start."""
        lines = f"+ {mark} {self._graces.get(mark, process_tree.GRACE)}\n"
        file = self._files.get(mark)
        if file is not None:
            lines += f"@ {mark} {file}\n"
        return lines

    def _send(self, line: str) -> None:
        with self._lock:
            if self._pipe is None:
                return

            try:
                os.write(self._pipe, line.encode())
            except BlockingIOError:
                return
            except OSError:
                # the supervisor was killed: the next command starts another
                os.close(self._pipe)
                self._pipe = None

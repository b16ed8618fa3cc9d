"""A helper process that kills worker processes after their engine has died.

A worker watches for the end of its engine itself (`remote_functions.start_worker`). It cannot do so
while an item holds the interpreter. The reaper can: it reads from a pipe whose other end only the
engine holds, and kills the registered process groups when that end is closed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

__all__ = ["Reaper", "kill_group"]

_SOURCE = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


def kill_group(pid: int) -> None:
    """Kill the process group of a process, also if its leader has ended already."""
    if hasattr(os, "killpg"):
        # the group may have no process left
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


class Reaper:
    """Kills process groups when it is closed, or when this process ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def watch(self, group: int) -> None:
        """Register a process group."""
        if self._process is None and hasattr(os, "killpg"):
            # an own session, since an interrupt is for the engine
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command
                [sys.executable, "-I", "-S", "-c", _SOURCE],
                stdin=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )

        self._send(f"+{group}\n")

    def unwatch(self, group: int) -> None:
        """Remove a process group: it has ended, and its number may be used again."""
        self._send(f"-{group}\n")

    def close(self) -> None:
        """Kill the registered groups and end the helper process."""
        process = self._process
        self._process = None

        if process is not None:
            process.communicate()

    def _send(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return

        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            # the helper was killed; the workers still watch for the end of the engine
            self._process.wait()
            self._process = None

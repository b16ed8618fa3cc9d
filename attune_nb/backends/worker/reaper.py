"""Worker processes that end with their engine, however that ends and whatever they are at.

A worker looks after itself (see `remote_functions.start_worker`), unless an item in it holds the interpreter. So
there is a small process beside, which reads from a pipe of which only the engine has the other
end: when that is closed, it ends what it was told of.
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
for each in groups:
    try:
        os.killpg(each, signal.SIGKILL)
    except OSError:
        pass
"""


def kill_group(process: int) -> None:
    """End all that a process has begun which leads a group, also where it is there no more."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):  # there is nothing
            os.killpg(process, signal.SIGKILL)


class Reaper:
    """Ends process groups when it is closed, or when this process is there no more."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def watch(self, group: int) -> None:
        """Watch over a process group."""
        if self._process is None and hasattr(os, "killpg"):
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-I", "-S", "-c", _SOURCE],
                stdin=subprocess.PIPE,
                text=True,
                start_new_session=True,  # an interrupt is for the engine
            )
        self._tell(f"+{group}\n")

    def unwatch(self, group: int) -> None:
        """Watch over it no more: it has ended, and its number may be another's."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End what is watched over, and the watch."""
        process, self._process = self._process, None
        if process is not None:
            process.communicate()

    def _tell(self, what: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.write(what)
                self._process.stdin.flush()
            except BrokenPipeError:  # somebody has ended it; the workers look after themselves
                self._process.wait()
                self._process = None

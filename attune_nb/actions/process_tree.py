"""End a process group together with all processes that its leader has started."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

__all__ = ["ProcessTree"]

# searches for processes that were started during the search before
_MAX_SEARCHES = 5


class ProcessTree:
    """The leader of a process group, its group, and its descendants in any session.

    A process whose parent has ended can no longer be found by its parent, so the descendants
    are searched for before a signal is sent.
    """

    def __init__(self, leader: int) -> None:
        self.group = leader
        self._leader: psutil.Process | None = None
        self._processes: set[psutil.Process] = set()

    def search(self) -> bool:
        """Collect the present descendants; return whether there are new ones."""
        import psutil  # noqa: PLC0415 - seldom needed

        processes = set(self._processes)
        roots = set(self._processes)
        with suppress(psutil.Error):
            # kept from the first search on: later its number may belong to another process
            if self._leader is None:
                self._leader = psutil.Process(self.group)
            descendants = self._leader.children(recursive=True)
            processes.update(descendants)
            # their own descendants are among them
            roots.difference_update(descendants)

        for root in roots:
            with suppress(psutil.Error):
                processes.update(root.children(recursive=True))

        has_grown = processes != self._processes
        self._processes = processes
        return has_grown

    def terminate(self) -> None:
        """Send SIGTERM to every process once: a second one may mean "at once" to a program."""
        import psutil  # noqa: PLC0415 - seldom needed

        self.search()
        outside_group = []
        for process in self._processes:
            with suppress(OSError):
                if os.getpgid(process.pid) != self.group:
                    outside_group.append(process)

        send_signal(self.group, signal.SIGTERM)
        for process in outside_group:
            with suppress(psutil.Error):
                process.terminate()

    def kill(self) -> None:
        """Kill every process. All are stopped first, since a stopped process starts no other."""
        for _ in range(_MAX_SEARCHES):
            self._send_to_all(signal.SIGSTOP)
            if not self.search():
                break
        self._send_to_all(signal.SIGKILL)

    def kill_at(self, deadline: float) -> None:
        """Wait until all processes have ended; kill those that live at the deadline."""
        while self._has_living():
            if time.monotonic() >= deadline:
                self.kill()
                return
            time.sleep(0.01)
        # for processes that were started during the last look
        send_signal(self.group, signal.SIGKILL)

    def _has_living(self) -> bool:
        return _has_living(self.group) or any(map(_is_alive, self._processes))

    def _send_to_all(self, number: int) -> None:
        import psutil  # noqa: PLC0415 - seldom needed

        send_signal(self.group, number)
        for process in self._processes:
            with suppress(psutil.Error):
                process.send_signal(number)


def send_signal(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether it has a process."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # macOS raises PermissionError if all processes of the group are zombies
        return False
    return True


def _has_living(group: int) -> bool:
    """Return whether a group has a process that is no zombie; some systems keep these long."""
    import psutil  # noqa: PLC0415 - seldom needed

    if not send_signal(group, 0):
        return False
    for number in psutil.pids():
        with suppress(OSError, psutil.Error):
            if os.getpgid(number) == group and _is_alive(psutil.Process(number)):
                return True
    return False


def _is_alive(process: psutil.Process) -> bool:
    """Return whether a process runs and is no zombie."""
    import psutil  # noqa: PLC0415 - seldom needed

    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False

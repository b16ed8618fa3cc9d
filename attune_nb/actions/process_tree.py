"""A process group and whatever its leader has started outside of it, to be ended together."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

__all__ = ["Family"]

_ROUNDS = 5  # of looking for who was started meanwhile


class Family:
    """The leader of a process group, the group, and all descendants in whatever session.

    A process whose parent has ended can no longer be found, so look before a signal is sent.
    """

    def __init__(self, leader: int) -> None:
        self.group = leader
        self._leader: psutil.Process | None = None
        self._known: set[psutil.Process] = set()

    def look(self) -> bool:
        """Take note of the descendants there are now; True if there are new ones."""
        import psutil  # noqa: PLC0415 - needed only to end what does not end by itself

        known = set(self._known)
        roots = set(self._known)
        with suppress(psutil.Error):
            # Known from the first look on: later its number may be that of a stranger.
            self._leader = self._leader or psutil.Process(self.group)
            found = self._leader.children(recursive=True)
            known.update(found)
            roots.difference_update(found)  # what comes after them is found already
        for each in roots:
            with suppress(psutil.Error):
                known.update(each.children(recursive=True))
        grown = known != self._known
        self._known = known
        return grown

    def ask(self) -> None:
        """Ask everyone to end; each is asked once, for a second time may mean "at once"."""
        import psutil  # noqa: PLC0415

        self.look()
        outside = []
        for each in self._known:
            with suppress(OSError):
                if os.getpgid(each.pid) != self.group:
                    outside.append(each)
        send(self.group, signal.SIGTERM)
        for each in outside:
            with suppress(psutil.Error):
                each.terminate()

    def kill(self) -> None:
        """End everyone for good; stop them first, for who is stopped starts nobody."""
        for _ in range(_ROUNDS):
            self._send_all(signal.SIGSTOP)
            if not self.look():
                break
        self._send_all(signal.SIGKILL)

    def end_by(self, deadline: float) -> None:
        """Leave the time until the deadline to whoever is still there, then kill."""
        while self._is_left():
            if time.monotonic() >= deadline:
                self.kill()
                return
            time.sleep(0.01)
        send(self.group, signal.SIGKILL)  # for who was started while the others were counted

    def _is_left(self) -> bool:
        return _has_living(self.group) or any(_is_alive(each) for each in self._known)

    def _send_all(self, number: int) -> None:
        import psutil  # noqa: PLC0415

        send(self.group, number)
        for each in self._known:
            with suppress(psutil.Error):
                each.send_signal(number)


def send(group: int, number: int) -> bool:
    """Send a signal to a process group; False if there is nobody in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS: EPERM when only zombies are left
        return False
    return True


def _has_living(group: int) -> bool:
    """Tell whether there is more than zombies in a group: some systems are slow to bury them."""
    import psutil  # noqa: PLC0415

    if not send(group, 0):
        return False
    for number in psutil.pids():
        with suppress(OSError, psutil.Error):
            if os.getpgid(number) == group and _is_alive(psutil.Process(number)):
                return True
    return False


def _is_alive(process: psutil.Process) -> bool:
    import psutil  # noqa: PLC0415

    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False

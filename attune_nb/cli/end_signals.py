"""SIGTERM and SIGHUP: they end a command as Ctrl-C does, so that its run is cancelled."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EndSignals", "handle_end_signals"]

# exit status of a command that Ctrl-C has ended
_INTERRUPTED = 130
# A shell adds this to the number of the signal that ended a command.
_SIGNAL_STATUS = 128


class EndSignals:
    """The last of these signals that this process has received.

    Attributes:
        received: Its number, or None.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._terminals = [fd for fd in range(3) if _is_terminal(fd)]

    def exit_status(self, status: int) -> int:
        """Return the exit status of a command: that of the signal, if one has ended it.

        Args:
            status: Its status as if Ctrl-C had ended it.
        """
        if self.received is not None and status == _INTERRUPTED:
            return _SIGNAL_STATUS + self.received
        return status

    def handle(self, number: int, frame: Any) -> None:
        """Do as the handler of Ctrl-C does.

        Raises:
            KeyboardInterrupt: The usual handler does.
        """
        self.received = number
        if number == signal.SIGHUP:
            self._leave_terminal()

        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler):
            # a shell starts a command in the background with SIGINT ignored
            raise KeyboardInterrupt
        handler(signal.SIGINT, frame)

    def _leave_terminal(self) -> None:
        """Read and write nothing more: the terminal is gone, so each attempt would fail."""
        device = os.open(os.devnull, os.O_RDWR)
        for fd in self._terminals:
            os.dup2(device, fd)
        os.close(device)


@contextmanager
def handle_end_signals() -> Iterator[EndSignals]:
    """Let SIGTERM and SIGHUP act as Ctrl-C while the block runs.

    A signal that is ignored (`nohup`) or handled by other code stays so.
    """
    signals = EndSignals()
    numbers = []
    if threading.current_thread() is threading.main_thread():
        names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        numbers = [getattr(signal, name) for name in names]
        numbers = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]

    for number in numbers:
        signal.signal(number, signals.handle)
    try:
        yield signals
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _is_terminal(fd: int) -> bool:
    with suppress(OSError):
        return os.isatty(fd)
    return False

"""The pipe through which a worker process sends the lines of attempts that are running.

Neither end waits for the other: an engine that is busy does not stop a worker, and a worker that
was stopped amid a message does not stop the engine.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["LinePipeReader", "LinePipeWriter"]

# bytes of the length before each message
_LENGTH = 4
# the bytes that a pipe holds
_PART = 65536


class LinePipeWriter:
    """The worker's end.

    Args:
        connection: The end of the pipe to write to.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._unwritten = b""
        os.set_blocking(connection.fileno(), False)
        # the processes that actions start do not get it
        os.set_inheritable(connection.fileno(), False)  # noqa: FBT003 - its only way

    def send(self, message: bytes) -> bool:
        """Send a message; return false if the pipe is full."""
        self._flush()
        if self._unwritten:
            return False

        self._unwritten = len(message).to_bytes(_LENGTH, "big") + message
        self._flush()
        return True

    def _flush(self) -> None:
        # the engine may have ended
        with suppress(BlockingIOError, BrokenPipeError):
            while self._unwritten:
                count = os.write(self._connection.fileno(), self._unwritten)
                self._unwritten = self._unwritten[count:]


class LinePipeReader:
    """The engine's end.

    Args:
        connection: The end of the pipe to read from.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._unread = b""
        os.set_blocking(connection.fileno(), False)

    def read(self) -> list[bytes]:
        """Return the messages that have arrived."""
        with suppress(OSError):
            while part := os.read(self._connection.fileno(), _PART):
                self._unread += part

        messages = []
        while len(self._unread) >= _LENGTH:
            end = _LENGTH + int.from_bytes(self._unread[:_LENGTH], "big")
            if len(self._unread) < end:
                break
            messages.append(self._unread[_LENGTH:end])
            self._unread = self._unread[end:]
        return messages

    def close(self) -> None:
        """Close this end."""
        self._connection.close()

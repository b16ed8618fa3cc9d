"""The lines of the attempts of a chunk, on the way from a worker process to the engine."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from attune_nb.backends.chunks.messages import LineMessage
from attune_nb.capture import installation
from attune_nb.capture.collector import LineCollector

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.capture.attempt_output import AttemptOutput
    from attune_nb.events import Key
    from attune_nb.log_lines import LogLine

__all__ = ["ChunkLines"]

# seconds between two messages with lines of attempts that are still running
LIVE_INTERVAL = 0.25

# the lines of such a message: a report has all of them
MOST_LIVE_LINES = 100

# characters of such a message: a Dask scheduler keeps the last events of a log
MOST_LIVE_CHARACTERS = 8_000

_encoder = msgspec.msgpack.Encoder()

# Chunks that have ended: threads that their attempts have left may print. The next report of
# the same log has these lines.
_ended: deque[ChunkLines] = deque(maxlen=100)


class ChunkLines:
    """The lines of the attempts of a chunk.

    Any thread may call the methods.

    Args:
        log: The name of the log that gets them.
        key: The key of the job.
        thread: The thread that runs the chunk.
        send: Sends a message with lines to the engine at once; returns whether it was sent. None
            if there is no way to do so.
        sends_each: Whether to send each line as soon as it is written.
    """

    def __init__(
        self,
        log: str,
        key: Key,
        thread: str,
        send: Callable[[bytes], bool] | None,
        *,
        sends_each: bool = False,
    ) -> None:
        self.collector = LineCollector(time.time)
        if sends_each:
            self.collector = _EagerCollector(time.time, self._send_new)
        self.log = log
        self._key = key
        self._thread = thread
        self._send = send
        self._source = uuid.uuid4().hex
        self._next_send = time.monotonic() + LIVE_INTERVAL
        # guards the following attributes
        self._lock = threading.Lock()
        # the lines that were not acknowledged, and the number of the first
        self._lines: list[LogLine] = []
        self._first = 0
        # how many lines were sent while their attempts were running, or reported
        self._sent = 0

        installation.install()

    def report(self) -> tuple[bytes, ...]:
        """Return messages with the lines that were not acknowledged."""
        ended = [chunk_lines for chunk_lines in list(_ended) if chunk_lines.log == self.log]
        messages = [chunk_lines.pack(forgets=True) for chunk_lines in ended]
        messages.append(self.pack())
        return tuple(message for message in messages if message)

    def pack(self, *, forgets: bool = False) -> bytes:
        """Return a message with the lines that were not acknowledged; empty bytes for none.

        Args:
            forgets: Whether they count as acknowledged.
        """
        with self._lock:
            self._lines += self.collector.take()
            if not self._lines:
                return b""

            message = self._make_message(self._lines, self._first)
            self._sent = self._first + len(self._lines)
            if forgets:
                self._forget(self._sent)
        return message

    @property
    def count(self) -> int:
        """How many lines were reported or sent."""
        return self._sent

    def acknowledge(self, count: int) -> None:
        """Forget the first lines, which have arrived."""
        with self._lock:
            self._forget(count)

    def _forget(self, count: int) -> None:
        del self._lines[: count - self._first]
        self._first = count

    def send_live(self) -> None:
        """Send the new lines of attempts that are running, if it is time to do so."""
        if time.monotonic() < self._next_send:
            return

        self.collector.check_streams()
        self._send_new()
        self._next_send = time.monotonic() + LIVE_INTERVAL

    def _send_new(self) -> None:
        """Send the new lines."""
        if self._send is None:
            return

        with self._lock:
            self._lines += self.collector.take()
            start = self._sent - self._first
            lines = _limit(self._lines[start:])

            # a full channel: the report will have them
            if lines and self._send(self._make_message(lines, self._sent)):
                self._sent += len(lines)

    def close(self) -> None:
        """End the lines of attempts that were given up; the next report has the last lines."""
        self.collector.close()
        _ended.append(self)
        installation.uninstall()

    def _make_message(self, lines: list[LogLine], first: int) -> bytes:
        message = LineMessage(self._source, self._key, self._thread, first, time.time(), lines)
        return _encoder.encode(message)


class _EagerCollector(LineCollector):
    """Collects lines, and calls a function with each.

    Args:
        clock: Returns the time of a line.
        on_line: Called when a line was added.
    """

    def __init__(self, clock: Callable[[], float], on_line: Callable[[], None]) -> None:
        super().__init__(clock)
        self._on_line = on_line

    def add(self, output: AttemptOutput, level: str, text: str) -> None:
        """Add whole lines of an attempt, from any thread."""
        super().add(output, level, text)
        self._on_line()


def _limit(lines: list[LogLine]) -> list[LogLine]:
    """Return the first lines, as many as one message may have."""
    limited = []
    size = 0
    for line in lines[:MOST_LIVE_LINES]:
        size += len(line.text)
        if size > MOST_LIVE_CHARACTERS:
            break
        limited.append(line)

    return limited

"""The lines of all attempts of a run, on their way to the engine."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING
from weakref import WeakMethod

import msgspec

from attune_nb.capture import streams
from attune_nb.capture.attempt_output import (
    MOST_CHARACTERS,
    Outlet,
    current_outlet,
    describe_dropped,
)
from attune_nb.log_lines import LogLine
from attune_nb.values.guard import call_readers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from attune_nb.capture.attempt_output import AttemptOutput, LineSink
    from attune_nb.events import Key
    from attune_nb.values.secrets import Mask

    LineReader = Callable[[Sequence[LogLine]], None]

__all__ = ["MOST_RUN_CHARACTERS", "LineCollector"]

MOST_RUN_CHARACTERS = 50_000_000
"""Characters of a run's lines that are kept."""

# seconds between two deliveries amid an attempt in the engine's thread
_DELIVERY_INTERVAL = 0.1


class LineCollector:
    """Collects the lines of a run's attempts, from any thread; the engine takes them.

    Args:
        clock: Returns the time of a line: in the engine the seconds since the run began.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        # a name that no other one has
        self.name = uuid.uuid4().hex
        self._clock = clock
        # called to deliver lines before the end of the turn
        self._on_due: WeakMethod[Callable[[], None]] | None = None
        # whole lines in the order in which they were written: output, time, level, text
        self._entries: deque[tuple[AttemptOutput, float, str, str]] = deque()
        # lines of other processes
        self._remote_lines: deque[LogLine] = deque()
        # outputs that `close` has to end: of attempts that were given up, or printed after their
        # end
        self._open_outputs: set[AttemptOutput] = set()
        self._outlets: set[Outlet] = set()
        self._next_delivery = 0.0
        self._engine_thread = 0
        # lines that were taken and not delivered; only the engine's thread uses it
        self._gathered: list[LogLine] = []
        self._size = 0
        self._dropped = 0
        self._is_closed = False

    def on_due(self, callback: Callable[[], None]) -> None:
        """Call a method to deliver lines before the end of the turn.

        It is called as long as its object exists, and does not keep that.
        """
        self._on_due = WeakMethod(callback)

    def open_outlet(self, key: Key, worker: int, *, in_engine: bool = False) -> Outlet:
        """Return the outlet of a worker of a task.

        Args:
            key: The task and its visit.
            worker: The worker's number.
            in_engine: Whether attempts run in the engine's thread. It then delivers lines while
                they run.
        """
        streams.cover()
        sink: LineSink = self
        if in_engine:
            sink = _EngineSink(self)
        outlet = Outlet(sink, key, worker)
        self._outlets.add(outlet)
        return outlet

    def close_outlet(self, outlet: Outlet) -> None:
        """Forget the outlet of a worker that has ended."""
        self._outlets.discard(outlet)

    def cover_streams(self) -> None:
        """Put the routers on top of the streams again, if another stream has covered them."""
        streams.cover()

    def check_streams(self) -> None:
        """Have the streams covered at the end of the next attempt, if they are not.

        Not at once: an attempt that runs may have replaced the stream itself, for a while.
        """
        if streams.are_covered():
            return
        for outlet in list(self._outlets):
            outlet.must_end = True

    def add(self, output: AttemptOutput, level: str, text: str) -> None:
        """Add whole lines of an attempt, from any thread."""
        self._entries.append((output, self._clock(), level, text))

    def add_remote(self, lines: Iterable[LogLine]) -> None:
        """Add lines of another process."""
        self._remote_lines.extend(lines)

    def open_output(self, output: AttemptOutput) -> None:
        """Note that an output has to be ended."""
        self._open_outputs.add(output)

    def close_output(self, output: AttemptOutput) -> None:
        """Note that an output was ended."""
        self._open_outputs.discard(output)

    def close(self) -> None:
        """End all outputs; the next lines are the last."""
        for output in list(self._open_outputs):
            output.end()
        self._is_closed = True

    def has_lines(self) -> bool:
        """Return whether there are lines to take."""
        return bool(self._entries) or bool(self._remote_lines)

    def take(self) -> list[LogLine]:
        """Remove and return the lines, as they were written."""
        lines = [self._remote_lines.popleft() for _ in range(len(self._remote_lines))]
        for _ in range(len(self._entries)):
            lines += _split_lines(*self._entries.popleft())
        return lines

    def deliver_if_due(self) -> None:
        """Deliver lines amid an attempt, if this is the engine's thread and it is time to."""
        if threading.get_ident() != self._engine_thread or self._on_due is None:
            return
        now = time.monotonic()
        if now < self._next_delivery:
            return
        deliver = self._on_due()
        if deliver is None:
            return

        self._next_delivery = now + _DELIVERY_INTERVAL
        # the output of the readers is not the attempt's
        token = current_outlet.set(None)
        try:
            deliver()
        finally:
            current_outlet.reset(token)

    def gather(self) -> None:
        """Take the lines that `deliver` will deliver, from the engine's thread."""
        self._engine_thread = threading.get_ident()
        self._gathered += self.take()

    def deliver(self, readers: list[LineReader], mask: Mask) -> list[Exception]:
        """Call readers with the lines that were gathered, without secrets.

        A reader that fails is removed: it must not break the run.

        Returns:
            The errors of the readers that were removed.
        """
        self.check_streams()
        lines = self._take_masked(mask)
        if self._is_closed:
            lines += self._take_note()
        if not lines:
            return []

        return call_readers(readers, lines)

    def _take_masked(self, mask: Mask) -> list[LogLine]:
        """Return the lines without secrets, at most `MOST_RUN_CHARACTERS` of a run."""
        lines = self._gathered
        self._gathered = []
        if mask:
            lines = _mask_lines(lines, mask)

        kept_lines = []
        for line in lines:
            self._size += len(line.text) + 1
            if self._size > MOST_RUN_CHARACTERS:
                self._dropped += 1
            elif len(line.text) > MOST_CHARACTERS:
                text = f"{line.text[: MOST_CHARACTERS - 1]}…"
                kept_lines.append(msgspec.structs.replace(line, text=text))
            else:
                kept_lines.append(line)
        return kept_lines

    def _take_note(self) -> list[LogLine]:
        """Return a line with the number of lines that were left out; none if there are none."""
        dropped = self._dropped
        self._dropped = 0
        if not dropped:
            return []
        return [LogLine(self._clock(), "", 0, 0, 0, -1, "stderr", describe_dropped(dropped))]


class _EngineSink:
    """Takes the lines of attempts in the engine's thread, which delivers them meanwhile."""

    def __init__(self, collector: LineCollector) -> None:
        self._collector = collector
        self.open_output = collector.open_output
        self.close_output = collector.close_output
        self.cover_streams = collector.cover_streams

    def add(self, output: AttemptOutput, level: str, text: str) -> None:
        """Add whole lines of an attempt."""
        self._collector.add(output, level, text)
        self._collector.deliver_if_due()


def _split_lines(output: AttemptOutput, time: float, level: str, text: str) -> list[LogLine]:
    """Return the lines that an attempt has written at once."""
    task, visit = output.key
    index = output.index
    attempt = output.attempt
    worker = output.worker
    return [
        LogLine(time, task, visit, index, attempt, worker, level, _clean(line))
        for line in text.split("\n")
    ]


def _mask_lines(lines: list[LogLine], mask: Mask) -> list[LogLine]:
    text = "\n".join([line.text for line in lines])
    # most lines hold no secret: one search for all of them
    if mask.text(text) is text:
        return lines

    masked_lines = []
    for line in lines:
        masked = mask.text(line.text)
        if masked is not line.text:
            masked_lines.append(msgspec.structs.replace(line, text=masked))
        else:
            masked_lines.append(line)
    return masked_lines


def _clean(line: str) -> str:
    """Return a line as a terminal shows it at its end, as text that can be encoded."""
    if "\r" in line:
        line = line.rstrip("\r").rpartition("\r")[2]
    if not line.isascii():
        line = line.encode("utf-8", "replace").decode("utf-8")
    return line

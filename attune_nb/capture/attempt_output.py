"""The output of one attempt, and how the code of an action finds it."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.events import Key

__all__ = [
    "MOST_CHARACTERS",
    "AttemptOutput",
    "LineSink",
    "Outlet",
    "copy_context",
    "current_outlet",
    "describe_dropped",
]

MOST_CHARACTERS = 64 * 1024
"""Characters of an attempt's output that are kept, with one for the end of each line."""

# pieces of a line, and characters of a piece, from which on the pieces are put together
_MOST_PIECES = 1_000
_LONGEST_PIECE = 1_000


class LineSink(Protocol):
    """Takes the lines of attempts, from any thread."""

    def add(self, output: AttemptOutput, level: str, text: str) -> None:
        """Add whole lines of an attempt, without the last newline."""

    def open_output(self, output: AttemptOutput) -> None:
        """Note that an output has to be ended."""

    def close_output(self, output: AttemptOutput) -> None:
        """Note that an output was ended."""

    def cover_streams(self) -> None:
        """Put the routers on top of the streams again, if another stream has covered them."""


class AttemptOutput:
    """The output of one attempt. Any thread may write to it, also after the attempt has ended.

    Args:
        collector: Gets the lines.
        key: The task and its visit.
        index: The index of the item.
        attempt: The number of the attempt.
        worker: The worker's number.

    Attributes:
        redirections: The targets to which the attempt has redirected a stream, by the stream's
            name; the last one is in use.
    """

    __slots__ = (
        "_collector",
        "_dropped",
        "_dropped_level",
        "_is_open",
        "_lock",
        "_partial",
        "_size",
        "attempt",
        "index",
        "key",
        "redirections",
        "worker",
    )

    def __init__(
        self, collector: LineSink, key: Key, index: int, attempt: int, worker: int
    ) -> None:
        self.key = key
        self.index = index
        self.attempt = attempt
        self.worker = worker
        self.redirections: dict[str, list[TextIO]] = {}

        self._collector = collector
        self._size = 0
        self._is_open = True
        collector.open_output(self)
        # the pieces of lines that have no end yet, by the stream and the thread, so that no two
        # threads write to the same
        self._partial: dict[tuple[str, int], list[str]] = {}
        # guards the following attributes
        self._lock = threading.Lock()
        self._dropped = 0
        self._dropped_level = ""

    def write(self, level: str, text: str) -> None:
        """Add text, which may be a part of a line.

        Args:
            level: `stdout`, `stderr`, or the name of a logging level.
            text: The text.
        """
        key = (level, threading.get_ident())
        pieces = self._partial.get(key)
        if "\n" not in text:
            if pieces is None:
                pieces = self._partial[key] = []
                self._reopen()
            pieces.append(text)
            if len(pieces) > _MOST_PIECES or len(text) > _LONGEST_PIECE:
                pieces[:] = [_shorten("".join(pieces))]
            return

        lines, _, partial_line = text.rpartition("\n")
        if pieces is not None:
            lines = "".join(pieces) + lines
            # another thread may have ended the output of an attempt that was given up
            self._partial.pop(key, None)
        if partial_line:
            self._partial[key] = [partial_line]
            self._reopen()
        self.add_lines(level, lines)

    def add_lines(self, level: str, text: str) -> None:
        """Add whole lines, without the last newline."""
        size = self._size + len(text) + 1
        if size > MOST_CHARACTERS:
            lines = self._cut(level, text)
            # nothing is kept behind the first line that was left out
            size = MOST_CHARACTERS
            text = "\n".join(lines)
            if not lines:
                self._size = size
                return

        self._size = size
        self._collector.add(self, level, text)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is kept."""
        return self._size >= MOST_CHARACTERS

    def drop_lines(self, level: str, count: int) -> None:
        """Count lines that are not kept."""
        with self._lock:
            self._dropped += count
            self._dropped_level = level
        self._reopen()

    def end(self) -> None:
        """Add the lines that have no end, and how many lines were left out."""
        partial = self._partial
        self._partial = {}
        for (level, _), pieces in list(partial.items()):
            self.add_lines(level, "".join(pieces))

        with self._lock:
            dropped = self._dropped
            self._dropped = 0
        if dropped:
            note = describe_dropped(dropped)
            self._collector.add(self, self._dropped_level, note)
        self._is_open = False
        self._collector.close_output(self)

    def _reopen(self) -> None:
        """Have the output ended once more: text is written after the end of the attempt."""
        if not self._is_open:
            self._is_open = True
            self._collector.open_output(self)

    def _cut(self, level: str, text: str) -> list[str]:
        """Return the lines of a text that may still be kept, and count the others."""
        if self.is_full:
            self.drop_lines(level, text.count("\n") + 1)
            return []

        lines = text.split("\n")
        kept_lines = []
        free = MOST_CHARACTERS - self._size
        for line in lines:
            free -= len(line) + 1
            if free < 0:
                break
            kept_lines.append(line)

        if not kept_lines and not self._size:
            # of a single line that is longer than all that is kept, the beginning
            kept_lines.append(lines[0][: 2 * MOST_CHARACTERS])
        if len(kept_lines) < len(lines):
            self.drop_lines(level, len(lines) - len(kept_lines))
        return kept_lines


def describe_dropped(count: int) -> str:
    """Return the line in place of lines that are not kept."""
    lines = "line" if count == 1 else "lines"
    return f"... {count:,} more {lines}"


def _shorten(text: str) -> str:
    """Return the beginning of a line, as far as it is kept.

    A progress bar that is drawn over and over is one line, of which the last drawing is seen. A
    carriage return at its end stays, since the next drawing follows.
    """
    if "\r" in text:
        shown = text.rstrip("\r")
        text = shown.rpartition("\r")[2] + text[len(shown) :][:1]
    return text[: 2 * MOST_CHARACTERS]


class Outlet:
    """The attempt that a worker makes at the moment, and its output once it has any.

    The worker sets `index` and `attempt` before each attempt, and nothing else: an attempt that
    prints nothing costs no more than that.

    Attributes:
        index: The index of the item.
        attempt: The number of the attempt; 0 between two attempts.
        must_end: Whether `end` is to be called at the end of the attempt.
        output: The output of the attempt; None if it has none yet.

    Args:
        collector: Gets the lines; None if they are not collected.
        key: The task and its visit.
        worker: The worker's number.
    """

    __slots__ = ("_collector", "_key", "_worker", "attempt", "index", "must_end", "output")

    def __init__(self, collector: LineSink | None, key: Key, worker: int) -> None:
        self._collector = collector
        self._key = key
        self._worker = worker
        self.index = 0
        self.attempt = 0
        self.must_end = False
        self.output: AttemptOutput | None = None

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Let the code of this thread, or of this coroutine, print into the outlet meanwhile."""
        if self._collector is None:
            yield
            return

        token = current_outlet.set(self)
        try:
            yield
        finally:
            current_outlet.reset(token)

    def open(self) -> AttemptOutput | None:
        """Return the output of the attempt; None between two attempts."""
        if self.output is None and self.attempt and self._collector is not None:
            self.output = AttemptOutput(
                self._collector, self._key, self.index, self.attempt, self._worker
            )
            self.must_end = True
        return self.output

    def end(self) -> None:
        """End the output of the attempt that has ended."""
        self.must_end = False
        output = self.output
        self.output = None
        if output is not None:
            output.end()
        if self._collector is not None:
            self._collector.cover_streams()

    def release(self) -> None:
        """Let the rest of the attempt go to the console."""
        self.attempt = 0
        self.end()

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Drop the output of the code of this thread meanwhile."""
        token = current_outlet.set(_muted_outlet)
        try:
            yield
        finally:
            current_outlet.reset(token)

    def pin(self) -> Outlet:
        """Return an outlet that stays with the present attempt, for code that may outlive it."""
        outlet = Outlet(self._collector, self._key, self._worker)
        outlet.output = self.open()
        return outlet


current_outlet: ContextVar[Outlet | None] = ContextVar("attune_outlet", default=None)
"""The outlet of the worker whose code runs; None outside of attempts."""


class _NoSink:
    """Drops all lines."""

    def add(self, output: AttemptOutput, level: str, text: str) -> None:
        pass

    def open_output(self, output: AttemptOutput) -> None:
        pass

    def close_output(self, output: AttemptOutput) -> None:
        pass

    def cover_streams(self) -> None:
        pass


_muted_outlet = Outlet(_NoSink(), ("", 0), 0)
_muted_outlet.attempt = 1
_muted_outlet.open()


def copy_context() -> contextvars.Context:
    """Return a copy of the context, in which the output stays with the present attempt."""
    context = contextvars.copy_context()
    outlet = current_outlet.get()
    if outlet is not None:
        context.run(current_outlet.set, outlet.pin())
    return context

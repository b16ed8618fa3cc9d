"""The bytes that a command writes, as lines of an attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.capture.attempt_output import MOST_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.capture.attempt_output import AttemptOutput

__all__ = ["ByteLines"]


class ByteLines:
    """Adds the bytes of a stream to an attempt's output, line by line.

    Args:
        output: The output.
        level: `stdout` or `stderr`.
        hide: Returns a text without the secrets that only the action knows.
    """

    def __init__(
        self, output: AttemptOutput, level: str, hide: Callable[[str], str] | None = None
    ) -> None:
        self._output = output
        self._level = level
        self._hide = hide
        self._partial = b""

    def feed(self, part: bytes) -> None:
        """Add the next bytes."""
        lines, newline, partial_line = part.rpartition(b"\n")
        if newline:
            self._add(self._partial + lines)
            self._partial = b""
        if len(self._partial) <= 2 * MOST_CHARACTERS:
            self._partial += partial_line

    def end(self) -> None:
        """Add a line that has no end."""
        if self._partial:
            self._add(self._partial)
            self._partial = b""

    def _add(self, lines: bytes) -> None:
        if self._output.is_full:
            self._output.drop_lines(self._level, lines.count(b"\n") + 1)
            return

        text = lines.decode("utf-8", "replace")
        if self._hide is not None:
            text = self._hide(text)
        self._output.add_lines(self._level, text)

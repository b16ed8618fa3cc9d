"""A terminal in which a person types a line, while the program watches the time."""

from __future__ import annotations

import os
import select
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Terminal", "is_terminal"]

# seconds between two looks at whether the answer is still needed
_LOOK = 0.1

# bytes of a line; a terminal gives no longer one
_MAX_LINE = 4096


class Terminal:
    """Reads lines from standard input and writes to standard error, or to standard output.

    Args:
        source: Standard input.
        target: The stream for prompts, "stderr" or "stdout".
    """

    def __init__(self, source: TextIO, target: str) -> None:
        self._source = source
        self._target = target

    @classmethod
    def open(cls) -> Terminal | None:
        """Return the terminal of this process, or None if no person can type in it.

        That is so if standard input is no terminal, if no output is one, or if the shell runs
        the process in the background.
        """
        source = sys.stdin
        if not is_terminal(source) or _is_in_background(source):
            return None

        for target in ("stderr", "stdout"):
            if is_terminal(getattr(sys, target)):
                return cls(source, target)
        return None

    def write(self, text: str) -> None:
        """Write a text at once."""
        # looked up now: a display of progress replaces the streams while it draws
        stream = getattr(sys, self._target)
        stream.write(text)
        stream.flush()

    def read_line(self, is_over: Callable[[], bool], *, echo: bool = True) -> str | None:
        """Return the next line without its end; None if it is no longer needed.

        Args:
            is_over: Returns whether the line is no longer needed.
            echo: Whether the terminal shows the line.

        Raises:
            EOFError: The input has ended (Ctrl-D).
            KeyboardInterrupt: Ctrl-C.
        """
        if sys.platform == "win32":
            return self._read_blocking(echo=echo)

        if echo:
            return self._read_when_ready(is_over)
        with _without_echo(self._source):
            line = self._read_when_ready(is_over)
        # the end of the line was not shown either
        self.write("\n")
        return line

    def _read_when_ready(self, is_over: Callable[[], bool]) -> str | None:
        descriptor = self._source.fileno()
        while not is_over():
            readable, _, _ = select.select([descriptor], [], [], _LOOK)
            if not readable:
                continue

            data = os.read(descriptor, _MAX_LINE)
            if not data:
                raise EOFError
            return data.decode(self._source.encoding or "utf-8", "replace").rstrip("\r\n")
        return None

    def _read_blocking(self, *, echo: bool) -> str:
        """Read a line where a program cannot wait for a terminal and for a time at once."""
        if not echo:
            import getpass  # noqa: PLC0415 - seldom needed

            return getpass.getpass("")

        line = self._source.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    def drop_typed(self) -> None:
        """Drop a line that was begun, so that the shell does not get it."""
        if sys.platform != "win32":
            import termios  # noqa: PLC0415 - not on Windows

            termios.tcflush(self._source.fileno(), termios.TCIFLUSH)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        # it is closed
        return False


def _is_in_background(source: TextIO) -> bool:
    """Return whether the shell runs this process in the background: a read would stop it."""
    if sys.platform == "win32":
        return False
    try:
        return os.tcgetpgrp(source.fileno()) != os.getpgrp()
    except OSError:
        # not the terminal that controls this process, so no shell stops it
        return False


@contextmanager
def _without_echo(source: TextIO) -> Iterator[None]:
    """Have the terminal show nothing that is typed."""
    import termios  # noqa: PLC0415 - not on Windows

    descriptor = source.fileno()
    before = termios.tcgetattr(descriptor)
    silent = termios.tcgetattr(descriptor)
    silent[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, silent)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)

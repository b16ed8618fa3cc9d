"""The pipes of a command: its input is written, and its output read, while it runs."""

from __future__ import annotations

import fcntl
import os
import select
import sys
import termios
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.capture.byte_lines import ByteLines

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from attune_nb.capture.attempt_output import AttemptOutput

__all__ = ["InputPipe", "KeptOutput", "OutputPipes"]

# Bytes of a stream that are kept: from its beginning and from its end. With the line between
# them they are 10 MB.
_HEAD = 5_000_000
_TAIL = 4_999_000
# bytes at either side of the cut in which a line's end is looked for
_LONGEST_LINE = 10_000
# bytes of the longest character in UTF-8
_LONGEST_CHARACTER = 4
# the first byte of a character of several bytes, in UTF-8, is not less
_FIRST_OF_SEVERAL = 0xC0
# seconds within which most commands end
_QUICK_END = 0.05
# the bytes that a pipe holds
_PART = 65536


class KeptOutput(NamedTuple):
    """The text of a stream.

    Attributes:
        text: The whole text, or its beginning and end with a line between them that gives the
            number of bytes left out.
        is_cut: Whether bytes were left out.
    """

    text: str
    is_cut: bool


class OutputPipes:
    """Two pipes for the output of one command; a context manager that closes them.

    Nothing of the output is written to a disk, and a command that writes more than is kept can
    go on: the rest is read and dropped.

    Attributes:
        stdout_source: The end of a pipe that becomes the command's standard output.
        stderr_source: The same for the error output.
    """

    def __init__(self) -> None:
        out_fd, self.stdout_source = os.pipe()
        try:
            err_fd, self.stderr_source = os.pipe()
        except OSError:
            os.close(out_fd)
            os.close(self.stdout_source)
            raise
        self._stdout = _Stream(out_fd)
        self._stderr = _Stream(err_fd)
        self._sources = [self.stdout_source, self.stderr_source]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the pipes that the command does not hold any more; read the others further."""
        self._close_sources()
        open_fds = []
        for stream in (self._stdout, self._stderr):
            if stream.has_ended:
                os.close(stream.fd)
            else:
                open_fds.append(stream.fd)
        if open_fds:
            _drop_later_output(open_fds)

    def copy_lines(
        self,
        output: AttemptOutput,
        hide: Callable[[str], str] | None,
        *,
        logs_stdout: bool,
    ) -> None:
        """Add the output of the command to that of an attempt, too, while it runs.

        Args:
            output: The output.
            hide: Returns lines without secrets.
            logs_stdout: Whether to do so with the standard output.
        """
        self._stderr.lines = ByteLines(output, "stderr", hide)
        if logs_stdout:
            self._stdout.lines = ByteLines(output, "stdout", hide)

    def read_until_end(
        self, process: subprocess.Popen[bytes], feed: InputPipe | None = None
    ) -> None:
        """Read until the process has ended, and all that it has written by then.

        Children of the command may hold the pipes longer. They are not waited for.

        Args:
            process: The command's process.
            feed: Its input, which is written meanwhile.
        """
        self._close_sources()
        streams = (self._stdout, self._stderr)
        # called when a pipe is ready; returns whether to wait for the pipe again
        handlers: dict[int, Callable[[], bool]] = {stream.fd: stream.read for stream in streams}
        poller = select.poll()
        for fd in handlers:
            poller.register(fd, select.POLLIN)

        if feed is not None:
            feed.close_source()
            # most inputs fit into the pipe at once
            if feed.write():
                handlers[feed.fd] = feed.write
                poller.register(feed.fd, select.POLLOUT)

        # Most commands end soon, and their pipes with them. Only for others it pays to watch the
        # process itself: children in the background may hold the pipes.
        watch_from = time.monotonic() + _QUICK_END
        end_fd = None
        try:
            while handlers:
                if end_fd is None and time.monotonic() >= watch_from:
                    end_fd = _open_end(process)
                    poller.register(end_fd, select.POLLIN)
                wait = _QUICK_END * 1000 if end_fd is None else None
                ready_fds = [fd for fd, _ in poller.poll(wait)]
                _advance(ready_fds, handlers, poller)
                if end_fd in ready_fds:
                    break
        finally:
            if end_fd is not None:
                os.close(end_fd)

        process.wait()
        for stream in streams:
            stream.read_rest()
            if stream.lines is not None:
                stream.lines.end()

    def stdout(self) -> KeptOutput:
        """Return the text of the standard output."""
        return self._stdout.text()

    def stderr(self) -> KeptOutput:
        """Return the text of the error output."""
        return self._stderr.text()

    def _close_sources(self) -> None:
        for fd in self._sources:
            os.close(fd)
        self._sources.clear()


def _advance(
    ready_fds: list[int], handlers: dict[int, Callable[[], bool]], poller: select.poll
) -> None:
    """Read or write the pipes that are ready, and drop the finished ones."""
    for fd in ready_fds:
        handle = handlers.get(fd)
        if handle is not None and not handle():
            poller.unregister(fd)
            del handlers[fd]


class InputPipe:
    """A pipe with the input of one command; a context manager that closes it.

    Args:
        content: The input.

    Attributes:
        source: The end of the pipe that becomes the command's standard input.
        fd: The end to write to. It is closed when all is written, or the command reads no more.
    """

    def __init__(self, content: bytes) -> None:
        self._unwritten = memoryview(content)
        self.source, self.fd = os.pipe()
        self._open_fds = {self.source, self.fd}
        os.set_blocking(self.fd, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close_source()
        self._close(self.fd)

    def close_source(self) -> None:
        """Close this process's copy of the command's end."""
        self._close(self.source)

    def write(self) -> bool:
        """Write as much as the pipe takes now; return whether more is to be written."""
        try:
            while self._unwritten:
                count = os.write(self.fd, self._unwritten)
                self._unwritten = self._unwritten[count:]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            # the command has closed its input: it reads no more
            pass
        self._close(self.fd)
        return False

    def _close(self, fd: int) -> None:
        if fd in self._open_fds:
            self._open_fds.remove(fd)
            os.close(fd)


class _Stream:
    """The reading end of a pipe, and the bytes that were read from it.

    Attributes:
        fd: The pipe's reading end.
        has_ended: Whether no process can write to the pipe any more.
        lines: Gets the bytes, too; None if nothing does.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.has_ended = False
        self.lines: ByteLines | None = None
        self._size = 0
        self._head = bytearray()
        self._tail = bytearray()

    def read(self) -> bool:
        """Read once, and wait if there is nothing yet; return whether more may come."""
        part = os.read(self.fd, _PART)
        self._keep(part)
        if self.lines is not None:
            self.lines.feed(part)
        self.has_ended = not part
        return not self.has_ended

    def read_rest(self) -> None:
        """Read the bytes that are in the pipe at this moment."""
        if self.has_ended:
            return

        os.set_blocking(self.fd, False)
        answer = fcntl.ioctl(self.fd, termios.FIONREAD, bytes(4))
        rest = int.from_bytes(answer, sys.byteorder)
        with suppress(BlockingIOError):
            while rest > 0 and not self.has_ended:
                size = self._size
                self.read()
                rest -= self._size - size
            # at the end of the pipe this reads nothing
            if not self.has_ended:
                self.read()

    def text(self) -> KeptOutput:
        """Return the text that is kept."""
        left_out = self._size - len(self._head) - min(len(self._tail), _TAIL)
        if left_out <= 0:
            return KeptOutput((self._head + self._tail).decode(errors="replace"), is_cut=False)

        head = _without_broken_end(bytes(self._head))
        tail = _without_broken_start(bytes(self._tail[-_TAIL:]))
        left_out = self._size - len(head) - len(tail)
        line = (
            f"\n[{left_out:,} bytes are left out: 10 MB of a stream are kept; redirect large "
            "output to a file]\n"
        )
        text = head.decode(errors="replace") + line + tail.decode(errors="replace")
        return KeptOutput(text, is_cut=True)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        room = _HEAD - len(self._head)
        if room > 0:
            self._head += part[:room]
            part = part[room:]

        self._tail += part
        # seldom, since moving the tail takes time
        if len(self._tail) > 2 * _TAIL:
            del self._tail[:-_TAIL]


def _without_broken_end(head: bytes) -> bytes:
    """Return the beginning of a stream up to the end of a line, or of a character."""
    end = head.rfind(b"\n", len(head) - _LONGEST_LINE)
    if end >= 0:
        return head[:end]

    end = len(head) - 1
    while end > len(head) - _LONGEST_CHARACTER and _is_inside_character(head[end]):
        end -= 1
    if head[end] >= _FIRST_OF_SEVERAL:
        return head[:end]
    return head


def _without_broken_start(tail: bytes) -> bytes:
    """Return the end of a stream from the beginning of a line, or of a character."""
    start = tail.find(b"\n", 0, _LONGEST_LINE)
    if start >= 0:
        return tail[start + 1 :]

    start = 0
    while start < _LONGEST_CHARACTER and _is_inside_character(tail[start]):
        start += 1
    return tail[start:]


def _is_inside_character(byte: int) -> bool:
    """Return whether a byte continues a character of UTF-8, whose first bits are 10."""
    return f"{byte:08b}".startswith("10")


def _drop_later_output(fds: list[int]) -> None:
    """Read the later output of background children of a command, so that they can go on."""

    def drop() -> None:
        for fd in fds:
            os.set_blocking(fd, True)
        poller = select.poll()
        for fd in fds:
            poller.register(fd, select.POLLIN)

        open_count = len(fds)
        while open_count:
            for fd, _ in poller.poll():
                if not os.read(fd, _PART):
                    poller.unregister(fd)
                    os.close(fd)
                    open_count -= 1

    try:
        threading.Thread(target=drop, name="shell-output", daemon=True).start()
    except RuntimeError:
        # the system provides no thread
        for fd in fds:
            os.close(fd)


def _open_end(process: subprocess.Popen[bytes]) -> int:
    """Return a file descriptor that can be read once the process has ended; close it."""
    if hasattr(os, "pidfd_open"):
        # an old kernel, or a container that refuses the call
        with suppress(OSError):
            return os.pidfd_open(process.pid)

    end_fd, source = os.pipe()

    def wait() -> None:
        # the process is not collected here, since its number could be used again at once
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        os.close(source)

    threading.Thread(target=wait, name="shell-wait", daemon=True).start()
    return end_fd

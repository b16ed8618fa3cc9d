"""The routers over `sys.stdout` and `sys.stderr`, which send each text to its attempt."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections import deque
from typing import Any

from attune_nb.capture.attempt_output import AttemptOutput, current_outlet

__all__ = [
    "StreamRouter",
    "are_covered",
    "cover",
    "current_output",
    "install",
    "is_console",
    "uninstall",
]

_NAMES = ("stdout", "stderr")

_lock = threading.Lock()
_users = 0

# The latest routers. `print` of another thread may be writing to one that is taken off, and does
# not hold a reference to it.
_routers: deque[StreamRouter] = deque(maxlen=16)


def current_output() -> AttemptOutput | None:
    """Return the output of the attempt whose code runs; None outside of attempts."""
    outlet = current_outlet.get()
    if outlet is None:
        return None
    if outlet.output is not None:
        return outlet.output
    return outlet.open()


class StreamRouter(io.TextIOBase):
    """A text stream over another: an attempt's text goes to its output, any other text below.

    Attributes:
        below: The stream that it covers.
        level: `stdout` or `stderr`.
    """

    def __init__(self, below: Any, level: str) -> None:
        self.below = below
        self.level = level

    def write(self, text: str) -> int:
        """Write text, and return its length."""
        outlet = current_outlet.get()
        if outlet is None:
            if not _users:
                _uncover(self)
            return int(self.below.write(text))

        # as `current_output`, without a call: an action may print very much
        output = outlet.output
        if output is None:
            output = outlet.open()
        if output is None or output.redirections:
            return self._write_elsewhere(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        output.write(self.level, text)
        return len(text)

    def _write_elsewhere(self, text: str) -> int:
        """Write text that may be no part of an attempt's output."""
        output = current_output()
        stream = self._find_stream()
        if stream is not None:
            return int(stream.write(text))
        if output is not None and not output.redirections.get(self.level):
            output.write(self.level, text)
        return len(text)

    def _find_stream(self) -> Any:
        """Return the stream that takes the text, if it is not the attempt's output."""
        output = current_output()
        if output is None:
            return self.below
        if output.redirections.get(self.level):
            return output.redirections[self.level][-1]
        return None

    def flush(self) -> None:
        """Flush the stream that takes the text."""
        stream = self._find_stream()
        if stream is not None:
            stream.flush()

    def isatty(self) -> bool:
        """Return whether it is a terminal: an attempt's output is none."""
        stream = self._find_stream()
        return stream is not None and bool(stream.isatty())

    def fileno(self) -> int:
        """Return the file descriptor of the stream below, which takes the output of C code."""
        return int(self.below.fileno())

    def close(self) -> None:
        """Leave the stream below open."""

    def writable(self) -> bool:
        """Return true."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream below."""
        return getattr(self.below, "encoding", "utf-8")

    @property
    def errors(self) -> str:  # type: ignore[override]
        """The error handling of the stream below."""
        return getattr(self.below, "errors", "strict")

    @property
    def buffer(self) -> Any:
        """The stream of bytes."""
        stream = self._find_stream()
        if stream is None:
            return _ByteRouter(self)
        return stream.buffer

    def __getattr__(self, name: str) -> Any:
        # ipykernel asks its streams for more than a text stream has
        if name == "below":
            raise AttributeError(name)
        stream = self._find_stream()
        if stream is None:
            stream = self.below
        return getattr(stream, name)


class _ByteRouter(io.RawIOBase):
    """The bytes of a router."""

    def __init__(self, router: StreamRouter) -> None:
        self._router = router

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        content = bytes(data)
        self._router.write(content.decode("utf-8", "replace"))
        return len(content)


def install() -> bool:
    """Cover the streams until `uninstall` was called as often; return whether it is the first."""
    global _users  # noqa: PLW0603 - counts the runs of this process
    with _lock:
        _users += 1
        is_first = _users == 1
    cover()
    return is_first


def uninstall() -> bool:
    """Take the routers off if nothing needs them any more; return whether that is so."""
    global _users  # noqa: PLW0603 - as above
    with _lock:
        _users -= 1
        if _users:
            return False

        for name in _NAMES:
            stream = getattr(sys, name)
            # a stream that other code has put over a router stays: the router passes all through
            if type(stream) is StreamRouter:
                setattr(sys, name, stream.below)
    return True


def is_console(stream: Any) -> bool:
    """Return whether a stream is one of the standard streams, below their routers."""
    consoles = [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
    return any(_find_base(stream) is _find_base(console) for console in consoles)


def _find_base(stream: Any) -> Any:
    while type(stream) is StreamRouter:
        stream = stream.below
    return stream


def are_covered() -> bool:
    """Return whether the routers are on top of the streams."""
    return type(sys.stdout) is StreamRouter and type(sys.stderr) is StreamRouter


def cover() -> None:
    """Put routers on top of the streams, unless they are there."""
    if are_covered():
        return
    with _lock:
        for name in _NAMES:
            stream = getattr(sys, name)
            if _users and stream is not None and type(stream) is not StreamRouter:
                setattr(sys, name, _make_router(stream, name))


def _make_router(stream: Any, level: str) -> StreamRouter:
    """Return a router over a stream: the one that was over it before, if it is remembered."""
    for router in _routers:
        if router.below is stream and router.level == level:
            return router

    router = StreamRouter(stream, level)
    _routers.append(router)
    return router


def _pass_all_below() -> None:
    """Let a forked process write to the streams below: nothing takes its lines."""
    global _lock, _users  # noqa: PLW0603 - another thread of the parent may hold the lock
    _lock = threading.Lock()
    _users = 0
    current_outlet.set(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pass_all_below)


def _uncover(router: StreamRouter) -> None:
    """Take a router off that was put back by code which had replaced it for a while."""
    with _lock:
        if not _users and getattr(sys, router.level) is router:
            setattr(sys, router.level, router.below)

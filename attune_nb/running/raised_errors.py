"""The exceptions that actions raise, for a debugger that opens in the frame of an action."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["current_observer", "observe_errors"]

_observer: ContextVar[Callable[[BaseException], None] | None] = ContextVar("observer", default=None)


@contextmanager
def observe_errors(observer: Callable[[BaseException], None]) -> Iterator[None]:
    """Let the runs that start in this block call a function with each exception of an action.

    It is called in the thread of the attempt. The exceptions of worker processes are not
    observed: they have no frames here.
    """
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def current_observer() -> Callable[[BaseException], None] | None:
    """Return the function that is called with the exceptions of a run that starts now."""
    return _observer.get()

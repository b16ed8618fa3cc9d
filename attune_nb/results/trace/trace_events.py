"""The events of Chrome's trace format.

The functions take times in nanoseconds; the format has microseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.html import printable

if TYPE_CHECKING:
    from typing import Literal

    from attune_nb.events import ErrorInfo

    TraceEvent = dict[str, Any]
    Thread = tuple[int, int]  # the numbers of its process and of itself

__all__ = [
    "TraceEvent",
    "format_error",
    "format_title",
    "make_arrow",
    "make_counter",
    "make_instant",
    "make_metadata",
    "make_slice",
    "shorten",
]

# the most characters of an error
_LONGEST = 500


def make_slice(
    thread: Thread,
    name: str,
    category: Literal["run", "task", "attempt", "wait"],
    start: int,
    end: int,
    args: dict[str, Any] | None = None,
) -> TraceEvent:
    """Return a slice: a span of time on a thread."""
    pid, tid = thread
    return {
        "ph": "X",
        "name": name,
        "cat": category,
        "pid": pid,
        "tid": tid,
        "ts": start / 1000,
        "dur": (end - start) / 1000,
        "args": {} if args is None else args,
    }


def make_instant(thread: Thread, name: str, category: str, time: int) -> TraceEvent:
    """Return a mark at a moment on a thread."""
    pid, tid = thread
    return {
        "ph": "i",
        "name": name,
        "cat": category,
        "s": "t",
        "pid": pid,
        "tid": tid,
        "ts": time / 1000,
    }


def make_counter(pid: int, name: str, time: int, counts: dict[str, int]) -> TraceEvent:
    """Return the values that the counters of a process have from a moment on."""
    return {"ph": "C", "name": name, "pid": pid, "tid": pid, "ts": time / 1000, "args": counts}


def make_arrow(
    number: int, pid: int, start: tuple[int, int], end: tuple[int, int]
) -> tuple[TraceEvent, TraceEvent]:
    """Return the two ends of an arrow between slices.

    Args:
        number: The number of the arrow.
        pid: The process of both slices.
        start: The thread where it starts, and the time.
        end: The thread where it ends, and the time.
    """
    shared = {"name": "led to", "cat": "transition", "id": number, "pid": pid}
    start_tid, start_time = start
    end_tid, end_time = end
    return (
        {"ph": "s", **shared, "tid": start_tid, "ts": start_time / 1000},
        {"ph": "f", "bp": "e", **shared, "tid": end_tid, "ts": end_time / 1000},
    )


def make_metadata(
    kind: Literal["process", "thread"], thread: Thread, name: str, order: int
) -> list[TraceEvent]:
    """Return the name of a process or thread, and its place among the others."""
    pid, tid = thread
    return [
        {"ph": "M", "name": f"{kind}_name", "pid": pid, "tid": tid, "args": {"name": name}},
        {
            "ph": "M",
            "name": f"{kind}_sort_index",
            "pid": pid,
            "tid": tid,
            "args": {"sort_index": order},
        },
    ]


def format_title(name: str, status: str) -> str:
    """Return the name of a slice, with its status unless it succeeded, so that it can be searched.

    Perfetto colours slices by their names, so these have another colour as well.
    """
    if status == "succeeded":
        return name

    return f"{name}: {status.replace('_', ' ')}"


def format_error(error: ErrorInfo) -> str:
    """Return the type and the message of an error, shortened."""
    return shorten(f"{error.type}: {error.message}")


def shorten(text: str) -> str:
    """Return a text that can be printed, of 500 characters at most."""
    text = printable(text)
    if len(text) <= _LONGEST:
        return text

    return text[:_LONGEST] + " …"

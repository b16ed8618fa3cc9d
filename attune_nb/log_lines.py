"""One line that an attempt wrote: the form in which lines travel, are shown and are recorded."""

from __future__ import annotations

import msgspec

__all__ = ["LogLine"]


class LogLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of an attempt's output.

    Attributes:
        time: When it was written, in seconds since the start of the run.
        task: The path of the task; empty for a line about the whole run.
        visit: The visit of the task.
        index: The index of the item; 0 for a task without items.
        attempt: The number of the attempt.
        worker: The number of the worker, as in `Batch`; -1 for a line about the whole run.
        level: `stdout`, `stderr`, or the name of a logging level such as `WARNING`.
        text: The line without its newline. It can be encoded as UTF-8.
    """

    time: float
    task: str
    visit: int
    index: int
    attempt: int
    worker: int
    level: str
    text: str

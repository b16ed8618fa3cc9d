"""The log lines of a run: select some of them, and show them as a DataFrame."""

from __future__ import annotations

import logging
import operator
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

from attune_nb.errors import LookupFailed, ParameterError, nearest
from attune_nb.log_batches import STREAMS, LogColumns, severity
from attune_nb.values.describe import describe_with_value
from attune_nb.values.guard import ask
from attune_nb.values.named_values import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    import pandas as pd

    from attune_nb.results.clock import RunClock

__all__ = ["LogSelection", "format_dates", "logs_frame"]

# names in a message
_MAX_NAMES = 20


@dataclass(frozen=True)
class LogSelection:
    """Which log lines are wanted; None does not matter.

    Attributes:
        task: The path of a task, or of a parallel task that has it.
        index: The index of an item.
        attempt: The number of an attempt, from 1.
        level: "stdout" or "stderr"; or the name of a logging level: that one and those above.
    """

    task: str | None = None
    index: int | None = None
    attempt: int | None = None
    level: str | None = None

    @classmethod
    def read(
        cls, task: Any, index: Any, attempt: Any, level: Any, task_names: Collection[str]
    ) -> LogSelection:
        """Return the selection that the arguments of `Run.logs` name.

        Args:
            task: The task.
            index: The index.
            attempt: The number of the attempt.
            level: The level, in any case; or its number, as `logging.WARNING`.
            task_names: The paths of all tasks.

        Raises:
            LookupFailed: There is no such task.
            ParameterError: Another argument cannot be used.
        """
        if task is not None:
            task = plain_text(task)
            if type(task) is not str:
                raise ParameterError(f"`task` must be a string, not {describe_with_value(task)}")
            if task not in task_names:
                hint = nearest(task, task_names)
                if not hint:
                    hint = f"; there are {', '.join(list(task_names)[:_MAX_NAMES])}"
                raise LookupFailed(f"there is no task `{task}`{hint}")
        return cls(
            task,
            _read_number("index", index, 0),
            _read_number("attempt", attempt, 1),
            _read_level(level),
        )

    def select(self, columns: LogColumns) -> LogColumns:
        """Return the lines that are wanted."""
        for name, is_wanted in self._tests():
            column = getattr(columns, name)
            # few values, many lines
            wanted = {value for value in set(column) if is_wanted(value)}
            marks = [value in wanted for value in column]
            if not all(marks):
                columns = _compressed(columns, marks)
        return columns

    def _tests(self) -> Iterable[tuple[str, Callable[[Any], bool]]]:
        """Yield the names of the columns that matter, each with the test of a value."""
        if self.task is not None:
            path = self.task
            yield "task", lambda task: task == path or task.startswith(f"{path}/")
        if self.index is not None:
            yield "index", lambda index: index == self.index
        if self.attempt is not None:
            yield "attempt", lambda attempt: attempt == self.attempt
        if self.level in STREAMS:
            yield "level", lambda level: level == self.level
        elif self.level is not None:
            least = severity(self.level)
            yield "level", lambda level: severity(level) >= least

    def __str__(self) -> str:
        """Describe it: `of task `a`, index 3, level WARNING or above`."""
        parts = []
        if self.task is not None:
            parts.append(f"task `{self.task}`")
        if self.index is not None:
            parts.append(f"index {self.index}")
        if self.attempt is not None:
            parts.append(f"attempt {self.attempt}")
        if self.level in STREAMS:
            parts.append(str(self.level))
        elif self.level is not None:
            parts.append(f"level {self.level} or above")
        return f"of {', '.join(parts)}" if parts else ""


def _read_number(name: str, value: Any, least: int) -> int | None:
    """Return a number that may be of numpy, as those of a DataFrame are.

    Raises:
        ParameterError: It is none, or too small.
    """
    if value is None:
        return None
    number: int | None = None
    if not isinstance(value, bool):
        number = ask(lambda: operator.index(value))
    if number is None or number < least:
        raise ParameterError(
            f"`{name}` must be an integer of {least} or more, not {describe_with_value(value)}"
        )
    return number


def _read_level(level: Any) -> str | None:
    """Return the name of a level.

    Raises:
        ParameterError: There is no such level.
    """
    level = plain_text(level)
    if level is None or level in STREAMS:
        return level  # type: ignore[no-any-return]
    if type(level) is int and level > 0:
        return logging.getLevelName(level)

    if type(level) is str:
        for name in (level, level.upper(), level.lower()):
            if name in STREAMS or severity(name):
                return name
    names = [*STREAMS, *_level_names()]
    hint = nearest(level.upper(), names) if type(level) is str else ""
    raise ParameterError(
        f"`level` must be {', '.join(names[:-1])} or {names[-1]}, not "
        f"{describe_with_value(level)}{hint}"
    )


def _level_names() -> list[str]:
    """Return the names of the logging levels, the lowest first, each level once."""
    names = {number: name for name, number in logging.getLevelNamesMapping().items() if number}
    return [logging.getLevelName(number) for number in sorted(names)]


def _compressed(columns: LogColumns, marks: Sequence[bool]) -> LogColumns:
    names = LogColumns.__struct_fields__
    return LogColumns(*(list(compress(getattr(columns, name), marks)) for name in names))


def format_dates(columns: LogColumns, clock: RunClock) -> list[str]:
    """Return the dates of lines as text, in UTC and milliseconds."""
    import numpy as np  # noqa: PLC0415 - slow to import

    dates = clock.dates(columns.time).dt.tz_localize(None).to_numpy()
    texts = np.datetime_as_string(dates, unit="ms")
    return [str(text).replace("T", " ") for text in texts]


def logs_frame(columns: LogColumns, clock: RunClock) -> pd.DataFrame:
    """Return one row for each line, the oldest first.

    Columns: time (a date in UTC), task, visit, index, attempt, worker, level, text.
    """
    import numpy as np  # noqa: PLC0415 - slow to import
    import pandas as pd  # noqa: PLC0415

    frame = {"time": clock.dates(columns.time)}
    for name in ("task", "visit", "index", "attempt", "worker", "level", "text"):
        values = getattr(columns, name)
        if name in ("task", "level", "text"):
            frame[name] = pd.Series(values, dtype="str")
        else:
            frame[name] = pd.Series(np.array(values, dtype=np.int64))
    return pd.DataFrame(frame)

"""The log lines of a run: select some of them, and show them as a DataFrame."""

from __future__ import annotations

import logging
import operator
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attune_nb.errors import LookupFailed, ParameterError, nearest
from attune_nb.log_batches import STREAMS, LogColumns, join_columns, severity
from attune_nb.values.describe import describe_with_value
from attune_nb.values.guard import ask
from attune_nb.values.named_values import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from attune_nb.results.clock import RunClock

__all__ = ["DatedLines", "LogSelection", "date_lines", "join_lines", "logs_frame"]

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
        inner: Only lines of the child runs of these attempts are wanted, and which of them.
    """

    task: str | None = None
    index: int | None = None
    attempt: int | None = None
    level: str | None = None
    inner: LogSelection | None = None

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
        return cls(
            _read_task(task, task_names),
            _read_number("index", index, 0),
            _read_number("attempt", attempt, 1),
            _read_level(level),
        )

    def select(self, columns: LogColumns) -> LogColumns:
        """Return the lines that are wanted, of the run itself."""
        if self.inner is not None:
            return columns.pick([])
        for name, is_wanted in self._tests():
            column = getattr(columns, name)
            # few values, many lines
            values = {value for value in set(column) if is_wanted(value)}
            marks = [value in values for value in column]
            if not all(marks):
                columns = _compressed(columns, marks)
        return columns

    def in_child(self) -> LogSelection:
        """Return which lines of the child runs of wanted attempts are wanted."""
        if self.inner is not None:
            return self.inner
        return LogSelection(level=self.level)

    def has_attempt(self, task: str, index: int, attempt: int) -> bool:
        """Return whether lines of an attempt are wanted, whatever their level."""
        if self.task is not None and task != self.task and not task.startswith(f"{self.task}/"):
            return False
        if self.index is not None and index != self.index:
            return False
        return self.attempt in (None, attempt)

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
        if self.inner is not None:
            place = f"{self.task}"
            if self.index is not None:
                place += f"[{self.index}]"
            return str(replace(self.inner, task=f"{place}/{self.inner.task}"))

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


def _read_task(task: Any, task_names: Collection[str]) -> str | None:
    """Return the path of a task.

    Raises:
        LookupFailed: There is no such task.
        ParameterError: It is no string.
    """
    task = plain_text(task)
    if task is None:
        return None
    if type(task) is not str:
        raise ParameterError(f"`task` must be a string, not {describe_with_value(task)}")

    path: str = task
    if path not in task_names:
        hint = nearest(path, task_names)
        if not hint:
            hint = f"; there are {', '.join(list(task_names)[:_MAX_NAMES])}"
        raise LookupFailed(f"there is no task `{path}`{hint}")
    return path


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


class DatedLines(NamedTuple):
    """Lines with their dates.

    Attributes:
        columns: The lines.
        dates: Their dates in UTC, of type `datetime64[ns]`; of another length only if there are
            no lines.
    """

    columns: LogColumns
    dates: NDArray[Any]

    def last(self, count: int) -> DatedLines:
        """Return the last lines."""
        first = max(len(self.columns) - count, 0)
        return DatedLines(self.columns.last(count), self.dates[first:])

    def format_dates(self) -> list[str]:
        """Return the dates as text, in milliseconds."""
        import numpy as np  # noqa: PLC0415 - slow to import

        texts = np.datetime_as_string(self.dates, unit="ms")
        return [str(text).replace("T", " ") for text in texts]


def date_lines(
    columns: LogColumns, make_clock: Callable[[], RunClock], path: str = ""
) -> DatedLines:
    """Return lines with their dates.

    Args:
        columns: The lines.
        make_clock: Returns the clock of their run.
        path: A path before the tasks.
    """
    import numpy as np  # noqa: PLC0415 - slow to import

    if not columns:
        return DatedLines(columns, np.zeros(0, dtype="datetime64[ns]"))
    if path:
        tasks = [path + task for task in columns.task]
        columns = msgspec.structs.replace(columns, task=tasks)
    dates = make_clock().dates(columns.time).dt.tz_localize(None).to_numpy()
    return DatedLines(columns, dates)


def join_lines(parts: Sequence[DatedLines]) -> DatedLines:
    """Return the lines of several runs by their dates; those of the same date stay in order."""
    import numpy as np  # noqa: PLC0415 - slow to import

    if len(parts) == 1:
        joined = parts[0]
    else:
        columns = join_columns([part.columns for part in parts])
        joined = DatedLines(columns, np.concatenate([part.dates for part in parts]))

    order = np.argsort(joined.dates, kind="stable")
    if (order == np.arange(len(order))).all():
        return joined
    return DatedLines(joined.columns.pick(order.tolist()), joined.dates[order])


def logs_frame(lines: DatedLines) -> pd.DataFrame:
    """Return one row for each line.

    Columns: time (a date in UTC), task, visit, index, attempt, worker, level, text.
    """
    import numpy as np  # noqa: PLC0415 - slow to import
    import pandas as pd  # noqa: PLC0415

    columns = lines.columns
    dates: Any = pd.Series(lines.dates)
    frame: dict[str, Any] = {"time": dates.dt.tz_localize("UTC")}
    for name in ("task", "visit", "index", "attempt", "worker", "level", "text"):
        values = getattr(columns, name)
        if name in ("task", "level", "text"):
            frame[name] = pd.Series(values, dtype="str")
        else:
            frame[name] = pd.Series(np.array(values, dtype=np.int64))
    return pd.DataFrame(frame)

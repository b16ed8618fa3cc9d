"""The lines that the actions of a run printed and logged, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from attune_nb.log_batches import LogBatch, severity, unpack_lines
from attune_nb.results.log_text import clean_text
from attune_nb.server.drawing.run_row import read_run_row
from attune_nb.store.database import connected
from attune_nb.store.reading import reading_record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from attune_nb.log_lines import LogLine

__all__ = ["LinePage", "LineRow", "LinesQuery", "read_lines"]

# characters of a line
_MAX_LINE = 2_000

# batches that are searched for one page, and that are read together
_MOST_BATCHES = 2_000
_MOST_READ = 50

_COUNT = (
    "SELECT count(*), coalesce(sum(lines), 0), coalesce(sum(warnings), 0) FROM logs WHERE run = ?"
)
_SELECT = """SELECT lines, warnings, data FROM logs
WHERE run = ? AND number >= ? AND number < ? ORDER BY number"""

_OLD = "it was recorded by an older version of attune_nb, which kept none"


class LinesQuery(msgspec.Struct, frozen=True):
    """The parameters of the address of a page of lines.

    Attributes:
        after: The `next` of an earlier page, to get the lines since then; -1 for the last ones.
        before: The `first` of an earlier page, to get the lines before it; -1 for the last ones.
        task: Only lines of the task of this path; empty for all.
        visit: Only lines of this execution of it; 0 for all.
        index: Only lines of the item of this index; -1 for all.
        level: Only lines of this logging level or above, such as WARNING, or `stderr`.
        search: Only lines with this text, in upper or lower case.
        limit: The number of lines after which the page ends, at the border of a batch.
    """

    after: Annotated[int, msgspec.Meta(ge=-1, le=2**53)] = -1
    before: Annotated[int, msgspec.Meta(ge=-1, le=2**53)] = -1
    task: str = ""
    visit: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    index: Annotated[int, msgspec.Meta(ge=-1, le=2**53)] = -1
    level: str = ""
    search: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=5_000)] = 500


class LineRow(msgspec.Struct, kw_only=True):
    """One line.

    Attributes:
        time: When it was written, in seconds since the start of the run.
        task: The path of the task; empty for a line about the whole run.
        visit: The number of the execution of the task.
        index: The index of the item.
        attempt: The number of the attempt.
        level: `stdout`, `stderr`, or the name of a logging level.
        text: The line, without characters that a terminal would obey, cut to 2,000 characters.
    """

    time: float
    task: str
    visit: int
    index: int
    attempt: int
    level: str
    text: str


class LinePage(msgspec.Struct, kw_only=True):
    """A page of lines, the oldest first. Secrets are `***`.

    Attributes:
        lines: The lines.
        first: The number of the first batch that was searched; 0 if nothing is before the page.
        next: The number of the batch that will come next.
        total: How many lines the run has so far, without those of its child runs.
        warnings: How many of them are of level WARNING or above.
        none: Why there are none, if that is no matter of the actions.
    """

    lines: list[LineRow]
    first: int
    next: int
    total: int
    warnings: int
    none: str = ""


def read_lines(path: Path, run_id: str, query: LinesQuery) -> LinePage:
    """Return a page of the lines of a run.

    Args:
        path: The store.
        run_id: The whole id of the run.
        query: The page, and the lines that are selected.

    Raises:
        StoreError: There is no such run, or its lines cannot be read.
    """
    with connected(path) as connection:
        run, options = read_run_row(connection, run_id, "number, options")
        count, total, warnings = connection.execute(_COUNT, (run,)).fetchone()
        with reading_record(run_id):
            if query.after >= 0:
                page = _read_forward(connection, run, query, count)
            else:
                page = _read_backward(connection, run, query, count)

    page.total = total
    page.warnings = warnings
    if not total and '"logs"' not in options:
        page.none = _OLD
    return page


def _read_forward(
    connection: sqlite3.Connection, run: int, query: LinesQuery, count: int
) -> LinePage:
    """Return the lines from a batch on."""
    lines: list[LineRow] = []
    first = min(query.after, count)
    number = first

    while number < min(count, first + _MOST_BATCHES) and len(lines) < query.limit:
        end = min(number + _MOST_READ, count)
        lines += _select(_lines_of(connection, run, number, end), query)
        number = end

    return LinePage(lines=lines, first=first, next=number, total=0, warnings=0)


def _read_backward(
    connection: sqlite3.Connection, run: int, query: LinesQuery, count: int
) -> LinePage:
    """Return the last lines before a batch."""
    end = count
    if query.before >= 0:
        end = min(query.before, count)

    lines: list[LineRow] = []
    number = end
    # few batches hold the lines of most pages
    size = 1

    while number > max(0, end - _MOST_BATCHES) and len(lines) < query.limit:
        start = max(number - size, 0)
        lines = [*_select(_lines_of(connection, run, start, number), query), *lines]
        number = start
        size = min(2 * size, _MOST_READ)

    return LinePage(lines=lines, first=number, next=count, total=0, warnings=0)


def _lines_of(connection: sqlite3.Connection, run: int, start: int, end: int) -> Iterator[LogLine]:
    """Yield the lines of some batches."""
    rows = connection.execute(_SELECT, (run, start, end)).fetchall()
    if len(rows) != end - start:
        raise ValueError("a batch of log lines is missing")
    batches = [msgspec.convert(row, LogBatch) for row in rows]
    yield from unpack_lines(batches).rows()


def _select(lines: Iterator[LogLine], query: LinesQuery) -> list[LineRow]:
    """Return the lines that a query selects."""
    search = query.search.lower()
    least = severity(query.level.upper())
    selected = []

    for line in lines:
        is_selected = (
            (not query.task or line.task == query.task)
            and (not query.visit or line.visit == query.visit)
            and (query.index < 0 or line.index == query.index)
            and (not query.level or _has_level(line.level, query.level, least))
            and (not search or search in line.text.lower())
        )
        if is_selected:
            selected.append(
                LineRow(
                    time=line.time,
                    task=line.task,
                    visit=line.visit,
                    index=line.index,
                    attempt=line.attempt,
                    level=line.level,
                    text=clean_text(line.text, _MAX_LINE),
                )
            )

    return selected


def _has_level(level: str, name: str, least: int) -> bool:
    """Return whether a line is of a level or above; standard error counts as a warning."""
    if level == name:
        return True
    if not least:
        return False

    own = severity(level)
    if level == "stderr":
        own = severity("WARNING")
    return own >= least

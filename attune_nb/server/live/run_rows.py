"""The list of runs of a store: whole, page by page, and as changes."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET

from attune_nb.server.live.messages import ListDelta, RunList, RunRow, order_of
from attune_nb.server.live.row_changes import changed_rows
from attune_nb.store.claims import TAKES_COMMANDS
from attune_nb.store.database import connected
from attune_nb.store.reading import ENDED, read_interrupted_again, run_summaries

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from msgspec import UnsetType

    from attune_nb.store.reading import StoredRun

__all__ = [
    "MAX_RUNS",
    "LiveList",
    "RunFilter",
    "count_by_task",
    "list_difference",
    "make_list",
    "make_page",
    "make_row",
    "merge_lists",
    "read_page",
    "read_row",
]

MAX_RUNS = 200
"""The runs of a list that is sent whole."""

# the older runs of such a list that have not ended
_MAX_OPEN = 500

_NEWEST_FIRST = "ORDER BY started DESC, run_id DESC"

# a column with flipped bytes names no parent
_IS_OUTERMOST = "(parent = '' OR typeof(parent) != 'text')"

# the columns with the texts in which words are searched
_SEARCHED = "workflow || ' ' || run_id || ' ' || jupyter || ' ' || options || ' ' || parent_task"

_UNENDED = "status NOT IN ('" + "', '".join(ENDED) + "')"


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of the list of runs.

    Attributes:
        status: Statuses, separated by commas: only runs with one of them.
        workflow: The name of a workflow: only its runs.
        parent: The id of a run: only the runs within it, which are not listed otherwise.
        attention: Whether to list only runs that need a person.
        search: Words: only runs whose workflow, id, notebook or kind contain all of them.
        before: The `next` of the page before.
        limit: The most runs of a page.
    """

    status: str = ""
    workflow: str = ""
    parent: str = ""
    attention: bool = False
    search: str = ""
    before: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50

    @property
    def statuses(self) -> tuple[str, ...]:
        """The statuses; none for all."""
        names = [name.strip() for name in self.status.split(",")]
        return tuple(name for name in names if name)

    @property
    def words(self) -> list[str]:
        """The words to search for."""
        return self.search.casefold().split()

    @property
    def cursor(self) -> tuple[float, str] | None:
        """The start and the id of the last run of the page before; None for the first page."""
        started, _, run_id = self.before.partition("~")
        try:
            return float(started), run_id
        except ValueError:
            return None

    def fits(self, row: RunRow) -> bool:
        """Return whether a run is one of those that are asked for, wherever it is in the list."""
        if self.statuses and row.status not in self.statuses:
            return False
        if self.attention and not row.attention:
            return False
        text = f"{row.workflow} {row.name} {row.id} {row.notebook} {row.kind}".casefold()
        return all(word in text for word in self.words)


def make_row(run: StoredRun, children: int = 0, store: str = "") -> RunRow:
    """Return a run of a store as a row of the list.

    Args:
        run: The run.
        children: The child runs directly within it.
        store: The name of its store, if there are several.
    """
    name = run.workflow
    if run.parent:
        name = f"{run.workflow} {run.parent_task}[{run.parent_item}]"
    started = None if math.isnan(run.started) else run.started
    heard = run.heard or None
    is_alive = run.status not in ("interrupted", "unreadable", *ENDED)
    takes_commands = is_alive and run.owner.endswith(TAKES_COMMANDS)
    return RunRow(
        id=run.run_id,
        workflow=run.workflow,
        name=name,
        kind=run.kind,
        status=run.status,
        started=started,
        duration=run.duration,
        heard=heard,
        tasks=run.tasks,
        items=run.items,
        failed=run.failed,
        questions=run.questions,
        attention=run.attention,
        steerable=takes_commands,
        parent=run.parent,
        parent_task=run.parent_task,
        parent_item=run.parent_item,
        children=children,
        notebook=run.jupyter.get("notebook", ""),
        kernel=run.jupyter.get("kernel", ""),
        backend=run.options.get("backend", ""),
        store=store,
        damage=run.damage,
    )


def read_row(connection: sqlite3.Connection, run_id: str, store: str = "") -> RunRow | None:
    """Return one run as a row of the list; None if it is not in the store.

    A run whose process has just ended it may seem interrupted.

    Args:
        connection: A connection to the store.
        run_id: The whole id of the run.
        store: The name of the store, if there are several.
    """
    for run in run_summaries(connection, "WHERE run_id = ?", (run_id,)):
        counts = _count_children(connection, [run_id])
        return make_row(run, counts.get(run_id, 0), store)
    return None


def read_page(path: Path, run_filter: RunFilter, store: str = "") -> list[RunRow]:
    """Return runs of a store, the newest first: one more than the page has, if there are more.

    Args:
        path: The store.
        run_filter: Which runs.
        store: The name of the store, if there are several.

    Raises:
        StoreError: The store cannot be read.
    """
    condition, parameters = _condition_of(run_filter)
    runs: list[StoredRun] = []
    with connected(path) as connection:
        for run in run_summaries(connection, f"{condition} {_NEWEST_FIRST}", parameters):
            if len(runs) > run_filter.limit:
                break
            if run_filter.fits(make_row(run)):
                runs.append(run)

        runs = read_interrupted_again(connection, runs)
        counts = _count_children(connection, [run.run_id for run in runs])
    return [make_row(run, counts.get(run.run_id, 0), store) for run in runs]


def _condition_of(run_filter: RunFilter) -> tuple[str, list[Any]]:
    """Return a condition that all runs of a page meet; others may meet it, too."""
    conditions = [_IS_OUTERMOST]
    parameters: list[Any] = []
    if run_filter.parent:
        conditions = ["parent = ?", "parent != ''"]
        parameters.append(run_filter.parent)
    if run_filter.workflow:
        conditions.append("workflow = ?")
        parameters.append(run_filter.workflow)
    if run_filter.attention:
        conditions.append("attention != ''")

    ended = [status for status in run_filter.statuses if status in ENDED]
    if run_filter.statuses:
        # whether another run is interrupted stands in no column
        condition = f"status IN ({_marks(ended)})"
        if len(ended) < len(run_filter.statuses):
            condition = f"({condition} OR {_UNENDED})"
        conditions.append(condition)
        parameters += ended

    for word in run_filter.words:
        if word.isalnum() and word.isascii():
            # a name may hold a word in another way than its column, if it is not plain
            conditions.append(f"({_SEARCHED}) LIKE ?")
            parameters.append(f"%{word}%")

    if run_filter.cursor is not None:
        conditions.append("(started, run_id) < (?, ?)")
        parameters += run_filter.cursor
    return "WHERE " + " AND ".join(conditions), parameters


def make_page(rows: Iterable[RunRow], limit: int, problem: str = "") -> RunList:
    """Return a page of runs, from the rows of all stores.

    Args:
        rows: The rows of each store, with one more than the page has if there are more.
        limit: The most runs.
        problem: Why runs of a store cannot be read; else empty.
    """
    ordered = sorted(rows, key=order_of, reverse=True)
    shown = ordered[:limit]
    following = ""
    if len(ordered) > limit:
        following = _cursor_of(shown[-1])
    return RunList(runs=shown, next=following, problem=problem)


def _cursor_of(row: RunRow) -> str:
    """Return the value of `before` for the runs that are older than one; empty without a start."""
    if row.started is None:
        return ""
    return f"{row.started!r}~{row.id}"


def _start_of(cursor: str) -> float:
    start, _, _ = cursor.partition("~")
    return float(start)


class LiveList:
    """The newest runs of a store and those that have not ended, read again at little cost.

    A run that has ended does not change, so only others and new ones are read again.

    Args:
        store: The name of the store, if there are several.
    """

    def __init__(self, store: str = "") -> None:
        self._store = store
        self._rows: dict[int, RunRow] = {}
        self._next = ""

    @property
    def state(self) -> RunList:
        """The list as it was read last."""
        return make_list(self._rows.values(), following=self._next)

    def read_all(self, connection: sqlite3.Connection) -> None:
        """Read the list anew: the newest runs, and all that have not ended."""
        condition = f"WHERE {_IS_OUTERMOST} AND {_UNENDED} {_NEWEST_FIRST} LIMIT {_MAX_OPEN}"
        self._rows = _read_rows(connection, condition, (), self._store)
        self.read_newest(connection)

    def read_newest(self, connection: sqlite3.Connection) -> None:
        """Read the newest runs again, since some may have been removed.

        Of the others those are read that had not ended: a search for all of them reads the whole
        table.
        """
        condition = f"WHERE {_IS_OUTERMOST} {_NEWEST_FIRST} LIMIT {MAX_RUNS + 1}"
        rows = _read_rows(connection, condition, (), self._store)
        self._next = ""
        if len(rows) > MAX_RUNS:
            numbers = sorted(rows, key=lambda number: order_of(rows[number]), reverse=True)
            del rows[numbers[MAX_RUNS]]
            self._next = _cursor_of(rows[numbers[MAX_RUNS - 1]])

        older_numbers = []
        for number, row in self._rows.items():
            if number not in rows and row.status not in ENDED:
                older_numbers.append(number)
        condition = f"WHERE {_IS_OUTERMOST} AND number IN ({_marks(older_numbers)})"
        self._rows = rows | _read_rows(connection, condition, older_numbers, self._store)

    def read_changes(self, connection: sqlite3.Connection) -> None:
        """Read the runs that a process drives, and those that one has begun or continued."""
        driven = []
        stopped = []
        last_sign = 0.0
        for number, row in self._rows.items():
            if row.status in ("interrupted", "unreadable"):
                stopped.append(number)
                if row.heard is not None:
                    last_sign = max(last_sign, row.heard)
            elif row.status not in ENDED:
                driven.append(number)

        condition = (
            f"WHERE {_IS_OUTERMOST} AND (number IN ({_marks(driven)}) OR number > ? "
            f"OR (number IN ({_marks(stopped)}) AND beat > ?))"
        )
        parameters = (*driven, max(self._rows, default=-1), *stopped, last_sign)
        changed = _read_rows(connection, condition, parameters, self._store)
        for number in driven:
            self._rows.pop(number, None)
        self._rows |= changed


def _marks(values: Sequence[Any]) -> str:
    """Return a question mark for each of some values."""
    return ", ".join("?" * len(values))


def _read_rows(
    connection: sqlite3.Connection, condition: str, parameters: Sequence[Any], store: str
) -> dict[int, RunRow]:
    """Return runs as rows of the list, by their numbers in the store."""
    runs = read_interrupted_again(
        connection, list(run_summaries(connection, condition, parameters))
    )
    counts = _count_children(connection, [run.run_id for run in runs])
    return {run.number: make_row(run, counts.get(run.run_id, 0), store) for run in runs}


def _count_children(connection: sqlite3.Connection, run_ids: Sequence[str]) -> dict[str, int]:
    """Return the numbers of the runs directly within some runs; those without any are left out."""
    statement = (
        f"SELECT parent, count(*) FROM runs WHERE parent IN ({_marks(run_ids)}) AND parent != '' "  # noqa: S608
        "GROUP BY parent"
    )
    return dict(connection.execute(statement, run_ids).fetchall())


def count_by_task(connection: sqlite3.Connection, run_id: str) -> dict[str, int]:
    """Return for each task of a run the number of child runs that it has begun."""
    statement = (
        "SELECT parent_task, count(*) FROM runs WHERE parent = ? AND parent != '' "
        "GROUP BY parent_task"
    )
    return dict(connection.execute(statement, (run_id,)).fetchall())


def make_list(rows: Iterable[RunRow], problem: str = "", following: str = "") -> RunList:
    """Return rows as a list, the newest first.

    Args:
        rows: The rows.
        problem: Why runs cannot be read; else empty.
        following: The value of `before` for the runs that are older; empty if there are none.
    """
    ordered = sorted(rows, key=order_of, reverse=True)
    return RunList(runs=ordered, next=following, problem=problem)


def merge_lists(lists: Sequence[RunList]) -> RunList:
    """Return the list of the runs of several stores."""
    rows: list[RunRow] = []
    problems = []
    cursors = []
    for part in lists:
        rows += part.runs
        if part.problem:
            problems.append(part.problem)
        if part.next:
            cursors.append(part.next)

    # the runs of a store that is read less far back are not left out
    following = max(cursors, key=_start_of, default="")
    return make_list(rows, "; ".join(problems), following)


def list_difference(before: RunList, after: RunList) -> ListDelta | None:
    """Return the change from a list to a later one; None if nothing has changed."""
    changed, dropped = changed_rows(before.runs, after.runs, attrgetter("id"))
    problem: str | UnsetType = UNSET
    if before.problem != after.problem:
        problem = after.problem
    following: str | UnsetType = UNSET
    if before.next != after.next:
        following = after.next
    if not changed and not dropped and problem is UNSET and following is UNSET:
        return None
    return ListDelta(runs=changed, dropped=dropped, next=following, problem=problem)

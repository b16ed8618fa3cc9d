"""Read the runs of a store, also those that another process is running."""

from __future__ import annotations

import math
import os
import socket
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import Source, StoreError, nearest
from attune_nb.events import Attention, RunStatus, describe_kind
from attune_nb.store.blobs import load_data, load_texts
from attune_nb.store.database import connected
from attune_nb.store.event_rows import EventRow, column_text, event_of
from attune_nb.store.json_values import NO_SECRETS, from_plain, has_tag
from attune_nb.store.tables.events import stored_files
from attune_nb.store.tables.folder import TableFolder
from attune_nb.values.describe import describe
from attune_nb.values.named_values import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from attune_nb.events import Event
    from attune_nb.values.secrets import Mask

__all__ = [
    "ENDED",
    "FILE_TAGS",
    "LIVE",
    "StoredRun",
    "children_of",
    "count_children",
    "count_children_by_task",
    "events_of",
    "has_run",
    "intents_of",
    "is_alive",
    "last_event_number",
    "read_interrupted_again",
    "reading_record",
    "run_of",
    "run_summaries",
    "runs_in",
    "task_durations",
    "with_texts",
]

STALE = 60.0
"""Seconds without a sign of life after which a run on another host counts as dead."""
ENDED = ("succeeded", "failed", "timed_out", "cancelled")
"""The final statuses."""
LIVE: set[str] = set()
"""The owner tokens of the engines of this process."""
FILE_TAGS = (b'"$table"', b'"$stored"')
"""In the data of a row that refers to files beside the store."""

# the largest integer of SQLite
_LARGEST_NUMBER = 2**63 - 1

# run ids in a message
_MAX_SHOWN = 10

# seconds since the epoch of the last start that a table of runs can show: the year 2262
_LATEST_START = 9.2e9


class _RunFields(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a run's row that are fields of the run, too."""

    number: int
    run_id: str
    workflow: str
    text: str
    started: float
    status: RunStatus
    duration: float
    tasks: int
    items: int
    failed: int
    host: str
    pid: int
    parent: str = ""
    parent_task: str = ""
    parent_visit: int = 0
    parent_item: int = 0
    parent_attempt: int = 0
    questions: int = 0
    attention: Attention = ""


class _Columns(_RunFields, frozen=True, kw_only=True):
    """The columns of a run's row, with the types that they must have."""

    source_name: str
    source_text: str
    options: str
    versions: str
    born: float
    beat: float
    owner: str
    metrics: str
    jupyter: str


_COLUMNS = _Columns.__struct_fields__
_SELECT_RUN = f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE number = ?"  # noqa: S608 - constants
_SELECT_ID = f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE run_id = ?"  # noqa: S608 - constants
_HAS_ID = "SELECT 1 FROM runs WHERE run_id = ?"
_SELECT_ALL = f"SELECT {', '.join(_COLUMNS)} FROM runs"  # noqa: S608 - constants
# the columns that may be large, without their texts
_SUMMARY = {"text": "''", "source_text": "''", "versions": "'{}'", "metrics": "'{}'"}
_SELECT_SUMMARIES = f"SELECT {', '.join(_SUMMARY.get(name, name) for name in _COLUMNS)} FROM runs"  # noqa: S608
_NEWEST_FIRST = "ORDER BY started DESC, number DESC"
_SELECT_CHILDREN = f"{_SELECT_ALL} WHERE parent = ? AND parent != '' ORDER BY started, number"
_COUNT_CHILDREN = "SELECT count(*) FROM runs WHERE parent = ? AND parent != ''"
# the failed ones and the first item of one: failed, or of any status
_COUNT_BY_TASK = """
SELECT parent_task, count(*), sum(status IN ('failed', 'timed_out')),
    min(CASE WHEN status IN ('failed', 'timed_out') THEN parent_item END), min(parent_item)
FROM runs WHERE parent = ? AND parent != '' GROUP BY parent_task ORDER BY min(started)
"""


class _Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a run's row, with the types that they must have."""

    backend: str
    workers: Any
    concurrency: Any
    dry_run: bool
    config: dict[str, Any]
    mock: list[str]
    mocked: list[str]
    unmade: list[str] = []
    code: dict[str, str] = {}
    uses: dict[str, str] = {}
    alike: dict[str, Any] | None = None
    secrets: list[str] = []
    keys: list[str] = []
    masked_text: bool = False
    logs: bool = False
    origin: str = ""
    alerts: list[str] = []


class StoredRun(_RunFields, frozen=True, kw_only=True):
    """A run as its store holds it.

    `status` is the status of the run, or "interrupted" if its engine is dead. Times are in
    seconds; `started` is in seconds since the epoch, UTC, and so is `heard`, when the engine last
    gave a sign of life. `owner` is the engine's token. `questions` counts the questions that wait
    for an answer, also in runs within the run; an engine that is dead hears no answer.

    `metrics` has the metrics of a run that has ended, see `compute_metrics`; it is empty for a run
    within another one. `jupyter` has the id of the engine's "kernel", and the path of its
    "notebook" below the root folder of the server, if it runs in Jupyter.

    A run whose row is damaged is "unreadable": `damage` says why, `started` is NaN, and the other
    fields are empty.
    """

    source: Source
    options: dict[str, Any]
    versions: dict[str, str]
    metrics: dict[str, float] = {}
    jupyter: dict[str, str] = {}
    heard: float = 0.0
    owner: str = ""
    damage: str = ""

    @property
    def alerts(self) -> list[str]:
        """Notes on values in place of which the record holds a marker."""
        alerts: list[str] = self.options.get("alerts", [])
        return alerts

    @property
    def place(self) -> str:
        """Its place within another run, as commands take it; else an empty string."""
        if not self.parent:
            return ""
        return f"{self.parent}/{self.parent_task}[{self.parent_item}]"

    @property
    def kind(self) -> str:
        """How it differs from an ordinary run, as `RunStarted.kind`."""
        if self.damage:
            return ""
        return describe_kind(
            dry_run=self.options["dry_run"],
            mocked=bool(self.options["mock"]),
            origin=self.options.get("origin", ""),
        )


def runs_in(
    path: Path,
    is_wanted: Callable[[StoredRun], bool] = lambda _: True,
    limit: int | None = None,
    *,
    children: bool = False,
) -> list[StoredRun]:
    """Return the runs, the newest first.

    Args:
        path: The store.
        is_wanted: Selects runs.
        limit: The most runs; None for all.
        children: Whether to return runs within other runs, too.

    Raises:
        StoreError: There is no store, or it cannot be read.
    """
    runs: list[StoredRun] = []
    # a column with flipped bytes names no parent
    condition = "" if children else "WHERE parent = '' OR typeof(parent) != 'text'"
    statement = f"{_SELECT_ALL} {condition} {_NEWEST_FIRST}"
    with connected(path) as connection:
        for row in connection.execute(statement):
            if limit is not None and len(runs) >= limit:
                break
            run = _run_now(path, row)
            if is_wanted(run):
                runs.append(run)
    return runs


def run_summaries(
    connection: sqlite3.Connection, condition: str, parameters: Sequence[Any] = ()
) -> Iterator[StoredRun]:
    """Return runs without their texts, versions and metrics.

    A run whose process has just ended it may seem interrupted: see `read_interrupted_again`.

    Args:
        connection: A connection to the store.
        condition: The end of the statement after `FROM runs`, such as `WHERE parent = ?`.
        parameters: The values for its question marks.
    """
    return map(_stored_run, connection.execute(f"{_SELECT_SUMMARIES} {condition}", parameters))


def read_interrupted_again(
    connection: sqlite3.Connection, runs: Iterable[StoredRun]
) -> list[StoredRun]:
    """Return runs as they stand now, of which some seem interrupted.

    The row of a run is read before its process is looked for, which may have ended the run between.
    This must be called after the statement or the transaction that read the rows.

    Args:
        connection: A connection to the store.
        runs: The results of `run_summaries`.
    """
    runs_now = []
    for run in runs:
        run_now = run
        if run.status == "interrupted":
            rows = run_summaries(connection, "WHERE run_id = ?", (column_text(run.run_id),))
            run_now = next(rows, run)
        runs_now.append(run_now)
    return runs_now


def children_of(path: Path, run_id: str, *, texts: bool = True) -> list[StoredRun]:
    """Return the runs within a run, in the order in which they began.

    Args:
        path: The store.
        run_id: The id of the run.
        texts: Whether to read the texts of their workflows.

    Raises:
        StoreError: The store cannot be read.
    """
    with connected(path) as connection:
        rows = connection.execute(_SELECT_CHILDREN, (run_id,)).fetchall()
        children = list(map(_stored_run, rows))
        if texts:
            children = [with_texts(connection, child) for child in children]
        return children


def count_children(path: Path, run_ids: Sequence[str]) -> dict[str, int]:
    """Return the numbers of the runs directly within some runs; those without any are left out.

    Raises:
        StoreError: The store cannot be read.
    """
    counts: dict[str, int] = {}
    with connected(path) as connection:
        for run_id in run_ids:
            (count,) = connection.execute(_COUNT_CHILDREN, (run_id,)).fetchone()
            if count:
                counts[run_id] = count
    return counts


def count_children_by_task(path: Path, run_id: str) -> list[tuple[str, int, int, int | None, int]]:
    """Return the numbers of the runs within a run, for each task that began some.

    A row has the task, the number of its runs, how many of these failed, the lowest index of an
    item whose run failed, and the lowest index of all.

    Raises:
        StoreError: The store cannot be read.
    """
    with connected(path) as connection:
        return connection.execute(_COUNT_BY_TASK, (run_id,)).fetchall()


def with_texts(connection: sqlite3.Connection, run: StoredRun) -> StoredRun:
    """Return a run with the text of its workflow, which many runs may share.

    Raises:
        StoreError: The text is damaged.
    """
    text, source_text = load_texts(connection, run.text, run.source.text)
    source = Source(run.source.name, source_text)
    return msgspec.structs.replace(run, text=text, source=source)


def _runs_with_id(path: Path, run_id: str) -> list[StoredRun]:
    """Return the run with an id, by the index: no other run is read, which may be damaged."""
    with connected(path) as connection:
        rows = connection.execute(_SELECT_ID, (column_text(run_id),)).fetchall()
    return [_run_now(path, row) for row in rows]


def _run_now(path: Path, row: tuple[Any, ...]) -> StoredRun:
    """Return the run of a row, as it stands now."""
    run = _stored_run(row)
    return _read_again(path, run) if run.status == "interrupted" else run


def _read_again(path: Path, run: StoredRun) -> StoredRun:
    """Return a run that seems interrupted as it stands now: its engine may just have ended it.

    Its row was read before the end, and its engine looked up after it. Another connection does not
    see the moment of the first one.
    """
    with connected(path) as connection:
        row = connection.execute(_SELECT_RUN, (run.number,)).fetchone()
    if row is None:
        return run

    run_now = _stored_run(row)
    is_same = run_now.run_id == run.run_id and not run_now.damage
    return run_now if is_same else run


def has_run(path: Path, run_id: str) -> bool:
    """Return whether a store has a run with this id.

    Raises:
        StoreError: The store cannot be read.
    """
    with connected(path) as connection:
        return connection.execute(_HAS_ID, (run_id,)).fetchone() is not None


def run_of(path: Path, run_id: str, *, damaged: bool = False) -> StoredRun:
    """Return one run, by its id or the beginning of its id.

    Args:
        path: The store.
        run_id: The id.
        damaged: Whether to return a run whose record is damaged, too.

    Raises:
        StoreError: There is no such run, or more than one, or its record is damaged.
    """
    run_id = plain_text(run_id)
    if type(run_id) is not str:
        raise StoreError(f"the id of a run must be a string, not {describe(run_id)}")

    matches = _runs_with_id(path, run_id)
    runs: list[StoredRun] = []
    if not matches:
        runs = runs_in(path, children=True)
        # one whose row is damaged has an id that is in no row
        matches = [run for run in runs if run.run_id == run_id]
    if not matches and run_id:
        matches = [run for run in runs if run.run_id.startswith(run_id)]

    if not matches:
        hint = nearest(run_id, [run.run_id for run in runs])
        if not hint:
            hint = "; `runs` lists the runs"
        raise StoreError(f"there is no run `{run_id}` in {path}{hint}")
    if len(matches) > 1:
        ids = ", ".join(run.run_id for run in matches[:_MAX_SHOWN])
        raise StoreError(f"several runs begin with `{run_id}`: {ids}")

    run = matches[0]
    if run.damage and not damaged:
        raise StoreError(_damage_message(run.run_id, run.damage))
    if run.parent:
        with connected(path) as connection:
            return with_texts(connection, run)
    return run


@contextmanager
def reading_record(run_id: str) -> Iterator[None]:
    """Raise any error of the block as StoreError: the record of the run is damaged.

    Args:
        run_id: The run whose record is read.

    Raises:
        StoreError: The block raised an error.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise StoreError(_damage_message(run_id, f"{type(error).__name__}: {error}")) from error


def _damage_message(run_id: str, reason: str) -> str:
    return (
        f"the record of run {run_id} is damaged ({reason}); other runs can be read, and "
        f"`attune-nb forget {run_id}` removes it"
    )


def last_event_number(path: Path, run: StoredRun) -> int:
    """Return the number of the last event of a run that is on the disk; -1 if there is none.

    Raises:
        StoreError: The store cannot be read.
    """
    with connected(path) as connection:
        statement = "SELECT coalesce(max(number), -1) FROM events WHERE run = ?"
        (number,) = connection.execute(statement, (run.number,)).fetchone()
        return int(number)


def events_of(
    path: Path, run: StoredRun, mask: Mask = NO_SECRETS, last: int = _LARGEST_NUMBER
) -> list[Event]:
    """Return the events of a run that are on the disk.

    Args:
        path: The store.
        run: The run.
        mask: The secrets by their names; one that it does not hold becomes `***`.
        last: The number of the last event to return.

    Raises:
        StoreError: They cannot be read.
    """
    tables = TableFolder(path, mask)
    with connected(path) as connection:
        _check_exists(connection, run)
        # all rows at once: a read that stays open would keep the writer's log growing
        rows = connection.execute(
            "SELECT number, kind, time, task, visit, data, columns FROM events WHERE run = ? "
            "AND number <= ? ORDER BY number",
            (run.number, last),
        ).fetchall()

        events = []
        for expected, (number, *columns) in enumerate(rows):
            if number != expected:
                # an index with flipped bytes hides rows
                raise StoreError(_damage_message(run.run_id, f"event {expected} is missing"))
            row = EventRow(*columns)
            try:
                row = row._replace(data=load_data(connection, row.data))
                event = event_of(row, run.source, mask)
            except StoreError as error:
                raise StoreError(_damage_message(run.run_id, str(error))) from None
            if has_tag(row.data, *FILE_TAGS):
                for reference in stored_files(event):
                    reference.source = tables
            events.append(event)
        return events


def intents_of(path: Path, run: StoredRun) -> list[tuple[str, int, int, int]]:
    """Return the attempts that were recorded before they began: task, visit, index, attempt.

    Raises:
        StoreError: They cannot be read.
    """
    with connected(path) as connection:
        _check_exists(connection, run)
        statement = "SELECT task, visit, item, attempt FROM intents WHERE run = ?"
        return connection.execute(statement, (run.number,)).fetchall()


def _check_exists(connection: sqlite3.Connection, run: StoredRun) -> None:
    """Check that a run is still in the store: SQLite gives its number to a later run.

    Raises:
        StoreError: It is not.
    """
    statement = "SELECT 1 FROM runs WHERE number = ? AND run_id = ?"
    if connection.execute(statement, (run.number, run.run_id)).fetchone() is None:
        raise StoreError(f"run {run.run_id} was removed from the store by another program")


def task_durations(
    path: Path, workflow: str, comparison: Mapping[str, Any], max_runs: int = 100
) -> list[tuple[str, int, float, int]]:
    """Return the durations of the with-items tasks of a workflow's runs, the oldest first.

    Args:
        path: The store.
        workflow: The name of the workflow.
        comparison: The value under "alike" of the options of comparable runs: `given` must be
            equal, and of `tasks` the equal ones count.
        max_runs: Number of runs that are read: the newest that have ended.

    Returns:
        Per task its path, its number of items, the seconds, its concurrency.

    Raises:
        StoreError: They cannot be read.
    """
    durations: list[tuple[str, int, float, int]] = []
    with connected(path) as connection:
        rows = connection.execute(
            "SELECT number, options FROM runs WHERE workflow = ? AND status IN "
            "('succeeded', 'failed', 'timed_out') ORDER BY started DESC LIMIT ?",
            (column_text(workflow), max_runs),
        ).fetchall()

        for number, options in reversed(rows):
            try:
                paths = _comparable_paths(options, comparison)
                durations += [*_durations_of_run(connection, number, paths)]
            except sqlite3.Error:
                raise
            except Exception:  # noqa: BLE001, S112 - a damaged record: the other runs suffice
                continue
    return durations


def _comparable_paths(options: str, comparison: Mapping[str, Any]) -> set[str]:
    """Return the tasks of a recorded run whose durations may be compared."""
    recorded = msgspec.json.decode(options).get("alike")
    if not recorded or recorded.get("given") != comparison["given"]:
        return set()

    paths = set()
    for task, digest in comparison["tasks"].items():
        if recorded["tasks"].get(task) == digest:
            paths.add(task)
    return paths


def _durations_of_run(
    connection: sqlite3.Connection, number: int, paths: set[str]
) -> Iterator[tuple[str, int, float, int]]:
    rows = connection.execute(
        "SELECT kind, time, task, visit, data FROM events WHERE run = ? AND "
        "kind IN ('TaskStarted', 'TaskEnded') ORDER BY number",
        (number,),
    ).fetchall()

    started: dict[tuple[str, int], tuple[float, dict[str, Any]]] = {}
    for kind, event_time, task, visit, data in rows:
        if task not in paths:
            continue
        event = msgspec.json.decode(load_data(connection, data))
        if kind == "TaskStarted":
            started[task, visit] = (event_time, event)
        elif (task, visit) in started and event["status"] in ("succeeded", "failed"):
            start_time, start = started[task, visit]
            duration = event_time - start_time
            if start["total"]:
                fields = (task, start["total"], duration, start["concurrency"])
                yield msgspec.convert(fields, tuple[str, int, float, int])


def _stored_run(row: tuple[Any, ...]) -> StoredRun:
    """Return the run of a row; one that is unreadable if the row is damaged."""
    fields = dict(zip(_COLUMNS, row, strict=True))
    try:
        columns = msgspec.convert(fields, _Columns)
        options = msgspec.json.decode(columns.options)
        # checked only: options of a later version stay
        msgspec.convert(options, _Options)
        versions = msgspec.json.decode(columns.versions, type=dict[str, str])
        workflow = columns.workflow
        metrics = msgspec.json.decode(columns.metrics, type=dict[str, float])
        jupyter = msgspec.json.decode(columns.jupyter, type=dict[str, str])
        if "name" in options:
            # a name that no column can hold
            workflow = from_plain(options["name"])
        if not 0 <= columns.started < _LATEST_START or not math.isfinite(columns.duration):
            raise ValueError("a time is out of range")  # noqa: TRY301 - as any other damage
    except Exception as error:  # noqa: BLE001 - the bytes of a damaged row may mean anything
        return _unreadable_run(fields, f"{type(error).__name__}: {error}")

    status = columns.status
    if status not in ENDED and not is_alive(
        columns.host, columns.pid, columns.born, columns.beat, columns.owner
    ):
        status = "interrupted"

    shared = {name: getattr(columns, name) for name in _RunFields.__struct_fields__}
    shared["workflow"] = workflow
    shared["status"] = status
    if status == "interrupted":
        # no engine hears an answer
        shared |= {"questions": 0, "attention": ""}
    return StoredRun(
        **shared,
        source=Source(columns.source_name, columns.source_text),
        options=options,
        versions=versions,
        metrics=metrics,
        jupyter=jupyter,
        heard=columns.beat,
        owner=columns.owner,
    )


def _unreadable_run(fields: Mapping[str, Any], damage: str) -> StoredRun:
    run_id = fields["run_id"]
    if not isinstance(run_id, str) or not run_id:
        run_id = f"number-{fields['number']}"
    workflow = fields["workflow"]
    if not isinstance(workflow, str):
        workflow = ""

    return StoredRun(
        number=fields["number"],
        run_id=run_id,
        workflow=workflow,
        text="",
        source=Source("<text>", ""),
        options={},
        versions={},
        started=math.nan,
        status="unreadable",
        duration=0.0,
        tasks=0,
        items=0,
        failed=0,
        host="",
        pid=0,
        damage=damage,
    )


def is_alive(host: str, pid: int, born: float, beat: float, owner: str) -> bool:
    """Return whether the engine of a run is alive.

    On another host it is alive if it has given a sign of life in the last minute.

    Args:
        host: The host of the engine.
        pid: Its process.
        born: When that process started (epoch): process ids are used again.
        beat: Its last sign of life (epoch).
        owner: Its token.
    """
    if host != socket.gethostname():
        return isinstance(beat, float) and time.time() - beat < STALE
    if pid == os.getpid():
        return owner in LIVE

    import psutil  # noqa: PLC0415 - slow to import, and only runs with a store need it

    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - born) < 1.0
        # a zombie is dead, but its parent has not waited for it yet
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, TypeError, ValueError, OverflowError):
        # the last three: the row of the run is damaged
        return False

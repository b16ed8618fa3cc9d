"""Read the runs of a store, also those that another process is running."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import Source, StoreError, nearest
from attune_nb.events import describe_kind
from attune_nb.store.blobs import load_data
from attune_nb.store.database import connected
from attune_nb.store.event_rows import EventRow, column_text, event_of
from attune_nb.store.json_values import NO_SECRETS, from_plain
from attune_nb.values.describe import describe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from attune_nb.events import Event, RunStatus
    from attune_nb.values.secrets import Mask

__all__ = [
    "ENDED",
    "LIVE",
    "StoredRun",
    "events_of",
    "intents_of",
    "is_alive",
    "run_of",
    "runs_in",
    "task_durations",
]

STALE = 60.0
"""Seconds without a sign of life after which a run on another host counts as dead."""
ENDED = ("succeeded", "failed", "timed_out", "cancelled")
"""The final statuses."""
LIVE: set[str] = set()
"""The owner tokens of the engines of this process."""

_COLUMNS = (
    "number", "run_id", "workflow", "text", "source_name", "source_text", "options", "versions",
    "started", "status", "duration", "tasks", "items", "failed", "host", "pid", "born", "beat",
    "owner",
)  # fmt: skip
_SELECT_RUNS = f"SELECT {', '.join(_COLUMNS)} FROM runs ORDER BY started DESC, number DESC"  # noqa: S608 - constants

# run ids in a message
_MAX_SHOWN = 10


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its store holds it.

    `status` is the status of the run, or "interrupted" if its engine is dead. Times are in
    seconds; `started` is in seconds since the epoch, UTC.
    """

    number: int
    run_id: str
    workflow: str
    text: str
    source: Source
    options: dict[str, Any]
    versions: dict[str, str]
    started: float
    status: RunStatus
    duration: float
    tasks: int
    items: int
    failed: int
    host: str
    pid: int

    @property
    def kind(self) -> str:
        """How it differs from an ordinary run, as `RunStarted.kind`."""
        return describe_kind(
            dry_run=self.options["dry_run"],
            mocked=bool(self.options["mock"]),
            origin=self.options.get("origin", ""),
        )


def runs_in(
    path: Path,
    is_wanted: Callable[[StoredRun], bool] = lambda _: True,
    limit: int | None = None,
) -> list[StoredRun]:
    """Return the runs, the newest first.

    Args:
        path: The store.
        is_wanted: Selects runs.
        limit: The most runs; None for all.

    Raises:
        StoreError: There is no store, or it cannot be read.
    """
    runs: list[StoredRun] = []
    with connected(path) as connection:
        for row in connection.execute(_SELECT_RUNS):
            if limit is not None and len(runs) >= limit:
                break
            run = _stored_run(row)
            if is_wanted(run):
                runs.append(run)
    return runs


def run_of(path: Path, run_id: str) -> StoredRun:
    """Return one run, by its id or the beginning of its id.

    Raises:
        StoreError: There is no such run, or more than one.
    """
    if not isinstance(run_id, str):
        raise StoreError(f"the id of a run must be a string, not {describe(run_id)}")

    runs = runs_in(path)
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
    return matches[0]


def events_of(path: Path, run: StoredRun, mask: Mask = NO_SECRETS) -> list[Event]:
    """Return the events of a run that are on the disk.

    Args:
        path: The store.
        run: The run.
        mask: The secrets by their names; one that it does not hold becomes `***`.

    Raises:
        StoreError: They cannot be read.
    """
    with connected(path) as connection:
        _check_exists(connection, run)
        # all rows at once: a read that stays open would keep the writer's log growing
        rows = connection.execute(
            "SELECT kind, time, task, visit, data, columns FROM events WHERE run = ? "
            "ORDER BY number",
            (run.number,),
        ).fetchall()

        events = []
        for columns in rows:
            row = EventRow(*columns)
            row = row._replace(data=load_data(connection, row.data))
            events.append(event_of(row, run.source, mask))
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
            recorded = msgspec.json.decode(options).get("alike")
            if not recorded or recorded.get("given") != comparison["given"]:
                continue
            paths = set()
            for task, digest in comparison["tasks"].items():
                if recorded["tasks"].get(task) == digest:
                    paths.add(task)
            durations += _durations_of_run(connection, number, paths)
    return durations


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
            if start["total"]:
                yield task, start["total"], event_time - start_time, start["concurrency"]


def _stored_run(row: tuple[Any, ...]) -> StoredRun:
    columns = dict(zip(_COLUMNS, row, strict=True))
    source = Source(columns.pop("source_name"), columns.pop("source_text"))

    born = columns.pop("born")
    beat = columns.pop("beat")
    owner = columns.pop("owner")
    if columns["status"] not in ENDED and not is_alive(
        columns["host"], columns["pid"], born, beat, owner
    ):
        columns["status"] = "interrupted"

    try:
        for name in ("options", "versions"):
            columns[name] = msgspec.json.decode(columns[name])
        if "name" in columns["options"]:
            # a name that no column can hold
            columns["workflow"] = from_plain(columns["options"]["name"])
    except msgspec.MsgspecError as error:
        message = f"the record of run {columns['run_id']} cannot be read: {error}"
        raise StoreError(message) from None
    return StoredRun(source=source, **columns)


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
        return time.time() - beat < STALE
    if pid == os.getpid():
        return owner in LIVE

    import psutil  # noqa: PLC0415 - slow to import, and only runs with a store need it

    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - born) < 1.0
        # a zombie is dead, but its parent has not waited for it yet
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False

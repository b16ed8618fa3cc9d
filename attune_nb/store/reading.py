"""What a store tells of its runs, also of those that another process is at."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import Source, StoreError, nearest
from attune_nb.store.blobs import whole
from attune_nb.store.database import connected
from attune_nb.store.event_rows import EventRow, event_of
from attune_nb.store.json_values import NOBODY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
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
    "taken_by",
]

STALE = 60.0  # seconds of silence after which a run on another host is taken for dead
_COLUMNS = (
    "number, run_id, workflow, text, source_name, source_text, options, versions, started, "
    "status, duration, tasks, items, failed, host, pid, born, beat, owner"
)
ENDED = ("succeeded", "failed", "timed_out", "cancelled")
"""The statuses in which a run stays."""

LIVE: set[str] = set()
"""The tokens of the engines of this process that are at a run."""


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its store tells of it.

    `status` is that of the run, or "interrupted" where whoever was at it is gone. Times are
    in seconds; `started` since the epoch, UTC.
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


def runs_in(path: Path) -> list[StoredRun]:
    """Give all runs, the oldest first.

    Raises:
        StoreError: There is no store, or it cannot be read.
    """
    with connected(path) as connection:
        statement = f"SELECT {_COLUMNS} FROM runs ORDER BY started, number"  # noqa: S608
        return [_run(row) for row in connection.execute(statement)]


def run_of(path: Path, run_id: str) -> StoredRun:
    """Give one run, by its id or how the id begins.

    Raises:
        StoreError: There is no such run, or more than one.
    """
    if not isinstance(run_id, str):
        raise StoreError(f"a run is named by its id, a text, not {run_id!r}")
    known = runs_in(path)
    found = [each for each in known if each.run_id == run_id]
    found = found or [each for each in known if run_id and each.run_id.startswith(run_id)]
    if not found:
        hint = nearest(run_id, [each.run_id for each in known]) or "; `runs` lists what there is"
        raise StoreError(f"there is no run `{run_id}` in {path}{hint}")
    if len(found) > 1:
        told = ", ".join(each.run_id for each in found[:10])
        raise StoreError(f"several runs begin with `{run_id}`: {told}")
    return found[0]


def events_of(path: Path, run: StoredRun, mask: Mask = NOBODY) -> list[Event]:
    """Give the events of a run that are on the disk.

    Args:
        path: The store.
        run: The run.
        mask: Knows the secrets; one that it does not know is `***`.

    Raises:
        StoreError: They cannot be read.
    """
    with connected(path) as connection:
        rows = connection.execute(
            "SELECT kind, time, task, visit, data, columns FROM events WHERE run = ? "
            "ORDER BY number",
            (run.number,),
        )
        found = [EventRow(*row) for row in rows]
        return [
            event_of(row._replace(data=whole(connection, row.data)), run.source, mask)
            for row in found
        ]


def intents_of(path: Path, run: StoredRun) -> list[tuple[str, int, int, int]]:
    """Give the attempts that were announced: task, visit, index, attempt.

    Raises:
        StoreError: They cannot be read.
    """
    with connected(path) as connection:
        statement = "SELECT task, visit, item, attempt FROM intents WHERE run = ?"
        return [*connection.execute(statement, (run.number,))]


def taken_by(
    path: Path, workflow: str, alike: Mapping[str, Any], most: int = 100
) -> list[tuple[str, int, float, int]]:
    """Give what the with-items tasks of a workflow's runs took, the oldest first.

    Args:
        path: The store.
        workflow: What the runs are of.
        alike: What a run's options must say for it to count, under "alike": `given` as a whole,
            and of `tasks` those that are the same.
        most: How many runs are looked at, of the newest that have ended.

    Returns:
        For each task its path, its items, the seconds, its concurrency.

    Raises:
        StoreError: They cannot be read.
    """
    found: list[tuple[str, int, float, int]] = []
    with connected(path) as connection:
        rows = connection.execute(
            "SELECT number, options FROM runs WHERE workflow = ? AND status IN "
            "('succeeded', 'failed', 'timed_out') ORDER BY started DESC LIMIT ?",
            (workflow, most),
        ).fetchall()
        for number, options in reversed(rows):
            told = msgspec.json.decode(options).get("alike") or {}
            if told.get("given") == alike["given"]:
                wanted = {p for p, each in alike["tasks"].items() if told["tasks"].get(p) == each}
                found += _taken(connection, number, wanted)
    return found


def _taken(
    connection: sqlite3.Connection, number: int, wanted: set[str]
) -> Iterator[tuple[str, int, float, int]]:
    rows = connection.execute(
        "SELECT kind, time, task, visit, data FROM events WHERE run = ? AND "
        "kind IN ('TaskStarted', 'TaskEnded') ORDER BY number",
        (number,),
    ).fetchall()
    began: dict[tuple[str, int], tuple[float, dict[str, Any]]] = {}
    for kind, time_, task, visit, data in rows:
        if task in wanted:
            told = msgspec.json.decode(whole(connection, data))
            if kind == "TaskStarted":
                began[task, visit] = time_, told
            elif (task, visit) in began and told["status"] in ("succeeded", "failed"):
                start, first = began[task, visit]
                if first["total"]:
                    yield task, first["total"], time_ - start, first["concurrency"]


def _run(row: tuple[Any, ...]) -> StoredRun:
    told = dict(zip(_COLUMNS.split(", "), row, strict=True))
    lives = told["status"] in ENDED or is_alive(
        *(told[name] for name in ("host", "pid", "born", "beat", "owner"))
    )
    try:
        options, versions = (msgspec.json.decode(told[name]) for name in ("options", "versions"))
    except msgspec.MsgspecError as error:
        raise StoreError(f"the record of run {told['run_id']} cannot be read: {error}") from None
    return StoredRun(
        source=Source(told["source_name"], told["source_text"]),
        options=options,
        versions=versions,
        **{
            name: told[name]
            for name in ("number", "run_id", "workflow", "text", "started", "duration", "tasks",
                         "items", "failed", "host", "pid")
        },
        status=told["status"] if lives else "interrupted",
    )  # fmt: skip


def is_alive(host: str, pid: int, born: float, beat: float, owner: str) -> bool:
    """Tell whether the engine that is at a run lives; on another host, whether it says so."""
    if host != socket.gethostname():
        return time.time() - beat < STALE
    if pid == os.getpid():
        return owner in LIVE
    import psutil  # noqa: PLC0415 - no store, no need

    try:
        found = psutil.Process(pid)
        is_same = abs(found.create_time() - born) < 1.0
        return is_same and found.status() != psutil.STATUS_ZOMBIE  # dead, and not yet waited for
    except psutil.Error:
        return False

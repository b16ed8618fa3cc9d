"""Marks of the runs that servers have started: one file for each process that is alive.

A server that begins again finds the processes of the one before by them, and counts them.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from attune_nb.store.output_files import output_folder
from attune_nb.store.reading import is_alive

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["StartMark", "find_live_runs", "read_mark", "remove_mark", "write_mark"]

_SUFFIX = ".process"


class StartMark(msgspec.Struct, frozen=True, kw_only=True):
    """The process of a run that a server has started.

    Attributes:
        run_id: The run's id.
        host: The host of the process.
        pid: Its id.
        born: When it started, in seconds since the epoch: ids are used again.
    """

    run_id: str
    host: str
    pid: int
    born: float

    def is_alive(self) -> bool:
        """Return whether the process is alive. One of another host counts as dead."""
        is_this_host = self.host == socket.gethostname()
        return is_this_host and is_alive(self.host, self.pid, self.born, self.born, "")


def write_mark(store: Path, run_id: str, pid: int) -> None:
    """Write the mark of a process that has just started; without a disk there is none."""
    import psutil  # noqa: PLC0415 - slow to import

    with suppress(psutil.Error, OSError):
        born = psutil.Process(pid).create_time()
        mark = StartMark(run_id=run_id, host=socket.gethostname(), pid=pid, born=born)
        path = _mark_path(store, run_id)
        new_path = path.with_suffix(".new")

        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        file = os.open(new_path, flags, 0o600)
        try:
            os.write(file, msgspec.json.encode(mark))
        finally:
            os.close(file)
        new_path.replace(path)


def remove_mark(store: Path, run_id: str, pid: int) -> None:
    """Remove the mark of a process that has ended; that of another one stays."""
    mark = _read(_mark_path(store, run_id))
    if mark is None or mark.pid == pid:
        with suppress(OSError):
            _mark_path(store, run_id).unlink()


def read_mark(store: Path, run_id: str) -> StartMark | None:
    """Return the mark of a run whose process is alive, or None."""
    mark = _read(_mark_path(store, run_id))
    if mark is None or not mark.is_alive():
        return None
    return mark


def find_live_runs(store: Path) -> list[str]:
    """Return the ids of the runs of a store that servers have started and that are alive.

    Marks of processes that have ended are removed.
    """
    run_ids = []
    for path in output_folder(store).glob(f"*{_SUFFIX}"):
        mark = _read(path)
        if mark is not None and mark.is_alive():
            run_ids.append(path.stem)
        elif mark is not None:
            remove_mark(store, path.stem, mark.pid)
    return run_ids


def _mark_path(store: Path, run_id: str) -> Path:
    return output_folder(store) / f"{run_id}{_SUFFIX}"


def _read(path: Path) -> StartMark | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=StartMark)
    except (OSError, msgspec.MsgspecError):
        return None

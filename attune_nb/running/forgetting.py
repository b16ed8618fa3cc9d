"""Forget runs: remove their records from a store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.errors import ParameterError, StoreError
from attune_nb.running.artifact_folders import remove_artifacts
from attune_nb.running.run import BaseRun
from attune_nb.running.run_selection import read_age
from attune_nb.running.store_paths import store_path
from attune_nb.values.describe import describe_with_value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from pathlib import Path

    from attune_nb.running.run_selection import Age
    from attune_nb.store.reading import StoredRun

__all__ = ["ForgottenRuns", "forget"]

# bytes of a unit, the largest first
_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


class ForgottenRuns(NamedTuple):
    """The runs that were forgotten.

    Attributes:
        run_ids: Their ids.
        under_way: The ids of older runs that are under way, and were left on record.
        bytes: The bytes that were given back to the disk.
        reusable: Bytes within the store's file that are free for new records.
    """

    run_ids: list[str]
    under_way: list[str]
    bytes: int
    reusable: int

    def __str__(self) -> str:
        parts = [f"{_format_count(len(self.run_ids))} forgotten"]
        if self.run_ids:
            parts.append(f"{_format_bytes(self.bytes)} given back")
        if self.reusable:
            parts.append(f"{_format_bytes(self.reusable)} free in the store for new records")
        if self.under_way:
            parts.append(f"{_format_count(len(self.under_way))} kept, being under way")
        return ", ".join(parts)


def forget(
    runs: str | BaseRun | Iterable[str | BaseRun] | None = None,
    *,
    older: Age | None = None,
    store: str | PathLike[str] | None = None,
) -> ForgottenRuns:
    """Remove runs from the record, with everything that only they need, and free the space.

    A run that is under way in any process is refused; with `older` it is kept. A fork of a
    forgotten run keeps all its results. Run objects in memory stay as they are.

    Args:
        runs: Ids, their beginnings, or runs: one or several, such as
            `runs(status="failed")["run_id"]`.
        older: Instead of `runs`: all runs that began before this: a date (in UTC), a
            `timedelta`, or text such as `2024-12-24`, `30d`, `12h`.
        store: The file; by default as in `Workflow.run`.

    Returns:
        The ids of the forgotten runs, and how many bytes the file is smaller.

    Raises:
        ParameterError: Neither or both of `runs` and `older` were passed, or one is no such
            value.
        StoreError: There is no such run, it is under way, or the store cannot be used. Nothing
            was removed.
    """
    from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import
    from attune_nb.store.forgetting import remove_runs  # noqa: PLC0415
    from attune_nb.store.output_files import remove_outputs  # noqa: PLC0415

    if (runs is None) == (older is None):
        raise ParameterError("`forget` takes runs, or `older=`: one of the two")

    path = store_path(store)
    if older is None:
        selected = _find_runs(path, _read_runs(runs))
    else:
        latest = read_age(older, "older")
        selected = reading.runs_in(path, lambda run: run.started < latest)
    removed = remove_runs(path, selected, keep_open=older is not None)
    file_bytes = remove_artifacts(path, removed.run_ids) + remove_outputs(path, removed.run_ids)
    return ForgottenRuns(*removed._replace(bytes=removed.bytes + file_bytes))


def _find_runs(path: Path, runs: Sequence[str | BaseRun]) -> list[StoredRun]:
    """Return each run once.

    Raises:
        StoreError: There is no such run, or more than one begins with an id.
    """
    stored_runs = [_find_run(path, run) for run in runs]
    return list({stored.run_id: stored for stored in stored_runs}.values())


def _find_run(path: Path, run: str | BaseRun) -> StoredRun:
    """Return a run of a store.

    Raises:
        StoreError: It is not there; of a `Run` the message says where its record is.
    """
    from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import

    if isinstance(run, str):
        return reading.run_of(path, run, damaged=True)

    try:
        return reading.run_of(path, run.run_id, damaged=True)
    except StoreError:
        if run.store is not None and run.store.absolute() == path.absolute():
            raise

    if run.store is None:
        raise StoreError(f"run {run.run_id} has no record, so there is nothing to forget")
    raise StoreError(
        f"run {run.run_id} is on record in {run.store}, not in {path}: pass `store={run.store}`"
    )


def _read_runs(runs: Any) -> list[str | BaseRun]:
    if isinstance(runs, str | BaseRun):
        runs = [runs]
    if not isinstance(runs, Iterable):
        raise ParameterError(
            f"`runs` must be run ids or runs, or an array of them, not {describe_with_value(runs)}"
        )

    selected: list[str | BaseRun] = []
    for run in runs:
        if not isinstance(run, str | BaseRun) or not run:
            raise ParameterError(
                f"`runs` must be run ids or runs, or an array of them, not "
                f"{describe_with_value(run)}"
            )
        selected.append(run)
    return selected


def _format_count(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"


def _format_bytes(count: int) -> str:
    for size, unit in _UNITS:
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,} bytes"

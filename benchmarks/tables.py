"""Tables on record: DataFrames that are kept beside the store and read back, beside Parquet."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attune_nb as attune
from benchmarks.verdict import Verdict, compare, judge_ratio, median_us, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

__all__ = ["make_frame", "measure"]

TABLES = 10
ROWS = 50_000
TURNS = 3
MOST_OF_PARQUET = 1.0

WORKFLOW = """
parameters: {tables: {}}
tasks:
  - name: load
    action: load
    with_items: "{{ range(parameters.tables) }}"
    concurrency: 2
    input: {number: "{{ item }}"}
"""


def measure() -> Iterator[Verdict]:
    """Measure runs whose results are tables, and the same by files of a program's own."""
    subject = f"{TABLES} DataFrames of {ROWS:,} rows"
    if importlib.util.find_spec("pyarrow") is None:
        yield Verdict(subject, "shown", "pyarrow is not installed")
        return

    frames = [make_frame(number) for number in range(TABLES)]
    with tempfile.TemporaryDirectory() as folder:
        yield from _measure_keeping(subject, frames, Path(folder))
        yield from _measure_reading(subject, frames, Path(folder))


def _measure_keeping(subject: str, frames: list[pd.DataFrame], folder: Path) -> Iterator[Verdict]:
    """Compare runs that keep tables with files that are written by hand."""
    counts = iter(range(1_000))
    sides: dict[str, Callable[[], object]] = {
        # a store of its own each time: a table that is on record already is not written again
        "kept": lambda: _run(frames, str(folder / f"kept-{next(counts)}.db")),
        "not kept": lambda: _run(frames, "none"),
        "parquet": lambda: _write_parquet(frames, folder),
        "feather": lambda: _write_feather(frames, folder),
    }
    turns = time_in_turn(sides, TURNS)

    note = f"{median_us(turns, 'kept', TABLES) / 1e3:.1f} ms a table"
    ratio = compare(turns, "kept", "parquet")
    yield judge_ratio(f"{subject} kept by a run, against to_parquet", ratio, MOST_OF_PARQUET, note)
    ratio = compare(turns, "kept", "feather")
    yield judge_ratio(f"{subject} kept by a run, against to_feather", ratio)
    ratio = compare(turns, "not kept", "parquet")
    yield judge_ratio(f"{subject} in a run without a record, against to_parquet", ratio)


def _measure_reading(subject: str, frames: list[pd.DataFrame], folder: Path) -> Iterator[Verdict]:
    """Compare reading all tables of a run with reading files."""
    import pandas as pd  # noqa: PLC0415 - slow to import

    store = str(folder / "runs.db")
    run_id = _run(frames, store).run_id
    _write_parquet(frames, folder)

    def read_run() -> list[Any]:
        return list(attune.open_run(run_id, store).result("load"))

    def read_parquet() -> list[Any]:
        return [pd.read_parquet(_name_file(folder, number, "parquet")) for number in range(TABLES)]

    pd.testing.assert_frame_equal(read_run()[-1], frames[-1])
    turns = time_in_turn({"run": read_run, "parquet": read_parquet}, TURNS)
    note = f"{median_us(turns, 'run', TABLES) / 1e3:.1f} ms a table"
    ratio = compare(turns, "run", "parquet")
    subject = f"{subject} read back by open_run, against read_parquet"
    yield judge_ratio(subject, ratio, MOST_OF_PARQUET, note)


def make_frame(number: int) -> pd.DataFrame:
    """Return a table of five columns: integers, numbers, strings, a category, dates."""
    import pandas as pd  # noqa: PLC0415 - slow to import

    index = range(number, number + ROWS)
    return pd.DataFrame(
        {
            "id": list(index),
            "rate": [value / 3 for value in index],
            "name": [f"name {value}" for value in index],
            "kind": pd.Categorical([f"kind {value % 7}" for value in index]),
            "day": pd.date_range("2024-01-01", periods=ROWS, freq="min", tz="UTC"),
        }
    )


def _run(frames: list[pd.DataFrame], store: str) -> attune.Run:
    """Run a task whose results are the tables.

    Raises:
        RunFailed: The run has not succeeded.
    """
    run = attune.loads(WORKFLOW).run(
        {"tables": len(frames)},
        actions={"load": lambda number: frames[number]},
        progress=False,
        store=store,
    )
    run.raise_for_status()
    return run


def _write_parquet(frames: list[pd.DataFrame], folder: Path) -> None:
    for number, frame in enumerate(frames):
        frame.to_parquet(_name_file(folder, number, "parquet"))


def _write_feather(frames: list[pd.DataFrame], folder: Path) -> None:
    for number, frame in enumerate(frames):
        frame.to_feather(_name_file(folder, number, "feather"))


def _name_file(folder: Path, number: int, suffix: str) -> Path:
    return folder / f"{number}.{suffix}"

"""The use of a record: how soon a run resumes, and how much a fork copies."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attune_nb as attune
from benchmarks.verdict import Verdict, format_spread

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS = 100_000
FINISHED = 90_000
TURNS = 7
MOST_WAIT = 2.0  # seconds before the first new item
MOST_COPIED = 50_000  # bytes, whatever is reused
CUT_STATUS = 9  # the exit status of the process whose run is cut off
CUT = f"""
import os, sys, time, attune_nb
from attune_nb.bench.peers import WORKFLOW
def act(value):
    if value >= {FINISHED}:
        time.sleep(0.5)  # for the last commit
        os._exit({CUT_STATUS})
    return value
attune_nb.loads(WORKFLOW).run({{"items": list(range({ITEMS}))}}, actions={{"no_op": act}},
                              store=sys.argv[1], progress=False)
"""
CHAIN = """
parameters: {items: {}, size: {}}
tasks:
  - {name: each, action: large, with_items: "{{ parameters.items }}", concurrency: 8,
     input: {value: "{{ item }}", size: "{{ parameters.size }}"}, next: [{do: last}]}
  - {name: last, action: small}
"""


def measure() -> Iterator[Verdict]:
    """Resume a run that is nearly finished, several times from the same record; fork another."""
    waits = _measure_waits()
    yield Verdict(
        f"resume of {ITEMS:,} items, {FINISHED:,} done, to the first new one",
        f"at most {MOST_WAIT:g} s",
        format_spread(waits, ".2f", " s"),
        statistics.median(waits) <= MOST_WAIT,
    )

    # the first fork imports modules, which take memory once
    _measure_copied(10)
    small = _measure_copied(10)
    large = _measure_copied(10_000)
    yield Verdict(
        "a fork on 1,000 results of 10 KB against 10 B",
        f"at most {MOST_COPIED:,} B more in memory",
        f"{large - small:+,} B ({small:,} and {large:,})",
        large - small <= MOST_COPIED,
    )


def _measure_waits() -> list[float]:
    """Return the seconds until a resumed run begins its first new item, in each turn.

    Raises:
        RuntimeError: The run was not cut off where it should be.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "runs.db")
        command = [sys.executable, "-c", CUT, str(store)]
        process = subprocess.run(command, check=False)  # noqa: S603 - the command is ours
        row = attune.runs(store).iloc[0]
        if process.returncode != CUT_STATUS or row["items"] != FINISHED:
            raise RuntimeError(f"the run that was to be cut off has {row['items']:,} items")

        waits = []
        for turn in range(TURNS):
            copy = Path(folder, f"{turn}.db")
            shutil.copy(store, copy)
            waits.append(_measure_wait(copy, row["run_id"]))
        return waits


def _measure_wait(store: Path, run_id: str) -> float:
    """Return the seconds until a resumed run begins its first new item.

    Raises:
        RuntimeError: The resumed run has not succeeded.
    """
    began = time.perf_counter()
    first: list[float] = []

    def act(value: Any) -> Any:
        if not first:
            first.append(time.perf_counter() - began)
        return value

    run = attune.resume(run_id, store, actions={"no_op": act}, progress=False)
    if run.status != "succeeded" or len(run.result("each")) != ITEMS:
        raise RuntimeError(f"the resumed run has {run.status}")
    return first[0]


def _measure_copied(size: int) -> int:
    """Return the bytes that a fork adds to the memory of this process.

    Args:
        size: The characters of each result that the fork reuses.

    Raises:
        RuntimeError: The fork has lost results.
    """
    run = attune.loads(CHAIN).run(
        {"items": list(range(1_000)), "size": size},
        actions={"large": lambda value, size: f"{value}{'x' * size}", "small": lambda: 1},
        progress=False,
        store="none",
    )

    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    fork = run.fork("last", progress=False)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    if len(fork.result("each")) != len(run.result("each")):
        raise RuntimeError("the fork has lost results")
    return after - before

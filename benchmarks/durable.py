"""What a record is good for afterwards: how soon a run goes on, and what a fork copies."""

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
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS, DONE = 100_000, 90_000
TURNS = 7
MOST_WAIT = 2.0  # seconds before the first new item
MOST_COPIED = 50_000  # bytes, whatever is reused
CUT = f"""
import os, sys, time, attune_nb
from attune_nb.bench.peers import WORKFLOW
def act(value):
    if value >= {DONE}:
        time.sleep(0.5)  # for the last commit
        os._exit(9)
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
    """Resume a run of which most is done, several times from the same record; fork another."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "runs.db")
        ended = subprocess.run([sys.executable, "-c", CUT, str(store)], check=False)  # noqa: S603
        row = attune.runs(store).iloc[0]
        if ended.returncode != 9 or row["items"] != DONE:  # noqa: PLR2004 - as CUT says
            raise RuntimeError(f"the run that was to be cut holds {row['items']:,} items")
        waits = [_wait(store, Path(folder, f"{turn}.db"), row["run_id"]) for turn in range(TURNS)]
    middle = statistics.median(waits)
    yield Verdict(
        f"resume of {ITEMS:,} items, {DONE:,} done, to the first new one",
        f"at most {MOST_WAIT:g} s",
        f"{middle:.2f} s ({min(waits):.2f} to {max(waits):.2f})",
        middle <= MOST_WAIT,
    )
    _copied(10)  # what is imported then takes memory once
    few, many = _copied(10), _copied(10_000)
    yield Verdict(
        "a fork on 1,000 results of 10 KB against 10 B",
        f"at most {MOST_COPIED:,} B more held",
        f"{many - few:+,} B ({few:,} and {many:,})",
        many - few <= MOST_COPIED,
    )


def _wait(store: Path, copy: Path, run_id: str) -> float:
    shutil.copy(store, copy)
    began = time.perf_counter()
    first: list[float] = []

    def act(value: Any) -> Any:
        if not first:
            first.append(time.perf_counter() - began)
        return value

    run = attune.resume(run_id, copy, actions={"no_op": act}, progress=False)
    if run.status != "succeeded" or len(run.result("each")) != ITEMS:
        raise RuntimeError(f"the resumed run has {run.status}")
    return float(first[0])


def _copied(size: int) -> int:
    """Give the bytes that are held after a fork, and were not before."""
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

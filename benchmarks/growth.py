"""What grows with the number of items: time and memory, each size in a process of its own.

Memory is read from `/proc`, so on Linux.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_GROWTH = 11.0
MOST_BYTES = 200.0
TURNS = 5
CHILD = """
import json, sys, time
import attune_nb as attune
from attune_nb.bench.peers import WORKFLOW, no_op
count = int(sys.argv[1])
workflow = attune.loads(WORKFLOW)
def go(items):
    run = workflow.run({"items": items}, actions={"no_op": no_op}, progress=False, store="none")
    run.raise_for_status()
    return run
def peak():  # of this process alone: what its parent held does not count
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
go(list(range(100)))
items = attune.frozen.freeze(list(range(count)))
results = [None] * count  # what the results' list takes
before = peak()
begin = time.perf_counter()
run = go(items)
spent = time.perf_counter() - begin
json.dump([spent, (peak() - before) * 1024 / count], sys.stdout)
"""


def measure() -> Iterator[Verdict]:
    """Measure a thousand to a million items, each size once in each turn."""
    sizes = (1_000, 10_000, 100_000, 1_000_000)
    turns = [{count: _run(count) for count in sizes} for _ in range(TURNS)]
    spent = {count: statistics.median(turn[count][0] for turn in turns) for count in sizes}
    words = ", ".join(f"{count:,}: {took:.3f} s" for count, took in spent.items())
    growth = [turn[1_000_000][0] / turn[100_000][0] for turn in turns]
    middle = statistics.median(growth)
    yield Verdict(f"time ({words})", f"1M / 100k at most {MOST_GROWTH:.0f}",
                  f"{middle:.1f} ({min(growth):.1f} to {max(growth):.1f})",
                  middle <= MOST_GROWTH)  # fmt: skip
    most = statistics.median(turn[1_000_000][1] for turn in turns)
    yield Verdict(
        "peak memory of 1,000,000 items above items and results", f"at most {MOST_BYTES:.0f} B",
        f"{most:.0f} B an item", most <= MOST_BYTES,
    )  # fmt: skip


def _run(count: int) -> tuple[float, float]:
    command = [sys.executable, "-c", CHILD, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    spent, held = json.loads(done.stdout)
    return spent, held

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
CHILD = """
import json, sys, time
import attune_nb as attune
from attune_nb.bench.peers import WORKFLOW, no_op
count = int(sys.argv[1])
workflow = attune.loads(WORKFLOW)
def go(items):
    run = workflow.run({"items": items}, actions={"no_op": no_op}, progress=False)
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
    """Measure a thousand to a million items."""
    spent, held = {}, {}
    for count in (1_000, 10_000, 100_000, 1_000_000):
        told = [_run(count) for _ in range(5)]
        spent[count] = statistics.median(each[0] for each in told)
        held[count] = statistics.median(each[1] for each in told)
    words = ", ".join(f"{count:,}: {took:.3f} s" for count, took in spent.items())
    growth = spent[1_000_000] / spent[100_000]
    yield Verdict(f"time ({words})", f"1M / 100k at most {MOST_GROWTH:.0f}", f"{growth:.1f}",
                  growth <= MOST_GROWTH)  # fmt: skip
    most = held[1_000_000]
    yield Verdict(
        "peak memory of 1,000,000 items above items and results", f"at most {MOST_BYTES:.0f} B",
        f"{most:.0f} B an item", most <= MOST_BYTES,
    )  # fmt: skip


def _run(count: int) -> tuple[float, float]:
    command = [sys.executable, "-c", CHILD, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    spent, held = json.loads(done.stdout)
    return spent, held

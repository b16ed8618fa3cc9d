"""The growth of time and memory with the number of items, each size in a process of its own.

Memory is read from `/proc`, so on Linux.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.verdict import Verdict, format_spread

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (1_000, 10_000, 100_000, 1_000_000)
MOST_GROWTH = 11.0
MOST_BYTES = 200.0
TURNS = 3
CHILD = """
import json, sys, time
import attune_nb as attune
from attune_nb.bench.peers import WORKFLOW, no_op
from attune_nb.values.frozen import freeze
count = int(sys.argv[1])
workflow = attune.loads(WORKFLOW)
def fan_out(items):
    run = workflow.run({"items": items}, actions={"no_op": no_op}, progress=False, store="none")
    run.raise_for_status()
    return run
def peak():  # of this process alone, without the memory of its parent
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
fan_out(list(range(100)))
items = freeze(list(range(count)))
results = [None] * count  # the memory of the results' list
before = peak()
begin = time.perf_counter()
run = fan_out(items)
spent = time.perf_counter() - begin
json.dump([spent, (peak() - before) * 1024 / count], sys.stdout)
"""


def measure() -> Iterator[Verdict]:
    """Measure a thousand to a million items, each size once in each turn."""
    seconds: list[dict[int, float]] = []
    sizes: list[dict[int, float]] = []
    for _ in range(TURNS):
        seconds.append({})
        sizes.append({})
        for count in SIZES:
            seconds[-1][count], sizes[-1][count] = _run(count)

    growth = [turn[1_000_000] / turn[100_000] for turn in seconds]
    times = []
    for count in SIZES:
        median = statistics.median(turn[count] for turn in seconds)
        times.append(f"{count:,}: {median:.3f} s")
    yield Verdict(
        "time of 1,000,000 no-ops against 100,000",
        f"at most {MOST_GROWTH:.0f}x",
        f"{format_spread(growth, '.1f', 'x')}; {', '.join(times)}",
        statistics.median(growth) <= MOST_GROWTH,
    )

    item_bytes = statistics.median(turn[1_000_000] for turn in sizes)
    yield Verdict(
        "peak memory of 1,000,000 items above items and results",
        f"at most {MOST_BYTES:.0f} B",
        f"{item_bytes:.0f} B an item",
        item_bytes <= MOST_BYTES,
    )


def _run(count: int) -> tuple[float, float]:
    """Run items in a process of its own; return the seconds, and the bytes for one item."""
    command = [sys.executable, "-c", CHILD, str(count)]
    process = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - the command is ours
    seconds, size = json.loads(process.stdout)
    return seconds, size

"""Very many items from a generator, with `keep_results: none`, in a fresh process.

The long version has ten million. Memory is read from `/proc`, so on Linux.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = (100_000, 500_000)
LONG = (1_000_000, 10_000_000)
MOST_MEGABYTES = 100
# the time of the larger number against the smaller, beyond their ratio
MOST_GROWTH = 1.1
CHILD = """
import sys

def peak():  # of this process alone, without the memory of its parent
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

bare = peak()
import json, time
import attune_nb as attune

WORKFLOW = '''
parameters: {rows: {}}
tasks:
  - name: each
    action: work
    with_items: "{{ parameters.rows }}"
    concurrency: 8
    keep_results: none
    input: {number: "{{ item.number }}", text: "{{ item.text }}"}
output_map: {total: "{{ task.each.total_count }}"}
'''
def work(number, text):
    return {"number": number, "half": number / 2, "text": text, "even": number % 2 == 0}

def rows(count):
    for number in range(count):
        yield {"number": number, "text": "a row of a table"}

count = int(sys.argv[1])
store = sys.argv[2]
workflow = attune.loads(WORKFLOW)

begin = time.perf_counter()
for row in rows(count):
    work(**row)
loop = time.perf_counter() - begin

begin = time.perf_counter()
run = workflow.run({"rows": rows(count)}, actions={"work": work}, progress=False, store=store)
spent = time.perf_counter() - begin
run.raise_for_status()
assert run.output["total"] == count
json.dump([loop, spent, (peak() - bare) * 1024], sys.stdout)
"""


def measure() -> Iterator[Verdict]:
    """Measure half a million items, and a fifth of them."""
    yield from _measure(QUICK)


def measure_long() -> Iterator[Verdict]:
    """Measure ten million items, and a tenth of them."""
    yield from _measure(LONG)


def _measure(counts: tuple[int, int]) -> Iterator[Verdict]:
    fewer, more = counts
    _, seconds_of_fewer, _ = _run(fewer, "none")
    loop, seconds, size = _run(more, "none")
    megabytes = size / 10**6
    yield Verdict(
        f"peak memory of {more:,} records above the interpreter",
        f"at most {MOST_MEGABYTES} MB",
        f"{megabytes:.0f} MB",
        megabytes <= MOST_MEGABYTES,
    )

    limit = more / fewer * MOST_GROWTH
    growth = seconds / seconds_of_fewer
    yield Verdict(
        f"time of {more:,} records against {fewer:,}",
        f"at most {limit:.1f}x",
        f"{growth:.1f}x; {seconds:.1f} s, {seconds / more * 1e6:.1f} us each (bare loop: "
        f"{loop / more * 1e6:.1f})",
        growth <= limit,
    )

    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "runs.db"
        _, _, recorded_size = _run(more, str(store))
        record = sum(path.stat().st_size for path in Path(folder).iterdir())
    yield Verdict(
        "the same on record",
        f"at most {MOST_MEGABYTES} MB",
        f"{recorded_size / 10**6:.0f} MB; the record has {record / 1000:,.0f} KB",
        recorded_size / 10**6 <= MOST_MEGABYTES,
    )


def _run(count: int, store: str) -> tuple[float, float, float]:
    """Run items in a process of its own.

    Returns:
        The seconds of a bare loop, those of the run, and the bytes at the peak.
    """
    command = [sys.executable, "-c", CHILD, str(count), store]
    process = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - the command is ours
    loop, seconds, size = json.loads(process.stdout)
    return loop, seconds, size

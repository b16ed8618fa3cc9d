"""The cost of capturing the lines of actions: of a line, and of a run without any."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import attune_nb as attune
from benchmarks.verdict import compare, judge_ratio, judge_spread, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.verdict import Verdict

__all__ = ["measure"]

LINES = 100
PRINTING_ITEMS = 2_000
QUIET_ITEMS = 100_000
TURNS = 5

MOST_US = 5.0
MOST_RATIO = 1.05

WORKFLOW = """
parameters: {n: {type: integer}}
tasks:
  - name: work
    action: work
    with_items: "{{ range(parameters.n) }}"
    concurrency: 8
    input: {x: "{{ item }}"}
"""


def measure() -> Iterator[Verdict]:
    """Measure lines on two backends, and items that print nothing on two."""
    # in this process the time of its threads is known, whatever else the machine does
    yield _measure_lines("threads", time.process_time)
    yield _measure_lines("processes", time.perf_counter)
    for backend in ("inline", "threads"):
        yield _compare_without(backend)


def _measure_lines(backend: str, clock: Callable[[], float]) -> Verdict:
    """Measure a line: the additional time of items that print."""
    _run(backend, _print_nothing, PRINTING_ITEMS)
    costs = []
    for _ in range(TURNS):
        start = clock()
        _run(backend, _print_lines, PRINTING_ITEMS)
        middle = clock()
        _run(backend, _print_nothing, PRINTING_ITEMS)
        seconds = (middle - start) - (clock() - middle)
        costs.append(seconds / (LINES * PRINTING_ITEMS) * 1e6)
    return judge_spread(f"a line that an action prints, {backend}", costs, MOST_US, "us")


def _compare_without(backend: str) -> Verdict:
    """Compare items that print nothing with a run that captures nothing."""

    def run_without_capture() -> None:
        with mock.patch("attune_nb.running.start._line_readers", return_value=()):
            _run(backend, _print_nothing, QUIET_ITEMS)

    sides: dict[str, Callable[[], object]] = {
        "with": partial(_run, backend, _print_nothing, QUIET_ITEMS),
        "without": run_without_capture,
    }
    ratio = compare(time_in_turn(sides, 2 * TURNS), "with", "without")
    return judge_ratio(f"items that print nothing, {backend}", ratio, MOST_RATIO)


def _run(backend: str, work: Callable[[int], None], n: int) -> None:
    options: dict[str, Any] = {"progress": False, "store": "none", "logs": "none"}
    run = attune.loads(WORKFLOW).run({"n": n}, actions={"work": work}, backend=backend, **options)
    if run.status != "succeeded":
        raise RuntimeError(f"the run failed: {run.error}")


def _print_lines(x: int) -> None:
    for number in range(LINES):
        print(f"item {x}, line {number} of its output")


def _print_nothing(x: int) -> None:
    """Do nothing."""

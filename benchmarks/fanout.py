"""A with-items run end to end, beside `ThreadPoolExecutor.map` over the same function.

The sides take turns, so that a drift of the machine's speed meets all of them, and each turn
begins with another side, so that none always follows the same one. The ratio is taken within
each turn, and the median of the ratios is told with its spread.
"""

from __future__ import annotations

import gc
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import attune_nb as attune

if TYPE_CHECKING:
    from collections.abc import Callable

WORKFLOW = """
parameters:
  items: {type: array, required: true}
  ballast: {type: array, default: []}
tasks:
  - name: each
    action: no_op
    with_items: "{{ parameters.items }}"
    concurrency: 8
    input: {value: "{{ item }}"}
"""
BALLAST = 5_000_000  # bytes


def no_op(value: Any) -> Any:
    """Do nothing."""
    return value


def run_attune(items: list[int], ballast: list[str]) -> None:
    """Run the workflow over the items, with some more bytes in its context."""
    run = attune.loads(WORKFLOW).run({"items": items, "ballast": ballast}, actions={"no_op": no_op})
    run.raise_for_status()
    if len(run.result("each")) != len(items):
        raise AssertionError("a result is missing")


def run_executor(items: list[int]) -> None:
    """Map the same function with the standard library."""
    with ThreadPoolExecutor(8) as pool:
        if len(list(pool.map(no_op, items))) != len(items):
            raise AssertionError("a result is missing")


def seconds(call: Callable[[], None]) -> float:
    """Time one call."""
    gc.collect()  # nobody pays for what another side left behind
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def take_turn(sides: list[tuple[str, Callable[[], None]]], first: int) -> dict[str, float]:
    """Time each side once, beginning with side number `first` (counted round and round)."""
    start = first % len(sides)
    return {name: seconds(side) for name, side in sides[start:] + sides[:start]}


def report(count: int, repeats: int) -> None:
    """Measure the three sides in turn and print them."""
    items = list(range(count))
    ballast = ["x" * 10_000 for _ in range(BALLAST // 10_000)]
    sides: dict[str, Callable[[], None]] = {
        "ThreadPoolExecutor(8).map": lambda: run_executor(items),
        "attune_nb, empty context": lambda: run_attune(items, []),
        "attune_nb, 5 MB context": lambda: run_attune(items, ballast),
    }
    for side in sides.values():
        side()  # a warm-up that is not counted
    turns = [take_turn(list(sides.items()), first) for first in range(repeats)]
    print(f"{count:,} no-op items, threads, concurrency 8; medians of {repeats} turns")
    for name in sides:
        times = [turn[name] for turn in turns]
        each = statistics.median(times) / count * 1e6
        print(
            f"  {name:<28} {statistics.median(times):7.3f} s  {each:6.2f} us an item"
            f"  ({min(times):.3f} to {max(times):.3f})"
        )
    base, empty, full = sides
    _ratio("attune_nb against ThreadPoolExecutor", [turn[empty] / turn[base] for turn in turns])
    _ratio("5 MB context against an empty one", [turn[full] / turn[empty] for turn in turns])


def _ratio(name: str, ratios: list[float]) -> None:
    print(f"  {name}: {statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})")

"""What a large context costs a fan-out whose input reads one field of it: time, and memory."""

from __future__ import annotations

import gc
import statistics
import tracemalloc
from typing import TYPE_CHECKING, Any, Protocol

import attune_nb as attune
from attune_nb.bench.strategies import NaiveThreads, plain_context
from attune_nb.values.frozen import freeze
from benchmarks.verdict import Verdict, ratios, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ITEMS = 10_000
MOST_RATIO = 1.05
TURNS = 45  # of some 20 ms each, which one hiccup of the machine doubles
CROSSED = {1_000: 25, 100_000: 5}  # items, and turns
SIZES = {"10 KB": 10_240, "1 MB": 1_024_000, "100 MB": 102_400_000}
WORKFLOW = """
parameters: {items: {type: array}, held: {type: any}}
tasks:
  - name: each
    action: both
    with_items: "{{ parameters.items }}"
    concurrency: 8
    input: {one: "{{ item }}", field: "{{ parameters.held.task_0.data }}"}
"""


class MakeSide(Protocol):
    """Gives what runs the workflow over so many items, on a context by its name."""

    def __call__(self, name: str, count: int = ...) -> Callable[[], object]:
        """Give what runs it once."""
        ...


def both(one: Any, field: Any) -> int:
    """Read both arguments."""
    return int(one) + len(field)


def measure() -> Iterator[Verdict]:
    """Measure contexts of three sizes, and the naive way on the middle one."""
    workflow = attune.loads(WORKFLOW)
    held = {name: freeze(plain_context(size, "text")["tasks"]) for name, size in SIZES.items()}

    def side(name: str, count: int = ITEMS, backend: Any = None) -> Callable[[], object]:
        def go() -> None:
            workflow.run(
                {"items": range(count), "held": held[name]}, actions={"both": both},
                backend=backend() if backend else "threads", progress=False, store="none",
            ).raise_for_status()  # fmt: skip

        return go

    taken = turns({name: side(name) for name in SIZES}, TURNS)
    for name in ("1 MB", "100 MB"):
        ratio, words = ratios(taken, name, "10 KB")
        yield Verdict(
            f"10,000 items on {name} against 10 KB", f"at most {MOST_RATIO}x", words,
            ratio <= MOST_RATIO,
        )  # fmt: skip
    yield from _memory(side)
    yield from _crossed(side)
    few = 1_000
    sides = {"naive": side("1 MB", few, NaiveThreads), "ours": side("1 MB", few)}
    _, words = ratios(turns(sides, 3), "naive", "ours")
    yield Verdict("a copy for each of 1,000 items on 1 MB of texts, against none", "shown", words)


def _memory(side: MakeSide) -> Iterator[Verdict]:
    """Hold the peak of a run against that on 10 KB, as `tracemalloc` counts it."""
    peaks = {name: statistics.median(_peak(side(name)) for _ in range(3)) for name in SIZES}
    words = ", ".join(f"{name}: {peak / ITEMS:.1f} B" for name, peak in peaks.items())
    ratio = max(peaks.values()) / peaks["10 KB"]
    yield Verdict(
        "peak memory for one of 10,000 items, by context", f"at most {MOST_RATIO}x that on 10 KB",
        words, ratio <= MOST_RATIO,
    )  # fmt: skip


def _peak(go: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    go()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before


def _crossed(side: MakeSide) -> Iterator[Verdict]:
    """Cross few and many items with a small and a large context."""
    for count, repeats in CROSSED.items():
        sides = {name: side(name, count) for name in ("10 KB", "1 MB")}
        taken = turns(sides, repeats)
        _, words = ratios(taken, "1 MB", "10 KB")
        us = statistics.median(turn["1 MB"] for turn in taken) / count * 1e6
        yield Verdict(
            f"{count:,} items on 1 MB against 10 KB", "shown", f"{words}, {us:.1f} us each"
        )

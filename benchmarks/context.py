"""The cost of a large context for a fan-out that reads one field of it: time, and memory."""

from __future__ import annotations

import gc
import statistics
import tracemalloc
from typing import TYPE_CHECKING, Any

import attune_nb as attune
from attune_nb.bench.strategies import NaiveThreads, plain_context
from attune_nb.values.frozen import freeze
from benchmarks.verdict import Verdict, compare, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ITEMS = 10_000
FEW = 1_000
MOST_RATIO = 1.05

# of some 20 ms each, which one hiccup of the machine doubles
TURNS = 21

CROSSED = {1_000: 7, 100_000: 1}  # items, and turns
SIZES = {"10 KB": 10_240, "1 MB": 1_024_000, "100 MB": 102_400_000}
WORKFLOW = """
parameters: {items: {type: array}, data: {type: any}}
tasks:
  - name: each
    action: both
    with_items: "{{ parameters.items }}"
    concurrency: 8
    input: {value: "{{ item }}", field: "{{ parameters.data.task_0.data }}"}
"""


class Sides:
    """Fan-outs on contexts of three sizes."""

    def __init__(self) -> None:
        self._workflow = attune.loads(WORKFLOW)
        self._data: dict[str, Any] = {}
        for name, size in SIZES.items():
            self._data[name] = freeze(plain_context(size, "text")["tasks"])

    def make(
        self, context: str, count: int = ITEMS, backend: type[NaiveThreads] | None = None
    ) -> Callable[[], None]:
        """Return a function that runs the workflow over items.

        Args:
            context: The name of the context.
            count: The number of items.
            backend: Makes the backend; by default it is `threads`.
        """

        def run() -> None:
            new_backend = "threads" if backend is None else backend()
            self._workflow.run(
                {"items": range(count), "data": self._data[context]},
                actions={"both": both},
                backend=new_backend,
                progress=False,
                store="none",
            ).raise_for_status()

        return run


def both(value: Any, field: Any) -> int:
    """Read both arguments."""
    return int(value) + len(field)


def measure() -> Iterator[Verdict]:
    """Measure contexts of three sizes, and the naive strategy on the middle one."""
    sides = Sides()
    turns = time_in_turn({name: sides.make(name) for name in SIZES}, TURNS)
    for name in ("1 MB", "100 MB"):
        ratio = compare(turns, name, "10 KB")
        yield Verdict(
            f"10,000 items on {name} against 10 KB",
            f"at most {MOST_RATIO}x",
            ratio.text,
            ratio.median <= MOST_RATIO,
        )

    yield _measure_memory(sides)
    yield from _measure_crossed(sides)

    both_sides = {
        "naive": sides.make("1 MB", FEW, NaiveThreads),
        "ours": sides.make("1 MB", FEW),
    }
    ratio = compare(time_in_turn(both_sides, 3), "naive", "ours")
    subject = "a copy for each of 1,000 items on 1 MB of texts, against none"
    yield Verdict(subject, "shown", ratio.text)


def _measure_memory(sides: Sides) -> Verdict:
    """Compare the peak memory of a run with that on 10 KB, as `tracemalloc` counts it."""
    peaks = {}
    for name in SIZES:
        peaks[name] = statistics.median(_measure_peak(sides.make(name)) for _ in range(3))

    figure = ", ".join(f"{name}: {peak / ITEMS:.1f} B" for name, peak in peaks.items())
    ratio = max(peaks.values()) / peaks["10 KB"]
    return Verdict(
        "peak memory for one of 10,000 items, by context",
        f"at most {MOST_RATIO}x that on 10 KB",
        figure,
        ratio <= MOST_RATIO,
    )


def _measure_peak(run: Callable[[], None]) -> int:
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before


def _measure_crossed(sides: Sides) -> Iterator[Verdict]:
    """Measure few and many items, each with a small and a large context."""
    for count, repeats in CROSSED.items():
        both_sides = {name: sides.make(name, count) for name in ("10 KB", "1 MB")}
        turns = time_in_turn(both_sides, repeats)
        ratio = compare(turns, "1 MB", "10 KB")
        us = statistics.median(turn["1 MB"] for turn in turns) / count * 1e6
        figure = f"{ratio.text}, {us:.1f} us each"
        yield Verdict(f"{count:,} items on 1 MB against 10 KB", "shown", figure)

"""A fan-out of an action that does nothing, beside other ways to do that."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from attune_nb.bench.peers import SERVICES, WORKERS, open_peer
from attune_nb.bench.strategies import plain_context
from benchmarks.verdict import Verdict, compare, judge_ratio, judge_spread, median_us, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.verdict import Turn

__all__ = ["compare_peers", "measure", "measure_long"]

ITEMS = 100_000
FEWER_ITEMS = 20_000
ENGINE_ITEMS = 1_000
PREFECT_ITEMS = 100
TURNS = 3

# characters of the context
SMALL = 10_240
LARGE = 1_024_000
SIZES = {SMALL: "10 KB", LARGE: "1 MB"}

MOST_RATIO = 0.25  # of ThreadPoolExecutor's time
MOST_US = 5.0  # microseconds an item beyond the bare loop
LIBRARIES = ("joblib", "tqdm")
ENGINES = ("naive context", "dask.delayed", "distributed")


def measure() -> Iterator[Verdict]:
    """Measure threads of all kinds on many items, and engines on fewer."""
    yield from _measure_pool()
    yield from compare_peers(LIBRARIES, FEWER_ITEMS, SMALL)
    yield from compare_peers(ENGINES, ENGINE_ITEMS, LARGE)


def measure_long() -> Iterator[Verdict]:
    """Measure the libraries on as many items as the pool, and Prefect on few."""
    yield from _measure_pool()
    yield from compare_peers(LIBRARIES, ITEMS, SMALL)
    yield from compare_peers(ENGINES, ENGINE_ITEMS, LARGE)
    yield from compare_peers(["prefect"], PREFECT_ITEMS, LARGE)


def compare_peers(names: Sequence[str], items: int, size: int) -> Iterator[Verdict]:
    """Compare peers with attune_nb, in turn with it."""
    together = [name for name in names if name not in SERVICES]
    turns = _time_peers(["attune_nb", *together], items, size)
    for name in names:
        subject = f"{items:,} no-ops on {SIZES[size]}, {name} against attune_nb"
        if name in SERVICES:
            yield _compare_service(subject, name, items, size, turns)
        elif name in turns[0]:
            yield judge_ratio(subject, compare(turns, name, "attune_nb"))
        else:
            yield Verdict(subject, "shown", "not installed")


def _measure_pool() -> Iterator[Verdict]:
    """Measure the pool of the standard library, and a loop without any engine."""
    pool = "concurrent.futures"
    loop = "for loop"
    turns = _time_peers(["attune_nb", loop, pool], ITEMS, SMALL)
    subject = f"{ITEMS:,} no-ops, against ThreadPoolExecutor({WORKERS}).map"
    yield judge_ratio(subject, compare(turns, "attune_nb", pool), MOST_RATIO)

    us = [(turn["attune_nb"] - turn[loop]) / ITEMS * 1e6 for turn in turns]
    yield judge_spread(f"{ITEMS:,} no-ops, more than a bare loop", us, MOST_US, "us an item")


def _compare_service(
    subject: str, name: str, items: int, size: int, turns: Sequence[Turn]
) -> Verdict:
    """Compare a service with attune_nb; it is measured alone, since it keeps the machine busy.

    Args:
        subject: The property that is measured.
        name: The name of the service.
        items: The number of items.
        size: The characters of the context.
        turns: The measurements of attune_nb.
    """
    service_turns = _time_peers([name], items, size)
    if not service_turns[0]:
        return Verdict(subject, "shown", "not installed")

    ratio = median_us(service_turns, name, items) / median_us(turns, "attune_nb", items)
    return Verdict(subject, "shown", f"{ratio:.0f}x")


def _time_peers(names: Sequence[str], items: int, size: int) -> list[Turn]:
    """Time the peers that are installed, in turn."""
    data = plain_context(size, "text")["tasks"]
    sides: dict[str, Callable[[], object]] = {}
    with ExitStack() as stack:
        for name in names:
            side = stack.enter_context(open_peer(name))
            if side is not None:
                sides[name] = partial(side, range(items), data)
        return time_in_turn(sides, TURNS, warm_up=items < ITEMS)

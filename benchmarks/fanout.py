"""A fan-out of an action that does nothing, beside what people would use instead."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from attune_nb import bench
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS = 100_000
MOST_RATIO = 0.25  # of ThreadPoolExecutor's time
MOST_OVER = 5.0  # microseconds an item beyond the bare loop
OTHERS = ("joblib", "tqdm")
SLOW = ("dask.delayed", "distributed", "prefect")
FEW = 1_000


def measure() -> Iterator[Verdict]:
    """Measure threads of all kinds on many items, and engines on fewer."""
    names = ["attune_nb", "for loop", "concurrent.futures", *OTHERS]
    df = bench.fanout([ITEMS], [10_240], names, repeats=3)
    value = df.pivot_table(index="repeat", columns="strategy", values="seconds")
    ratio = (value["attune_nb"] / value["concurrent.futures"]).median()
    yield Verdict(
        "100,000 items against ThreadPoolExecutor(8).map", f"at most {MOST_RATIO}x",
        f"{ratio:.2f}x", ratio <= MOST_RATIO,
    )  # fmt: skip
    over = ((value["attune_nb"] - value["for loop"]) / ITEMS * 1e6).median()
    yield Verdict(
        "an item beyond the bare loop", f"at most {MOST_OVER} us", f"{over:.2f} us",
        over <= MOST_OVER,
    )  # fmt: skip
    for name in OTHERS:
        if name in value:
            times = (value[name] / value["attune_nb"]).median()
            yield Verdict(f"{name}, 100,000 items, against it", "shown", f"{times:.1f}x")
    df = bench.fanout([FEW], [1_024_000], ["attune_nb", "naive context", *SLOW], repeats=3)
    value = df.pivot_table(index="repeat", columns="strategy", values="seconds")
    for name in ("naive context", *SLOW):
        if name in value:
            times = value[name].median() / value["attune_nb"].median()
            yield Verdict(f"{name}, 1,000 items, 1 MB, against it", "shown", f"{times:.0f}x")
        else:
            yield Verdict(f"{name}, 1,000 items, 1 MB", "shown", _why_not(name))


def _why_not(name: str) -> str:
    module = bench.peers.PEERS[name][1]
    here = not module or importlib.util.find_spec(module) is not None
    return "takes more than 10 s" if here else "not installed"

"""A fan-out of an action that does nothing, beside what people would use instead."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from attune_nb import bench
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

ITEMS = 100_000
MOST_RATIO = 0.25  # of ThreadPoolExecutor's time
MOST_OVER = 5.0  # microseconds an item beyond the bare loop
OTHERS = ("joblib", "tqdm")
SLOW = ("dask.delayed", "distributed", "prefect")
FEW = 1_000
LONGEST = 10.0  # seconds


def measure() -> Iterator[Verdict]:
    """Measure threads of all kinds on many items, and engines on fewer."""
    names = ["attune_nb", "for loop", "concurrent.futures", *OTHERS]
    value = _seconds(ITEMS, 10_240, names, longest=30.0)
    yield against_executor(value)
    over = ((value["attune_nb"] - value["for loop"]) / ITEMS * 1e6).median()
    yield Verdict(
        "attune_nb beyond the bare loop, for one of 100,000 items",
        f"at most {MOST_OVER} us", f"{over:.2f} us",
        over <= MOST_OVER,
    )  # fmt: skip
    for name in OTHERS:
        if name in value:
            times = (value[name] / value["attune_nb"]).median()
            yield Verdict(f"{name} against attune_nb, 100,000 items", "shown", f"{times:.1f}x")
        else:
            yield Verdict(f"{name} against attune_nb, 100,000 items", "shown", _why_not(name))
    value = _seconds(FEW, 1_024_000, ["attune_nb", "naive context", *SLOW], LONGEST)
    for name in ("naive context", *SLOW):
        if name in value:
            times = value[name].median() / value["attune_nb"].median()
            found = f"{times:.0f}x"
        else:
            found = _why_not(name)
        yield Verdict(f"{name} against attune_nb, 1,000 items on 1 MB", "shown", found)


def against_executor(value: pd.DataFrame) -> Verdict:
    """Hold attune_nb against the standard library's pool, if that was done in time."""
    what, wanted = "attune_nb against ThreadPoolExecutor(8).map, 100,000 items", MOST_RATIO
    if "concurrent.futures" not in value:
        return Verdict(what, f"at most {wanted}x", "the pool took too long to measure", holds=False)
    ratio = (value["attune_nb"] / value["concurrent.futures"]).median()
    return Verdict(what, f"at most {wanted}x", f"{ratio:.2f}x", ratio <= wanted)


def _seconds(items: int, size: int, names: Sequence[str], longest: float) -> pd.DataFrame:
    """Measure, and give the seconds by repeat; a column for each strategy that was in time."""
    df = bench.fanout([items], [size], names, repeats=3, longest=longest)
    return df.pivot_table(index="repeat", columns="strategy", values="seconds")


def _why_not(name: str) -> str:
    module = bench.peers.PEERS[name][1]
    here = not module or importlib.util.find_spec(module) is not None
    return f"takes more than {LONGEST:.0f} s" if here else "not installed"

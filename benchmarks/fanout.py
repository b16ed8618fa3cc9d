"""A fan-out of an action that does nothing, beside other ways to do that."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from attune_nb import bench
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

ITEMS = 100_000
FEW = 1_000
MOST_RATIO = 0.25  # of ThreadPoolExecutor's time
MOST_US = 5.0  # microseconds an item beyond the bare loop
LIBRARIES = ("joblib", "tqdm")
ENGINES = ("dask.delayed", "distributed", "prefect")

# the most seconds of one measurement
LONGEST = 10.0
LONGEST_LARGE = 30.0


def measure() -> Iterator[Verdict]:
    """Measure threads of all kinds on many items, and engines on fewer."""
    names = ["attune_nb", "for loop", "concurrent.futures", *LIBRARIES]
    seconds = _measure_seconds(ITEMS, 10_240, names, LONGEST_LARGE)
    yield compare_with_executor(seconds)

    us = ((seconds["attune_nb"] - seconds["for loop"]) / ITEMS * 1e6).median()
    yield Verdict(
        "attune_nb beyond the bare loop, for one of 100,000 items",
        f"at most {MOST_US} us",
        f"{us:.2f} us",
        us <= MOST_US,
    )

    for name in LIBRARIES:
        figure = _explain_absence(name)
        if name in seconds:
            figure = f"{(seconds[name] / seconds['attune_nb']).median():.1f}x"
        yield Verdict(f"{name} against attune_nb, 100,000 items", "shown", figure)

    engines = ("naive context", *ENGINES)
    seconds = _measure_seconds(FEW, 1_024_000, ["attune_nb", *engines], LONGEST)
    for name in engines:
        figure = _explain_absence(name)
        if name in seconds:
            figure = f"{seconds[name].median() / seconds['attune_nb'].median():.0f}x"
        yield Verdict(f"{name} against attune_nb, 1,000 items on 1 MB", "shown", figure)


def compare_with_executor(seconds: pd.DataFrame) -> Verdict:
    """Compare attune_nb with the standard library's pool, if that did not take too long."""
    subject = "attune_nb against ThreadPoolExecutor(8).map, 100,000 items"
    limit = f"at most {MOST_RATIO}x"
    if "concurrent.futures" not in seconds:
        return Verdict(subject, limit, "the pool took too long to measure", holds=False)

    ratio = (seconds["attune_nb"] / seconds["concurrent.futures"]).median()
    return Verdict(subject, limit, f"{ratio:.2f}x", ratio <= MOST_RATIO)


def _measure_seconds(items: int, size: int, names: Sequence[str], longest: float) -> pd.DataFrame:
    """Return the seconds of a fan-out, with a row for each repeat.

    There is a column for each strategy that did not take too long.
    """
    df = bench.fanout([items], [size], names, repeats=3, longest=longest)
    return df.pivot_table(index="repeat", columns="strategy", values="seconds")


def _explain_absence(name: str) -> str:
    """Return why a strategy was not measured."""
    module = bench.PEERS[name].module
    if module and importlib.util.find_spec(module) is None:
        return "not installed"
    return f"takes more than {LONGEST:.0f} s"

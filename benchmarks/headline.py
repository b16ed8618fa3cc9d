"""Draws the chart of the README: `python -m benchmarks.headline [PATH]`."""

from __future__ import annotations

import sys

from attune_nb import bench, charts

SIZES = [0, 102_400, 512_000, 1_024_000, 5_120_000]
STRATEGIES = ["attune_nb", "ChainMap.new_child", "pyrsistent set", "pickle", "deep copy"]


def main(path: str = "docs/pictures/clone_cost.png") -> None:
    """Measure both sides and some others, draw the chart, and print the nanoseconds."""
    df = bench.clone(SIZES, STRATEGIES, repeats=5, longest=0.2)
    charts.clone_cost(df).savefig(path, dpi=110)

    df = df.assign(ns=df["seconds"] / df["n"] * 1e9)
    table = df.pivot_table(index="strategy", columns="size", values="ns", aggfunc="median")
    print(table.round())


if __name__ == "__main__":
    main(*sys.argv[1:2])

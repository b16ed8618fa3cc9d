"""Draws the chart of the README: `python -m benchmarks.headline [PATH]`."""

from __future__ import annotations

import sys

from attune_nb import bench, charts

SIZES = [0, 102_400, 512_000, 1_024_000, 5_120_000]


def main(path: str = "notebooks/clone_cost.png") -> None:
    """Measure both sides, and some others, and draw them."""
    ways = ["attune_nb", "ChainMap.new_child", "pyrsistent set", "pickle", "deep copy"]
    cost = bench.clone(SIZES, ways, repeats=5, longest=0.2)
    charts.clone_cost(cost).savefig(path, dpi=110)
    each = cost.assign(ns=cost["seconds"] / cost["n"] * 1e9)
    print(each.pivot_table(index="strategy", columns="size", values="ns", aggfunc="median").round())


if __name__ == "__main__":
    main(*sys.argv[1:2])

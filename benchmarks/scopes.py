"""What one item's scope costs, by the size of the context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb import bench
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

RUST_NS = 210  # an item, in the seed's table for 1,000 items on 1 MB
LARGEST = 48  # bytes
MEGABYTE = 1_024_000


def measure() -> Iterator[Verdict]:
    """Measure scopes on contexts of lists, and of texts."""
    ours = each(bench.clone(strategies=["attune_nb"], counts=[10_000], repeats=7))
    spread = ours.max() / ours.min()
    yield Verdict(
        "a scope at 5 MB against one on an empty context",
        "1x (noise moves it by 0.7 to 1.5)",
        f"{ours.iloc[-1] / ours.iloc[0]:.2f}x (over all sizes {spread:.2f})",
        spread < 1.5,  # noqa: PLR2004
    )
    yield Verdict(
        "a scope, on 1 MB", "at most 210 ns, the Rust original's figure",
        f"{ours[MEGABYTE] * 1e9:.0f} ns", ours[MEGABYTE] * 1e9 <= RUST_NS,
    )  # fmt: skip
    held = bench.clone([MEGABYTE], ["attune_nb"], repeats=1)["bytes"].iloc[0]
    yield Verdict("a scope's bytes", "at most 48", f"{held:.1f}", held <= LARGEST)
    for kind, wanted in (("list", 500_000), ("text", 1_500)):
        both = bench.clone([MEGABYTE], ["attune_nb", "deep copy"], kind=kind, repeats=3,
                           longest=1.0)  # fmt: skip
        value = both.assign(each=both["seconds"] / both["n"]).pivot_table(
            index="repeat", columns="strategy", values="each"
        )
        ratio = (value["deep copy"] / value["attune_nb"]).median()
        yield Verdict(
            f"a deep copy of 1 MB of {kind}s against a scope", f"at least {wanted:,}x",
            f"{ratio:,.0f}x", ratio >= wanted,
        )  # fmt: skip


def each(df: pd.DataFrame) -> pd.Series[float]:
    """Give the median seconds of one scope, by size."""
    found: pd.Series[float] = (df["seconds"] / df["n"]).groupby(df["size"]).median()
    return found

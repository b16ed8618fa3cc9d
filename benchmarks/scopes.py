"""What one item's scope costs, by the size of the context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb import bench
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

RUST_NS = 210  # an item: the original report's 0.21 ms for 1,000 items on 1 MB
COUNTS, COUNTED = (10, 100, 1_000, 10_000), 1_000  # from which on starting the clock is no part
LARGEST = 48  # bytes
MEGABYTE = 1_024_000
CONTEXTS = {10_240: "10 KB", MEGABYTE: "1 MB", 102_400_000: "100 MB"}
OTHERS = ("ChainMap.new_child", "pyrsistent set", "pickle", "JSON")


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
        "a scope, on 1 MB", f"at most {RUST_NS} ns, the Rust original's figure",
        f"{ours[MEGABYTE] * 1e9:.0f} ns", ours[MEGABYTE] * 1e9 <= RUST_NS,
    )  # fmt: skip
    yield _bytes()
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
    yield from _others()
    yield from _counts()


def _bytes() -> Verdict:
    """Weigh a scope on contexts of three sizes."""
    held = bench.clone(list(CONTEXTS), ["attune_nb"], kind="text", counts=[1], repeats=1)
    told = dict(zip(CONTEXTS.values(), held["bytes"], strict=True))
    words = ", ".join(f"{size}: {found:.1f}" for size, found in told.items())
    most = max(told.values())
    return Verdict("a scope's bytes, by context", f"at most {LARGEST}", words, most <= LARGEST)


def _others() -> Iterator[Verdict]:
    """Measure what else could give an item its context, on 1 MB of lists."""
    ways = ["attune_nb", *OTHERS]
    df = bench.clone([MEGABYTE], ways, repeats=3, longest=0.2)
    value = df.assign(each=df["seconds"] / df["n"]).pivot_table(
        index="repeat", columns="strategy", values="each"
    )
    for name in OTHERS:
        times = (value[name] / value["attune_nb"]).median()
        yield Verdict(
            f"{name} on 1 MB of lists against a scope", "shown",
            f"{times:,.0f}x" if times >= 100 else f"{times:.1f}x",  # noqa: PLR2004
        )  # fmt: skip


def _counts() -> Iterator[Verdict]:
    """Make few and many scopes on 1 MB of texts, and as many deep copies."""
    df = bench.clone([MEGABYTE], ["attune_nb", "deep copy"], kind="text", counts=COUNTS,
                     repeats=2, longest=10.0)  # fmt: skip
    us = (df["seconds"] * 1e6).groupby([df["strategy"], df["n"]]).median()
    for count in COUNTS:
        ours = us["attune_nb", count]
        copies = "too long to measure"
        if ("deep copy", count) in us:
            copies = f"{us['deep copy', count] / 1e3:,.1f} ms"
        counted = count >= COUNTED
        yield Verdict(
            f"{count:,} scopes on 1 MB of texts",
            f"at most {RUST_NS / 1e3} us each, the Rust original's" if counted else "shown",
            f"{ours / count:.3f} us each; as many deep copies: {copies}",
            not counted or ours / count * 1e3 <= RUST_NS,
        )


def each(df: pd.DataFrame) -> pd.Series[float]:
    """Give the median seconds of one scope, by size."""
    found: pd.Series[float] = (df["seconds"] / df["n"]).groupby(df["size"]).median()
    return found

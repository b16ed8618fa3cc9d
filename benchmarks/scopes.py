"""The cost of one item's scope, by the size of the context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb import bench
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

# nanoseconds an item: the original report's 0.21 ms for 1,000 items on 1 MB
RUST_NS = 210

# numbers of scopes, and the number from which on starting the clock has no part in the time
COUNTS = (10, 100, 1_000)
LEAST_JUDGED = 1_000

MOST_SPREAD = 1.5
MOST_BYTES = 48
LEAST_RATIOS = {"list": 500_000, "text": 1_500}
MEGABYTE = 1_024_000
CONTEXTS = {10_240: "10 KB", MEGABYTE: "1 MB", 102_400_000: "100 MB"}
ALTERNATIVES = ("ChainMap.new_child", "pyrsistent set", "pickle", "JSON")

# from this value on, ratios have no fraction
_NO_FRACTION = 100


def measure() -> Iterator[Verdict]:
    """Measure scopes on contexts of lists, and of texts."""
    seconds = _median_seconds(bench.clone(strategies=["attune_nb"], counts=[10_000], repeats=7))
    spread = seconds.max() / seconds.min()
    yield Verdict(
        "a scope at 5 MB against one on an empty context",
        "1x (noise moves it by 0.7 to 1.5)",
        f"{seconds.iloc[-1] / seconds.iloc[0]:.2f}x (over all sizes {spread:.2f})",
        spread < MOST_SPREAD,
    )

    ns = seconds[MEGABYTE] * 1e9
    yield Verdict(
        "a scope, on 1 MB",
        f"at most {RUST_NS} ns, the Rust original's figure",
        f"{ns:.0f} ns",
        ns <= RUST_NS,
    )

    yield _measure_bytes()
    for kind in LEAST_RATIOS:
        yield _compare_with_copies(kind)
    yield from _compare_with_others()
    yield from _measure_counts()


def _median_seconds(df: pd.DataFrame) -> pd.Series[float]:
    """Return the median seconds of one scope, by size."""
    medians: pd.Series[float] = (df["seconds"] / df["n"]).groupby(df["size"]).median()
    return medians


def _seconds_by_repeat(df: pd.DataFrame) -> pd.DataFrame:
    """Return the seconds of one scope: a row for each repeat, a column for each strategy."""
    df = df.assign(value=df["seconds"] / df["n"])
    return df.pivot_table(index="repeat", columns="strategy", values="value")


def _measure_bytes() -> Verdict:
    """Measure the bytes of a scope on contexts of three sizes."""
    df = bench.clone(list(CONTEXTS), ["attune_nb"], kind="text", counts=[1], repeats=1)
    sizes = dict(zip(CONTEXTS.values(), df["bytes"], strict=True))
    figure = ", ".join(f"{context}: {size:.1f}" for context, size in sizes.items())
    most = max(sizes.values())
    return Verdict(
        "a scope's bytes, by context", f"at most {MOST_BYTES}", figure, most <= MOST_BYTES
    )


def _compare_with_copies(kind: str) -> Verdict:
    """Compare a deep copy of 1 MB with a scope."""
    df = bench.clone([MEGABYTE], ["attune_nb", "deep copy"], kind=kind, repeats=3, longest=1.0)
    seconds = _seconds_by_repeat(df)
    ratio = (seconds["deep copy"] / seconds["attune_nb"]).median()
    least = LEAST_RATIOS[kind]
    return Verdict(
        f"a deep copy of 1 MB of {kind}s against a scope",
        f"at least {least:,}x",
        f"{ratio:,.0f}x",
        ratio >= least,
    )


def _compare_with_others() -> Iterator[Verdict]:
    """Compare other ways to give an item its context with a scope, on 1 MB of lists."""
    df = bench.clone([MEGABYTE], ["attune_nb", *ALTERNATIVES], repeats=3, longest=0.05)
    seconds = _seconds_by_repeat(df)
    for name in ALTERNATIVES:
        ratio = (seconds[name] / seconds["attune_nb"]).median()
        figure = f"{ratio:,.0f}x" if ratio >= _NO_FRACTION else f"{ratio:.1f}x"
        yield Verdict(f"{name} on 1 MB of lists against a scope", "shown", figure)


def _measure_counts() -> Iterator[Verdict]:
    """Measure few and many scopes on 1 MB of texts, and as many deep copies."""
    df = bench.clone(
        [MEGABYTE],
        ["attune_nb", "deep copy"],
        kind="text",
        counts=COUNTS,
        repeats=2,
        longest=10.0,
    )
    us = (df["seconds"] * 1e6).groupby([df["strategy"], df["n"]]).median()
    for count in COUNTS:
        scope_us = us["attune_nb", count] / count
        copies = "too long to measure"
        if ("deep copy", count) in us:
            copies = f"{us['deep copy', count] / 1e3:,.1f} ms"

        limit = "shown"
        holds = True
        if count >= LEAST_JUDGED:
            limit = f"at most {RUST_NS / 1e3} us each, the Rust original's"
            holds = bool(scope_us * 1e3 <= RUST_NS)
        yield Verdict(
            f"{count:,} scopes on 1 MB of texts",
            limit,
            f"{scope_us:.3f} us each; as many deep copies: {copies}",
            holds,
        )

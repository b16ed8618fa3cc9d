"""What a measurement says, and how two sides are measured fairly."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attune_nb.bench.rounds import timed, turned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Verdict", "ratios", "turns"]


@dataclass(frozen=True)
class Verdict:
    """One line of the table; `wanted` is "shown" where nothing must be reached."""

    what: str
    wanted: str
    found: str
    holds: bool = True

    def __str__(self) -> str:
        shown = self.wanted == "shown"
        mark = "MISSED" if not self.holds else "shown" if shown else "ok"
        words = f"{mark:<7}{self.what:<60} {self.found:<42}"
        return words.rstrip() if shown else f"{words} wanted: {self.wanted}"


def turns(sides: dict[str, Callable[[], object]], repeats: int) -> list[dict[str, float]]:
    """Time the sides in turn, each turn beginning with another one, after a warm-up.

    So a drift of the machine's speed meets all sides, and none always follows the same other.
    """
    for side in sides.values():
        side()
    names = list(sides)
    return [
        {name: timed(sides[name])[0] for name in turned(names, repeat)} for repeat in range(repeats)
    ]


def ratios(taken: Sequence[dict[str, float]], one: str, other: str) -> tuple[float, str]:
    """Give the median of a side's time over another's, taken within each turn; and its words."""
    each = [turn[one] / turn[other] for turn in taken]
    middle = statistics.median(each)
    return middle, f"{_say(middle)}x ({_say(min(each))} to {_say(max(each))})"


def _say(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2f}"  # noqa: PLR2004

"""The rows of the table, and fair measurements of two sides."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.bench.rounds import rotate, time_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Turn = dict[str, float]  # the seconds of each side

__all__ = [
    "Ratio",
    "Verdict",
    "compare",
    "format_spread",
    "judge_ratio",
    "judge_spread",
    "median_us",
    "time_in_turn",
]

# from this value on, ratios have no fraction
_NO_FRACTION = 100


@dataclass(frozen=True)
class Verdict:
    """A row of the table.

    Attributes:
        subject: The property that was measured.
        limit: The limit for the figure, or "shown" if there is none.
        figure: The figure that was measured.
        holds: Whether the figure keeps the limit.
    """

    subject: str
    limit: str
    figure: str
    holds: bool = True

    def __str__(self) -> str:
        row = f"{self._mark():<7}{self.subject:<60} {self.figure:<42}"
        if self.limit == "shown":
            return row.rstrip()
        return f"{row} limit: {self.limit}"

    def _mark(self) -> str:
        if not self.holds:
            return "MISSED"
        return "shown" if self.limit == "shown" else "ok"


class Ratio(NamedTuple):
    """The median of ratios, and a text with their spread."""

    median: float
    text: str


def time_in_turn(
    sides: Mapping[str, Callable[[], object]], repeats: int, *, warm_up: bool = True
) -> list[Turn]:
    """Time the sides in turn; each turn begins with another side.

    So a drift of the machine's speed meets all sides, and none always follows the same other.

    Args:
        sides: The sides by their names.
        repeats: The number of turns.
        warm_up: Whether to call each side once before. It matters little to one of seconds.
    """
    if warm_up:
        for side in sides.values():
            side()

    turns = []
    for repeat in range(repeats):
        turn = {}
        for name in rotate(list(sides), repeat):
            turn[name], _ = time_call(sides[name])
        turns.append(turn)
    return turns


def compare(turns: Sequence[Turn], side: str, base: str) -> Ratio:
    """Return the ratio of a side's time to another's, taken within each turn."""
    ratios = [turn[side] / turn[base] for turn in turns]
    median = statistics.median(ratios)
    least = _format_ratio(min(ratios))
    most = _format_ratio(max(ratios))
    return Ratio(median, f"{_format_ratio(median)}x ({least} to {most})")


def format_spread(values: Sequence[float], spec: str, unit: str = "") -> str:
    """Return the median of values with its unit, and the least and the most.

    Args:
        values: The values.
        spec: The format of a value, such as `.2f`.
        unit: The unit, with a space before it if there should be one.
    """
    median = statistics.median(values)
    return f"{median:{spec}}{unit} ({min(values):{spec}} to {max(values):{spec}})"


def judge_ratio(subject: str, ratio: Ratio, most: float | None = None, note: str = "") -> Verdict:
    """Return the row of a ratio.

    Args:
        subject: The property that was measured.
        ratio: The ratio.
        most: The most that it may be, or None if it is only shown.
        note: A text behind the ratio.
    """
    figure = ", ".join(filter(None, (ratio.text, note)))
    if most is None:
        return Verdict(subject, "shown", figure)
    return Verdict(subject, f"at most {most:g}x", figure, ratio.median <= most)


def judge_spread(
    subject: str, values: Sequence[float], most: float, unit: str, *, spec: str = ".2f"
) -> Verdict:
    """Return the row of a median that has a limit.

    Args:
        subject: The property that was measured.
        values: The values.
        most: The most that their median may be.
        unit: The unit.
        spec: The format of a value.
    """
    figure = format_spread(values, spec, f" {unit}")
    return Verdict(subject, f"at most {most:g} {unit}", figure, statistics.median(values) <= most)


def median_us(turns: Sequence[Turn], side: str, count: int) -> float:
    """Return the median time of a side for one of `count` items, in microseconds."""
    return statistics.median(turn[side] for turn in turns) / count * 1e6


def _format_ratio(ratio: float) -> str:
    if ratio >= _NO_FRACTION:
        return f"{ratio:,.0f}"
    return f"{ratio:.2f}"

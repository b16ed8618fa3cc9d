"""A task as a card: its lines of text, how large it is, and the cards within it. In inches."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
from typing import TYPE_CHECKING

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from attune_nb.charts.graph_chart.model import ENDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.charts.graph_chart.model import Step

__all__ = ["BAND", "RING", "SIDE", "Card", "Detail", "Line", "card", "width_of"]

BAND = 0.1  # the band on the left that shows the state
RING = 0.15  # across the mark of an end
SIDE = 0.11  # what is free on the left and on the right of the text

_TOP = 0.085  # and above and below it
_NARROWEST = (0.0, 0.6, 0.85)  # by detail
_WIDEST = 2.35
_GAP = 0.13  # between the cards within a card
_DOT = (0.13, 0.09)  # of a card without text
_POINTS = 72.0
_ROOM = _WIDEST - 2 * SIDE - BAND  # for text
_LINE = 1.36  # of the size of its font: the height of a line


class Detail(enum.IntEnum):
    """How much there is room for."""

    SHAPES = 0  # no words at all
    NAMES = 1  # names, conditions and states
    ALL = 2  # also actions and settings


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of text, `at` below the top of its card."""

    words: str
    size: float  # points
    at: float
    bold: bool = False
    muted: bool = False


@dataclasses.dataclass(frozen=True)
class Card:
    """A step with its place for text, and the cards within it with their places."""

    step: Step
    width: float
    height: float
    lines: tuple[Line, ...] = ()
    inner: tuple[tuple[Card, float, float], ...] = ()

    def resized(self, width: float, height: float) -> Card:
        """Give a card with more room."""
        return dataclasses.replace(self, width=width, height=height)

    def placed(self, left: float, top: float) -> Iterable[tuple[Card, float, float]]:
        """Give the card and all within it, each with the place of its upper left corner."""
        yield self, left, top
        for each, right, down in self.inner:
            yield from each.placed(left + right, top + down)


def card(step: Step, detail: Detail, *, sideways: bool = False) -> Card:
    """Make the card of a step; `sideways` where the flow goes from the left to the right."""
    if step.kind in ENDS:
        return _end(step, detail, sideways=sideways)
    lines = _lines(step, detail) if detail else ()
    inner = [card(each, detail) for each in step.inner]
    band = BAND if step.state is not None and detail else 0.0
    width = max((width_of(each.words, each.size, bold=each.bold) for each in lines), default=0.0)
    width = max(width + 2 * SIDE + band, _NARROWEST[detail]) if detail else _DOT[0]
    height = lines[-1].at + lines[-1].size * _LINE / _POINTS / 2 + _TOP if lines else _DOT[1]
    if not inner:
        return Card(step, width, height, lines)
    gap = _GAP if detail else _DOT[1] / 2
    places, right, bottom = _grid(inner, band + gap, height if lines else gap, gap)
    shift = max(width - right - gap, 0.0) / 2
    moved = tuple((each, x + shift, y) for each, x, y in places)
    return Card(step, max(width, right + gap), bottom + gap, lines, moved)


def _end(step: Step, detail: Detail, *, sideways: bool) -> Card:
    """Make the mark of an end: a ring, and its word where it does not meet the link."""
    if not detail:
        return Card(step, *_DOT)
    size = 7.5
    wide, high = width_of(step.name, size), size * _LINE / _POINTS
    if sideways:
        return Card(step, RING + 0.06 + wide, max(RING, high), (Line(step.name, size, RING / 2),))
    line = Line(step.name, size, RING + 0.02 + high / 2, muted=True)
    return Card(step, max(wide, RING), RING + 0.02 + high, (line,))


def _grid(
    inner: list[Card], left: float, top: float, gap: float
) -> tuple[list[tuple[Card, float, float]], float, float]:
    """Put cards in rows and columns. Gives their places, and where they end."""
    columns = len(inner) if len(inner) <= 3 else math.ceil(math.sqrt(len(inner)))  # noqa: PLR2004
    wide = max(each.width for each in inner)
    places, y, right, bottom = [], top, left, top
    for first in range(0, len(inner), columns):
        row = inner[first : first + columns]
        high = max(each.height for each in row)
        plain = max((each.height for each in row if not each.inner), default=0.0)
        for at, each in enumerate(row):
            x = left + at * (wide + gap)
            places.append((each if each.inner else each.resized(wide, plain), x, y))
            right = max(right, x + wide)
        bottom = y + high
        y = bottom + gap
    return places, right, bottom


def _lines(step: Step, detail: Detail) -> tuple[Line, ...]:
    """Write a card: the name, the action, the settings, the state."""
    full = detail == Detail.ALL
    size = 9.5 if full else 8.5
    lines = [Line(_named(step, size), size, 0.0, bold=True)]
    if full:
        lines.append(Line(_shortened(step.action, 8.0, _ROOM), 8.0, 0.0, muted=True))
        lines.append(Line(_as_fits(step.settings, 7.5, _ROOM), 7.5, 0.0, muted=True))
    if step.state is not None:
        words = filter(None, [step.state.status.replace("_", " "), step.state.counts])
        lines.append(Line(_shortened(" · ".join(words), 7.5, _ROOM), 7.5, 0.0))
    placed, top = [], _TOP
    for line in lines:
        if line.words:
            high = line.size * _LINE / _POINTS
            placed.append(dataclasses.replace(line, at=top + high / 2))
            top += high
    return tuple(placed)


def _named(step: Step, size: float) -> str:
    """Give a task's name, and how often it ran."""
    visits = step.state.visits if step.state is not None else 0
    number = f" #{visits:,}" if visits > 1 else ""
    room = _ROOM - width_of(number, size, bold=True)
    return _shortened(step.name, size, room, bold=True) + number


def _as_fits(parts: tuple[str, ...], size: float, room: float) -> str:
    """Join as many parts as there is room for; dots tell of the others."""
    for many in range(len(parts), 0, -1):
        words = " · ".join([*parts[:many], *["…"] * (many < len(parts))])
        if many == 1 or width_of(words, size) <= room:
            return _shortened(words, size, room)
    return ""


def _shortened(words: str, size: float, room: float, *, bold: bool = False) -> str:
    """Shorten a text until it is no wider than the room."""
    shown = words
    while len(shown) > 1 and width_of(shown, size, bold=bold) > room:
        shown = shown.removesuffix("…")[:-1] + "…"
    return shown


@functools.lru_cache(maxsize=4096)
def width_of(words: str, size: float, *, bold: bool = False) -> float:
    """Measure a text as it will be drawn, `size` in points. In inches."""
    font = FontProperties(size=size, weight="bold" if bold else "normal")
    width, _, _ = TextToPath().get_text_width_height_descent(words, font, ismath=False)
    return float(width) / _POINTS

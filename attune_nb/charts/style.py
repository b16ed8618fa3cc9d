"""What every chart looks like: colours, marks, units, and names made safe to draw."""

from __future__ import annotations

import dataclasses
import unicodedata
from typing import TYPE_CHECKING

from attune_nb.results.statuses import COLOURS, STATUSES

if TYPE_CHECKING:
    from matplotlib.text import Text

__all__ = [
    "COLOURS",
    "DARK",
    "HATCHES",
    "LIGHT",
    "STATUSES",
    "Theme",
    "clean",
    "literal",
    "theme_of",
]

HATCHES = {
    "succeeded": "",
    "failed": "////",
    "timed_out": "....",
    "cancelled": "----",
    "running": "",
}
"""A second mark for what went wrong, so that colour is never all."""


@dataclasses.dataclass(frozen=True)
class Theme:
    """The neutral colours of a chart."""

    ink: str
    muted: str
    rule: str
    waiting: str
    paper: str


LIGHT = Theme(ink="#1F2328", muted="#6B737C", rule="#E3E6E9", waiting="#C3C9CF", paper="#FFFFFF")
DARK = Theme(ink="#ECEFF2", muted="#9AA3AD", rule="#31363C", waiting="#59616A", paper="#16191D")


def theme_of(*, dark: bool) -> Theme:
    """Give the dark or the light theme."""
    return DARK if dark else LIGHT


def clean(text: object, longest: int = 28) -> str:
    """Make a name drawable: no control characters, one line, not too long."""
    shown = "".join(" " if c in "\t\n\r" else c for c in str(text))
    shown = "".join(c for c in shown if not unicodedata.category(c).startswith("C"))
    shown = " ".join(shown.split())
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def literal(text: Text) -> None:
    """Have a text drawn as it is written: a dollar sign is a dollar sign."""
    text.set_parse_math(False)

"""The style that all charts share: colours, hatches, and texts that are safe to draw."""

from __future__ import annotations

import dataclasses
import unicodedata
from typing import TYPE_CHECKING, Any

from attune_nb.results.statuses import COLOURS, STATUSES

if TYPE_CHECKING:
    from matplotlib.text import Text

__all__ = [
    "COLOURS",
    "DARK",
    "HATCHES",
    "LIGHT",
    "NEUTRALS",
    "ON_COLOUR",
    "SMALL_TEXT",
    "STATUSES",
    "Theme",
    "clean_text",
    "disable_mathtext",
    "format_status",
    "shorten_name",
    "theme_of",
]

SMALL_TEXT = 9.0
"""The size of the smallest text, in points: 12 pixels in a chart that is shown in full width."""

HATCHES: dict[str, str | None] = {
    "succeeded": None,
    "failed": "////",
    "timed_out": "xxxx",
    "cancelled": "----",
    "running": None,
}
"""A second mark for each status that is not a success, so that nothing depends on colour alone."""


@dataclasses.dataclass(frozen=True)
class Theme:
    """The neutral colours of a chart.

    Attributes:
        ink: Of titles, names and lines.
        muted: Of texts that matter less.
        rule: Of the lines of the background.
        waiting: Of times and shapes without a status.
        paper: Of the background.
        follows_page: Whether these colours become light or dark where the page is.
    """

    ink: str
    muted: str
    rule: str
    waiting: str
    paper: str
    follows_page: bool = False


NEUTRALS = ("ink", "muted", "rule", "waiting", "paper")
"""The names of a theme's colours."""

LIGHT = Theme(ink="#1F2328", muted="#656D76", rule="#E3E6E9", waiting="#C3C9CF", paper="#FFFFFF")
DARK = Theme(ink="#ECEFF2", muted="#9AA3AD", rule="#31363C", waiting="#59616A", paper="#111111")

ON_COLOUR = "#1F2329"
"""The colour of a text on a coloured shape, on light and dark pages."""


def theme_of(*, dark: bool | None) -> Theme:
    """Return the dark theme, the light theme, or for None the one that follows the page."""
    if dark is None:
        return dataclasses.replace(LIGHT, follows_page=True)
    return DARK if dark else LIGHT


def format_status(run: Any) -> str:
    """Return the status of a run for a title, with its kind: `succeeded · dry run`."""
    status = clean_text(run.status).replace("_", " ")
    kind = clean_text(getattr(run, "kind", ""))
    return f"{status} · {kind}" if kind else status


def clean_text(text: object, longest: int = 28) -> str:
    """Return a text that can be drawn: on one line, without control characters, shortened.

    Args:
        text: The text.
        longest: The most characters that it may have.
    """
    shown = _clean(text)
    if len(shown) > longest:
        return shown[: longest - 1] + "…"
    return shown


def shorten_name(name: str, longest: int = 28) -> str:
    """Return the name of a task that can be drawn.

    Of a long name the middle is left out: names that begin alike often differ at their ends.

    Args:
        name: The name.
        longest: The most characters that it may have.
    """
    shown = _clean(name)
    if len(shown) <= longest:
        return shown

    end = (longest - 1) // 3
    return f"{shown[: longest - 1 - end]}…{shown[-end:]}"


def _clean(text: object) -> str:
    """Return a text on one line, without control characters."""
    shown = str(text)
    for space in "\t\n\r":
        shown = shown.replace(space, " ")

    shown = "".join(char for char in shown if not unicodedata.category(char).startswith("C"))
    return " ".join(shown.split())


def disable_mathtext(text: Text) -> None:
    """Draw a text exactly as it is written: a dollar sign is a dollar sign."""
    text.set_parse_math(False)

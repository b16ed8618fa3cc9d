"""The state of a progress artifact, in a line and as a bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb import html

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.html import Markup

__all__ = ["describe_progress", "progress_elements"]

# the names under which an entry gives its state
_PERCENTS = ("percent", "percentage", "progress", "pct")
_CURRENTS = ("current", "completed", "done", "step")
_TOTALS = ("total", "steps", "count")
_MESSAGES = ("message", "status", "label", "text")

# entries that are shown, and characters of one
_MAX_ENTRIES = 5
_MAX_ENTRY = 1_000
_MAX_LINE = 200

_MUTED = "color:var(--jp-ui-font-color2,#767676)"
_TRACK = (
    "display:inline-block;vertical-align:middle;width:14em;height:0.7em;border-radius:3px;"
    "overflow:hidden;background:var(--jp-layout-color3,#d0d0d0)"
)
# the colour of items that have succeeded, in a panel
_FILLING = "height:100%;background:#56B4E9"


def _fraction_of(entry: Any) -> float | None:
    """Return the share of the work that is done by an entry of a progress, from 0 to 1."""
    if isinstance(entry, int | float) and not isinstance(entry, bool):
        return _limit(entry / 100)
    if not isinstance(entry, dict):
        return None

    current = _number_of(entry, _CURRENTS)
    total = _number_of(entry, _TOTALS)
    if current is not None and total:
        return _limit(current / total)
    percent = _number_of(entry, _PERCENTS)
    return None if percent is None else _limit(percent / 100)


def _number_of(entry: Mapping[str, Any], names: Sequence[str]) -> float | None:
    for name in names:
        value = entry.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def _limit(fraction: float) -> float:
    return min(1.0, max(0.0, fraction))


def _message_of(entry: Any) -> str:
    if isinstance(entry, str):
        return entry
    if isinstance(entry, dict):
        for name in _MESSAGES:
            if isinstance(entry.get(name), str):
                return str(entry[name])
    # the entry was read from JSON, so it can be written as JSON
    return msgspec.json.encode(entry).decode()


def _entries_of(data: Any) -> list[Any]:
    if data is None:
        return []
    return list(data) if isinstance(data, list) else [data]


def _last_fraction(entries: Sequence[Any]) -> float | None:
    for entry in reversed(entries):
        fraction = _fraction_of(entry)
        if fraction is not None:
            return fraction
    return None


def describe_progress(data: Any) -> str:
    """Return the last state of a progress, in a line."""
    entries = _entries_of(data)
    if not entries:
        return "no entries"
    fraction = _last_fraction(entries)
    percent = "" if fraction is None else f"{fraction:.0%}, "
    return f"{percent}{html.shortened(_message_of(entries[-1]), _MAX_LINE)}"


def progress_elements(data: Any) -> list[Markup]:
    """Return a bar with the last state of a progress, and its last entries."""
    entries = _entries_of(data)
    if not entries:
        return [html.element("div", "no entries", style=_MUTED)]

    elements = []
    fraction = _last_fraction(entries)
    if fraction is not None:
        elements.append(html.element("div", _bar(fraction), f" {fraction:.0%}"))
    messages = map(_message_of, entries[-_MAX_ENTRIES:])
    elements += [html.element("div", html.text(message, _MAX_ENTRY)) for message in messages]
    if len(entries) > _MAX_ENTRIES:
        elements.append(html.element("div", f"{len(entries):,} entries", style=_MUTED))
    return elements


def _bar(fraction: float) -> Markup:
    """Return a bar, with texts for screen readers."""
    filling = html.element("div", style=f"width:{fraction * 100:.1f}%;{_FILLING}")
    return html.element(
        "div",
        filling,
        role="progressbar",
        aria_valuemin="0",
        aria_valuemax="100",
        aria_valuenow=f"{fraction * 100:.0f}",
        style=_TRACK,
    )

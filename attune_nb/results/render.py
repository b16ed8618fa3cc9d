"""A run as text and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb import html
from attune_nb.results.durations import format_duration
from attune_nb.results.in_doubt import format_in_doubt
from attune_nb.results.statuses import COLOURS, format_pause

if TYPE_CHECKING:
    from attune_nb.results.protocols import ReadableRun

__all__ = ["render_html", "render_text"]

# task executions that are shown
_MAX_ROWS = 40

# characters of a note: its advice stands at the end
_MAX_NOTE_LENGTH = 1_000

_COLUMNS = ("task", "status", "items", "failed", "cancelled", "time", "error")
_NUMBERS = ("items", "failed", "cancelled", "time")


def render_text(run: ReadableRun) -> str:
    """Render a run as text."""
    lines = [f"Run {run.run_id}: {_heading(run)}"]

    rows = run.summary()
    width = max((len(row["task"]) for row in rows), default=0)
    for row in rows[:_MAX_ROWS]:
        items = f"  {row['items']} items, {_losses(row)}" if row["items"] else ""
        lines.append(f"  {row['task']:<{width}}  {row['status']:<9} {row['time']:>8}{items}")
    if len(rows) > _MAX_ROWS:
        lines.append(f"  and {len(rows) - _MAX_ROWS:,} more; `run.tasks` has them all")

    if run.error:
        lines.append(f"  {run.error}")
    lines += [f"  {note}" for note in _notes(run)]
    return html.printable("\n".join(lines))


def render_html(run: ReadableRun) -> str:
    """Render a run as a table."""
    colour = COLOURS.get(run.status, "inherit")
    mark = html.element("span", "● ", style=f"color:{colour}")
    parts: list[object] = [html.element("div", mark, html.element("b", _heading(run)))]

    rows = run.summary()
    columns = [name for name in _COLUMNS if any(row[name] for row in rows)]
    parts.append(html.table(columns, rows[:_MAX_ROWS], numbers=_NUMBERS))
    if len(rows) > _MAX_ROWS:
        hidden = f"and {len(rows) - _MAX_ROWS:,} more; run.tasks has them all"
        parts.append(html.element("div", hidden))

    if run.error:
        parts.append(html.element("div", run.error, style=f"color:{COLOURS['failed']}"))
    parts += [html.element("div", html.text(note, _MAX_NOTE_LENGTH)) for note in _notes(run)]
    return str(html.element("div", *parts))


def _losses(row: dict[str, str]) -> str:
    losses = [f"{row[name]} {name}" for name in ("failed", "cancelled") if row[name]]
    return ", ".join(losses) if losses else "0 failed"


def _heading(run: ReadableRun) -> str:
    kind = f" ({run.kind})" if run.kind else ""
    duration = format_duration(run.duration_ms / 1000)
    return f"{run.workflow_name}{kind}: {run.status} after {duration}"


def _notes(run: ReadableRun) -> list[str]:
    """Return the lines below the table: open decisions, the record, the alerts."""
    notes = []
    doubts = run.in_doubt
    if doubts:
        notes.append(format_in_doubt(doubts))

    if run.pause_reason:
        notes.append(format_pause(run.pause_reason))
    if run.status == "interrupted":
        notes.append("its process is gone: `resume` continues it")

    if run.store is not None:
        notes.append(f"on record in {run.store}")
    if run.has_ended:
        notes += [f"alert: {alert}" for alert in run.alerts]
    return notes

"""A run as a person sees it: as text, and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb import html
from attune_nb.results.durations import say_duration
from attune_nb.results.protocols import say_doubts, say_pause
from attune_nb.results.statuses import COLOURS

if TYPE_CHECKING:
    from attune_nb.results.run import Run

__all__ = ["html_of", "text_of"]

_SHOWN = 40  # task executions
_LONGEST = 1_000  # characters of a note: what to do stands at its end


def text_of(run: Run) -> str:
    """Give a run as text."""
    lines = [f"Run {run.run_id}: {_heading(run)}"]
    rows = run.summary()
    width = max((len(row["task"]) for row in rows), default=0)
    for row in rows[:_SHOWN]:
        items = f"  {row['items']} items, {_lost(row)}" if row["items"] else ""
        lines.append(f"  {row['task']:<{width}}  {row['status']:<9} {row['time']:>8}{items}")
    if len(rows) > _SHOWN:
        lines.append(f"  and {len(rows) - _SHOWN:,} more; `run.tasks` has them all")
    if run.error:
        lines.append(f"  {run.error}")
    lines += [f"  {each}" for each in _notes(run)]
    return html.printable("\n".join(lines))


def html_of(run: Run) -> str:
    """Give a run as a table."""
    rows = run.summary()
    columns = ["task", "status", "items", "failed", "cancelled", "time", "error"]
    told = [name for name in columns if any(row[name] for row in rows)]
    mark = html.element("span", "● ", style=f"color:{COLOURS.get(run.status, 'inherit')}")
    parts: list[object] = [
        html.element("div", mark, html.element("b", _heading(run))),
        html.table(told, rows[:_SHOWN], numbers=("items", "failed", "cancelled", "time")),
    ]
    if len(rows) > _SHOWN:
        more = f"and {len(rows) - _SHOWN:,} more; run.tasks has them all"
        parts.append(html.element("div", more))
    if run.error:
        parts.append(html.element("div", run.error, style=f"color:{COLOURS['failed']}"))
    parts += [html.element("div", html.text(each, _LONGEST)) for each in _notes(run)]
    return str(html.element("div", *parts))


def _lost(row: dict[str, str]) -> str:
    told = [f"{row[name]} {name}" for name in ("failed", "cancelled") if row[name]]
    return ", ".join(told) or "0 failed"


def _heading(run: Run) -> str:
    return f"{run.workflow_name}: {run.status} after {say_duration(run.duration_ms / 1000)}"


def _notes(run: Run) -> list[str]:
    """Tell of what waits for a person's word, where the record is, and what is worth a look."""
    doubts = run.in_doubt
    told = [say_doubts(doubts)] if doubts else []
    if run.pause_reason:
        told.append(say_pause(run.pause_reason))
    if run.status == "interrupted":
        told.append("its kernel is gone: `resume` goes on with it")
    if run.store is not None:
        told.append(f"on record in {run.store}")
    return [*told, *(f"alert: {each}" for each in (run.alerts if run.has_ended else []))]

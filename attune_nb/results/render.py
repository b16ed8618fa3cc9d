"""A run as text and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb import html
from attune_nb.results.durations import format_duration
from attune_nb.results.failures import explain_error
from attune_nb.results.in_doubt import format_in_doubt
from attune_nb.results.questions import describe_question
from attune_nb.results.statuses import COLOURS, format_handled, format_pause
from attune_nb.values.short_paths import shorten_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.results.failures import FailedTask
    from attune_nb.results.protocols import ReadableRun

__all__ = ["render_html", "render_text"]

# tasks that are shown
_MAX_ROWS = 40

# characters of a note: its advice stands at the end
_MAX_NOTE_LENGTH = 1_000

# tasks whose failures are shown, and characters of a traceback
_MAX_FAILURES = 10
_MAX_DETAILS = 20_000

_DETAILS_STYLE = (
    "font-family:var(--jp-code-font-family,monospace);font-size:12px;margin:2px 0 6px;"
    "overflow-x:auto"
)
_MUTED = "color:var(--jp-ui-font-color2,#767676)"

# statuses of tasks that are left out first
_UNREMARKABLE = ("succeeded", "skipped", "pending")

_LOSSES = ("failed", "retrying", "cancelled", "skipped")
_COLUMNS = (
    "task",
    "status",
    "failed visits",
    "items",
    *_LOSSES,
    "reused",
    "time",
    "longest visit",
    "error",
)
_NUMBERS = ("failed visits", "items", *_LOSSES, "time", "longest visit")

# columns of failures; their cells have the colour and the mark of their status
_FAILURES = ("failed visits", "failed")
_MARKS = {"failed": "✗ ", "timed_out": "✗ ", "cancelled": "⊘ "}


def render_text(run: ReadableRun) -> str:
    """Render a run as text."""
    failed_tasks = run.failed_tasks()
    lines = [f"Run {run.run_id}: {_heading(run, failed_tasks)}"]

    rows = run.summary()
    width = max((len(row["task"]) for row in rows), default=0)
    for row in _select_rows(rows):
        items = f"  {row['items']} items, {_losses(row)}" if row["items"] else ""
        if row["longest visit"]:
            items += f"  {_format_visits(row)}"
        reused = f"  reused: {row['reused']}" if row["reused"] else ""
        lines.append(
            f"  {row['task']:<{width}}  {row['status']:<9} {row['time']:>8}{items}{reused}"
        )
    if len(rows) > _MAX_ROWS:
        lines.append(f"  and {len(rows) - _MAX_ROWS:,} more; `run.tasks` has them all")

    lines += [f"  {line}" for line in _failure_lines(run, failed_tasks)]
    lines += [f"  {note}" for note in _notes(run)]
    if run.has_ended:
        lines += [f"  note: {alert}" for alert in run.alerts]
    return html.printable("\n".join(lines))


def render_html(run: ReadableRun) -> str:
    """Render a run as a table."""
    failed_tasks = run.failed_tasks()
    colour = COLOURS.get(run.status, "inherit")
    if run.status == "succeeded" and failed_tasks:
        # a run with a failure is not green, also if the failure was handled
        colour = COLOURS["timed_out"]
    mark = html.element("span", "● ", style=f"color:{colour}")
    run_id = html.element("span", f" run {run.run_id}", style=_MUTED)
    heading = html.element("b", _heading(run, failed_tasks))
    parts: list[object] = [html.element("div", mark, heading, run_id)]

    rows = run.summary()
    columns = [name for name in _COLUMNS if any(row[name] for row in rows)]
    parts.append(html.table(columns, map(_mark_failures, _select_rows(rows)), numbers=_NUMBERS))
    if len(rows) > _MAX_ROWS:
        hidden = f"and {len(rows) - _MAX_ROWS:,} more; run.tasks has them all"
        parts.append(html.element("div", hidden))

    parts += _failure_elements(run, failed_tasks)
    parts += [html.element("div", html.text(note, _MAX_NOTE_LENGTH)) for note in _notes(run)]
    if run.has_ended:
        parts += [_alert_element(alert) for alert in run.alerts]
    return str(html.element("div", *parts, style=html.BREAK_WORDS))


def _select_rows(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the rows that are shown; of too many, those that did not succeed come first."""
    if len(rows) <= _MAX_ROWS:
        return rows

    numbers = range(len(rows))
    by_interest = sorted(numbers, key=lambda number: rows[number]["status"] in _UNREMARKABLE)
    return [rows[number] for number in sorted(by_interest[:_MAX_ROWS])]


def _mark_failures(row: dict[str, str]) -> dict[str, object]:
    """Return a row in which cells about failures have the colour and the mark of their status."""
    marked: dict[str, object] = dict(row)
    if row["status"] in _MARKS:
        marked["status"] = _mark(row["status"], row["status"].replace("_", " "))
    for name in _FAILURES:
        if row[name]:
            marked[name] = _mark("failed", row[name])
    return marked


def _mark(status: str, text: str) -> html.Markup:
    """Return a text with the mark of a status before it, in its colour."""
    style = f"color:{COLOURS[status]};font-weight:bold"
    mark = html.element("span", _MARKS[status], style=style, aria_hidden="true")
    return mark + html.element("b", text)


def _alert_element(alert: str) -> html.Markup:
    """Return an alert with a mark, so that it is not read as an output of the workflow."""
    mark = html.element("span", "▲ ", style=f"color:{COLOURS['timed_out']}", aria_hidden="true")
    return html.element(
        "div",
        mark,
        html.element("b", "note:"),
        " ",
        html.text(alert, _MAX_NOTE_LENGTH),
        role="note",
    )


def _failure_lines(run: ReadableRun, failed_tasks: Sequence[FailedTask]) -> list[str]:
    """Return the run's error, and a line for each task whose failure it does not name."""
    lines = []
    if run.error:
        lines.append(explain_error(run.error, failed_tasks))

    unnamed = [task for task in failed_tasks if not _is_named(task, run.error)]
    is_only = _count_handled(failed_tasks) == 1
    lines += [_describe(failed_task, is_only=is_only) for failed_task in unnamed[:_MAX_FAILURES]]
    if len(unnamed) > _MAX_FAILURES:
        hidden_count = len(unnamed) - _MAX_FAILURES
        lines.append(f"and {hidden_count:,} more tasks failed; `run.tasks` has them")
    return lines


def _failure_elements(run: ReadableRun, failed_tasks: Sequence[FailedTask]) -> list[html.Markup]:
    """Return the same as HTML, each task with the folded lines of its first error."""
    parts = []
    failed_style = f"color:{COLOURS['failed']}"
    if run.error:
        message = html.text(explain_error(run.error, failed_tasks), _MAX_NOTE_LENGTH)
        parts.append(html.element("div", message, style=failed_style))

    is_only = _count_handled(failed_tasks) == 1
    for failed_task in failed_tasks[:_MAX_FAILURES]:
        if not _is_named(failed_task, run.error):
            text = html.text(_describe(failed_task, is_only=is_only), _MAX_NOTE_LENGTH)
            parts.append(html.element("div", text, style=failed_style))
        if failed_task.first.has_frames:
            parts.append(_details(failed_task))
        parts += _last_lines(run, failed_task)
    if len(failed_tasks) > _MAX_FAILURES:
        hidden = f"and {len(failed_tasks) - _MAX_FAILURES:,} more tasks failed; run.tasks has them"
        parts.append(html.element("div", hidden))
    return parts


def _details(failed_task: FailedTask) -> html.Markup:
    """Return the folded traceback of a task's first error."""
    group = failed_task.first
    title = f"first traceback of `{failed_task.task}`"
    if group.error.position is not None:
        title = f"the lines of `{failed_task.task}` in the workflow"
    if group.index is not None:
        title += f", item {group.index}: {group.item}"

    lines = html.element("pre", html.text(group.details, _MAX_DETAILS), style=_DETAILS_STYLE)
    return html.element("details", html.element("summary", title, style="cursor:pointer"), lines)


def _last_lines(run: ReadableRun, failed_task: FailedTask) -> list[html.Markup]:
    """Return the folded last lines of the item of a task's first error, if it printed any."""
    if failed_task.executions > 1:
        # they may be of another execution than the error
        return []

    index = failed_task.first.index
    item = 0
    if index is not None:
        item = index
    lines = run.last_lines(failed_task.task, item)
    if not lines:
        return []

    title = f"last lines of `{failed_task.task}`"
    if index is not None:
        title += f", item {index}"
    texts = []
    for line in lines:
        level = f"{line.level}: " if line.level else ""
        texts.append(level + line.text)
    block = html.element("pre", html.text("\n".join(texts), _MAX_DETAILS), style=_DETAILS_STYLE)
    summary = html.element("summary", title, style="cursor:pointer")
    return [html.element("details", summary, block)]


def _describe(failed_task: FailedTask, *, is_only: bool) -> str:
    if not failed_task.handled:
        return failed_task.description
    head = "1 failure handled" if is_only else "handled"
    return f"{head}: {failed_task.description}"


def _count_handled(failed_tasks: Sequence[FailedTask]) -> int:
    return sum(task.executions for task in failed_tasks if task.handled)


def _is_named(failed_task: FailedTask, error: str | None) -> bool:
    """Return whether a run's error says how a task failed."""
    return error is not None and f"task `{failed_task.task}` " in error


def _format_visits(row: dict[str, str]) -> str:
    """Return the failed visits of a task that was visited several times, and the longest one."""
    longest = f"longest visit {row['longest visit']}"
    if row["failed visits"]:
        return f"{row['failed visits']} visits failed, {longest}"
    return longest


def _losses(row: dict[str, str]) -> str:
    losses = [f"{row[name]} {name}" for name in _LOSSES if row[name]]
    return ", ".join(losses) if losses else "0 failed"


def _heading(run: ReadableRun, failed_tasks: Sequence[FailedTask]) -> str:
    kind = f" ({run.kind})" if run.kind else ""
    duration = format_duration(run.duration_ms / 1000)
    heading = f"{run.workflow_name}{kind}: {run.status} after {duration}"
    return heading + format_handled(_count_handled(failed_tasks))


def _notes(run: ReadableRun) -> list[str]:
    """Return the lines below the table: open decisions, the record."""
    notes = []
    doubts = run.in_doubt
    if doubts:
        notes.append(format_in_doubt(doubts))

    notes += [describe_question(question) for question in run.questions]
    notes += run.describe_answers()
    notes += run.describe_children()
    notes += run.describe_artifacts()
    notes += run.describe_logs()
    if run.pause_reason:
        notes.append(format_pause(run.pause_reason))
    if run.status == "interrupted":
        notes.append("its process is gone: `resume` continues it")

    if run.store is not None:
        notes.append(f"on record in {shorten_path(run.store)}")
    return notes

"""The commands of `%attune` for the runs of this session and those on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from IPython.core.error import UsageError

from attune_nb import html
from attune_nb.display.outputs import Text
from attune_nb.display.panel import View
from attune_nb.errors import ParameterError, StoreError
from attune_nb.notebook.command import argument, command
from attune_nb.results.durations import format_duration
from attune_nb.results.statuses import format_attention
from attune_nb.running.forgetting import forget
from attune_nb.running.history import runs
from attune_nb.running.run_selection import DEFAULT_LIMIT, RunSelection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from attune_nb.notebook.session import Session

__all__: list[str] = []

_COLUMNS = (
    "run",
    "workflow",
    "status",
    "started (UTC)",
    "time",
    "needs",
    "children",
    "kind",
    "parent",
)

# columns that are left out while they are empty
_RARE_COLUMNS = ("needs", "children", "kind", "parent")


class _RunSummary(NamedTuple):
    """A line of `%attune runs`; runs are sorted by their start."""

    started: datetime
    run_id: str
    workflow: str
    status: str
    duration_ms: float
    kind: str
    children: int
    parent: str
    attention: str
    questions: int


@command(
    argument(
        "--status",
        "status",
        "only runs of this status, such as failed; repeatable",
        action="append",
        metavar="STATUS",
    ),
    argument("--workflow", "workflow", "only runs of this workflow", metavar="NAME"),
    argument(
        "--since",
        "",
        "only runs that began since then: a date (UTC), or 3h, 2d ... ago",
        metavar="WHEN",
    ),
    argument(
        "--all",
        "",
        "also the runs of workflows that tasks run",
        action="store_true",
        dest="children",
    ),
    argument(
        "--limit", "", f"the most runs, by default {DEFAULT_LIMIT}", type=int, default=DEFAULT_LIMIT
    ),
)
def _runs(
    session: Session,
    status: list[str] | None,
    workflow: str | None,
    since: str | None,
    limit: int,
    *,
    children: bool,
) -> View:
    """List the runs of this session and those on record, the newest first."""
    try:
        selection = RunSelection.read(status, workflow, since, limit)
    except ParameterError as error:
        raise UsageError(f"%attune runs: {error}") from None

    summaries = _selected_runs(session, selection, children=children)
    rows = [_row(summary) for summary in summaries[:limit]]
    if not rows:
        message = "no run matches" if status or workflow or since else "nothing has run yet"
        return View(html.element("div", message), message)

    columns = [name for name in _COLUMNS if _is_shown(rows, name)]
    table = html.table(columns, rows)
    text = _align(columns, rows)
    if len(summaries) > limit:
        note = f"these are the newest {limit:,}; `--limit` shows more"
        return View(html.element("div", table, html.element("div", note)), f"{text}\n{note}")
    return View(table, text)


@command(
    argument("words", "run", "variables, workflows' names or ids", nargs="*", metavar="run"),
    argument(
        "--older",
        "",
        "all runs on record that began before: a date (UTC), or 30d, 12h ... ago",
        metavar="WHEN",
    ),
)
def _forget(session: Session, words: list[str], older: str | None) -> Text:
    """Remove runs from the record, and give the space back to the disk."""
    if bool(words) == (older is not None):
        raise UsageError("%attune forget takes RUN..., or --older: one of the two")

    ids = [session.find_run_id(word) for word in words]
    try:
        forgotten = forget(ids if words else None, older=older, store=session.store)
    except (ParameterError, StoreError) as error:
        raise UsageError(f"%attune forget: {error}") from None

    session.drop_runs(forgotten.run_ids)
    return Text(str(forgotten))


def _selected_runs(
    session: Session, selection: RunSelection, *, children: bool
) -> list[_RunSummary]:
    """Return the runs of a selection, the newest first: one more than its limit, if there is one.

    A run of this session is listed as it is now, not as it stands on record.
    """
    stored_runs = _stored_runs(session, selection, children=children)
    child_counts = {summary.run_id: summary.children for summary in stored_runs}
    summaries = [summary for summary in stored_runs if summary.run_id not in session.runs]
    for run in list(session.runs.values()):
        is_selected = selection.includes(
            status=run.status, workflow=run.workflow_name, started=run.started.timestamp()
        )
        if is_selected:
            summaries.append(
                _RunSummary(
                    run.started,
                    run.run_id,
                    run.workflow_name,
                    run.status,
                    run.duration_ms,
                    run.kind,
                    child_counts.get(run.run_id, 0),
                    "",
                    run.attention,
                    len(run.questions),
                )
            )

    return sorted(summaries, reverse=True)


def _stored_runs(session: Session, selection: RunSelection, *, children: bool) -> list[_RunSummary]:
    """Return the runs of the store, also those of this session.

    The list is empty if no store is configured and the default one does not exist.

    Raises:
        UsageError: The configured store cannot be read.
    """
    # the runs of this session are left out, and one more shows that there are more
    limit = None
    if selection.limit is not None:
        limit = selection.limit + len(session.runs) + 1
    try:
        frame = runs(
            session.store,
            status=selection.statuses,
            workflow=selection.workflow,
            since=selection.since_date,
            limit=limit,
            children=children,
        )
    except StoreError as error:
        if session.store is not None:
            raise UsageError(str(error)) from None
        return []

    if not children:
        frame["parent"] = ""
    columns = list(_RunSummary._fields)
    return [_RunSummary(*row) for row in frame[columns].itertuples(index=False, name=None)]


def _row(summary: _RunSummary) -> dict[str, str]:
    return {
        "run": summary.run_id,
        "workflow": summary.workflow,
        "status": summary.status,
        "started (UTC)": f"{summary.started:%Y-%m-%d %H:%M:%S}",
        "time": format_duration(summary.duration_ms / 1000),
        "needs": format_attention(summary.attention, summary.questions),
        "children": f"{summary.children:,}" if summary.children else "",
        "kind": summary.kind,
        "parent": html.printable(summary.parent),
    }


def _is_shown(rows: Sequence[Mapping[str, str]], name: str) -> bool:
    """Return whether a column is shown: a rare one only if any row has a text in it."""
    if name not in _RARE_COLUMNS:
        return True
    return any(row[name] for row in rows)


def _align(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as lines of text with aligned columns, below a line of the columns' names."""
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}

    lines = ["  ".join(f"{name:<{widths[name]}}" for name in columns).rstrip()]
    for row in rows:
        cells = [f"{row[name]:<{widths[name]}}" for name in columns]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)

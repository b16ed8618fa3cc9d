"""The commands for the record of runs: `runs`, `show`, `timeline`, `explore` and `forget`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attune_nb.cli.options import AsJson, Dark, LatestRunId, Store, output_option
from attune_nb.cli.output import ERRORS, exit_with_error, print_run
from attune_nb.cli.stored_runs import open_stored_run
from attune_nb.errors import AttuneError
from attune_nb.html import printable
from attune_nb.results.durations import format_duration
from attune_nb.results.statuses import format_attention
from attune_nb.running import forgetting, history
from attune_nb.running.run_selection import DEFAULT_LIMIT, RunSelection

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["explore", "forget", "runs", "show", "timeline"]


def runs(
    status: Annotated[
        list[str] | None,
        typer.Option(help="only runs of this status, such as failed; repeatable"),
    ] = None,
    workflow: Annotated[str | None, typer.Option(help="only runs of this workflow")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="AGE", help="only runs that began since then: a date (UTC), or 3h, 2d ... ago"
        ),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="the most runs")] = DEFAULT_LIMIT,
    children: Annotated[
        bool, typer.Option("--all", help="also the runs of workflows that tasks run")
    ] = False,
    store: Store = None,
) -> None:
    """List the runs of a store, the newest first, also those that another process is running.

    Times are in UTC.
    """
    try:
        RunSelection.read(limit=limit)
        # one more shows that there are more
        selection = RunSelection.read(status, workflow, since, limit + 1)
        rows = history.list_runs(store, selection, children=children)
    except AttuneError as error:
        exit_with_error(error)

    for row in rows[:limit]:
        duration = format_duration(row["duration_ms"] / 1000)
        failed = ""
        if row["failed"]:
            failed = f", {row['failed']:,} failed"
        kind = f" ({row['kind']})" if row["kind"] else ""
        typer.echo(
            f"{row['run_id']}  {_format_start(row['started'])}  {row['status']:<11}  "
            f"{printable(row['workflow'])}: {duration}, {row['items']:,} items{failed}"
            f"{_describe_family(row)}{kind}{_describe_attention(row)}"
        )

    if not rows:
        has_filter = bool(status or workflow or since)
        ERRORS.print("no run matches" if has_filter else "no run is on record", markup=False)
    if len(rows) > limit:
        typer.echo(f"these are the newest {limit:,}; `--limit` shows more", err=True)


def _format_start(started: datetime | None) -> str:
    """Return a date in UTC; a damaged record has none."""
    return "unknown             " if started is None else f"{started:%Y-%m-%d %H:%M:%S}Z"


def _describe_attention(row: dict[Any, Any]) -> str:
    """Return why a run needs a person."""
    text = format_attention(row["attention"], row["questions"])
    return f"; {text}" if text else ""


def _describe_family(row: dict[Any, Any]) -> str:
    """Return the number of the runs within a run, and the place of one that is within another."""
    text = ""
    if row["children"]:
        noun = "run" if row["children"] == 1 else "runs"
        text = f", {row['children']:,} {noun} within it"
    if row.get("parent"):
        text += f", in {printable(row['parent'])}"
    return text


def forget(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="RUN", help="ids, or their beginnings")
    ] = None,
    older: Annotated[
        str | None,
        typer.Option(
            metavar="AGE", help="all runs that began before: a date (UTC), or 30d, 12h ... ago"
        ),
    ] = None,
    store: Store = None,
) -> None:
    """Remove runs from the record, and give the space back to the disk."""
    if bool(runs) == (older is not None):
        exit_with_error(AttuneError("forget takes RUN..., or --older: one of the two"))
    try:
        forgotten = forgetting.forget(runs or None, older=older, store=store)
    except AttuneError as error:
        exit_with_error(error)
    typer.echo(str(forgotten))


def show(
    run: LatestRunId = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Show a run of a store in its present state."""
    try:
        # its record is read while it is printed
        print_run(open_stored_run(run, store), as_json=as_json)
    except AttuneError as error:
        exit_with_error(error)


def timeline(
    run: LatestRunId = None,
    output: Annotated[
        Path | None,
        output_option("the image file: .svg, .png or .pdf; by default `timeline-RUN.svg` here"),
    ] = None,
    store: Store = None,
    dark: Dark = False,
) -> None:
    """Draw the timeline of a run of a store."""
    try:
        recorded_run = open_stored_run(run, store)
        if output is None:
            output = Path(f"timeline-{recorded_run.run_id}.svg")
        from attune_nb import charts  # noqa: PLC0415 - matplotlib is heavy

        charts.timeline(recorded_run, dark=dark or None).savefig(output)
    except (AttuneError, OSError, ValueError) as error:
        exit_with_error(error)
    typer.echo(output)


def explore(
    run: LatestRunId = None,
    output: Annotated[
        Path | None, output_option("the page, a file of HTML; by default `explore-RUN.html` here")
    ] = None,
    store: Store = None,
    dark: Dark = False,
) -> None:
    """Write a run of a store as one interactive page: timeline, graph, items, errors and logs."""
    try:
        recorded_run = open_stored_run(run, store)
        if output is None:
            output = Path(f"explore-{recorded_run.run_id}.html")
        recorded_run.explore(output, dark=dark)
    except (AttuneError, OSError) as error:
        exit_with_error(error)
    typer.echo(output)

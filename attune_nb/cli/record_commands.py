"""The commands that read the record of runs: `runs`, `show` and `timeline`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from attune_nb.cli.options import AsJson, RunId, Store  # noqa: TC001 - typer reads them
from attune_nb.cli.output import exit_with_error, print_run
from attune_nb.errors import AttuneError
from attune_nb.html import printable
from attune_nb.results.durations import format_duration
from attune_nb.running import history

__all__ = ["runs", "show", "timeline"]


def runs(store: Store = None) -> None:
    """List the runs of a store, also those that another process is running."""
    try:
        frame = history.runs(store)
    except AttuneError as error:
        exit_with_error(error)

    for row in frame.to_dict("records"):
        duration = format_duration(row["duration_ms"] / 1000)
        failed = ""
        if row["failed"]:
            failed = f", {row['failed']:,} failed"
        typer.echo(
            f"{row['run_id']}  {row['started']:%Y-%m-%d %H:%M:%S}  {row['status']:<11}  "
            f"{printable(row['workflow'])}: {duration}, {row['items']:,} items{failed}"
        )


def show(
    run: RunId,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Show a run of a store in its present state."""
    try:
        recorded_run = history.open_run(run, store)
    except AttuneError as error:
        exit_with_error(error)
    print_run(recorded_run, as_json=as_json)


def timeline(
    run: RunId,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="the image file: .svg, .png or .pdf")
    ],
    store: Store = None,
    dark: Annotated[bool, typer.Option(help="for a dark page")] = False,
) -> None:
    """Draw the timeline of a run of a store."""
    try:
        recorded_run = history.open_run(run, store)
        from attune_nb import charts  # noqa: PLC0415 - matplotlib is heavy

        charts.timeline(recorded_run, dark=dark).savefig(output)
    except (AttuneError, OSError, ValueError) as error:
        exit_with_error(error)
    typer.echo(output)

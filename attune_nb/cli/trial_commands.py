"""The commands that need no workflow of the user: `demo` and `bench`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from attune_nb import demo as demo_services
from attune_nb.cli.output import exit_status, exit_with_error, print_run
from attune_nb.errors import AttuneError
from attune_nb.running.workflow import loads

__all__ = ["bench", "demo"]


def demo(
    servers: Annotated[
        int, typer.Option(metavar="N", help="how many endpoints to serve", min=1)
    ] = 1000,
) -> None:
    """Check the health of 1,000 servers, which this command itself serves."""
    with demo_services.FleetServer(servers) as fleet:
        typer.echo(f"serving {servers:,} endpoints at {fleet.url}; checking them 50 at a time")
        demo_run = loads(demo_services.WORKFLOW, "demo").run(
            {"fleet": fleet.url},
            name="health check",
            actions={"check_server": demo_services.check_server},
            store="none",
        )
        print_run(demo_run, as_json=False)
        if demo_run.status != "succeeded":
            raise typer.Exit(exit_status(demo_run))

        down = sorted(item["name"] for item in demo_run.failures("check")["item"])
        typer.echo(f"down: {', '.join(down)}")

        if down != fleet.failing_names:
            failing = ", ".join(fleet.failing_names)
            typer.echo(f"but the servers set to fail were: {failing}")
            raise typer.Exit(1)
        typer.echo("these are exactly the servers that were set to fail")


def bench(
    name: Annotated[str, typer.Argument(help="clone or fanout")],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the file for all measurements")
    ] = None,
    charts: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="a folder for the charts")
    ] = None,
) -> None:
    """Measure the cost of an item's context (clone), or of a fan-out (fanout)."""
    # checked before minutes of measuring
    if csv is not None and not csv.absolute().parent.is_dir():
        exit_with_error(AttuneError(f"--csv {csv}: there is no folder {csv.parent}"))
    from attune_nb.bench import run_benchmark  # noqa: PLC0415 - pandas and matplotlib are heavy

    try:
        if charts is not None:
            charts.mkdir(parents=True, exist_ok=True)
        frame, figures = run_benchmark(name)
        if csv is not None:
            frame.to_csv(csv, index=False)
        if charts is not None:
            for title, figure in figures.items():
                figure.savefig(charts / f"{title}.png")
    except (AttuneError, OSError) as error:
        exit_with_error(error)

    microseconds = (frame["seconds"] / frame["n"] * 1e6).rename("us an item")
    groups = microseconds.groupby([frame["strategy"], frame["size"], frame["n"]])
    medians = groups.median().round(3)
    typer.echo(medians.reset_index().to_string(index=False))

"""The `attune-nb` command: a thin shell over the same calls that Python makes.

Exit status: 0 succeeded, 1 the run failed, 2 wrong use or a wrong workflow, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from attune_nb import demo as demonstration
from attune_nb.errors import AttuneError, RunFailed, WorkflowError
from attune_nb.html import printable
from attune_nb.results.durations import say_duration
from attune_nb.running import history
from attune_nb.running import resume as continuing
from attune_nb.running.workflow import Run, load_file, load_parameters, loads

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)
_STATUS = {"succeeded": 0, "cancelled": 130, "cancelling": 130, "running": 130}
# the last two: the person who interrupted did not wait for the end
_AllowImports = Annotated[
    bool,
    typer.Option(
        "--allow-imports",
        help="let an action be `module:function`; modules of the current folder included",
    ),
]
_Store = Annotated[
    str | None,
    typer.Option(
        help="the record of runs, a file; or none [default: ATTUNE_NB_STORE, else .attune/runs.db]"
    ),
]


def main() -> None:
    """Run the command line."""
    app()


@app.command()
def run(
    file: Path,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE (JSON, or text)")
    ] = None,
    params: Annotated[Path | None, typer.Option(help="parameters as a JSON or YAML file")] = None,
    backend: Annotated[str, typer.Option(help="threads, processes, dask or inline")] = "threads",
    workers: Annotated[
        int | None, typer.Option(help="the most threads for a task, or worker processes")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the outcome as JSON")] = False,
    allow_imports: _AllowImports = False,
    store: _Store = None,
) -> None:
    """Run the workflow in FILE."""
    _find_modules_here(wanted=allow_imports)
    try:
        workflow = load_file(file)
        made = workflow.run(
            _parameters(params, set_ or []),
            name=file.stem,
            backend=backend,
            workers=workers,
            allow_imports=allow_imports,
            store=store,
        )
    except (AttuneError, ValueError) as error:
        _wrong(error)
    _print(made, as_json=as_json)
    _tell_way_on(made)
    raise typer.Exit(_STATUS.get(made.status, 1))


@app.command()
def check(file: Path, allow_imports: _AllowImports = False) -> None:
    """Say what is wrong with the workflow in FILE."""
    _find_modules_here(wanted=allow_imports)
    try:
        problems = load_file(file).check(allow_imports=allow_imports)
    except WorkflowError as error:
        _wrong(error)
    for problem in problems:
        _errors.print(f"{problem.severity}: {problem.explain()}", markup=False)
    if any(problem.severity == "error" for problem in problems):
        raise typer.Exit(2)
    typer.echo(f"{file}: no errors")


@app.command()
def runs(store: _Store = None) -> None:
    """List the runs of a store, also of those that another process is at."""
    try:
        found = history.runs(store)
    except AttuneError as error:
        _wrong(error)
    for row in found.to_dict("records"):
        failed = f", {row['failed']:,} failed" if row["failed"] else ""
        typer.echo(
            f"{row['run_id']}  {row['started']:%Y-%m-%d %H:%M:%S}  {row['status']:<11}  "
            f"{printable(row['workflow'])}: {say_duration(row['duration_ms'] / 1000)}, "
            f"{row['items']:,} items{failed}"
        )


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="the run's id, or how it begins")],
    store: _Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the outcome as JSON")] = False,
) -> None:
    """Show a run of a store as it stands."""
    try:
        found = history.open_run(run, store)
    except AttuneError as error:
        _wrong(error)
    _print(found, as_json=as_json)


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="the run's id, or how it begins")],
    store: _Store = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE: a secret parameter, which no record holds"),
    ] = None,
    rerun: Annotated[
        bool,
        typer.Option("--rerun", help="make attempts in doubt again, which must not be made twice"),
    ] = False,
    backend: Annotated[
        str | None, typer.Option(help="threads, processes, dask or inline; as it began if not told")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="as for `run`")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the outcome as JSON")] = False,
    allow_imports: _AllowImports = False,
) -> None:
    """Go on with a run of a store whose process is gone."""
    _find_modules_here(wanted=allow_imports)
    try:
        made = continuing.resume(
            run,
            store,
            parameters=_pairs(set_ or [], "--set"),
            backend=backend,
            workers=workers,
            allow_imports=allow_imports,
        )
    except (AttuneError, ValueError) as error:
        _wrong(error)
    while rerun and made.in_doubt:
        for each in made.in_doubt:
            made.rerun(each.task, each.index)
        made.wait()
    _print(made, as_json=as_json)
    _tell_way_on(made)
    raise typer.Exit(_STATUS.get(made.status, 1))


@app.command()
def timeline(
    run: Annotated[str, typer.Argument(help="the run's id, or how it begins")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the picture: .svg, .png or .pdf")],
    store: _Store = None,
    dark: Annotated[bool, typer.Option(help="for a dark page")] = False,
) -> None:
    """Draw what ran when in a run of a store."""
    try:
        found = history.open_run(run, store)
        from attune_nb import charts  # noqa: PLC0415 - matplotlib is heavy

        charts.timeline(found, dark=dark).savefig(output)
    except (AttuneError, OSError, ValueError) as error:
        _wrong(error)
    typer.echo(output)


@app.command()
def graph(
    file: Path,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="the picture: .svg, .png or .pdf")
    ] = None,
    dark: Annotated[bool, typer.Option(help="for a dark page")] = False,
) -> None:
    """Draw the workflow in FILE."""
    picture = output or file.with_suffix(".svg")
    try:
        workflow = load_file(file)
        from attune_nb import charts  # noqa: PLC0415 - matplotlib is heavy

        charts.graph(workflow, dark=dark).savefig(picture)
    except (AttuneError, OSError, ValueError) as error:
        _wrong(error)
    typer.echo(picture)


@app.command()
def export(
    file: Path,
    folder: Path,
    ref: Annotated[
        str | None, typer.Option(help="pack.name; by default the workflow's own")
    ] = None,
) -> None:
    """Write the workflow in FILE as the two files of an Attune pack."""
    try:
        workflow = load_file(file)
        written = workflow.export(folder, ref=ref or workflow.ref or f"default.{file.stem}")
    except (AttuneError, OSError) as error:
        _wrong(error)
    for path in written:
        typer.echo(path)


@app.command()
def publish(
    notebook: Path,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--param",
            help="NAME=VALUE (JSON, or text) for the cell tagged `parameters`; the page shows it",
        ),
    ] = None,
    to: Annotated[str, typer.Option(help="the page's format: html")] = "html",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="the page, or its folder; beside the notebook if left out"
        ),
    ] = None,
) -> None:
    """Execute a copy of NOTEBOOK from top to bottom, and write it as a page."""
    try:
        from attune_nb.notebook import publish as publishing  # noqa: PLC0415 - an extra's packages
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "attune_nb"):
            raise
        _wrong(AttuneError(f"{missing} is missing: pip install 'attune_nb[publish]'"))
    try:
        with _errors.status(f"executing {notebook.name}") as shown:
            page = publishing.publish(
                notebook,
                output,
                _pairs(param or [], "-p"),
                to=to,
                told=lambda number, of: shown.update(
                    f"{notebook.name}: code cell {number} of {of}"
                ),
            )
    except RunFailed as error:
        _errors.print(str(error), markup=False)
        raise typer.Exit(1) from None
    except (AttuneError, OSError, ValueError) as error:
        _wrong(error)
    size = page.stat().st_size
    typer.echo(f"{page}: {size / 1e6:.2f} MB")
    if size > publishing.LARGE:
        _errors.print(f"this is a large page: over {publishing.LARGE / 1e6:g} MB", markup=False)


@app.command()
def demo(
    servers: Annotated[int, typer.Option(help="how many endpoints to serve", min=1)] = 1000,
) -> None:
    """Check the health of 1,000 servers, which this command serves itself."""
    with demonstration.FleetServer(servers) as fleet:
        typer.echo(f"serving {servers:,} endpoints at {fleet.url}; checking them 50 at a time")
        made = loads(demonstration.WORKFLOW, "demo").run(
            {"fleet": fleet.url},
            name="health check",
            actions={"check_server": demonstration.check_server},
            store="none",
        )
        _print(made, as_json=False)
        if made.status != "succeeded":
            raise typer.Exit(_STATUS.get(made.status, 1))
        found = made.items("check")
        down = sorted(item["name"] for item in found.loc[found["status"] == "failed", "item"])
        agrees = down == fleet.failing_names
        typer.echo(f"down: {', '.join(down)}")
        typer.echo(
            "these are exactly the servers that were told to fail"
            if agrees
            else f"but the servers told to fail were: {', '.join(fleet.failing_names)}"
        )
    raise typer.Exit(0 if agrees else 1)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="clone or fanout")],
    csv: Annotated[Path | None, typer.Option(help="where to write every measurement")] = None,
    charts: Annotated[Path | None, typer.Option(help="a folder for the charts")] = None,
) -> None:
    """Measure what an item's context costs (clone), or what a fan-out does (fanout)."""
    if csv is not None and not csv.absolute().parent.is_dir():  # before minutes of measuring
        _wrong(AttuneError(f"--csv {csv}: there is no folder {csv.parent}"))
    from attune_nb.bench import charted  # noqa: PLC0415 - pandas and matplotlib are heavy

    try:
        if charts is not None:
            charts.mkdir(parents=True, exist_ok=True)
        df, figures = charted(name)
        if csv is not None:
            df.to_csv(csv, index=False)
        if charts is not None:
            for title, figure in figures.items():
                figure.savefig(charts / f"{title}.png")
    except (AttuneError, OSError) as error:
        _wrong(error)
    each = (df["seconds"] / df["n"] * 1e6).rename("us an item")
    told = each.groupby([df["strategy"], df["size"], df["n"]]).median().round(3)
    typer.echo(told.reset_index().to_string(index=False))


def _find_modules_here(*, wanted: bool) -> None:
    """Let modules of the current folder be imported, as `python -m` does."""
    if wanted and "" not in sys.path:
        sys.path.insert(0, "")


def _parameters(file: Path | None, pairs: list[str]) -> dict[str, Any]:
    return (load_parameters(file) if file is not None else {}) | _pairs(pairs, "--set")


def _pairs(pairs: list[str], option: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise ValueError(f"{option} takes NAME=VALUE, not {pair!r}")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _print(made: Run, *, as_json: bool) -> None:
    if as_json:
        told = {
            "run_id": made.run_id,
            "status": made.status,
            "output": made.output,
            "error": made.error,
            "duration_ms": made.duration_ms,
        }
        typer.echo(json.dumps(told, default=repr))
        return
    typer.echo(repr(made))
    if made.output is not None:
        typer.echo(f"output: {json.dumps(made.output, default=repr)}")


def _tell_way_on(made: Run) -> None:
    """Say what goes on with a run that pauses, of which this process is about to be gone."""
    if made.status == "paused" and made.store is not None:
        _errors.print(f"`attune-nb resume {made.run_id}` goes on with it", markup=False)


def _wrong(error: Exception) -> NoReturn:
    _errors.print(str(error), markup=False)
    raise typer.Exit(2)

"""The `attune-nb` command: a thin layer over the same calls that Python makes.

Exit status: 0 succeeded, 1 the run failed, 2 wrong usage or an invalid workflow, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from attune_nb import demo as demo_services
from attune_nb.errors import AttuneError, RunFailed, WorkflowError
from attune_nb.html import printable
from attune_nb.results.durations import format_duration
from attune_nb.running import history
from attune_nb.running import resume as resuming
from attune_nb.running.workflow import load_file, load_parameters, loads

if TYPE_CHECKING:
    from attune_nb.running.run import Run

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)

# Exit status by status of the run, otherwise 1. After a second interrupt the command ends
# while the run is still cancelling or running.
_EXIT_STATUS = {"succeeded": 0, "cancelled": 130, "cancelling": 130, "running": 130}

_AllowImports = Annotated[
    bool,
    typer.Option(
        "--allow-imports",
        help="allow `module:function` as an action, also from modules of the current folder",
    ),
]
_Store = Annotated[
    str | None,
    typer.Option(
        help="file of the run records, or none [default: ATTUNE_NB_STORE, or .attune/runs.db]"
    ),
]


def main() -> None:
    """Run the command line."""
    app()


@app.command()
def run(
    file: Path,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE (JSON, or a string)")
    ] = None,
    params: Annotated[Path | None, typer.Option(help="parameters as a JSON or YAML file")] = None,
    backend: Annotated[str, typer.Option(help="threads, processes, dask or inline")] = "threads",
    workers: Annotated[
        int | None, typer.Option(help="number of worker processes, or of threads for a task")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the outcome as JSON")] = False,
    allow_imports: _AllowImports = False,
    store: _Store = None,
) -> None:
    """Run the workflow in FILE."""
    _find_modules_here(allowed=allow_imports)
    try:
        workflow = load_file(file)
        workflow_run = workflow.run(
            _parameters(params, set_),
            name=file.stem,
            backend=backend,
            workers=workers,
            allow_imports=allow_imports,
            store=store,
        )
    except (AttuneError, ValueError) as error:
        _exit_with_error(error)

    _print(workflow_run, as_json=as_json)
    _hint_at_resume(workflow_run)
    raise typer.Exit(_EXIT_STATUS.get(workflow_run.status, 1))


@app.command()
def check(file: Path, allow_imports: _AllowImports = False) -> None:
    """Report the problems of the workflow in FILE."""
    _find_modules_here(allowed=allow_imports)
    try:
        problems = load_file(file).check(allow_imports=allow_imports)
    except WorkflowError as error:
        _exit_with_error(error)

    for problem in problems:
        _errors.print(f"{problem.severity}: {problem.explain()}", markup=False)
    if any(problem.severity == "error" for problem in problems):
        raise typer.Exit(2)
    typer.echo(f"{file}: no errors")


@app.command()
def runs(store: _Store = None) -> None:
    """List the runs of a store, also those that another process is running."""
    try:
        frame = history.runs(store)
    except AttuneError as error:
        _exit_with_error(error)

    for row in frame.to_dict("records"):
        duration = format_duration(row["duration_ms"] / 1000)
        failed = ""
        if row["failed"]:
            failed = f", {row['failed']:,} failed"
        typer.echo(
            f"{row['run_id']}  {row['started']:%Y-%m-%d %H:%M:%S}  {row['status']:<11}  "
            f"{printable(row['workflow'])}: {duration}, {row['items']:,} items{failed}"
        )


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="the run's id, or the beginning of it")],
    store: _Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the outcome as JSON")] = False,
) -> None:
    """Show a run of a store in its present state."""
    try:
        recorded_run = history.open_run(run, store)
    except AttuneError as error:
        _exit_with_error(error)
    _print(recorded_run, as_json=as_json)


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="the run's id, or the beginning of it")],
    store: _Store = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="NAME=VALUE: a secret parameter, which the record does not hold"
        ),
    ] = None,
    rerun: Annotated[
        bool,
        typer.Option("--rerun", help="run attempts in doubt again, which may then run twice"),
    ] = False,
    backend: Annotated[
        str | None, typer.Option(help="threads, processes, dask or inline; by default as before")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="as for `run`")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the outcome as JSON")] = False,
    allow_imports: _AllowImports = False,
) -> None:
    """Continue an interrupted run of a store."""
    _find_modules_here(allowed=allow_imports)
    try:
        resumed_run = resuming.resume(
            run,
            store,
            parameters=_pairs(set_, "--set"),
            backend=backend,
            workers=workers,
            allow_imports=allow_imports,
        )
    except (AttuneError, ValueError) as error:
        _exit_with_error(error)

    while rerun and resumed_run.in_doubt:
        for attempt in resumed_run.in_doubt:
            resumed_run.rerun(attempt.task, attempt.index)
        resumed_run.wait()

    _print(resumed_run, as_json=as_json)
    _hint_at_resume(resumed_run)
    raise typer.Exit(_EXIT_STATUS.get(resumed_run.status, 1))


@app.command()
def timeline(
    run: Annotated[str, typer.Argument(help="the run's id, or the beginning of it")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="the image file: .svg, .png or .pdf")
    ],
    store: _Store = None,
    dark: Annotated[bool, typer.Option(help="for a dark page")] = False,
) -> None:
    """Draw the timeline of a run of a store."""
    try:
        recorded_run = history.open_run(run, store)
        from attune_nb import charts  # noqa: PLC0415 - matplotlib is heavy

        charts.timeline(recorded_run, dark=dark).savefig(output)
    except (AttuneError, OSError, ValueError) as error:
        _exit_with_error(error)
    typer.echo(output)


@app.command()
def graph(
    file: Path,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="the image file: .svg, .png or .pdf")
    ] = None,
    dark: Annotated[bool, typer.Option(help="for a dark page")] = False,
) -> None:
    """Draw the workflow in FILE."""
    if output is None:
        output = file.with_suffix(".svg")
    try:
        workflow = load_file(file)
        from attune_nb import charts  # noqa: PLC0415 - matplotlib is heavy

        charts.graph(workflow, dark=dark).savefig(output)
    except (AttuneError, OSError, ValueError) as error:
        _exit_with_error(error)
    typer.echo(output)


@app.command()
def export(
    file: Path,
    folder: Path,
    ref: Annotated[
        str | None, typer.Option(help="pack.name; by default the workflow's own ref")
    ] = None,
) -> None:
    """Write the workflow in FILE as the two files of an Attune pack."""
    try:
        workflow = load_file(file)
        if ref is None:
            ref = workflow.ref
        if not ref:
            ref = f"default.{file.stem}"
        paths = workflow.export(folder, ref=ref)
    except (AttuneError, OSError) as error:
        _exit_with_error(error)

    for path in paths:
        typer.echo(path)


@app.command()
def publish(
    notebook: Path,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--param",
            help="NAME=VALUE (JSON or string) for the cell tagged `parameters`; shown in the page",
        ),
    ] = None,
    to: Annotated[str, typer.Option(help="the page's format: html")] = "html",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="the page, or its folder; by default beside the notebook"
        ),
    ] = None,
) -> None:
    """Execute a copy of NOTEBOOK from top to bottom, and write it as an HTML page."""
    try:
        from attune_nb.notebook import publish as publishing  # noqa: PLC0415 - an extra's packages
    except ImportError as error:
        if error.name is None:
            raise
        missing = error.name.partition(".")[0]
        if missing in ("", "attune_nb"):
            raise
        _exit_with_error(AttuneError(f"{missing} is missing: pip install 'attune_nb[publish]'"))

    try:
        with _errors.status(f"executing {notebook.name}") as status:

            def show_progress(number: int, count: int) -> None:
                status.update(f"{notebook.name}: code cell {number} of {count}")

            page = publishing.publish(
                notebook, output, _pairs(param, "-p"), to=to, on_cell_start=show_progress
            )
    except RunFailed as error:
        _errors.print(str(error), markup=False)
        raise typer.Exit(1) from None
    except (AttuneError, OSError, ValueError) as error:
        _exit_with_error(error)

    size = page.stat().st_size
    typer.echo(f"{page}: {size / 1e6:.2f} MB")
    if size > publishing.LARGE_PAGE:
        _errors.print(
            f"this is a large page: over {publishing.LARGE_PAGE / 1e6:g} MB", markup=False
        )


@app.command()
def demo(
    servers: Annotated[int, typer.Option(help="how many endpoints to serve", min=1)] = 1000,
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
        _print(demo_run, as_json=False)
        if demo_run.status != "succeeded":
            raise typer.Exit(_EXIT_STATUS.get(demo_run.status, 1))

        items = demo_run.items("check")
        failed_items = items.loc[items["status"] == "failed", "item"]
        down = sorted(item["name"] for item in failed_items)
        typer.echo(f"down: {', '.join(down)}")

        if down != fleet.failing_names:
            failing = ", ".join(fleet.failing_names)
            typer.echo(f"but the servers set to fail were: {failing}")
            raise typer.Exit(1)
        typer.echo("these are exactly the servers that were set to fail")


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="clone or fanout")],
    csv: Annotated[Path | None, typer.Option(help="the file for all measurements")] = None,
    charts: Annotated[Path | None, typer.Option(help="a folder for the charts")] = None,
) -> None:
    """Measure the cost of an item's context (clone), or of a fan-out (fanout)."""
    # checked before minutes of measuring
    if csv is not None and not csv.absolute().parent.is_dir():
        _exit_with_error(AttuneError(f"--csv {csv}: there is no folder {csv.parent}"))
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
        _exit_with_error(error)

    microseconds = (frame["seconds"] / frame["n"] * 1e6).rename("us an item")
    groups = microseconds.groupby([frame["strategy"], frame["size"], frame["n"]])
    medians = groups.median().round(3)
    typer.echo(medians.reset_index().to_string(index=False))


def _find_modules_here(*, allowed: bool) -> None:
    """Make modules of the current folder importable, as `python -m` does."""
    if allowed and "" not in sys.path:
        sys.path.insert(0, "")


def _parameters(file: Path | None, pairs: list[str] | None) -> dict[str, Any]:
    """Return the parameters of a file, overridden by NAME=VALUE pairs."""
    parameters: dict[str, Any] = {}
    if file is not None:
        parameters.update(load_parameters(file))
    parameters.update(_pairs(pairs, "--set"))
    return parameters


def _pairs(pairs: list[str] | None, option: str) -> dict[str, Any]:
    """Return the values of NAME=VALUE pairs; a value that is no JSON is a string.

    Raises:
        ValueError: A pair has another form.
    """
    values: dict[str, Any] = {}
    if pairs is None:
        return values

    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise ValueError(f"{option} takes NAME=VALUE, not {pair!r}")
        try:
            values[name] = json.loads(value)
        except ValueError:
            values[name] = value
    return values


def _print(run_view: history.AnyRun, *, as_json: bool) -> None:
    """Print the outcome of a run, for a person or as JSON."""
    if as_json:
        outcome = {
            "run_id": run_view.run_id,
            "status": run_view.status,
            "output": run_view.output,
            "error": run_view.error,
            "duration_ms": run_view.duration_ms,
        }
        typer.echo(json.dumps(outcome, default=repr))
        return

    typer.echo(repr(run_view))
    if run_view.output is not None:
        typer.echo(f"output: {json.dumps(run_view.output, default=repr)}")


def _hint_at_resume(paused_run: Run) -> None:
    """Print the command that continues a paused run, which ends with this process."""
    if paused_run.status == "paused" and paused_run.store is not None:
        _errors.print(f"`attune-nb resume {paused_run.run_id}` continues it", markup=False)


def _exit_with_error(error: Exception) -> NoReturn:
    """Print an error and exit with status 2."""
    _errors.print(str(error), markup=False)
    raise typer.Exit(2)

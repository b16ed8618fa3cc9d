"""The commands about a workflow file: `check`, `graph` and `export`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from attune_nb.cli.action_files import load_action_files
from attune_nb.cli.options import Actions, AllowImports, Dark, WorkflowFile, find_modules_here
from attune_nb.cli.output import ERRORS, exit_with_error
from attune_nb.errors import AttuneError
from attune_nb.running.workflow import load_file

__all__ = ["check", "export", "graph"]


def check(file: WorkflowFile, actions: Actions = None, allow_imports: AllowImports = False) -> None:
    """Report the problems of the workflow in FILE."""
    find_modules_here(allowed=allow_imports)
    try:
        workflow = load_file(file)
        problems = workflow.check(load_action_files(actions), allow_imports=allow_imports)
    except AttuneError as error:
        exit_with_error(error)

    for problem in problems:
        ERRORS.print(f"{problem.severity}: {problem.explain()}", markup=False)
    if any(problem.severity == "error" for problem in problems):
        raise typer.Exit(2)
    typer.echo(f"{file}: no errors")


def graph(
    file: WorkflowFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="the image file: .svg, .png or .pdf; by default beside the workflow",
        ),
    ] = None,
    dark: Dark = False,
) -> None:
    """Draw the workflow in FILE."""
    if output is None:
        output = file.with_suffix(".svg")
    try:
        workflow = load_file(file)
        from attune_nb import charts  # noqa: PLC0415 - matplotlib is heavy

        charts.graph(workflow, dark=dark).savefig(output)
    except (AttuneError, OSError, ValueError) as error:
        exit_with_error(error)
    typer.echo(output)


def export(
    file: WorkflowFile,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="the folder of the pack")],
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
        exit_with_error(error)

    for path in paths:
        typer.echo(path)

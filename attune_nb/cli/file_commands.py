"""The commands about a workflow file: `check`, `graph` and `export`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from attune_nb.cli.action_files import load_action_files
from attune_nb.cli.options import (
    Actions,
    AllowImports,
    Dark,
    Packs,
    WorkflowFile,
    find_modules_here,
    output_option,
)
from attune_nb.cli.output import ERRORS, exit_with_error
from attune_nb.errors import AttuneError
from attune_nb.html import printable
from attune_nb.packs.pack_set import PackSet
from attune_nb.running.open_packs import open_packs
from attune_nb.running.pack import Pack
from attune_nb.running.pack_checks import check_pack_file, check_packs, packs_around
from attune_nb.running.workflow import load_file
from attune_nb.running.workflow_view import default_ref

if TYPE_CHECKING:
    from attune_nb.errors import Problem

__all__ = ["check", "export", "graph"]


def check(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|FOLDER",
            help="the workflow's YAML file, or the folder of a pack or of several",
        ),
    ],
    actions: Actions = None,
    packs: Packs = None,
    allow_imports: AllowImports = False,
) -> None:
    """Report the problems of the workflow in FILE, or of the packs in FOLDER."""
    try:
        if file.is_dir():
            problems = _check_folder(file, packs)
        else:
            problems = _check_file(file, actions, packs, allow_imports=allow_imports)
    except AttuneError as error:
        exit_with_error(error)

    for problem in problems:
        ERRORS.print(f"{problem.severity}: {printable(problem.explain())}", markup=False)
    if any(problem.severity == "error" for problem in problems):
        raise typer.Exit(2)
    typer.echo(printable(f"{file}: no errors"))


def _check_file(
    file: Path, actions: Actions, packs: Packs, *, allow_imports: bool
) -> list[Problem]:
    problems = check_pack_file(file)
    if problems is not None:
        return problems

    find_modules_here(allowed=allow_imports)
    workflow = load_file(file)
    # a run needs all of them by name, for it runs their code
    pack_set = packs_around(file, open_packs(packs))
    return workflow.check(load_action_files(actions), allow_imports=allow_imports, packs=pack_set)


def _check_folder(folder: Path, packs: Packs) -> list[Problem]:
    """Check the packs of a folder, and print a line about each."""
    checked = open_packs(folder)
    for contents in checked.contents:
        line = f"{contents.shown_folder}: {Pack(contents).heading()}"
        typer.echo(printable(line))

    named_packs = open_packs(packs)
    problems = check_packs(
        checked.contents,
        PackSet(named_packs.contents, [*checked.unreadable, *named_packs.unreadable]),
    )
    return list(problems)


def graph(
    file: WorkflowFile,
    output: Annotated[
        Path | None,
        output_option("the image file: .svg, .png or .pdf; by default beside the workflow"),
    ] = None,
    dark: Dark = False,
) -> None:
    """Draw the workflow in FILE."""
    if output is None:
        output = file.with_suffix(".svg")
    try:
        packs = packs_around(file, open_packs(()))
        load_file(file).graph(dark=dark or None, packs=packs).savefig(output)
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
            ref = default_ref(folder, file.stem)
        paths = workflow.export(folder, ref=ref)
    except (AttuneError, OSError) as error:
        exit_with_error(error)

    for path in paths:
        typer.echo(path)

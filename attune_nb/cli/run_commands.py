"""The commands that run a workflow: `run` and `resume`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from attune_nb.cli.options import (
    AllowImports,
    AsJson,
    RunId,
    Store,
    find_modules_here,
    read_pairs,
    read_parameters,
)
from attune_nb.cli.output import exit_status, exit_with_error, hint_at_resume, print_run
from attune_nb.errors import AttuneError
from attune_nb.running import resume as resuming
from attune_nb.running.workflow import load_file

__all__ = ["resume", "run"]


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
    as_json: AsJson = False,
    allow_imports: AllowImports = False,
    store: Store = None,
) -> None:
    """Run the workflow in FILE."""
    find_modules_here(allowed=allow_imports)
    try:
        workflow = load_file(file)
        workflow_run = workflow.run(
            read_parameters(params, set_),
            name=file.stem,
            backend=backend,
            workers=workers,
            allow_imports=allow_imports,
            store=store,
        )
    except (AttuneError, ValueError) as error:
        exit_with_error(error)

    print_run(workflow_run, as_json=as_json)
    hint_at_resume(workflow_run)
    raise typer.Exit(exit_status(workflow_run))


def resume(
    run: RunId,
    store: Store = None,
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
    as_json: AsJson = False,
    allow_imports: AllowImports = False,
) -> None:
    """Continue an interrupted run of a store."""
    find_modules_here(allowed=allow_imports)
    try:
        resumed_run = resuming.resume(
            run,
            store,
            parameters=read_pairs(set_, "--set"),
            backend=backend,
            workers=workers,
            allow_imports=allow_imports,
        )
    except (AttuneError, ValueError) as error:
        exit_with_error(error)

    while rerun and resumed_run.in_doubt:
        for attempt in resumed_run.in_doubt:
            resumed_run.rerun(attempt.task, attempt.index)
        resumed_run.wait()

    print_run(resumed_run, as_json=as_json)
    hint_at_resume(resumed_run)
    raise typer.Exit(exit_status(resumed_run))

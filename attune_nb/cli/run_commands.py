"""The commands that run a workflow: `run` and `resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from attune_nb.cli.action_files import load_action_files
from attune_nb.cli.options import (
    Actions,
    AllowImports,
    AsJson,
    Backend,
    Concurrency,
    DryRun,
    Keystore,
    Mock,
    Parameters,
    Params,
    RunId,
    Secret,
    SecretEnv,
    Store,
    Workers,
    WorkflowFile,
    find_modules_here,
)
from attune_nb.cli.output import exit_status, exit_with_error, hint_at_resume, print_run
from attune_nb.cli.secrets import read_secrets
from attune_nb.cli.values import read_mocks, read_pairs, read_parameters
from attune_nb.errors import AttuneError
from attune_nb.running import history
from attune_nb.running import resume as resuming
from attune_nb.running.secret_sources import add_secret_parameters
from attune_nb.running.workflow import load_file

if TYPE_CHECKING:
    from attune_nb.running.run import Run

__all__ = ["resume", "run"]

_DEFAULT_BACKEND = "threads"


def run(
    file: WorkflowFile,
    set_: Parameters = None,
    params: Params = None,
    actions: Actions = None,
    allow_imports: AllowImports = False,
    backend: Backend = _DEFAULT_BACKEND,
    workers: Workers = None,
    concurrency: Concurrency = None,
    mock: Mock = None,
    dry_run: DryRun = False,
    keystore: Keystore = None,
    secret: Secret = None,
    secret_env: SecretEnv = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Run the workflow in FILE."""
    find_modules_here(allowed=allow_imports)
    try:
        workflow = load_file(file)
        parameters = read_parameters(params, set_)
        mocks = read_mocks(mock)
        functions = load_action_files(actions)
        all_secrets, named_secrets = read_secrets(keystore, secret, secret_env)

        options: dict[str, Any] = {}
        if mocks:
            options["mock"] = mocks
        if dry_run:
            options["dry_run"] = True
        workflow_run = workflow.run(
            add_secret_parameters(workflow, parameters, named_secrets),
            name=file.stem,
            backend=backend or _DEFAULT_BACKEND,
            workers=workers,
            concurrency=concurrency,
            actions=functions,
            allow_imports=allow_imports,
            keystore=all_secrets,
            store=store,
            **options,
        )
    except (AttuneError, ValueError) as error:
        exit_with_error(error)

    _exit_with_outcome(workflow_run, as_json=as_json)


def resume(
    run: RunId,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="a secret parameter, which the record does not hold; repeatable",
        ),
    ] = None,
    actions: Actions = None,
    allow_imports: AllowImports = False,
    rerun: Annotated[
        bool,
        typer.Option("--rerun", help="run attempts in doubt again, which may then run twice"),
    ] = False,
    backend: Backend = None,
    workers: Workers = None,
    concurrency: Concurrency = None,
    mock: Mock = None,
    keystore: Keystore = None,
    secret: Secret = None,
    secret_env: SecretEnv = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Continue an interrupted run of a store; options that are left out are as before."""
    find_modules_here(allowed=allow_imports)
    try:
        parameters = read_pairs(set_, "--set")
        mocks = read_mocks(mock)
        functions = load_action_files(actions)
        all_secrets, named_secrets = read_secrets(keystore, secret, secret_env)
        if named_secrets:
            workflow = history.open_run(run, store).workflow
            parameters = add_secret_parameters(workflow, parameters, named_secrets)

        resumed_run = resuming.resume(
            run,
            store,
            parameters=parameters,
            backend=backend,
            workers=workers,
            concurrency=concurrency,
            mock=mocks or None,
            actions=functions,
            allow_imports=allow_imports,
            keystore=all_secrets,
        )
    except (AttuneError, ValueError) as error:
        exit_with_error(error)

    while rerun and resumed_run.in_doubt:
        for attempt in resumed_run.in_doubt:
            resumed_run.rerun(attempt.task, attempt.index)
        resumed_run.wait()

    _exit_with_outcome(resumed_run, as_json=as_json)


def _exit_with_outcome(ended_run: Run, *, as_json: bool) -> None:
    """Print the outcome of a run, and exit with its status."""
    print_run(ended_run, as_json=as_json)
    hint_at_resume(ended_run)
    raise typer.Exit(exit_status(ended_run))

"""The commands that run a workflow: `run` and `resume`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attune_nb.cli.code_options import format_code_options
from attune_nb.cli.control_commands import continue_live_run
from attune_nb.cli.debugging import debug_options, stop_at_breakpoints
from attune_nb.cli.options import (
    Actions,
    AllowImports,
    Answers,
    AsJson,
    Attended,
    Backend,
    Concurrency,
    Debug,
    DryRun,
    Keystore,
    LogFile,
    Logs,
    Mock,
    NoProgress,
    Otel,
    Packs,
    Parameters,
    Params,
    PassEnv,
    RunId,
    Secret,
    SecretEnv,
    Store,
    Workers,
    find_modules_here,
)
from attune_nb.cli.output import (
    exit_with_error,
    exit_with_outcome,
    exit_with_question,
    print_warnings,
)
from attune_nb.cli.shared_options import read_shared_options
from attune_nb.cli.stored_runs import find_live_run, last_interrupted_run
from attune_nb.cli.values import read_parameters
from attune_nb.errors import AttuneError, ParameterError, QuestionOpen
from attune_nb.running import history
from attune_nb.running import resume as resuming
from attune_nb.running.packed_workflow import workflow_of_ref
from attune_nb.running.secret_sources import add_secret_parameters
from attune_nb.running.waiting import wait_for_end
from attune_nb.running.workflow import load_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.packs.pack_set import PackSet
    from attune_nb.running.recorded_run import RecordedRun
    from attune_nb.running.run import Run
    from attune_nb.running.workflow import Workflow

__all__ = ["resume", "run"]

_FILE_SUFFIXES = (".yaml", ".yml")

# seconds between two looks at the attempts in doubt
_LOOK = 0.05


def run(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|REF",
            help="the workflow's YAML file; or the ref of an action or a workflow in a pack, such "
            "as hostkit.disk",
        ),
    ],
    set_: Parameters = None,
    params: Params = None,
    actions: Actions = None,
    packs: Packs = None,
    allow_imports: AllowImports = False,
    backend: Backend = None,
    workers: Workers = None,
    concurrency: Concurrency = None,
    answer: Answers = None,
    mock: Mock = None,
    dry_run: DryRun = False,
    debug: Debug = False,
    keystore: Keystore = None,
    secret: Secret = None,
    secret_env: SecretEnv = None,
    pass_env: PassEnv = None,
    store: Store = None,
    run_id: RunId = None,
    attended: Attended = False,
    no_progress: NoProgress = False,
    logs: Logs = None,
    otel: Otel = False,
    log_file: LogFile = None,  # noqa: ARG001 - its callback has acted on it
    as_json: AsJson = False,
) -> None:
    """Run the workflow in FILE, or an action or a workflow of a pack."""
    find_modules_here(allowed=allow_imports)
    code_words = format_code_options(
        actions=actions,
        packs=packs,
        pass_env=pass_env,
        keystore=keystore,
        secret=secret,
        secret_env=secret_env,
        allow_imports=allow_imports,
    )
    try:
        options, named_secrets = read_shared_options(
            actions=actions,
            allow_imports=allow_imports,
            workers=workers,
            concurrency=concurrency,
            answer=answer,
            mock=mock,
            keystore=keystore,
            secret=secret,
            secret_env=secret_env,
            packs=packs,
            pass_env=pass_env,
            logs=logs,
            otel=otel,
            as_json=as_json,
            attended=attended,
        )
        options |= debug_options(backend, debug=debug, no_progress=no_progress)
        if dry_run:
            options["dry_run"] = True
        if run_id is not None:
            options["run_id"] = run_id
        workflow, parameters = _read_workflow(file, options, set_, params, named_secrets)
        print_warnings(workflow)
        with stop_at_breakpoints(debug=debug):
            workflow_run = workflow.run(parameters, store=store, **options)
    except QuestionOpen as error:
        exit_with_question(error, code_words, as_json=as_json)
    except (AttuneError, ValueError) as error:
        exit_with_error(error)

    exit_with_outcome(workflow_run, code_words, as_json=as_json)


def _read_workflow(
    file: Path,
    options: Mapping[str, Any],
    set_: Parameters,
    params: Params,
    secrets: Mapping[str, str],
) -> tuple[Workflow, dict[str, Any]]:
    """Return the workflow of a file or a ref, and its parameters.

    Raises:
        AttuneError: There is no such workflow, or a parameter cannot be used.
    """
    packs: PackSet | None = options.get("packs")
    ref = str(file)
    is_ref = packs is not None and ref in packs.refs
    is_file = file.exists() or "." not in ref
    if file.suffix in _FILE_SUFFIXES and not is_ref:
        is_file = True
    if is_file:
        workflow = load_file(file)
    elif packs is None:
        raise ParameterError(
            f"there is no file `{ref}`; if it is an action or a workflow of a pack, name the "
            "folder of the pack: `--pack FOLDER`"
        )
    else:
        workflow = workflow_of_ref(packs, ref)

    parameters = read_parameters(workflow, set_, params)
    parameters = add_secret_parameters(workflow, parameters, secrets)
    if packs is not None and not is_file:
        # an action gets only the parameters that have a value
        workflow = workflow_of_ref(packs, ref, parameters)
    return workflow, parameters


def resume(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="the run's id, or the beginning of it; by default the last interrupted run",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="a secret parameter, which the record does not hold; repeatable",
        ),
    ] = None,
    params: Params = None,
    actions: Actions = None,
    packs: Packs = None,
    allow_imports: AllowImports = False,
    rerun: Annotated[
        bool,
        typer.Option("--rerun", help="run attempts in doubt again, which may then run twice"),
    ] = False,
    backend: Backend = None,
    workers: Workers = None,
    concurrency: Concurrency = None,
    answer: Answers = None,
    mock: Mock = None,
    keystore: Keystore = None,
    secret: Secret = None,
    secret_env: SecretEnv = None,
    pass_env: PassEnv = None,
    store: Store = None,
    attended: Attended = False,
    no_progress: NoProgress = False,
    logs: Logs = None,
    otel: Otel = False,
    log_file: LogFile = None,  # noqa: ARG001 - its callback has acted on it
    as_json: AsJson = False,
) -> None:
    """Continue an interrupted run of a store; options that are left out are as before.

    A run that is paused in another process continues there.
    """
    find_modules_here(allowed=allow_imports)
    code_words = format_code_options(
        actions=actions,
        packs=packs,
        pass_env=pass_env,
        keystore=keystore,
        secret=secret,
        secret_env=secret_env,
        allow_imports=allow_imports,
    )
    try:
        options, named_secrets = read_shared_options(
            actions=actions,
            allow_imports=allow_imports,
            workers=workers,
            concurrency=concurrency,
            answer=answer,
            mock=mock,
            keystore=keystore,
            secret=secret,
            secret_env=secret_env,
            packs=packs,
            pass_env=pass_env,
            logs=logs,
            otel=otel,
            as_json=as_json,
            attended=attended,
        )
        options |= debug_options(backend, debug=False, no_progress=no_progress)
        run_id = run
        if run_id is None:
            run_id = last_interrupted_run(store)
        live_run = find_live_run(run_id, store)
        if live_run is not None:
            _refuse_changes(live_run, code_words, [set_, mock, backend, workers, concurrency])
            continue_live_run(live_run, options.get("answers", {}), reruns=rerun)
            raise typer.Exit
        parameters: dict[str, Any] = {}
        if set_ or params is not None or named_secrets:
            workflow = history.open_run(run_id, store).workflow
            parameters = add_secret_parameters(
                workflow, read_parameters(workflow, set_, params), named_secrets
            )

        with stop_at_breakpoints(debug=False):
            resumed_run = resuming.resume(run_id, store, parameters=parameters, **options)
            while rerun and resumed_run.in_doubt:
                _rerun_attempts(resumed_run)
    except QuestionOpen as error:
        exit_with_question(error, code_words, as_json=as_json)
    except (AttuneError, ValueError) as error:
        exit_with_error(error)

    exit_with_outcome(resumed_run, code_words, as_json=as_json)


def _refuse_changes(live_run: RecordedRun, code_words: str, changes: list[Any]) -> None:
    """Raise an error for an option that a run of another process cannot change.

    Args:
        live_run: The run.
        code_words: The options for the code of the run, as words of the command line.
        changes: The values of other options; None without the option.

    Raises:
        ParameterError: One was passed.
    """
    if code_words or any(change is not None for change in changes):
        raise ParameterError(
            f"run {live_run.run_id} is in progress in another process and keeps its options: only "
            "`--answer` and `--rerun` can be passed; or cancel it, and use "
            f"`attune-nb retry {live_run.run_id}`"
        )


def _rerun_attempts(resumed_run: Run) -> None:
    """Run the attempts in doubt again, and wait for the end of the run.

    Raises:
        QuestionOpen: The run then waits for an answer, and is unattended.
    """
    for attempt in resumed_run.in_doubt:
        resumed_run.rerun(attempt.task, attempt.index)

    # the requests are processed within a moment
    while resumed_run.in_doubt and not resumed_run.wait(_LOOK):
        continue
    wait_for_end(resumed_run, None)

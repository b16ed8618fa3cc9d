"""The commands that repeat a part of a run on record: `retry` and `fork`."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import typer

from attune_nb.cli.code_options import format_code_options
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
    Keystore,
    LatestRunId,
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
from attune_nb.cli.output import exit_with_error, exit_with_outcome, exit_with_question
from attune_nb.cli.shared_options import read_shared_options
from attune_nb.cli.stored_runs import open_stored_run
from attune_nb.cli.values import read_parameters
from attune_nb.errors import AttuneError, QuestionOpen
from attune_nb.running.secret_sources import add_secret_parameters

__all__ = ["fork", "retry"]


class _Changes(NamedTuple):
    """The options of a command that repeats a part of a run, as they are written."""

    set_: Parameters
    params: Params
    actions: Actions
    packs: Packs
    allow_imports: bool
    backend: Backend
    workers: Workers
    concurrency: Concurrency
    answer: Answers
    mock: Mock
    debug: bool
    keystore: Keystore
    secret: Secret
    secret_env: SecretEnv
    pass_env: PassEnv
    run_id: RunId
    attended: Attended
    no_progress: bool
    logs: Logs
    otel: bool
    as_json: bool


def retry(
    run: LatestRunId = None,
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
    """Run the failed tasks and items of a run again, and reuse its other results."""
    changes = _Changes(
        set_, params, actions, packs, allow_imports, backend, workers, concurrency, answer, mock,
        debug, keystore, secret, secret_env, pass_env, run_id, attended, no_progress, logs, otel,
        as_json,
    )  # fmt: skip
    _repeat(run, None, store, changes, as_json=as_json)


def fork(
    run: Annotated[str, typer.Argument(metavar="RUN", help="the run's id, or the beginning of it")],
    task: Annotated[
        str,
        typer.Option(
            "--from", metavar="TASK", help="the task to run again, with those that follow it"
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
    """Run a task of a run and the tasks after it again, and reuse its other results."""
    changes = _Changes(
        set_, params, actions, packs, allow_imports, backend, workers, concurrency, answer, mock,
        debug, keystore, secret, secret_env, pass_env, run_id, attended, no_progress, logs, otel,
        as_json,
    )  # fmt: skip
    _repeat(run, task, store, changes, as_json=as_json)


def _repeat(
    run_id: str | None, task: str | None, store: str | None, changes: _Changes, *, as_json: bool
) -> None:
    """Run a task and those after it again, or all that failed; exit with the outcome."""
    find_modules_here(allowed=changes.allow_imports)
    code_words = format_code_options(
        actions=changes.actions,
        packs=changes.packs,
        pass_env=changes.pass_env,
        keystore=changes.keystore,
        secret=changes.secret,
        secret_env=changes.secret_env,
        allow_imports=changes.allow_imports,
    )
    try:
        earlier_run = open_stored_run(run_id, store)
        parameters, options = _read_changes(earlier_run.workflow, changes)
        with stop_at_breakpoints(debug=changes.debug):
            if task is None:
                new_run = earlier_run.retry(parameters=parameters, **options)
            else:
                new_run = earlier_run.fork(task, parameters, **options)
    except QuestionOpen as error:
        exit_with_question(error, code_words, as_json=as_json)
    except (AttuneError, ValueError) as error:
        exit_with_error(error)

    exit_with_outcome(new_run, code_words, as_json=as_json)


def _read_changes(workflow: Any, changes: _Changes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters and the options that replace those of the earlier run.

    Raises:
        AttuneError: One cannot be used.
    """
    parameters = read_parameters(workflow, changes.set_, changes.params)
    options, named_secrets = read_shared_options(
        actions=changes.actions,
        allow_imports=changes.allow_imports,
        workers=changes.workers,
        concurrency=changes.concurrency,
        answer=changes.answer,
        mock=changes.mock,
        keystore=changes.keystore,
        secret=changes.secret,
        secret_env=changes.secret_env,
        packs=changes.packs,
        pass_env=changes.pass_env,
        logs=changes.logs,
        otel=changes.otel,
        as_json=changes.as_json,
        attended=changes.attended,
    )
    if changes.run_id is not None:
        options["run_id"] = changes.run_id
    options |= debug_options(changes.backend, debug=changes.debug, no_progress=changes.no_progress)
    return add_secret_parameters(workflow, parameters, named_secrets), options

"""Preparation of a run from the options of a line with `%attune run` or `%%attune`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.notebook.answers import read_answers
from attune_nb.notebook.command import PendingRun
from attune_nb.notebook.expressions import evaluate_pairs, read_parameters
from attune_nb.notebook.secret_options import read_secrets
from attune_nb.running.declared_parameters import secret_parameter_names, text_parameter_names
from attune_nb.running.resume import resume
from attune_nb.templates.library.outer_names import explain_unpassed_name

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from attune_nb.notebook.session import Session
    from attune_nb.running.run import Run
    from attune_nb.running.workflow import Workflow

__all__ = ["prepare_pending_run"]


def prepare_pending_run(
    session: Session,
    name: str,
    options: Namespace,
    defaults: Mapping[str, Any],
) -> PendingRun:
    """Prepare a new run of a workflow, or one that reuses or continues an earlier run.

    Args:
        session: The session that defines the workflow.
        name: The workflow's name in the session.
        options: The options of the line.
        defaults: The configured `backend`, `workers`, `concurrency` and `store`, and the
            `readers` if there are any.

    Raises:
        UsageError: An option cannot be used, or there is no such earlier run.
    """
    workflow = session.get_workflow(name)
    run_options = _run_options(session, workflow, options)
    if "readers" in defaults:
        run_options["readers"] = defaults["readers"]
    parameters = read_parameters(
        options.params,
        options.set,
        session.shell.user_ns,
        secrets=secret_parameter_names(workflow),
        texts=text_parameter_names(workflow),
    )

    # the action of a pack gets only the parameters that have a value
    workflow = session.get_workflow(name, parameters)

    _check_earlier_run_options(options)
    secrets = read_secrets(
        options.keystore, options.secret, options.secret_env, session.shell.user_ns
    )
    secrets.add_to_options(run_options)
    parameters = secrets.add_to_parameters(workflow, parameters)
    store = options.store or defaults["store"]
    if options.resume is not None:
        run_id = session.get_interrupted_run_id(name, options.resume, store)
        return _prepare_resume(name, run_id, store, workflow, parameters, run_options)

    if options.from_task is not None or options.retry_failed is not None:
        if store:
            run_options["store"] = store
        return _prepare_reuse(session, name, options, workflow, parameters, run_options)

    _warn_of_unset_parameters(workflow, parameters)
    run_options = {**defaults, "store": store, "name": session.recorded_name(name), **run_options}
    return PendingRun(
        name, lambda progress: workflow.run(parameters, progress=progress, **run_options)
    )


def _warn_of_unset_parameters(workflow: Workflow, parameters: Mapping[str, Any]) -> None:
    """Print a line for each parameter without a value that a variable of the notebook has."""
    for name in workflow.unset_parameters(parameters):
        hint = explain_unpassed_name(name)
        if hint:
            sys.stderr.write(f"warning: the parameter `{name}` has no value{hint}\n")


def _run_options(session: Session, workflow: Workflow, options: Namespace) -> dict[str, Any]:
    """Return the options of the line as options of `Workflow.run`, without those left out."""
    run_options = session.code_options(workflow)
    run_options["background"] = options.background

    backend = options.backend
    if options.debug:
        if backend not in (None, "inline"):
            sys.stderr.write(
                "--debug runs the workflow inline, in this thread: "
                f"`--backend {backend}` is ignored\n"
            )
        backend = "inline"
    if backend is not None:
        run_options["backend"] = backend
    if options.workers is not None:
        run_options["workers"] = options.workers
    if options.concurrency is not None:
        run_options["concurrency"] = options.concurrency
    if options.mock:
        run_options["mock"] = evaluate_pairs(options.mock, session.shell.user_ns, "--mock")
    if options.answer:
        run_options["answers"] = read_answers(options.answer, session.shell.user_ns)
    if options.dry_run:
        run_options["dry_run"] = True
    if options.pass_env:
        run_options["pass_env"] = options.pass_env
    return run_options | _logs_option(options)


def _logs_option(options: Namespace) -> dict[str, str]:
    """Return the option for the lines that are shown; it is left out if the line has none."""
    if options.quiet:
        return {"logs": "none"}
    if options.logs is None:
        return {}
    return {"logs": options.logs}


def _check_earlier_run_options(options: Namespace) -> None:
    """Raise UsageError if more than one option selects an earlier run."""
    values = {
        "--from": options.from_task,
        "--retry-failed": options.retry_failed,
        "--resume": options.resume,
    }
    names = [name for name, value in values.items() if value is not None]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} cannot be combined: use one of them")


def _prepare_resume(
    name: str,
    run_id: str,
    store: str | None,
    workflow: Workflow,
    parameters: dict[str, Any],
    run_options: dict[str, Any],
) -> PendingRun:
    # a resumed run continues as it started, dry or not
    run_options.pop("dry_run", None)

    def start(progress: Any) -> Run:
        return resume(
            run_id,
            store,
            parameters=parameters,
            workflow=workflow,
            progress=progress,
            **run_options,
        )

    return PendingRun(name, start)


def _prepare_reuse(
    session: Session,
    name: str,
    options: Namespace,
    workflow: Workflow,
    parameters: dict[str, Any],
    run_options: dict[str, Any],
) -> PendingRun:
    """Prepare a fork from a task, or a retry of an earlier run."""
    store = run_options.get("store")
    earlier_run = session.get_earlier_run(name, options.retry_failed, store)

    if options.from_task:
        return PendingRun(
            name,
            lambda progress: earlier_run.fork(
                options.from_task, parameters, workflow, progress=progress, **run_options
            ),
        )

    return PendingRun(
        name,
        lambda progress: earlier_run.retry(
            parameters=parameters, workflow=workflow, progress=progress, **run_options
        ),
    )

"""The command of `%attune` that shows a form for the parameters of a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.errors import ParameterError
from attune_nb.notebook.answers import read_answers
from attune_nb.notebook.command import WORKFLOW, argument, check_variable_name, command
from attune_nb.notebook.commands_control import ANSWER, CONCURRENCY, LOGS, OUT, WORKERS
from attune_nb.notebook.expressions import read_parameters
from attune_nb.notebook.secret_options import SECRET_ARGUMENTS, read_secrets
from attune_nb.running.declared_parameters import secret_parameter_names, text_parameter_names
from attune_nb.running.workflow_form import make_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.display.workflow_form import WorkflowForm
    from attune_nb.notebook.session import Session
    from attune_nb.running.run import Run

__all__: list[str] = []


@command(
    WORKFLOW,
    argument(
        "pairs",
        "parameter",
        "a value to fill in: an expression of the notebook, otherwise a string; repeatable",
        nargs="*",
        metavar="NAME=EXPR",
    ),
    argument("--backend", "", "where attempts run: threads, processes, dask or inline"),
    WORKERS,
    CONCURRENCY,
    ANSWER,
    *SECRET_ARGUMENTS,
    LOGS,
    OUT,
)
def _form(session: Session, name: str, pairs: list[str], **line_options: Any) -> WorkflowForm:
    """Show a form for the parameters of a workflow; its button runs it in the background."""
    workflow = session.get_workflow(name)
    namespace = session.shell.user_ns
    out = line_options["out"]
    check_variable_name(out)

    parameters = read_parameters(
        None,
        pairs,
        namespace,
        secrets=secret_parameter_names(workflow),
        texts=text_parameter_names(workflow),
    )
    secrets = read_secrets(
        line_options["keystore"], line_options["secret"], line_options["secret_env"], namespace
    )
    magics: Any = session.shell.magics_manager.registry["AttuneMagics"]
    options = magics.run_defaults()
    for option in ("backend", "workers", "concurrency", "logs"):
        if line_options[option] is not None:
            options[option] = line_options[option]
    if line_options["answers"]:
        options["answers"] = read_answers(line_options["answers"], namespace)
    secrets.add_to_options(options)
    options["name"] = session.recorded_name(name)

    def run_latest(values: Mapping[str, Any], **run_options: Any) -> Run:
        """Run the workflow as it is defined when the button is clicked."""
        current = session.get_workflow(name, values)
        run_options |= session.code_options(current)
        run = current.run(values, **run_options)
        magics.cell_runner.keep_run(name, run, out)
        return run

    filled_in = secrets.add_to_parameters(workflow, parameters)
    try:
        return make_form(workflow, run_latest, filled_in, options)
    except ParameterError as error:
        raise UsageError(f"%attune form: {error}") from None

"""A form for a workflow's parameters, whose button runs it in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.display.workflow_form import WorkflowForm
from attune_nb.errors import ParameterError, nearest
from attune_nb.forms.fields import fields_of_parameters
from attune_nb.language.parameter_specs import explain_misfit, specs_by_name
from attune_nb.running.prepare import read_names
from attune_nb.running.request import FormOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.display.outputs import Display
    from attune_nb.running.run import Run
    from attune_nb.running.workflow_view import WorkflowView

__all__ = ["make_form"]

# options of a run that the form itself sets
_OWN_OPTIONS = ("progress", "background")


def make_form(
    workflow: WorkflowView,
    run: Callable[..., Run],
    parameters: Mapping[str, Any] | None,
    options: Mapping[str, Any],
) -> WorkflowForm:
    """Return the form of a workflow.

    Args:
        workflow: The workflow.
        run: Runs it, as `Workflow.run` does.
        parameters: Values to fill in instead of the defaults.
        options: Options of its runs, as in `Workflow.run`.

    Raises:
        ParameterError: There is no such parameter or option, or a value does not fit.
    """
    parameters = read_names("parameters", parameters)
    if parameters is None:
        parameters = {}
    declared = workflow.parameters
    _check_options(options, declared)
    _check_values(declared, parameters)

    name = options.get("name")
    if not name:
        name = workflow.name
    description = workflow.description
    if description is None:
        description = ""
    fields = fields_of_parameters(declared)
    actions = _FormActions(declared, run, options)
    return WorkflowForm(name, description, fields, parameters, actions)


class _FormActions:
    """Checks the values of a form, and starts runs.

    Args:
        declared: The declared parameters.
        run: Runs the workflow.
        options: Options of its runs.
    """

    def __init__(
        self,
        declared: Mapping[str, Any] | None,
        run: Callable[..., Run],
        options: Mapping[str, Any],
    ) -> None:
        self._declared = declared
        self._run = run
        self._options = options

    def explain_misfit(self, name: str, value: Any) -> str | None:
        """Return why a value does not fit its parameter, or None."""
        if not self._declared:
            return None
        problem = explain_misfit(self._declared, name, value)
        return None if problem is None else problem.removeprefix("parameter ")

    def start(self, values: Mapping[str, Any], open_display: Callable[[], Display]) -> Run:
        """Start a run in the background, and return it.

        Raises:
            AttuneError: It cannot start.
        """
        return self._run(values, background=True, progress=open_display, **self._options)


def _check_options(options: Mapping[str, Any], declared: Mapping[str, Any] | None) -> None:
    names = FormOptions.__annotations__
    parameters = specs_by_name(declared) if declared else {}
    for name in options:
        if name in _OWN_OPTIONS:
            raise ParameterError(
                f"a form takes no option `{name}`: its runs are in the background, and their "
                "panel is below the form"
            )
        if name not in names and name in parameters:
            raise ParameterError(
                f"there is no option `{name}`; values of parameters are passed as an object: "
                f"`form({{'{name}': ...}})`"
            )
        if name not in names:
            raise ParameterError(f"there is no option `{name}`{nearest(name, names)}")


def _check_values(declared: Mapping[str, Any] | None, parameters: Mapping[str, Any]) -> None:
    """Check the values that are to be filled in.

    Raises:
        ParameterError: A parameter is not declared, or its value does not fit.
    """
    specs = specs_by_name(declared) if declared else {}
    for name, value in parameters.items():
        if name not in specs:
            raise ParameterError(f"there is no parameter `{name}`{nearest(name, specs)}")
        problem = None if declared is None else explain_misfit(declared, name, value)
        if problem is not None:
            raise ParameterError(problem)

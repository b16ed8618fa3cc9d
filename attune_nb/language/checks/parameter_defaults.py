"""Find defaults of parameters that look like expressions: a default is used as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import Problem, TemplateError
from attune_nb.language import parameter_specs
from attune_nb.templates.compiler.parse import parse_expression, split_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.language.model import WorkflowSpec

__all__ = ["find_template_defaults"]

# Characters of a default that a message shows.
_MAX_LENGTH = 60


def find_template_defaults(workflow: WorkflowSpec) -> Iterator[Problem]:
    """Warn of each default that holds an expression, which is never evaluated."""
    if not workflow.parameters:
        return

    secret_names = parameter_specs.secret_names(workflow.parameters)
    for name, spec in parameter_specs.specs_by_name(workflow.parameters).items():
        if not isinstance(spec, dict) or not _holds_expression(spec.get("default")):
            continue

        default = spec["default"]
        variable = f"`vars: {{{name}: ...}}`"
        if isinstance(default, str) and len(default) <= _MAX_LENGTH and name not in secret_names:
            variable = f'`vars: {{{name}: "{default}"}}`'
        yield Problem(
            f"the default of parameter `{name}` looks like an expression, but it is used as it "
            f"is; to compute it in each run, write {variable} instead",
            workflow.default_positions.get(name),
            "warning",
        )


def _holds_expression(value: Any) -> bool:
    """Return whether a value holds an expression; a format of docker in braces is none."""
    if isinstance(value, dict):
        return any(map(_holds_expression, value.values()))
    if isinstance(value, list):
        return any(map(_holds_expression, value))
    if not isinstance(value, str) or "{{" not in value:
        return False

    try:
        for part in split_template(value):
            if part.problem:
                return False
            if part.expression is not None:
                parse_expression(part.expression, part.text)
    except TemplateError:
        return False
    return True

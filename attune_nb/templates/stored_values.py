"""Evaluate templates that look into results which stay on the disk (`keep_results: store`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pyrsistent import pmap

from attune_nb.errors import TemplateError
from attune_nb.values.remote import RemoteReference, read_stored

if TYPE_CHECKING:
    from attune_nb.context import ItemScope, Outcome, TaskScope, WorkflowContext
    from attune_nb.templates.template import Template

__all__ = ["evaluate"]


def evaluate(template: Template, scope: ItemScope | TaskScope) -> Any:
    """Return the value of a template.

    A result on the disk is passed on as a reference. If an expression looks into one, it is
    evaluated again with the results that it reads, for the time of the evaluation.

    Raises:
        TemplateError: As `Template.render`.
    """
    try:
        return template.evaluate(scope)
    except TemplateError:
        if not RemoteReference.in_use:
            raise
        context = _with_stored(scope.context, template)
        changes: dict[str, Any] = {}
        if scope.outcome is not None:
            changes["outcome"] = _with_result(scope.outcome)
        if context is scope.context and changes.get("outcome") is scope.outcome:
            raise
    return template.evaluate(msgspec.structs.replace(scope, context=context, **changes))


def _with_stored(context: WorkflowContext, template: Template) -> WorkflowContext:
    """Return a context in which the results that a template may read are in memory."""
    # `task(name)` may read any task
    names = {name for path in template.paths for name in path}
    reads_any = bool(template.calls)

    tasks = {}
    variables = {}
    is_same = True
    for name, outcome in context.tasks.items():
        tasks[name] = outcome
        if reads_any or name in names:
            tasks[name] = _with_result(outcome)
            is_same = is_same and tasks[name] is outcome
    for name, value in context.variables.items():
        variables[name] = read_stored(value, lazy=True)
        is_same = is_same and variables[name] is value

    parameters = read_stored(context.parameters, lazy=True)
    if is_same and parameters is context.parameters:
        return context
    return context.replace(parameters=parameters, variables=pmap(variables), tasks=pmap(tasks))


def _with_result(outcome: Outcome) -> Outcome:
    result = read_stored(outcome.result, lazy=True)
    if result is outcome.result:
        return outcome
    return msgspec.structs.replace(outcome, result=result)

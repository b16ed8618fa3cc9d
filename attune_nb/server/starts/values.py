"""The parameters of runs that a server starts: read from requests, and sent to a process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError
from attune_nb.forms.entries import read_entries
from attune_nb.forms.fields import fields_of_parameters
from attune_nb.language.parameter_specs import (
    bind,
    explain_misfit,
    required_names,
    specs_by_name,
)
from attune_nb.server.web.problems import StartRefused, problems_by_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.running.workflow import Workflow
    from attune_nb.store.reading import StoredRun

__all__ = ["check_secrets", "encode_values", "read_values"]


def read_values(
    workflow: Workflow, parameters: Mapping[str, Any], entered: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the parameters of a run.

    Raises:
        StartRefused: 422: one is missing, is not declared, or does not fit.
    """
    declared = workflow.parameters
    values = dict(parameters)
    problems: dict[str, str] = {}
    if entered is not None:
        fields = fields_of_parameters(declared)
        fields = [field for field in fields if field.name not in parameters]
        read, problems = read_entries(fields, entered)
        values |= read

    specs = specs_by_name(declared) if declared else {}
    for name, value in values.items():
        if declared and name in specs:
            problem = explain_misfit(declared, name, value)
            if problem is not None:
                problems.setdefault(name, problem)
    if problems:
        replies = problems_by_field(problems)
        message = f"{len(replies)} parameters cannot be used"
        if len(replies) == 1:
            message = replies[0].message
        raise StartRefused(422, message, replies)

    try:
        bind(declared, values)
    except ParameterError as error:
        missing = [name for name in required_names(declared) if name not in values]
        replies = problems_by_field(dict.fromkeys(missing, "a value is needed"))
        raise StartRefused(422, str(error), replies) from None
    return values


def encode_values(parameters: Mapping[str, Any]) -> bytes:
    """Return parameters as JSON; nothing if there are none.

    Raises:
        StartRefused: 422: one cannot be sent.
    """
    if not parameters:
        return b""
    try:
        return json.dumps(parameters, allow_nan=False).encode()
    except (TypeError, ValueError):
        message = "a parameter cannot be sent: it must be plain data, and its numbers finite"
        raise StartRefused(422, message) from None


def check_secrets(stored: StoredRun, parameters: Mapping[str, Any]) -> None:
    """Check that the secret parameters of a run, which no record holds, were passed.

    Raises:
        StartRefused: 422, with a problem for each that is missing.
    """
    names = [name for name in stored.options.get("secrets", ()) if name not in parameters]
    if names:
        listed = ", ".join(f"`{name}`" for name in names)
        raise StartRefused(
            422,
            f"the record of run {stored.run_id} does not hold the secret {listed}; enter it again",
            problems_by_field(dict.fromkeys(names, "it is secret: enter it again")),
        )

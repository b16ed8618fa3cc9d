"""Warn of what a valid workflow probably does not mean."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from attune_nb.language.checks.parameter_defaults import find_template_defaults
from attune_nb.language.checks.shell_commands import find_unquoted_values
from attune_nb.language.describe import MAX_PROBLEMS

if TYPE_CHECKING:
    from attune_nb.errors import Problem
    from attune_nb.language.model import WorkflowSpec

__all__ = ["find_traps"]


def find_traps(workflow: WorkflowSpec) -> list[Problem]:
    """Return warnings about a workflow that was loaded without an error."""
    warnings: list[Problem] = []
    for check in (find_template_defaults, find_unquoted_values):
        warnings += itertools.islice(check(workflow), MAX_PROBLEMS)
    return warnings

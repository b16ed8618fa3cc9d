"""Secrets for a run: `--keystore`, `--secret` and `--secret-env` of a line."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from IPython.core.error import StdinNotImplementedError, UsageError

from attune_nb.display.outputs import in_kernel
from attune_nb.errors import ParameterError
from attune_nb.notebook.command import argument
from attune_nb.notebook.expressions import evaluate, is_value_file
from attune_nb.running.secret_sources import (
    NO_ANSWER,
    add_secret_parameters,
    ask_secrets,
    check_keystore,
    load_keystore,
    read_secret_variables,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.running.workflow_view import WorkflowView

__all__ = ["SECRET_ARGUMENTS", "Secrets", "read_secrets"]

SECRET_ARGUMENTS = (
    argument(
        "--keystore",
        "dict",
        "the values of `keystore`: a YAML or JSON file, or a dict",
        metavar="FILE|DICT",
    ),
    argument(
        "--secret",
        "",
        "ask for the value of `keystore.NAME` and do not show it; repeatable",
        action="append",
        default=[],
        metavar="NAME",
    ),
    argument(
        "--secret-env",
        "",
        "take `keystore.NAME` from an environment variable; repeatable",
        action="append",
        default=[],
        metavar="NAME=VARIABLE",
    ),
)
"""The options of every command that starts a run."""


class Secrets(NamedTuple):
    """The secrets of a line.

    Attributes:
        keystore: All of them; None if the line has no such option.
        named: Those of `--secret` and `--secret-env`.
    """

    keystore: dict[str, Any] | None
    named: dict[str, str]

    def add_to_options(self, options: dict[str, Any]) -> None:
        """Add the keystore to the options of a run, if the line has one."""
        if self.keystore is not None:
            options["keystore"] = self.keystore

    def add_to_parameters(
        self, workflow: WorkflowView, parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return parameters with the secrets that the workflow declares as parameters."""
        return add_secret_parameters(workflow, parameters, self.named)


def read_secrets(
    keystore: str | None,
    names: Sequence[str],
    variables: Sequence[str],
    namespace: dict[str, Any],
) -> Secrets:
    """Read the secrets of a line, and ask for those of `--secret`.

    Args:
        keystore: The argument of `--keystore`.
        names: Those of `--secret`.
        variables: Those of `--secret-env`.
        namespace: The notebook's variables.

    Raises:
        UsageError: A file, a variable or a name cannot be used; or no person can answer.
    """
    if keystore is None and not names and not variables:
        return Secrets(None, {})

    try:
        values = _read_keystore(keystore, namespace)
        named = read_secret_variables(variables)
        named.update(ask_secrets(names, _ask))
    except ParameterError as error:
        raise UsageError(str(error)) from None
    return Secrets({**values, **named}, named)


def _read_keystore(source: str | None, namespace: dict[str, Any]) -> dict[str, Any]:
    if source is None:
        return {}
    value: Any = source
    if not is_value_file(source):
        value = evaluate(source, namespace, "--keystore", is_secret=True)
    # a variable may hold the path of the file
    if is_value_file(value):
        return load_keystore(value)
    if isinstance(value, str):
        raise ParameterError(
            "--keystore takes a file (.yaml, .yml, .json) or a dict, and its value is neither"
        )
    return check_keystore(value, "its value")


def _ask(prompt: str) -> str:
    """Ask the person at the notebook or in the terminal, without showing the answer.

    Raises:
        ParameterError: No person can answer, as with papermill.
    """
    if not in_kernel() and not sys.stdin.isatty():
        raise ParameterError(NO_ANSWER)
    try:
        return getpass.getpass(prompt)
    except (EOFError, StdinNotImplementedError):
        raise ParameterError(NO_ANSWER) from None

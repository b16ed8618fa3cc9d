"""Values in a line: Python expressions, `NAME=EXPR` pairs and parameters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.errors import ParameterError, nearest
from attune_nb.running.workflow import load_parameters
from attune_nb.values.describe import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["evaluate", "evaluate_pairs", "read_parameters"]

_PARAMETER_FILES = (".yaml", ".yml", ".json")


def evaluate(expression: str, namespace: dict[str, Any], option: str) -> Any:
    """Return the value of a Python expression, or the text itself if it is not one.

    A warning is printed if the text resembles the name of a variable.

    Args:
        expression: The text of the line.
        namespace: The notebook's variables.
        option: The option whose value it is, for messages.

    Raises:
        UsageError: The evaluation raised an error.
    """
    try:
        return eval(expression, namespace)  # noqa: S307 - the user's own code
    except SyntaxError:
        return expression
    except NameError:
        _warn_of_typo(expression, namespace, option)
        return expression
    except Exception as error:  # noqa: BLE001 - the user's expression can raise any error
        raise UsageError(f"{option}={expression}: {type(error).__name__}: {error}") from None


def evaluate_pairs(pairs: Iterable[str], namespace: dict[str, Any], option: str) -> dict[str, Any]:
    """Return the values of `NAME=EXPR` pairs by name.

    Raises:
        UsageError: A pair has another form, or its expression raised an error.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, sign, expression = pair.partition("=")
        if not sign or not name:
            raise UsageError(f"{option} takes NAME=EXPR, not `{pair}`")
        values[name] = evaluate(expression, namespace, f"{option} {name}")
    return values


def read_parameters(
    source: str | None, pairs: Iterable[str], namespace: dict[str, Any]
) -> dict[str, Any]:
    """Return the parameters of `--params` and `--set`; those of `--set` take precedence.

    Args:
        source: The argument of `--params`: a file or an expression that gives a dict.
        pairs: The `NAME=EXPR` pairs of `--set`.
        namespace: The notebook's variables.

    Raises:
        UsageError: They cannot be read or evaluated.
    """
    parameters: dict[str, Any] = {}
    if source:
        parameters.update(_read_params_option(source, namespace))
    parameters.update(evaluate_pairs(pairs, namespace, "--set"))
    return parameters


def _warn_of_typo(expression: str, namespace: dict[str, Any], option: str) -> None:
    """Print a warning if an expression resembles the name of a variable."""
    hint = nearest(expression, namespace)
    if hint:
        message = f"{option}: `{expression}` is not a variable, so it is used as a string{hint}"
        sys.stderr.write(f"{message}\n")


def _read_params_option(source: str, namespace: dict[str, Any]) -> Mapping[str, Any]:
    if Path(source).suffix in _PARAMETER_FILES:
        try:
            return load_parameters(Path(source))
        except ParameterError as error:
            raise UsageError(f"--params: {error}") from None

    value = evaluate(source, namespace, "--params")
    if isinstance(value, dict):
        return value

    kind = "neither" if isinstance(value, str) else describe(value)
    raise UsageError(
        f"--params takes a file (.yaml, .yml, .json) or a dict, and `{source}` is {kind}"
    )

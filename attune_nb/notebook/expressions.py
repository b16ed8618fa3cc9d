"""Values in a line: Python expressions, `NAME=EXPR` pairs and parameters."""

from __future__ import annotations

import ast
import builtins
import re
import sys
import traceback
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.errors import ParameterError, nearest
from attune_nb.running.workflow import load_parameters
from attune_nb.values.describe import describe
from attune_nb.values.secrets import NOT_SHOWN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["evaluate", "evaluate_pairs", "is_value_file", "read_parameters"]

# the suffixes of files that hold parameters or a keystore
_VALUE_FILES = (".yaml", ".yml", ".json")

# a date, a fraction, a range: numbers with `-` or `/` between them
_NUMBERS = re.compile(r"-?\d[\d._]*(\s*[-/]\s*\d[\d._]*)+")

# the words of JSON and of the workflow's own text, which Python writes otherwise
_JSON_WORDS = {"true": True, "false": False, "null": None}

# variables of IPython; a word like them means the word
_SHELL_NAMES = ("In", "Out", "exit", "quit", "open", "get_ipython")

_FILE_NAME = "<the line of %attune>"


def is_value_file(value: object) -> bool:
    """Return whether a value is the path of a file with parameters or a keystore."""
    return isinstance(value, str | PathLike) and Path(value).suffix in _VALUE_FILES


def evaluate(
    expression: str, namespace: dict[str, Any], option: str, *, is_secret: bool = False
) -> Any:
    """Return the value of a Python expression, or the text itself if it is not one.

    Numbers with `-` or `/` between them, such as `2024-12-24`, are text, and so is a word that
    only Python itself defines, such as `all`. `true`, `false` and `null` are values. A warning
    is printed if a name in the expression is unknown but resembles the name of a variable.

    Args:
        expression: The text of the line.
        namespace: The notebook's variables.
        option: The option whose value it is, for messages.
        is_secret: Whether messages must not show the expression and its error.

    Raises:
        UsageError: The evaluation raised an error.
    """
    text = expression.strip()
    if _NUMBERS.fullmatch(text) or _is_name_of_python(text, namespace):
        return expression
    if text in _JSON_WORDS and text not in namespace:
        return _JSON_WORDS[text]

    try:
        return eval(compile(text, _FILE_NAME, "eval"), namespace)  # noqa: S307 - the user's own
    except SyntaxError:
        return expression
    except NameError as error:
        # the name may be missing in a function that the expression calls
        if _is_own_error(error):
            _warn_of_typo(expression, error.name or "", namespace, option, is_secret=is_secret)
            return expression
        message = _describe_error(expression, error, option, is_secret=is_secret)
        raise UsageError(message) from None
    except Exception as error:  # noqa: BLE001 - the user's expression can raise any error
        message = _describe_error(expression, error, option, is_secret=is_secret)
        raise UsageError(message) from None


def evaluate_pairs(
    pairs: Iterable[str],
    namespace: dict[str, Any],
    option: str,
    *,
    secrets: Collection[str] = (),
    texts: Collection[str] = (),
) -> dict[str, Any]:
    """Return the values of `NAME=EXPR` pairs by name.

    For `--set` a name alone is short for `NAME=NAME`: the variable of that name.

    Args:
        pairs: The pairs.
        namespace: The notebook's variables.
        option: The option that they stand after.
        secrets: The names whose values messages must not show.
        texts: The names whose values are strings, also if they are written as `1.0` or `true`.

    Raises:
        UsageError: A pair has another form, or its expression raised an error.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, sign, expression = pair.partition("=")
        if not sign and option == "--set":
            values[name] = _variable(name, namespace)
            continue
        if not sign or not name:
            form = "TASK=EXPR" if option == "--mock" else "NAME=EXPR"
            raise UsageError(f"{option} takes {form}, and one has another form; {NOT_SHOWN}")

        is_secret = name in secrets
        value = evaluate(expression, namespace, f"{option} {name}", is_secret=is_secret)
        if name in texts and not isinstance(value, str) and _is_literal(expression):
            value = expression.strip()
        values[name] = value
    return values


def read_parameters(
    source: str | None,
    pairs: Iterable[str],
    namespace: dict[str, Any],
    *,
    secrets: Collection[str] = (),
    texts: Collection[str] = (),
) -> dict[str, Any]:
    """Return the parameters of `--params` and `--set`; those of `--set` take precedence.

    Args:
        source: The argument of `--params`: a file or an expression that gives a dict.
        pairs: The `NAME=EXPR` pairs of `--set`.
        namespace: The notebook's variables.
        secrets: The names of the secret parameters.
        texts: The names of the parameters that are strings.

    Raises:
        UsageError: They cannot be read or evaluated.
    """
    parameters: dict[str, Any] = {}
    if source:
        parameters.update(_read_params_option(source, namespace))
    parameters.update(evaluate_pairs(pairs, namespace, "--set", secrets=secrets, texts=texts))
    return parameters


def _variable(name: str, namespace: dict[str, Any]) -> Any:
    """Return the variable that `--set NAME` is short for.

    Raises:
        UsageError: There is none.
    """
    if name in namespace:
        return namespace[name]

    hint = nearest(name, _variable_names(namespace))
    if not hint:
        raise UsageError(
            "--set NAME is short for NAME=NAME, and there is no such variable; write NAME=EXPR "
            "(the word without `=` is not shown, since it may be a secret)"
        )
    raise UsageError(
        f"--set {name} is short for {name}={name}, and there is no such variable{hint}"
    )


def _variable_names(namespace: dict[str, Any]) -> list[str]:
    """Return the names of the user's variables."""
    return [name for name in namespace if name[:1] != "_" and name not in _SHELL_NAMES]


def _is_literal(expression: str) -> bool:
    """Return whether an expression is a number or a word that is written out: `1.0`, `true`."""
    text = expression.strip()
    if text in _JSON_WORDS:
        return True
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return value is None or isinstance(value, int | float)


def _is_name_of_python(text: str, namespace: dict[str, Any]) -> bool:
    """Return whether a word is the name of a function of Python or of the shell."""
    if text in ("True", "False", "None") or not text.isidentifier():
        return False
    if text in _SHELL_NAMES:
        return True
    return text not in namespace and hasattr(builtins, text)


def _is_own_error(error: NameError) -> bool:
    """Return whether a name is missing in the expression itself."""
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].filename == _FILE_NAME


def _describe_error(expression: str, error: Exception, option: str, *, is_secret: bool) -> str:
    """Return the message of an expression that raised an error."""
    kind = type(error).__name__
    if is_secret:
        return f"{option}: the expression raised {kind} (it is not shown, as the value is secret)"
    return f"{option}={expression}: {kind}: {error}; put a text in quotes"


def _warn_of_typo(
    expression: str, name: str, namespace: dict[str, Any], option: str, *, is_secret: bool
) -> None:
    """Print a warning if an unknown name resembles the name of a variable."""
    hint = nearest(name, _variable_names(namespace))
    if not hint:
        return

    subject = "its value" if is_secret else f"`{name}`"
    used = "it"
    if not is_secret and name != expression:
        used = f"`{expression}`"
    message = f"{option}: {subject} is not a variable, so {used} is used as a string{hint}"
    sys.stderr.write(f"{message}\n")


def _read_params_option(source: str, namespace: dict[str, Any]) -> Mapping[str, Any]:
    value: Any = source
    if not is_value_file(source):
        value = evaluate(source, namespace, "--params")
    if isinstance(value, dict):
        return value

    # a variable may hold the path of the file
    if is_value_file(value):
        try:
            return load_parameters(Path(value))
        except ParameterError as error:
            raise UsageError(f"--params: {error}") from None

    kind = "neither" if isinstance(value, str) else describe(value)
    raise UsageError(
        f"--params takes a file (.yaml, .yml, .json) or a dict, and `{source}` is {kind}"
    )

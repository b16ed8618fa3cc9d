"""Values that stand on a command line: `NAME=VALUE` pairs.

A value is JSON, or a literal of Python in brackets, or a word such as `True`. Everything else is
a string. No value is ever computed.
"""

from __future__ import annotations

import ast
import builtins
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ActionError, ParameterError, Timeout
from attune_nb.running.declared_parameters import text_parameter_names
from attune_nb.running.workflow import load_parameters, parse_parameters
from attune_nb.values.secrets import NOT_SHOWN
from attune_nb.values.strict_json import RepeatedKeyError, parse_strict_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from attune_nb.running.workflow_view import WorkflowView

__all__ = ["read_mocks", "read_pairs", "read_parameters", "read_value"]

# the name of standard input, as of a file
_STANDARD_INPUT = Path("-")

# words and first characters that only a literal of Python has
_CONSTANTS = {"True": True, "False": False, "None": None}
_BRACKETS = ("[", "{", "(")

# errors that a mock can raise, besides those of Python
_MOCK_ERRORS: dict[str, type[Exception]] = {"ActionError": ActionError, "Timeout": Timeout}


def read_parameters(
    workflow: WorkflowView, pairs: Iterable[str] | None, file: Path | None = None
) -> dict[str, Any]:
    """Return the parameters of a file, overridden by the `NAME=VALUE` pairs of `--set`.

    A parameter that is declared as a string keeps its text, such as `0123`.

    Args:
        workflow: The workflow.
        pairs: The pairs; None if the option is not there.
        file: The file; `-` is standard input. None if the option is not there.

    Raises:
        ParameterError: The file cannot be read, or a pair has another form.
    """
    parameters: dict[str, Any] = {}
    if file == _STANDARD_INPUT:
        parameters.update(_read_standard_input())
    elif file is not None:
        parameters.update(load_parameters(file))
    texts = text_parameter_names(workflow)
    parameters.update(read_pairs(pairs, "--set", texts=texts))
    return parameters


def _read_standard_input() -> dict[str, Any]:
    """Return the parameters that standard input holds, up to its end.

    Raises:
        ParameterError: It is a terminal, or holds no object.
    """
    if sys.stdin.isatty():
        raise ParameterError(
            "--params - reads the parameters from standard input, which is a terminal; redirect a "
            "file or another command to it: `... | attune-nb run FILE --params -`"
        )
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise ParameterError("--params -: standard input is not UTF-8 text") from None
    return parse_parameters(text, "standard input")


def read_pairs(
    pairs: Iterable[str] | None, option: str, *, texts: Collection[str] = ()
) -> dict[str, Any]:
    """Return the values of `NAME=VALUE` pairs by name.

    Args:
        pairs: The pairs; None if the option is not there.
        option: The option, for messages.
        texts: The names whose values are strings in any case; JSON quotes are removed.

    Raises:
        ParameterError: A pair has another form.
    """
    values: dict[str, Any] = {}
    for name, text in _split_pairs(pairs, option, "NAME=VALUE"):
        value = read_value(text)
        is_text = name in texts and not isinstance(value, str)
        values[name] = text if is_text else value
    return values


def read_mocks(pairs: Iterable[str] | None) -> dict[str, Any]:
    """Return the made-up results of the `TASK=VALUE` pairs of `--mock`.

    A value such as `ValueError("disk full")` is the failure of the task: the name of an
    exception of Python, `Timeout` or `ActionError`, with literals as its arguments.

    Raises:
        ParameterError: A pair has another form.
    """
    mocks: dict[str, Any] = {}
    for task, text in _split_pairs(pairs, "--mock", "TASK=VALUE"):
        error = _read_error(text)
        mocks[task] = read_value(text) if error is None else error
    return mocks


def read_value(text: str) -> Any:
    """Return the value of a text: JSON or a literal of Python, otherwise the text itself.

    Raises:
        ParameterError: A key stands twice in an object.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]

    try:
        return parse_strict_json(text)
    except RepeatedKeyError as error:
        raise ParameterError(f"an object in a value: {error}; write it once") from None
    except ValueError:
        pass

    if not text.startswith(_BRACKETS):
        return text
    try:
        tree = ast.parse(text, mode="eval")
        value = ast.literal_eval(tree)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text

    _check_literal(tree)
    return value


def _check_literal(tree: ast.AST) -> None:
    """Check a literal of Python for values that JSON does not allow.

    Raises:
        ParameterError: A key stands twice in an object, or a number is not finite.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = [ast.dump(key) for key in node.keys if key is not None]
            if len(set(keys)) < len(keys):
                raise ParameterError("an object in a value: a key stands twice; write it once")
        number = node.value if isinstance(node, ast.Constant) else None
        if isinstance(number, float) and not math.isfinite(number):
            raise ParameterError("a number in a value is not finite")


def _split_pairs(pairs: Iterable[str] | None, option: str, form: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each pair.

    Raises:
        ParameterError: A pair has another form. The message does not hold the text, which may
            be a secret.
    """
    if pairs is None:
        return

    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise ParameterError(f"{option} takes {form}, and one has no `=`; {NOT_SHOWN}")
        if not name:
            raise ParameterError(f"{option} takes {form}, and there is no name before the `=`")
        yield name, text


def _read_error(text: str) -> BaseException | None:
    """Return the exception that a text such as `ValueError("no")` makes, or None."""
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.keywords:
        return None

    name = call.func.id
    kind = _MOCK_ERRORS.get(name, getattr(builtins, name, None))
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        return None
    try:
        arguments = [ast.literal_eval(argument) for argument in call.args]
        return kind(*arguments)
    except (ValueError, TypeError):
        return None

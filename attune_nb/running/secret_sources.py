"""Where secrets come from: a file, environment variables, a person who is asked.

No message holds the text of a secret, nor a text that a secret may have been written into by
mistake.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError, WorkflowError, nearest
from attune_nb.language.reading import yaml_source
from attune_nb.language.reading.json_source import parse_json
from attune_nb.running.declared_parameters import secret_parameter_names
from attune_nb.values.describe import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from attune_nb.running.workflow_view import WorkflowView

__all__ = [
    "NO_ANSWER",
    "add_secret_parameters",
    "ask_secrets",
    "check_keystore",
    "load_keystore",
    "read_secret_variables",
]

NO_ANSWER = (
    "--secret asks for a value, but no person can answer here: use `--secret-env NAME=VARIABLE` "
    "or `--keystore FILE`"
)
"""The message if there is neither a terminal nor a front end that asks."""


def load_keystore(file: str | Path) -> dict[str, Any]:
    """Load a keystore from a YAML or JSON file.

    Raises:
        ParameterError: The file cannot be read, or is not an object of names and values.
    """
    path = Path(file).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        if path.suffix not in (".yaml", ".yml", ".json"):
            # it may be the secret itself
            raise ParameterError(
                "--keystore takes a file or an object of names and values, and there is no such "
                "file"
            ) from None
        raise ParameterError(f"--keystore: cannot read `{file}`: {error.strerror}") from None
    except ValueError:
        raise ParameterError(f"--keystore: `{file}` is not UTF-8 text") from None

    is_json = path.suffix.lower() == ".json"
    try:
        document = parse_json(text, str(file)) if is_json else yaml_source.parse(text, str(file))
    except WorkflowError as error:
        # a message can quote the file, so only the line is shown
        position = error.problems[0].position
        line = 1 if position is None else position.line
        kind = "JSON" if is_json else "YAML"
        raise ParameterError(
            f"--keystore {file}, line {line}: this is not {kind} as a workflow can have it (it is "
            "not shown, since it may be a secret)"
        ) from None

    return check_keystore(document.data, f"`{file}`")


def check_keystore(keystore: object, subject: str) -> dict[str, Any]:
    """Return a keystore, if it is an object whose names are strings.

    Args:
        keystore: The value.
        subject: Where it comes from, for messages.

    Raises:
        ParameterError: It is another value.
    """
    if not isinstance(keystore, dict):
        raise ParameterError(
            f"--keystore: {subject} must be an object of names and values, not {describe(keystore)}"
        )
    for name in keystore:
        if not isinstance(name, str):
            raise ParameterError(
                f"--keystore: the names in {subject} must be strings, and one is {describe(name)}"
            )
    return keystore


def read_secret_variables(pairs: Iterable[str]) -> dict[str, str]:
    """Return the values of environment variables, for the `NAME=VARIABLE` pairs of --secret-env.

    Raises:
        ParameterError: A pair has another form, or there is no such variable.
    """
    secrets: dict[str, str] = {}
    for pair in pairs:
        name, sign, variable = pair.partition("=")
        variable = variable.removeprefix("$")
        if not sign or not variable:
            raise ParameterError(
                "--secret-env takes NAME=VARIABLE, where VARIABLE is the name of an environment "
                "variable, without a `$`"
            )
        _check_name(name, "--secret-env", "NAME=VARIABLE")

        if variable not in os.environ:
            # the shell may have put the secret itself there, for `$VARIABLE`
            hint = nearest(variable, os.environ)
            if not hint:
                hint = "; write its name, without a `$`"
            raise ParameterError(
                f"--secret-env {name}: there is no such environment variable{hint}"
            )
        secrets[name] = os.environ[variable]
    return secrets


def ask_secrets(names: Iterable[str], ask: Callable[[str], str]) -> dict[str, str]:
    """Ask for secrets, one after the other.

    Args:
        names: Their names, those of --secret.
        ask: Shows a prompt, and returns the answer, which it does not show.

    Raises:
        ParameterError: A name cannot be one, or an answer is empty.
    """
    names = list(dict.fromkeys(names))
    for name in names:
        _check_name(name, "--secret", "a NAME, and asks for the value")

    secrets: dict[str, str] = {}
    for name in names:
        answer = ask(f"{name}: ")
        if not answer:
            raise ParameterError(f"--secret {name}: the answer is empty")
        secrets[name] = answer
    return secrets


def add_secret_parameters(
    workflow: WorkflowView, parameters: Mapping[str, Any], secrets: Mapping[str, Any]
) -> dict[str, Any]:
    """Return parameters with the secrets of the same names.

    Only a parameter that the workflow declares as `secret: true` takes the secret of its name,
    and only if it has no value yet.
    """
    values = dict(parameters)
    for name in secret_parameter_names(workflow):
        if name in secrets and name not in values:
            values[name] = secrets[name]
    return values


def _check_name(name: str, option: str, form: str) -> None:
    """Check that `keystore.NAME` can be written.

    Raises:
        ParameterError: It cannot. The name is not shown, as it may be a secret by mistake.
    """
    if not name.isidentifier():
        raise ParameterError(
            f"{option} takes {form}; NAME must consist of letters, digits and `_`, as in "
            "`keystore.NAME`"
        )

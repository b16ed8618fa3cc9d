"""Runs of a file `echo.yaml` by the command line, whose output `v` is compared with a value."""

import json

from attune_nb.errors import AttuneError
from support.command_line import attune_here

__all__ = ["ALIAS_BOMB", "check_output", "is_same", "run_echo"]

ALIAS_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n"
    for before, name in zip("abcdefghijk", "bcdefghijkl", strict=True)
)


def run_echo(*options):
    """Return the output of the workflow and all that the command wrote."""
    outcome = attune_here("run", "echo.yaml", "--json", *options)
    text = outcome.output
    if outcome.exit_code:
        return None, text
    return json.loads(outcome.stdout)["output"]["v"], text


def is_same(value, expected):
    # an array of a result is of a class of its own, and `1 == True` in Python
    return value == expected and json.dumps(value) == json.dumps(expected)


def check_output(value, message, expected):
    """Check the output, or a part of the message if an error is expected."""
    if isinstance(expected, AttuneError):
        assert str(expected) in message
        assert "Traceback" not in message
    else:
        assert is_same(value, expected), message

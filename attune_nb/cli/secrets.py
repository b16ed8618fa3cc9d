"""Secrets for a run: `--keystore`, `--secret` and `--secret-env`."""

from __future__ import annotations

import getpass
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attune_nb.cli.values import read_value
from attune_nb.errors import ParameterError
from attune_nb.running.secret_sources import (
    NO_ANSWER,
    ask_secrets,
    check_keystore,
    load_keystore,
    read_secret_variables,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["is_written_out", "read_secrets"]


def read_secrets(
    keystore: str | None, names: Sequence[str] | None, variables: Sequence[str] | None
) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Read the secrets of a command line, and ask for those of `--secret` in the terminal.

    Args:
        keystore: A file, or an object.
        names: The names to ask for.
        variables: `NAME=VARIABLE` pairs.

    Returns:
        The whole keystore, None if no option was there; and the secrets that have a name of
        their own on the command line.

    Raises:
        ParameterError: A file, a variable or a name cannot be used; or no person can answer.
    """
    if keystore is None and not names and not variables:
        return None, {}

    values: dict[str, Any] = {}
    if keystore is not None and is_written_out(keystore):
        values.update(check_keystore(read_value(keystore), "the object"))
    elif keystore is not None:
        values.update(load_keystore(keystore))

    named = read_secret_variables(variables or ())
    if names:
        named.update(ask_secrets(names, _ask))
    return {**values, **named}, named


def is_written_out(keystore: str) -> bool:
    """Return whether the argument of `--keystore` is an object, and not a file."""
    return keystore.lstrip().startswith(("{", "["))


def _ask(prompt: str) -> str:
    """Ask in the terminal, which does not show the answer.

    Raises:
        ParameterError: Standard input is not a terminal, or it ended.
    """
    if sys.stdin.isatty():
        with suppress(EOFError):
            return getpass.getpass(prompt)
    raise ParameterError(NO_ANSWER)

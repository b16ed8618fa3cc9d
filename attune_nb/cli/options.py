"""Options that several commands share, and the reading of their values."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attune_nb.running.workflow import load_parameters

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "AllowImports",
    "AsJson",
    "RunId",
    "Store",
    "find_modules_here",
    "read_pairs",
    "read_parameters",
]

AllowImports = Annotated[
    bool,
    typer.Option(
        "--allow-imports",
        help="allow `module:function` as an action, also from modules of the current folder",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print the outcome as JSON")]
RunId = Annotated[str, typer.Argument(help="the run's id, or the beginning of it")]
Store = Annotated[
    str | None,
    typer.Option(
        help="file of the run records, or none [default: ATTUNE_NB_STORE, or .attune/runs.db]"
    ),
]


def find_modules_here(*, allowed: bool) -> None:
    """Make modules of the current folder importable, as `python -m` does."""
    if allowed and "" not in sys.path:
        sys.path.insert(0, "")


def read_parameters(file: Path | None, pairs: list[str] | None) -> dict[str, Any]:
    """Return the parameters of a file, overridden by NAME=VALUE pairs."""
    parameters: dict[str, Any] = {}
    if file is not None:
        parameters.update(load_parameters(file))
    parameters.update(read_pairs(pairs, "--set"))
    return parameters


def read_pairs(pairs: list[str] | None, option: str) -> dict[str, Any]:
    """Return the values of NAME=VALUE pairs; a value that is no JSON is a string.

    Raises:
        ValueError: A pair has another form.
    """
    values: dict[str, Any] = {}
    if pairs is None:
        return values

    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise ValueError(f"{option} takes NAME=VALUE, not {pair!r}")
        try:
            values[name] = json.loads(value)
        except ValueError:
            values[name] = value
    return values

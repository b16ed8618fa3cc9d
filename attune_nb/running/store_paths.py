"""The file of a store: named by an option, by the environment, or the default one."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.errors import StoreError
from attune_nb.values.describe import describe_with_value
from attune_nb.values.named_values import plain_text
from attune_nb.values.short_paths import shorten_path

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["DEFAULT_STORE", "resolve_store", "store_option", "store_path"]

DEFAULT_STORE = str(Path(".attune", "runs.db"))
"""The store if none is named: in the current folder of the program."""


def store_path(store: str | PathLike[str] | None) -> Path:
    """Return the file of a store; by default that of ATTUNE_NB_STORE, else the default one.

    Raises:
        StoreError: The store is `none`.
    """
    path = resolve_store(store)
    if path is None:
        raise StoreError("the store is `none`; pass its file as `store=`, or in ATTUNE_NB_STORE")
    return path


def store_option(store: Path) -> str:
    """Return the option that names a store, if it is not the one that is used without it."""
    try:
        if store_path(None).absolute() == store.absolute():
            return ""
    except (StoreError, OSError):
        # there may be no current folder any more
        pass
    return f" --store {shlex.quote(shorten_path(store))}"


def resolve_store(store: str | PathLike[str] | None) -> Path | None:
    """Return the file of a store; None if runs are not recorded.

    Raises:
        StoreError: It cannot be the path of a file.
    """
    if store is None:
        store = os.environ.get("ATTUNE_NB_STORE")
        if not store:
            store = DEFAULT_STORE

    name: Any = store
    if issubclass(type(store), os.PathLike):
        name = os.fspath(name)
    name = plain_text(name)
    if type(name) is not str or not name:
        raise StoreError(
            "`store` must be the path of a file, or 'none' for a run without a record, not "
            f"{describe_with_value(name)}"
        )

    if name == "none":
        return None
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise StoreError(f"the store {name} is in no folder: {error}") from None

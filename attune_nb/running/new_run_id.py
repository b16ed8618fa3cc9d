"""The ids of new runs."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError, StoreError
from attune_nb.running.store_paths import resolve_store
from attune_nb.values.describe import describe_with_value

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["check_run_id", "choose_run_id", "new_run_id"]

_RUN_ID = re.compile("[0-9a-f]{12}")


def new_run_id() -> str:
    """Return a new id: 12 random hexadecimal digits."""
    return uuid.uuid4().hex[:12]


def check_run_id(run_id: Any) -> None:
    """Check that a text can be the id of a run.

    Raises:
        ParameterError: It cannot.
    """
    if type(run_id) is not str or _RUN_ID.fullmatch(run_id) is None:
        raise ParameterError(
            "the id of a run consists of 12 digits from 0 to 9 and a to f, such as "
            f"`{new_run_id()}`; this is {describe_with_value(run_id)}"
        )


def choose_run_id(run_id: str | None, store: str | PathLike[str] | None) -> str:
    """Return the id of a new run: the one that was asked for, or a new one.

    Args:
        run_id: The id; None for any.
        store: The store of the run, as in `Workflow.run`.

    Raises:
        StoreError: The store has a run with that id.
    """
    if run_id is None:
        return new_run_id()

    path = resolve_store(store)
    if path is not None and path.exists():
        from attune_nb.store.reading import has_run  # noqa: PLC0415 - SQLite is slow to import

        if has_run(path, run_id):
            raise StoreError(f"there is a run `{run_id}` in {path}; choose another id")
    return run_id

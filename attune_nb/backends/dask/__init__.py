"""Attempts on a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attune_nb.backends.dask.backend import DaskBackend

__all__ = ["DaskBackend"]


def __getattr__(name: str) -> Any:
    """Import the backend when it is first used: a Dask worker needs none of it."""
    if name == "DaskBackend":
        from attune_nb.backends.dask.backend import DaskBackend  # noqa: PLC0415 - lazy on purpose

        return DaskBackend
    raise AttributeError(f"module `{__name__}` has no `{name}`")

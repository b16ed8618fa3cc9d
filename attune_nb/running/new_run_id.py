"""The ids of new runs."""

from __future__ import annotations

import uuid

__all__ = ["new_run_id"]


def new_run_id() -> str:
    """Return a new id: 12 random hexadecimal digits."""
    return uuid.uuid4().hex[:12]

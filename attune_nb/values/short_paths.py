"""Paths as a message shows them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shorten_path"]


def shorten_path(path: Path) -> str:
    """Return a path from the current folder if it is in there; otherwise the path as it is."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        # elsewhere, or there is no current folder any more
        return str(path)

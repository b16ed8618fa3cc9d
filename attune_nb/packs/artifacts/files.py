"""Read the files of artifacts. Actions wrote them, so they may be missing, links or pipes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["locate", "read_file", "size_of"]


def locate(folder: Path, file_path: str) -> Path | None:
    """Return the path of a regular file in a folder; None if there is none, or it leads out."""
    path = folder / file_path
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return None
        is_file = stat.S_ISREG(path.stat().st_mode)
    except (OSError, RuntimeError, ValueError):
        # missing, a loop of links, or a null byte
        return None
    return path if is_file else None


def size_of(folder: Path, file_path: str) -> int | None:
    """Return the bytes of a file, or None if there is none."""
    path = locate(folder, file_path)
    if path is None:
        return None
    try:
        return path.stat().st_size
    except OSError:
        return None


def read_file(folder: Path, file_path: str, most: int) -> bytes | None:
    """Return at most `most` bytes of a file, or None if there is none."""
    path = locate(folder, file_path)
    if path is None:
        return None

    try:
        # opening would block if a pipe has replaced the file
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None

    try:
        with os.fdopen(descriptor, "rb") as file:
            return file.read(most)
    except OSError:
        return None

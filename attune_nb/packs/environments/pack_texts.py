"""Read the text of a file of a pack: a regular file inside the pack, of a limited size."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["UnreadableFileError", "read_pack_text"]


class UnreadableFileError(Exception):
    """A file cannot be read; the message names it and says why."""


def read_pack_text(path: Path, folder: Path, max_size: int) -> str:
    """Return the text of a file.

    Args:
        path: The file.
        folder: The folder of the pack; a link may not lead out of it.
        max_size: The number of bytes that the file may have.

    Raises:
        UnreadableFileError: It is no text of this pack.
    """
    # unlike `Path.resolve`, these do not fail for links in a circle
    real_path = os.path.realpath(path)
    real_folder = os.path.realpath(folder)
    if os.path.commonpath([real_path, real_folder]) != real_folder:
        raise UnreadableFileError(f"`{path}` is outside the pack")

    try:
        status = path.stat()
        # a named pipe would block
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError(f"`{path}` is no regular file")
        if status.st_size > max_size:
            raise UnreadableFileError(f"`{path}` has more than {max_size // 1_000_000} MB")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableFileError(f"`{path}` cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnreadableFileError(f"`{path}` is no text in UTF-8") from None

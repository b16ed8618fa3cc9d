"""The files with all output of runs that a server has started: beside the store, one for each run.

They are for their owner only. The newest 100 are kept; each has at most about 10 MB, as the process
of the run itself drops the older part (`--log-file`).
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.errors import StoreError
from attune_nb.store.files import create_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

__all__ = [
    "OutputPart",
    "open_output",
    "output_folder",
    "output_path",
    "prune_outputs",
    "read_output",
    "remove_outputs",
]

# files that stay
_MAX_FILES = 100

_SUFFIX = ".log"
_NAME = re.compile("[0-9a-f]{12}[.]log")

# a link that stands in the place of a file is not followed
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class OutputPart(NamedTuple):
    """A part of the output of a run.

    Attributes:
        text: The text.
        offset: Where it begins in the file, in bytes. It is not the offset that was asked for if
            the file has become shorter since, as its older part was dropped.
        next: Where the part after it begins.
        size: The bytes of the file.
    """

    text: str
    offset: int
    next: int
    size: int


def output_folder(store: Path) -> Path:
    """Return the folder of the files beside a store; it may not exist."""
    return store.with_name(f"{store.name}.logs")


def output_path(store: Path, run_id: str) -> Path:
    """Return the file for the output of a run; it may not exist."""
    return output_folder(store) / f"{run_id}{_SUFFIX}"


def open_output(store: Path, run_id: str) -> int:
    """Open the file for the output of a run, to be appended to; return its descriptor.

    Raises:
        StoreError: It cannot be opened.
    """
    create_folder(store.parent)
    folder = output_folder(store)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | _NO_LINK
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        return os.open(output_path(store, run_id), flags, 0o600)
    except OSError as error:
        raise StoreError(
            f"the output of a run cannot be written to {folder}: {error.strerror}"
        ) from None


def read_output(store: Path, run_id: str, offset: int, most: int) -> OutputPart | None:
    """Return a part of the output of a run; None if there is no file.

    Args:
        store: The store.
        run_id: The run's id.
        offset: Where it begins, in bytes; below 0 it counts from the end.
        most: The most bytes.
    """
    try:
        file = os.open(output_path(store, run_id), os.O_RDONLY | _NO_LINK)
    except OSError:
        return None

    try:
        state = os.fstat(file)
        if not stat.S_ISREG(state.st_mode):
            return None

        size = state.st_size
        from_end = offset < 0
        if from_end:
            offset = max(0, size + offset)
        if offset > size:
            # the older part was dropped: the file does not begin with the caller's text any more
            offset = 0
        data = os.pread(file, most, offset)
    finally:
        os.close(file)

    if from_end and offset:
        # the first line that is whole
        start = data.find(b"\n") + 1
        offset += start
        data = data[start:]

    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    # a character that is cut at the end comes whole with the next part
    cut, _ = decoder.getstate()
    return OutputPart(text, offset, offset + len(data) - len(cut), size)


def prune_outputs(store: Path, keep: Collection[str], most: int = _MAX_FILES) -> None:
    """Remove the oldest files.

    Args:
        store: The store.
        keep: The ids of the runs whose files stay in any case.
        most: The number of files that stay.
    """
    with suppress(OSError):
        paths = [path for path in output_folder(store).iterdir() if _NAME.fullmatch(path.name)]
        paths.sort(key=lambda path: path.lstat().st_mtime, reverse=True)
        for path in paths[most:]:
            if path.stem not in keep:
                remove_outputs(store, [path.stem])


def remove_outputs(store: Path, run_ids: Iterable[str]) -> int:
    """Remove the files of runs; return their bytes."""
    removed_bytes = 0
    for run_id in run_ids:
        path = output_path(store, run_id)
        if not _NAME.fullmatch(path.name):
            # the id of a damaged record is any text
            continue
        with suppress(OSError):
            size = path.lstat().st_size
            path.unlink()
            removed_bytes += size

    with suppress(OSError):
        # the folder stays as long as it has files
        output_folder(store).rmdir()
    return removed_bytes

"""`--log-file`: the output of a command in a file of bounded size."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path  # noqa: TC003 - typer reads the annotations

import typer

__all__ = ["cut_to_size", "write_output_to"]

# bytes of the file after which its older part is dropped, and bytes that remain then
_MAX_BYTES = 10_000_000
_REMAINING_BYTES = 5_000_000

# seconds between two looks at the size
_LOOK = 1.0

# standard output and standard error
_OUTPUTS = (1, 2)


def write_output_to(path: Path | None) -> Path | None:
    """Append all output of this process and of those that it starts to a file.

    Args:
        path: The file; None leaves the output as it is.

    Returns:
        The file.

    Raises:
        BadParameter: It cannot be written.
    """
    if path is None:
        return None

    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    try:
        # only its owner can read the output of actions
        file = os.open(path, flags, 0o600)
    except OSError as error:
        raise typer.BadParameter(f"cannot write `{path}`: {error.strerror}") from None

    sys.stdout.flush()
    sys.stderr.flush()
    for output in _OUTPUTS:
        os.dup2(file, output)
    threading.Thread(target=_watch, args=(file,), name="attune log file", daemon=True).start()
    return path


def cut_to_size(file: int, most: int = _MAX_BYTES, remaining: int = _REMAINING_BYTES) -> None:
    """Drop the older part of a file that is too large.

    The file itself remains, as other processes write to it, too. Lines that they write in the
    moment of the cut may be lost.

    Args:
        file: The descriptor of the file, open for reading and appending.
        most: The bytes that it may have.
        remaining: The bytes that remain if it has more.
    """
    size = os.fstat(file).st_size
    if size <= most:
        return

    tail = os.pread(file, remaining, size - remaining)
    # begin with a whole line
    tail = tail[tail.find(b"\n") + 1 :]
    dropped = size - len(tail)
    os.ftruncate(file, 0)
    os.write(file, b"[%d bytes before this line were dropped]\n" % dropped + tail)


def _watch(file: int) -> None:
    while True:
        time.sleep(_LOOK)
        try:
            cut_to_size(file)
        except OSError:
            # such as a full disk; the next look may succeed
            continue

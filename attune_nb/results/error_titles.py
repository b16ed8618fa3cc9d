"""An error as one line: its type, its message, and the line of the user's own code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from attune_nb.html import shortened

if TYPE_CHECKING:
    from attune_nb.events import ErrorInfo

__all__ = ["find_place", "format_title", "has_frames"]

# characters of the message
_MAX_ERROR_LENGTH = 240

_FRAME = re.compile(r'^[ \t]*File "([^"\n]+)", line (\d+)', re.MULTILINE)
_TRACEBACK_HEAD = "Traceback (most recent call last)"
# the names of cells, as the engine writes them and as IPython does
_CELL = re.compile(r"cell \[\d+\]$")
_UNNUMBERED_CELL = re.compile(r"[/\\]ipykernel_\d+[/\\]\d+\.py$|^<ipython-input-")
_LIBRARY_FOLDERS = ("site-packages", "dist-packages", str(Path(__file__).parents[1]))
_STANDARD_LIBRARY = re.compile(r"[/\\]lib[/\\]python3\.\d+[/\\]|^<frozen ")


def format_title(error: ErrorInfo, *, has_type: bool) -> str:
    """Return an error as one line, with the user's own line."""
    title = shortened(error.message, _MAX_ERROR_LENGTH)
    if has_type and not title.startswith(error.type):
        title = f"{error.type}: {title}"
    place = find_place(error.traceback)
    if place:
        title += f" ({place})"
    return title


def has_frames(traceback: str) -> bool:
    """Return whether a traceback shows lines of code, and not only its error."""
    return bool(_FRAME.search(traceback))


def find_place(traceback: str) -> str:
    """Return the last line of the user's own code in a traceback, or an empty string.

    Libraries and the standard library are not the user's own.
    """
    last_block = traceback.rpartition(_TRACEBACK_HEAD)[2]
    for file_name, line in reversed(_FRAME.findall(last_block)):
        if not _is_library(file_name):
            return f"{_name_file(file_name)}, line {line}"
    return ""


def _is_library(file_name: str) -> bool:
    if any(folder in file_name for folder in _LIBRARY_FOLDERS):
        return True
    is_standard = file_name.startswith(_standard_folders())
    return is_standard or bool(_STANDARD_LIBRARY.search(file_name))


@cache
def _standard_folders() -> tuple[str, ...]:
    """Return the folders of the standard library."""
    import sysconfig  # noqa: PLC0415 - slow to import, and only needed for an error

    return sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")


def _name_file(file_name: str) -> str:
    if _CELL.match(file_name) or file_name.startswith("<"):
        return file_name
    if _UNNUMBERED_CELL.search(file_name):
        return "a cell"
    return PurePath(file_name.replace("\\", "/")).name

"""The workflow files below the folder of a server: which may be started, and which there are."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from attune_nb.errors import WorkflowError
from attune_nb.forms.entries import FormEntry, entries_of
from attune_nb.forms.fields import fields_of_parameters
from attune_nb.server.web.problems import ProblemReply, problems_of_text
from attune_nb.store.event_rows import column_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WorkflowFiles", "WorkflowRow", "confine"]

_SUFFIXES = (".yaml", ".yml")

# characters of a path, and of its longest name
_MAX_PATH = 4096

# folders of programs, which hold no workflows
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "venv", "env"})
_ENVIRONMENT_MARK = "pyvenv.cfg"

# limits of a search
_MAX_DEPTH = 6
_MAX_ENTRIES = 20_000
_MAX_SECONDS = 2.0
_MAX_WORKFLOWS = 200

# bytes of a file that is looked at
_MAX_BYTES = 500_000

# seconds for which a list is sent again: many readers cost no more than one
_LIST_AGE = 1.0


class WorkflowRow(msgspec.Struct, frozen=True, kw_only=True):
    """A file that holds a workflow.

    Attributes:
        file: The path below the folder of the server, with `/` between the names.
        name: The name of the workflow.
        description: Its purpose, for people; may be empty.
        entries: The fields of the form for its parameters.
        problems: Why it cannot run; empty if it can.
    """

    file: str
    name: str
    description: str = ""
    entries: tuple[FormEntry, ...] = ()
    problems: tuple[ProblemReply, ...] = ()


class _CachedRow(NamedTuple):
    """A row, and the state of the file that it was made from."""

    changed: int
    size: int
    row: WorkflowRow | None


def confine(root: Path, name: str) -> Path | None:
    """Return the workflow file that a request names, or None if it must not be started.

    It must be a file below the root, also after links are followed, whose name ends in `.yaml` or
    `.yml`; no part of its path may be hidden, or hold bytes that are no UTF-8.

    Args:
        root: The folder of the server, without links.
        name: The path of the file below it, with `/` between the names.
    """
    parts = name.split("/")
    is_plain = 0 < len(name) <= _MAX_PATH and "\\" not in name and "\0" not in name
    if not is_plain or not all(map(_is_shown, parts)):
        return None

    try:
        path = root.joinpath(*parts).resolve(strict=True)
        if not path.is_relative_to(root) or not path.is_file():
            return None
    except (OSError, RuntimeError, ValueError):
        # it is not there, is a loop of links, or cannot be a path
        return None

    inner = path.relative_to(root)
    if not all(map(_is_shown, inner.parts)) or path.suffix not in _SUFFIXES:
        return None
    return path


def _is_shown(part: str) -> bool:
    """Return whether a part of a path is neither hidden, nor `..`, nor empty, nor a drive.

    A name that is no UTF-8 is not shown either: no answer and no request can hold it.
    """
    is_plain = bool(part) and not part.startswith(".") and ":" not in part
    return is_plain and column_text(part) == part


class WorkflowFiles:
    """The workflow files below a folder. A file is read again only after it has changed.

    Args:
        root: The folder, without links.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._cache: dict[str, _CachedRow] = {}
        self._list: tuple[list[WorkflowRow], bool] = ([], False)
        self._listed = float("-inf")

    def list_rows(self) -> tuple[list[WorkflowRow], bool]:
        """Return the workflows by their paths, and whether there may be more.

        The search ends after 2 seconds, 200 workflows or 20,000 files. Files of more than 0.5 MB
        are left out.
        """
        with self._lock:
            if time.monotonic() - self._listed > _LIST_AGE:
                self._list = self._search()
                self._listed = time.monotonic()
            return self._list

    def _search(self) -> tuple[list[WorkflowRow], bool]:
        rows = []
        search = _Search(self.root)
        for path in search.files():
            row = self._row_of(path)
            if row is not None:
                rows.append(row)
            if len(rows) == _MAX_WORKFLOWS:
                search.is_cut = True
                break

        rows.sort(key=lambda row: row.file)
        return rows, search.is_cut

    def find_row(self, name: str) -> WorkflowRow | None:
        """Return the workflow of a file, or None if there is none that may be started."""
        path = confine(self.root, name)
        if path is None:
            return None
        with self._lock:
            return self._row_of(path)

    def _row_of(self, path: Path) -> WorkflowRow | None:
        """Return the row of a file, or None if it does not look like a workflow."""
        name = path.relative_to(self.root).as_posix()
        try:
            state = path.stat()
        except OSError:
            return None

        cached = self._cache.get(name)
        if cached is not None and cached[:2] == (state.st_mtime_ns, state.st_size):
            return cached.row

        row = None
        if state.st_size <= _MAX_BYTES and _has_tasks(path):
            row = _read_row(path, name)
        if len(self._cache) > _MAX_ENTRIES:
            self._cache.clear()
        self._cache[name] = _CachedRow(state.st_mtime_ns, state.st_size, row)
        return row


class _Search:
    """A search for files, within limits.

    Attributes:
        is_cut: Whether it has reached a limit.
    """

    def __init__(self, root: Path) -> None:
        self.is_cut = False
        self._root = root
        self._end = time.monotonic() + _MAX_SECONDS
        self._entry_count = 0

    def files(self) -> Iterator[Path]:
        """Yield the files whose names end as those of workflows, the topmost folders first."""
        folders = [self._root]
        for _ in range(_MAX_DEPTH):
            inner: list[Path] = []
            for folder in folders:
                yield from self._files_in(folder, inner)
                if self.is_cut:
                    return
            folders = inner
        self.is_cut = bool(folders)

    def _files_in(self, folder: Path, inner: list[Path]) -> Iterator[Path]:
        """Yield the files of a folder; add its folders to `inner`. Links are not followed."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return
        if any(entry.name == _ENVIRONMENT_MARK for entry in entries):
            return

        for entry in entries:
            self._entry_count += 1
            is_late = time.monotonic() > self._end
            if self._entry_count > _MAX_ENTRIES or is_late:
                self.is_cut = True
                return
            if not _is_shown(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED:
                    inner.append(Path(entry.path))
            elif entry.name.endswith(_SUFFIXES) and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _has_tasks(path: Path) -> bool:
    """Return whether a text has an array of tasks at its left margin."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False

    for number, line in enumerate(lines):
        if not line.startswith("tasks:"):
            continue
        value = _without_comment(line.removeprefix("tasks:"))
        for next_line in lines[number + 1 :]:
            if value:
                break
            value = _without_comment(next_line)
        return value.startswith(("[", "-"))
    return False


def _without_comment(text: str) -> str:
    text = text.strip()
    return "" if text.startswith("#") else text


def _read_row(path: Path, name: str) -> WorkflowRow:
    from attune_nb.running.workflow import load_file  # noqa: PLC0415 - a server starts without it

    try:
        workflow = load_file(path)
    except WorkflowError as error:
        return WorkflowRow(file=name, name=path.stem, problems=problems_of_text(error.problems))

    description = workflow.description
    if description is None:
        description = ""
    fields = fields_of_parameters(workflow.parameters)
    return WorkflowRow(
        file=name, name=workflow.name, description=description, entries=entries_of(fields)
    )

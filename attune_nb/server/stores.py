"""The stores whose runs a server shows."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from attune_nb.errors import StoreError
from attune_nb.store.event_rows import column_text
from attune_nb.store.reading import has_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Stores", "check_pattern"]

# seconds for which a list of files is used again: at least these, and so many for each second
# that it took to make it
_LIST_AGE = 5.0
_LIST_AGE_PER_SECOND = 300


class Stores:
    """The stores of a server, named by files and by patterns of files.

    The list of files is read again every few seconds, since a notebook in another folder may begin
    a store at any time; in a folder with very many folders less often.

    Args:
        root: The folder that relative names begin at.
        main: The store for runs that the server starts.
        patterns: More stores: files or patterns such as `*/.attune/runs.db`.
    """

    def __init__(self, root: Path, main: Path, patterns: Sequence[str] = ()) -> None:
        self.root = root
        self.main = main
        self._patterns = tuple(patterns)
        self._lock = threading.Lock()
        self._paths: list[Path] = [main]
        self._next_list = 0.0
        self._store_of: dict[str, Path] = {}

    def paths(self) -> list[Path]:
        """Return the files of all stores, the main one first; it may not exist yet."""
        with self._lock:
            start = time.monotonic()
            if start >= self._next_list:
                self._paths = self._list()
                end = time.monotonic()
                self._next_list = end + max(_LIST_AGE, _LIST_AGE_PER_SECOND * (end - start))
            return list(self._paths)

    def name_of(self, path: Path) -> str:
        """Return the name of a store for people: its folder; empty for the main one.

        A byte that is no UTF-8 is shown as an escape.
        """
        if path == self.main:
            return ""

        folder = path.parent
        if folder.name == ".attune":
            folder = folder.parent
        if folder.is_relative_to(self.root):
            folder = folder.relative_to(self.root)
        return column_text(str(folder))

    def _list(self) -> list[Path]:
        paths = {self.main.resolve(): self.main}
        for pattern in self._patterns:
            for path in sorted(_matches(self.root, pattern)):
                if path.is_file():
                    paths.setdefault(path.resolve(), path)
        return list(paths.values())

    def find(self, run_id: str) -> Path | None:
        """Return the store that has a run, or None.

        Args:
            run_id: The whole id of the run.
        """
        store = self._store_of.get(run_id)
        if store is not None and _has_run(store, run_id):
            return store

        for path in self.paths():
            if _has_run(path, run_id):
                self._store_of[run_id] = path
                return path
        return None


def check_pattern(pattern: str) -> None:
    """Check that a pattern can name stores.

    Raises:
        ValueError: It cannot; the message says why.
    """
    if "\0" in pattern or Path(pattern).name in ("", ".."):
        raise ValueError(
            f"{pattern!r} names no file; a record is named by its file, or by a pattern such as "
            "'*/.attune/runs.db'"
        )


def _matches(root: Path, pattern: str) -> Iterator[Path]:
    """Return the paths of a pattern, which may begin at another folder than the root."""
    absolute = root / Path(pattern).expanduser()
    folder = root
    if not absolute.is_relative_to(root):
        folder = Path(absolute.anchor)
    return folder.glob(str(absolute.relative_to(folder)))


def _has_run(path: Path, run_id: str) -> bool:
    if not path.exists():
        return False
    try:
        return has_run(path, run_id)
    except StoreError:
        # a damaged store: the run may be in another one
        return False

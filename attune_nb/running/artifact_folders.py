"""The folders of runs' artifacts: beside the store, or temporary ones."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attune_nb.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ArtifactFolder", "artifact_folder", "remove_artifacts"]

_MAX_TRIES = 5

# the form of an id; in a damaged record it may be any text
_RUN_ID = re.compile("[0-9a-f]{1,64}")


class ArtifactFolder:
    """The folder of a run's artifacts. A temporary one is removed together with this object.

    Attributes:
        path: The folder.

    Args:
        store: The file with the run's record; None for a temporary folder.
        run_id: The run's id.
    """

    def __init__(self, store: Path | None, run_id: str) -> None:
        self.path: Path
        if store is not None and _can_be_written(store.absolute()):
            self.path = artifact_folder(store, run_id).absolute()
        else:
            self._use_temporary()

    @property
    def files(self) -> Path:
        """The folder that actions write to."""
        from attune_nb.packs.artifacts.registry import FILES  # noqa: PLC0415 - few runs need it

        return self.path / FILES

    def make(self) -> None:
        """Make the folder that actions write to.

        Raises:
            StoreError: It cannot be made.
        """
        problem: OSError | None = None
        for _ in range(_MAX_TRIES):
            try:
                self.files.mkdir(parents=True, exist_ok=True)
            except FileNotFoundError as error:
                # another run has just removed the parent folder, which was empty
                problem = error
            except OSError as error:
                problem = error
                break
            else:
                return

        reason = "" if problem is None else f": {problem.strerror}"
        raise StoreError(
            f"the folder {self.path} for the artifacts of the run cannot be made{reason}"
        )

    def _use_temporary(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="attune-artifacts-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def remove_if_empty(self) -> None:
        """Remove the folders that no action has written to."""
        for folder in (self.files, self.path, self.path.parent):
            try:
                folder.rmdir()
            except OSError:
                return


def artifact_folder(store: Path, run_id: str) -> Path:
    """Return the folder of a run's artifacts beside its store; it may not exist."""
    return _parent(store) / run_id


def remove_artifacts(store: Path, run_ids: Iterable[str]) -> int:
    """Remove the artifacts of runs; return their bytes."""
    removed_bytes = 0
    for run_id in run_ids:
        folder = artifact_folder(store, run_id)
        if not _RUN_ID.fullmatch(run_id) or folder.is_symlink() or not folder.is_dir():
            continue
        removed_bytes += sum(_size_of(path) for path in folder.rglob("*"))
        shutil.rmtree(folder, ignore_errors=True)

    with suppress(OSError):
        # the folder stays as long as other runs have artifacts
        _parent(store).rmdir()
    return removed_bytes


def _can_be_written(store: Path) -> bool:
    """Return whether a store can be made; if not, its opening reports that."""
    for folder in store.parents:
        if folder.exists():
            return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    return False


def _parent(store: Path) -> Path:
    return store.with_name(f"{store.name}.artifacts")


def _size_of(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0

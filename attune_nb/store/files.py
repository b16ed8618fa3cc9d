"""The files of a store on the disk: which paths can be one, who may read them, copies to read."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.errors import StoreError
from attune_nb.values.short_paths import shorten_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "FileIdentity",
    "alone_in",
    "check_path",
    "copy_files",
    "create_empty",
    "create_folder",
    "file_identity",
    "has_log",
    "is_writable",
    "restrict",
]

DEFAULT_FOLDER = ".attune"
"""The name of the folder of the default store."""

# the database, its log, and the index of the log
_SUFFIXES = ("", "-wal", "-shm")


class FileIdentity(NamedTuple):
    """The device and the inode of a file: another file of the same name has others."""

    device: int
    inode: int


def file_identity(path: Path) -> FileIdentity | None:
    """Return which file has a path now, or None if none has."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return FileIdentity(status.st_dev, status.st_ino)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other program creates or replaces a store in a folder.

    Where the system has no such locks, or the file system, there is no wait.
    """
    try:
        import fcntl  # noqa: PLC0415 - Windows has none
    except ImportError:
        yield
        return

    descriptor = None
    try:
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def create_empty(path: Path) -> None:
    """Create an empty file that only its owner can read, unless there is one.

    It gets its name when it is closed: to close a file ends all locks that SQLite has on it in
    this process.

    Raises:
        OSError: It cannot be created.
    """
    descriptor, name = tempfile.mkstemp(prefix=".attune-", dir=path.parent)
    os.close(descriptor)
    try:
        os.link(name, path)
    except FileExistsError:
        return
    except OSError:
        # the file system has no links
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    finally:
        os.unlink(name)  # noqa: PTH108 - a name from `mkstemp`


def check_path(path: Path) -> bool:
    """Check that a path can be a store; return whether the file exists.

    Raises:
        StoreError: The path is none, or something else than a file.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except ValueError:
        # a NUL, or half of a surrogate pair
        raise StoreError(f"{str(path)!r} is no path: name a file as store") from None
    except OSError as error:
        raise StoreError(f"the store {path} cannot be opened: {error.strerror}") from None

    if stat.S_ISDIR(mode):
        raise StoreError(f"{path} is a folder: name a file in it as store, such as {path}/runs.db")
    if not stat.S_ISREG(mode):
        raise StoreError(f"{path} is a device or a pipe: name a file as store")
    return True


def create_folder(folder: Path) -> None:
    """Create the folder of a store.

    The default folder is for its owner only, and gets a `.gitignore` for all its files.

    Raises:
        StoreError: It cannot be created.
    """
    try:
        if folder.name == DEFAULT_FOLDER and not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
            (folder / ".gitignore").write_text("*\n")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        shown = shorten_path(folder)
        message = f"the folder {shown} of the store cannot be created: {error.strerror}"
        raise StoreError(message) from None


def restrict(path: Path) -> None:
    """Make a store, its log and the default folder accessible to their owner only.

    A file of another user stays as it is.
    """
    if path.parent.name == DEFAULT_FOLDER:
        _restrict(path.parent, 0o700)
    for file in _files_of(path):
        _restrict(file, 0o600)


def is_writable(path: Path) -> bool:
    """Return whether an existing store can be written: its file, and its folder for the log."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)


def has_log(path: Path) -> bool:
    """Return whether a store has a log with changes that its file does not hold yet."""
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def copy_files(path: Path, folder: Path) -> Path:
    """Copy a store and its log to a folder; return the copy."""
    copy = folder / "runs.db"
    for suffix in ("", "-wal"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            shutil.copyfile(file, folder / f"runs.db{suffix}")
    return copy


def _files_of(path: Path) -> Iterator[Path]:
    for suffix in _SUFFIXES:
        yield path.with_name(path.name + suffix)


def _restrict(path: Path, allowed: int) -> None:
    """Remove the permissions of a file that are not allowed."""
    with suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & ~allowed:
            path.chmod(mode & allowed)

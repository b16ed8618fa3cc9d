"""The environments of packs: folders in the user's cache with the packages of one pack each.

An environment is complete when it holds `environment.json`, which is written last. A folder
without it is the remains of an interrupted installation: it is never used, and the next
installation of its pack removes it. Environments
never move: the programs in them name their own place.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from attune_nb.packs.version_ranges import write_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from attune_nb.packs.environments.programs import Node, Python

__all__ = [
    "Environment",
    "EnvironmentKey",
    "cache_folder",
    "environments_folder",
    "list_environments",
    "make_environments_folder",
    "measure_environment",
    "node_key",
    "python_key",
    "remove_environment",
    "retire",
    "write_record",
]

_RECORD = "environment.json"
_KEY_LENGTH = 12
# characters of a pack's ref in the name of a folder
_MAX_NAME = 60
# characters of a pack's name that a file's name may have
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A complete environment.

    Attributes:
        pack: The ref of its pack.
        folder: Its folder.
        base: The program that it was made with: a Python or a node, with its version.
        constraints: The constraints that it was made with: package -> versions.
        made_at: When it was chosen last, in seconds since 1970: the latest one is used.
    """

    pack: str
    folder: str
    base: str
    constraints: dict[str, str] = {}
    made_at: float = 0.0


class EnvironmentKey(msgspec.Struct, frozen=True):
    """The key of the environments that fit a pack: its manifest and its interpreter.

    Attributes:
        pack: The ref of the pack.
        digest: The hash of the manifest, the version of the interpreter and the machine.
    """

    pack: str
    digest: str

    @property
    def prefix(self) -> str:
        """The beginning of the names of their folders."""
        name = _UNSAFE.sub("_", self.pack)[:_MAX_NAME]
        return f"{name}-{self.digest}-"

    def find(self, constraints: Mapping[str, str] | None) -> Environment | None:
        """Return the latest complete environment.

        Args:
            constraints: The constraints that it must have been made with; None for any.
        """
        environments = self.all()
        if constraints is not None:
            environments = [
                environment
                for environment in environments
                if environment.constraints == constraints
            ]
        return max(environments, key=lambda environment: environment.made_at, default=None)

    def all(self) -> list[Environment]:
        """Return the complete environments."""
        return _read_records(self._folders())

    @contextmanager
    def new_folder(self) -> Iterator[Path]:
        """Yield a new folder for an environment; remove it if its making fails."""
        folder = environments_folder() / f"{self.prefix}{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def remove_incomplete(self) -> None:
        """Remove the remains of interrupted installations. The caller holds the lock."""
        for folder in self._folders():
            if _read_record(folder) is None:
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def lock(self, report_wait: Callable[[], None]) -> Iterator[None]:
        """Hold the right to install for this key: one process at a time has it."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - only installations need it

        lock = FileLock(environments_folder() / f"{self.prefix}lock", mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report_wait()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _folders(self) -> list[Path]:
        try:
            paths = list(environments_folder().glob(f"{self.prefix}*"))
        except OSError:
            return []
        folders = [path for path in paths if path.is_dir()]
        return [folder for folder in folders if not folder.is_symlink()]


def cache_folder() -> Path:
    """Return the folder for cached data: ATTUNE_NB_CACHE, or the user's cache."""
    folder = os.environ.get("ATTUNE_NB_CACHE")
    if folder:
        return Path(folder).expanduser().absolute()

    from platformdirs import user_cache_path  # noqa: PLC0415 - only packs need it

    return user_cache_path("attune_nb", appauthor=False)


def environments_folder() -> Path:
    """Return the folder of the environments; `make_environments_folder` makes it."""
    return cache_folder() / "packs"


def make_environments_folder() -> None:
    """Make the folder of the environments, for this user alone.

    Raises:
        OSError: The system refuses it.
    """
    environments_folder().mkdir(parents=True, exist_ok=True, mode=0o700)


def list_environments() -> list[Environment]:
    """Return all complete environments, in the order of their packs and times."""
    try:
        folders = [path for path in environments_folder().iterdir() if path.is_dir()]
    except OSError:
        return []

    environments = _read_records(folders)
    return sorted(environments, key=lambda environment: (environment.pack, environment.made_at))


def measure_environment(environment: Environment) -> int:
    """Return the bytes of the files of an environment."""
    size = 0
    for file in Path(environment.folder).rglob("*"):
        with suppress(OSError):
            status = file.lstat()
            if not stat.S_ISDIR(status.st_mode):
                size += status.st_size
    return size


def remove_environment(environment: Environment) -> None:
    """Remove an environment with its files. New runs stop using it first.

    Raises:
        OSError: The system refuses it.
    """
    retire(environment)
    shutil.rmtree(environment.folder)


def python_key(pack: str, texts: Iterable[str], python: Python) -> EnvironmentKey:
    """Return the key of the environments with a Python for these requirements."""
    threading = "free-threaded" if python.is_free_threaded else ""
    version = write_version(python.version[:2])
    implementation = python.markers.get("implementation_name", "")
    return _key(pack, [*texts, implementation, version, threading])


def node_key(pack: str, texts: Iterable[str], node: Node) -> EnvironmentKey:
    """Return the key of the environments with a node for these dependencies."""
    return _key(pack, [*texts, "node", str(node.version[0])])


def write_record(environment: Environment) -> Environment:
    """Mark an environment as complete; return its record. It is the latest one from now on."""
    record = msgspec.structs.replace(environment, made_at=time.time())
    folder = Path(environment.folder)
    new_file = folder / f"{_RECORD}.{os.getpid()}"
    new_file.write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    new_file.replace(folder / _RECORD)
    return record


def retire(environment: Environment) -> None:
    """Exclude an environment from further use. Its files stay, since a process may run in it."""
    with suppress(OSError):
        (Path(environment.folder) / _RECORD).unlink()


def _key(pack: str, parts: Iterable[str]) -> EnvironmentKey:
    # a home folder may be shared by machines
    all_parts = [*parts, sys.platform, platform.machine()]
    digest = hashlib.sha256(msgspec.json.encode(all_parts)).hexdigest()
    return EnvironmentKey(pack, digest[:_KEY_LENGTH])


def _read_records(folders: Iterable[Path]) -> list[Environment]:
    """Return the complete environments among folders."""
    environments = []
    for folder in folders:
        environment = _read_record(folder)
        if environment is not None:
            environments.append(environment)
    return environments


def _read_record(folder: Path) -> Environment | None:
    """Return the record of a complete environment that can be used, or None."""
    try:
        text = (folder / _RECORD).read_bytes()
        environment = msgspec.json.decode(text, type=Environment)
    except (OSError, msgspec.MsgspecError):
        return None

    # a copy of an environment does not work
    if environment.folder != str(folder):
        return None
    # the Python that a venv links to may have been removed
    if (folder / "pyvenv.cfg").exists() and not (folder / "bin" / "python").is_file():
        return None
    return environment

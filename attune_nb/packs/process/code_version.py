"""The version of an action's code: it changes with its script, and with the pack's `lib`."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from attune_nb.packs.model import PackAction

__all__ = ["code_version"]

# Files of `lib` that are read, and bytes of each file: more is taken to be data.
_MAX_FILES = 200
_MAX_BYTES = 10_000_000


def code_version(action: PackAction) -> str:
    """Return a text that changes with the action's script, its file and the pack's modules.

    A file that cannot be read counts as an empty one.
    """
    digest = hashlib.sha256(action.pack.version.encode())
    for path in (action.file, action.entry_point, *_module_files(action)):
        digest.update(f"\n{path.name} {_digest_file(path)}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _module_files(action: PackAction) -> Iterator[Path]:
    folder = action.pack.folder / "lib"
    suffixes = {"python": ".py", "nodejs": ".js", "shell": ".sh"}
    suffix = suffixes.get(action.runner)
    if suffix is None:
        return

    # a folder that cannot be listed has no files
    with suppress(OSError):
        yield from sorted(folder.rglob(f"*{suffix}"))[:_MAX_FILES]


def _digest_file(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return _digest_content(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1_000)
def _digest_content(path: Path, _changed: int, _size: int) -> str:
    """Return the digest of a file's content; a file that has not changed is read once."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
    except OSError:
        return ""
    return hashlib.sha256(content).hexdigest()

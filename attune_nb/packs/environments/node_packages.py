"""The packages that `package.json` of a pack names, and those that are missing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import Position, Problem, Source
from attune_nb.html import printable
from attune_nb.packs.environments.pack_texts import UnreadableFileError, read_pack_text
from attune_nb.packs.version_ranges import read_range, read_version
from attune_nb.values.describe import describe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["MissingPackage", "NodePackages", "find_missing", "read_package_json"]

FILE_NAME = "package.json"
LOCK_NAME = "package-lock.json"

# bytes of a file that is read
_MAX_SIZE = 10_000_000
_MAX_PACKAGES = 2_000


class NodePackages(msgspec.Struct, frozen=True):
    """The content of a pack's `package.json`.

    Attributes:
        manifest: The content of the file.
        dependencies: Name of a package -> the versions that fit, or where it comes from.
        texts: The texts of the file and its lock: they identify an environment.
        problems: The problems of the file.
    """

    manifest: Mapping[str, Any] = {}
    dependencies: Mapping[str, str] = {}
    texts: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_package_json(folder: Path) -> NodePackages:
    """Return the packages of the pack in a folder; there are none without `package.json`."""
    path = folder / FILE_NAME
    if not path.is_symlink() and not path.exists():
        return NodePackages()

    try:
        text = read_pack_text(path, folder, _MAX_SIZE)
    except UnreadableFileError as error:
        return NodePackages(problems=(Problem(str(error)),))
    try:
        manifest = msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        return _faulty(f"`{path}` is no JSON: {error}", path, text)
    if not isinstance(manifest, dict):
        return _faulty(f"`{path}` must be an object, not {describe(manifest)}", path, text)

    dependencies = manifest.get("dependencies", {})
    if not isinstance(dependencies, dict) or not all(
        isinstance(version, str) for version in dependencies.values()
    ):
        return _faulty("`dependencies` must be an object of strings", path, text)

    if any(".." in name.split("/") for name in dependencies):
        return _faulty("`dependencies` has a name that leads out of `node_modules`", path, text)
    if len(dependencies) > _MAX_PACKAGES:
        return _faulty(f"`dependencies` has more than {_MAX_PACKAGES:,} packages", path, text)

    texts = [text]
    # without a lock, npm chooses the versions
    with suppress(UnreadableFileError):
        texts.append(read_pack_text(folder / LOCK_NAME, folder, _MAX_SIZE))
    return NodePackages(manifest, dependencies, tuple(texts))


class MissingPackage(msgspec.Struct, frozen=True):
    """A package that `node_modules` of a pack lacks.

    Attributes:
        name: Its name.
        versions: The versions that fit.
        present: The version that is there and does not fit; None if there is none.
    """

    name: str
    versions: str
    present: str | None = None

    def __str__(self) -> str:
        text = f"`{printable(self.name)}@{printable(self.versions)}` is not installed"
        if self.present is not None:
            text += f" in this version; {printable(self.present)} is"
        return text


def find_missing(packages: NodePackages, folder: Path) -> list[MissingPackage]:
    """Return the packages that `node_modules` of a folder lacks."""
    missing = []
    for name, versions in packages.dependencies.items():
        package = _look_at_package(folder / "node_modules" / name / FILE_NAME, name, versions)
        if package is not None:
            missing.append(package)
    return missing


def _look_at_package(path: Path, name: str, versions: str) -> MissingPackage | None:
    """Return a package if it does not meet a range, or None if it does."""
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError):
        return MissingPackage(name, versions)

    try:
        version_range = read_range(versions, is_exact=True)
    except ValueError:
        # a tag, a path or a URL
        return None
    version_text = str(manifest.get("version", ""))
    version = read_version(version_text)
    if version is not None and version_range.allows(version):
        return None
    return MissingPackage(name, versions, version_text)


def _faulty(message: str, path: Path, text: str) -> NodePackages:
    position = Position(Source(str(path), text), 1, 1)
    return NodePackages(problems=(Problem(message, position),))

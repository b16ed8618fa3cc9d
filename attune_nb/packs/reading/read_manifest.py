"""Read `pack.yaml`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.errors import Problem, WorkflowError
from attune_nb.language import pack_export
from attune_nb.language.pack_export import MANIFEST_FILE
from attune_nb.language.reading.yaml_source import sort_by_position
from attune_nb.packs.model import PackManifest
from attune_nb.packs.reading.flat_schemas import read_schema
from attune_nb.packs.reading.pack_reader import PackReader
from attune_nb.reference.entry import names
from attune_nb.reference.pack_keys import MANIFEST_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.errors import Position
    from attune_nb.language.reading.yaml_source import KeyPath
    from attune_nb.packs.reading.pack_files import PackFolder

__all__ = ["MANIFEST_FILE", "NAME", "ManifestFile", "read_manifest"]

# the name of a pack, or of an action within it
NAME = re.compile(pack_export.NAME)

# the pack whose actions are built in
_BUILT_IN = "core"

_KEYS = names(MANIFEST_KEYS, "pack key")

# older spellings, and the keys that they stand for
_OLDER_KEYS = {
    "name": "label",
    "config_schema": "conf_schema",
    "metadata": "meta",
    "keywords": "tags",
}

# keys for people, for catalogues of packs and for the platform
_RARE_KEYS = (
    "author", "config", "contributors", "email", "enabled", "homepage", "icon", "license",
    "maintainers", "repository", "source_revision", "source_version", "system", "testing", "url",
    "worker_affinity", "worker_selector", "worker_tolerations",
)  # fmt: skip


class ManifestFile(NamedTuple):
    """The file `pack.yaml` as it was read.

    Attributes:
        manifest: Its data.
        problems: The problems and hints that leave it usable.
        dependency_positions: Where it names each pack that this one needs.
    """

    manifest: PackManifest
    problems: list[Problem]
    dependency_positions: dict[str, Position]


def read_manifest(folder: PackFolder) -> ManifestFile:
    """Read the file `pack.yaml` of a pack.

    Raises:
        WorkflowError: There is no such file, or it has no valid `ref`.
    """
    if not folder.has_file(MANIFEST_FILE):
        message = (
            f"`{folder.shown}` is no pack: it has no `{MANIFEST_FILE}`; write one with `ref` and "
            "`version`"
        )
        raise WorkflowError([Problem(message)], noun="the pack")

    try:
        return _read_manifest(
            PackReader(folder.read_yaml(folder.real / MANIFEST_FILE, "a pack"), "a pack"), folder
        )
    except WorkflowError as error:
        raise WorkflowError(error.problems, error.unfinished, noun="the pack") from None


def _read_manifest(reader: PackReader, folder: PackFolder) -> ManifestFile:
    is_object = reader.read_keys(
        _KEYS, rare_keys=_RARE_KEYS, older_keys=_OLDER_KEYS, unread_keys={}
    )
    ref = _read_ref(reader) if is_object else None
    if ref is None:
        raise WorkflowError(sort_by_position(reader.problems))

    reader.require("version", "a version, such as `version: 0.1.0`")
    version = reader.read_version_text("version")
    if version is None:
        version = ""
    conf_schema = None
    if "conf_schema" in reader.fields:
        conf_schema = read_schema(reader, "conf_schema", "field")
    dependencies = _read_dependencies(reader, ref)
    manifest = PackManifest(
        ref=ref,
        version=version,
        folder=folder.real,
        label=reader.read_string("label"),
        description=reader.read_string("description"),
        conf_schema=conf_schema,
        meta=reader.read_mapping("meta"),
        tags=reader.read_names("tags"),
        runtime_deps=reader.read_names("runtime_deps"),
        dependencies=tuple(dependencies),
    )
    return ManifestFile(manifest, sort_by_position(reader.problems), dependencies)


def _read_ref(reader: PackReader) -> str | None:
    """Return the pack's ref, or None if it has none that is valid."""
    reader.require("ref", "the pack's name, such as `ref: hostkit`")
    ref = reader.read_string("ref")
    if ref is None:
        return None

    if ref == _BUILT_IN:
        reader.add_problem("`core` is the name of the built-in actions; use another", "ref")
        return None
    if NAME.fullmatch(ref) is None:
        message = (
            f"`{ref[:80]}` is not a name for a pack; use letters, digits, `_` and `-`, at most "
            "100 of them"
        )
        reader.add_problem(message, "ref")
        return None
    return ref


def _read_dependency_names(reader: PackReader) -> Iterator[tuple[str, KeyPath]]:
    """Yield the names of `dependencies`, each with its path: of an array, or of an object's keys.

    The value of a key may be a version; it is not read.
    """
    value = reader.fields.get("dependencies")
    if isinstance(value, dict):
        for name in value:
            yield name, ("dependencies", name)
        return

    for index, name in enumerate(reader.read_names("dependencies")):
        yield name, ("dependencies", index)


def _read_dependencies(reader: PackReader, ref: str) -> dict[str, Position]:
    """Return the refs of the packs that a pack needs, each with its position."""
    positions: dict[str, Position] = {}
    for name, path in _read_dependency_names(reader):
        if NAME.fullmatch(name) is None:
            message = f"`{name[:80]}` is not the ref of a pack, such as `hostkit`"
            reader.reader.add_problem(message, path)
        elif name == ref:
            reader.reader.add_problem("a pack does not depend on itself", path)
        elif name == _BUILT_IN:
            # its actions are always there
            continue
        else:
            positions.setdefault(name, reader.reader.value_position(path))

    return positions

"""A pack as it was read, and the packs that a run uses."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError, Problem, WorkflowError
from attune_nb.packs.pack_set import PackSet
from attune_nb.values.describe import describe, describe_with_value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from attune_nb.packs.contents import PackContents
    from attune_nb.packs.model import PackManifest

    Packs: TypeAlias = (
        "str | PathLike[str] | PackView | PackSet | Sequence[str | PathLike[str] | PackView]"
    )

__all__ = ["PackView", "open_packs", "read_variable_names", "to_pack_path"]


class PackView:
    """The content of a pack's folder.

    Args:
        contents: The content.
    """

    def __init__(self, contents: PackContents) -> None:
        self.contents = contents

    @property
    def ref(self) -> str:
        """The pack's name, the first part of the refs of its actions."""
        return self.contents.ref

    @property
    def version(self) -> str:
        """The version."""
        return self.contents.manifest.version

    @property
    def manifest(self) -> PackManifest:
        """The data of `pack.yaml`."""
        return self.contents.manifest

    @property
    def folder(self) -> Path:
        """The folder, absolute and without links."""
        return self.contents.manifest.folder


def open_packs(packs: Any) -> PackSet:
    """Return packs as a set.

    Args:
        packs: A pack, or the folder of one or of several; or an array of these; or a set.

    Raises:
        ParameterError: Something else was passed.
        WorkflowError: A folder is no pack and holds none.
    """
    if issubclass(type(packs), PackSet):
        pack_set: PackSet = packs
        return pack_set

    entries = packs
    if packs is None:
        entries = ()
    elif issubclass(type(packs), (str, PathLike, PackView)):
        entries = [packs]
    if not issubclass(type(entries), (list, tuple)):
        raise ParameterError(
            f'`packs` must be folders or packs, such as ["packs/hostkit"], not {describe(packs)}'
        )

    contents: list[PackContents] = []
    unreadable: list[Problem] = []
    for entry in entries:
        if issubclass(type(entry), PackView):
            contents.append(entry.contents)
        else:
            _open_folder(to_pack_path(entry), contents, unreadable)
    return PackSet(contents, unreadable)


def _open_folder(folder: Path, contents: list[PackContents], unreadable: list[Problem]) -> None:
    """Read a pack, or the packs within a folder.

    One pack of several that cannot be read does not stop the others.

    Raises:
        WorkflowError: The folder is no pack and holds none, or holds one that cannot be read.
    """
    from attune_nb.packs.reading.read_pack import (  # noqa: PLC0415 - few workflows need it
        find_packs,
        read_pack,
    )

    folders = find_packs(folder)
    for inner in folders:
        try:
            contents.append(read_pack(inner))
        except WorkflowError as error:
            if len(folders) == 1:
                raise
            unreadable += error.problems


def to_pack_path(folder: Any) -> Path:
    """Return the path of a pack's folder.

    Raises:
        ParameterError: It is no path.
    """
    if not issubclass(type(folder), (str, PathLike)):
        raise ParameterError(f"the folder of a pack must be a path, not {describe(folder)}")
    return Path(fspath(folder))


def read_variable_names(value: Any) -> tuple[str, ...]:
    """Return the names of the option `pass_env`.

    Raises:
        ParameterError: It is no array of names.
    """
    if value is None:
        return ()
    if not issubclass(type(value), list | tuple):
        raise ParameterError(
            f"`pass_env` must be an array of names of variables, not {describe(value)}"
        )
    for name in value:
        if type(name) is not str or not name:
            raise ParameterError(
                f"`pass_env` must hold names of variables, not {describe_with_value(name)}"
            )
        if "=" in name:
            variable = name.partition("=")[0]
            raise ParameterError(
                f"`pass_env` takes the name of a variable without its value: {variable!r}; the "
                "process gets the value that the variable has here"
            )
    return tuple(value)

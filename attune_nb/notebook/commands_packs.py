"""The command of `%attune` about packs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.display.outputs import Text
from attune_nb.errors import ParameterError
from attune_nb.html import printable
from attune_nb.notebook.command import argument, command
from attune_nb.packs.pack_set import PackSet
from attune_nb.running.open_packs import open_packs
from attune_nb.running.pack import Pack, PackList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.notebook.session import Session

__all__: list[str] = []


@command(
    argument("folder", "file", "a pack, or a folder of packs; those that are loaded", nargs="?"),
    argument(
        "--install",
        "",
        "install the packages of the packs, in environments of their own",
        action="store_true",
    ),
    argument(
        "--constraint",
        "",
        "with --install: the version of a package, such as `attune-sdk==0.3.0`; repeatable",
        action="append",
        default=[],
        metavar="PACKAGE==VERSION",
    ),
)
def _pack(session: Session, folder: str | None, *, install: bool, constraint: list[str]) -> Any:
    """Load packs, whose actions and workflows cells can name from then on: their code may run."""
    if constraint and not install:
        raise UsageError("--constraint needs --install")
    if folder is None:
        if install:
            raise UsageError("--install needs the FOLDER of the pack")
        if not session.packs:
            return Text("no pack is loaded yet: load one with `%attune pack FOLDER`")
        return PackList(Pack(pack.contents) for pack in session.packs.values())

    packs = open_packs(folder)
    if install:
        _install(folder, constraint)

    clashes = [*PackSet(packs.contents).find_name_clashes()]
    if clashes:
        raise UsageError(str(clashes[0]))
    loaded = [Pack(contents) for contents in packs.contents]
    for pack in loaded:
        session.packs[pack.ref] = pack
    return PackList(loaded, packs.unreadable)


def _install(folder: str, constraints: Sequence[str]) -> None:
    """Install the packages of packs, with a line for each step.

    Raises:
        UsageError: A constraint is invalid.
    """
    from attune_nb.packs.environments.requirements import split_constraints  # noqa: PLC0415 - slow
    from attune_nb.packs.installation import install_packs  # noqa: PLC0415 - as above

    try:
        versions = split_constraints(constraints)
    except ParameterError as error:
        raise UsageError(str(error)) from None
    install_packs(folder, constraints=versions, progress=_print_line)


def _print_line(line: str) -> None:
    sys.stdout.write(f"{printable(line)}\n")
    sys.stdout.flush()

"""Check packs without running them: their files, their workflows, and the packs they need."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attune_nb.errors import Position, Problem, WorkflowError
from attune_nb.packs.pack_set import PackSet
from attune_nb.packs.reading.pack_files import file_exists
from attune_nb.packs.reading.read_manifest import MANIFEST_FILE
from attune_nb.packs.reading.read_pack import read_pack
from attune_nb.packs.reading.workflow_pair import explain_pack_file
from attune_nb.running.pack_tables import ProblemList
from attune_nb.running.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attune_nb.packs.contents import PackContents

__all__ = ["add_packs_beside", "check_pack_file", "check_packs", "packs_around"]


def check_packs(contents: Sequence[PackContents], needed: PackSet) -> ProblemList:
    """Return the problems of packs and of their workflows, and the packs that are missing.

    A pack that one of them needs may lie beside it. A hint names it then.

    Args:
        contents: The packs that are checked.
        needed: Packs that they may need.
    """
    named = PackSet([*contents, *needed.contents], needed.unreadable)
    pack_set = add_packs_beside(named)

    from attune_nb.packs.environments.find import (  # noqa: PLC0415 - slow, and only for packs
        find_manifest_problems,
    )

    problems = ProblemList()
    for pack in contents:
        problems += pack.problems
        problems += find_manifest_problems(pack.shown_folder)
        for workflow in pack.workflows.values():
            problems += Workflow(workflow.spec).check(packs=pack_set)
    problems += pack_set.find_problems()

    for neighbour in pack_set.contents[len(named.contents) :]:
        message = (
            f"pack `{neighbour.ref}` was found beside it; a run needs "
            f"`{neighbour.shown_folder}`, too"
        )
        problems.append(
            Problem(message, _find_dependency_position(contents, neighbour.ref), "hint")
        )
    return problems


def packs_around(file: Path, named: PackSet) -> PackSet:
    """Return packs, the one that a file is in, and those that it needs and that lie beside it.

    Args:
        file: The file.
        named: Packs that count before those around the file.
    """
    for parent in file.absolute().parents:
        try:
            contents = read_pack(parent)
        except WorkflowError:
            continue
        own = PackSet([*named.contents, *_without([contents], named)], named.unreadable)
        return add_packs_beside(own)
    return named


def _without(contents: Iterable[PackContents], named: PackSet) -> list[PackContents]:
    """Return the packs whose names no pack of a set has."""
    refs = {pack.ref for pack in named.contents}
    return [pack for pack in contents if pack.ref not in refs]


def check_pack_file(file: Path) -> ProblemList | None:
    """Return the problems of a file of a pack that is no workflow, or None for other files.

    Raises:
        WorkflowError: Its pack cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    if explain_pack_file(file, text) is None:
        return None

    real = file.resolve()
    for parent in file.absolute().parents:
        if file_exists(parent / MANIFEST_FILE):
            problems = read_pack(parent).problems
            return ProblemList(problem for problem in problems if _is_in(problem, real))
    return None


def _is_in(problem: Problem, file: Path) -> bool:
    """Return whether a problem is one of a file."""
    if problem.position is None:
        return file.name in problem.message
    return Path(problem.position.source.name).resolve() == file


def add_packs_beside(pack_set: PackSet) -> PackSet:
    """Return a set of packs, and at its end the packs beside them that they need."""
    contents = list(pack_set.contents)
    unreadable = list(pack_set.unreadable)
    tried_names: set[str] = set()
    for pack in contents:
        for name in PackSet(contents).missing_dependencies(pack):
            folder = _folder_beside(pack, name)
            if name in tried_names or not file_exists(folder / MANIFEST_FILE):
                continue

            tried_names.add(name)
            try:
                neighbour = read_pack(folder)
            except WorkflowError as error:
                unreadable += error.problems
                continue
            if neighbour.ref == name:
                # the loop goes on to this pack, and to the packs that it needs itself
                contents.append(neighbour)
    return PackSet(contents, unreadable)


def _folder_beside(pack: PackContents, name: str) -> Path:
    """Return the folder of a name beside that of a pack."""
    shown = pack.shown_folder
    if shown.name in ("", ".."):
        # the current folder, or one above it
        return shown / ".." / name
    return shown.parent / name


def _find_dependency_position(contents: Iterable[PackContents], ref: str) -> Position | None:
    """Return the position at which a pack names another one that it needs."""
    for pack in contents:
        position = pack.dependency_positions.get(ref)
        if position is not None:
            return position
    return None

"""The packs of a run: their actions and workflows by ref, and those that are missing."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from attune_nb.errors import Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from attune_nb.packs.contents import PackContents
    from attune_nb.packs.model import PackAction, PackWorkflow

__all__ = ["PackSet"]

# names in a message
_MAX_NAMES = 20


class PackSet:
    """Packs that are used together.

    Args:
        contents: The packs. One that is named twice counts once.
        unreadable: The problems of packs that cannot be read.
    """

    def __init__(
        self, contents: Iterable[PackContents] = (), unreadable: Iterable[Problem] = ()
    ) -> None:
        by_folder = {pack.manifest.folder: pack for pack in contents}
        self.contents = tuple(by_folder.values())
        self.unreadable = tuple(unreadable)

    def __bool__(self) -> bool:
        return bool(self.contents)

    @cached_property
    def actions(self) -> dict[str, PackAction]:
        """The actions that run as processes, by ref; those that are switched off, too."""
        actions: dict[str, PackAction] = {}
        for pack in self.contents:
            actions.update(pack.actions)
        return actions

    @cached_property
    def workflows(self) -> dict[str, PackWorkflow]:
        """The workflows, by ref; those that are switched off, too."""
        workflows: dict[str, PackWorkflow] = {}
        for pack in self.contents:
            workflows.update(pack.workflows)
        return workflows

    @property
    def refs(self) -> list[str]:
        """The refs of all actions and workflows."""
        return [*self.actions, *self.workflows]

    def is_usable(self, ref: str) -> bool:
        """Return whether a ref is that of an action or a workflow that can run."""
        is_known = ref in self.actions or ref in self.workflows
        return is_known and self.explain_unusable(ref) is None

    def find_name_clashes(self) -> Iterator[Problem]:
        """Yield a problem for each name that two packs share."""
        folder_by_ref: dict[str, str] = {}
        for pack in self.contents:
            folder = str(pack.shown_folder)
            if pack.ref in folder_by_ref:
                yield Problem(
                    f"two packs are named `{pack.ref}`: `{folder_by_ref[pack.ref]}` and "
                    f"`{folder}`; use one of them"
                )
            folder_by_ref[pack.ref] = folder

    def find_problems(self) -> Iterator[Problem]:
        """Yield the problems of packs as a set.

        These are packs that cannot be read, names that two packs share, and packs that one needs
        and that are missing.
        """
        yield from self.unreadable
        yield from self.find_name_clashes()

        refs = [pack.ref for pack in self.contents]
        for pack in self.contents:
            for name in self.missing_dependencies(pack):
                message = (
                    f"pack `{pack.ref}` needs pack `{name}`, which is not loaded"
                    f"{nearest(name, refs)}"
                )
                yield Problem(message, pack.dependency_positions.get(name))

    def missing_dependencies(self, pack: PackContents) -> list[str]:
        """Return the refs of the packs that a pack needs and that are not in this set."""
        refs = {loaded.ref for loaded in self.contents}
        return [name for name in pack.manifest.dependencies if name not in refs]

    def explain_unusable(self, ref: str) -> str | None:
        """Return why an action of this name cannot run, or None if no pack has anything of it.

        It is switched off, it has a problem, or its pack has no such action.
        """
        switched_off = self._find_switched_off(ref)
        if switched_off is not None:
            return switched_off

        pack_name = ref.partition(".")[0]
        for pack in self.contents:
            if ref in pack.refused:
                first, *further = pack.refused[ref]
                more = f" (and {len(further):,} more)" if further else ""
                return f"action `{ref}` cannot be used: {first}{more}"
            if pack.ref == pack_name and ref not in pack.actions and ref not in pack.workflows:
                return self._explain_unknown(ref, pack)
        return None

    def explain_unloaded(self, ref: str) -> str | None:
        """Return how to load the pack of a ref that is not there, or None.

        A loaded pack depends on it, or a pack cannot be read.
        """
        pack_name, dot, _ = ref.partition(".")
        for pack in self.contents:
            if pack_name in self.missing_dependencies(pack):
                return (
                    f"action `{ref}` belongs to pack `{pack_name}`, which is not loaded; pass its "
                    "folder in `packs`, too (in a shell `--pack FOLDER`)"
                )
        if self.unreadable and dot and pack_name not in (pack.ref for pack in self.contents):
            return f"there is no action `{ref}`, and a pack cannot be read: {self.unreadable[0]}"
        return None

    def _find_switched_off(self, ref: str) -> str | None:
        action: PackAction | PackWorkflow | None = self.actions.get(ref)
        if action is None:
            action = self.workflows.get(ref)
        if action is None or action.enabled:
            return None
        return f"action `{ref}` is switched off: `{action.file.name}` says `enabled: false`"

    def _explain_unknown(self, ref: str, pack: PackContents) -> str:
        refs = [*pack.actions, *pack.workflows]
        hint = nearest(ref, refs)
        if not hint:
            hint = f"; it has {', '.join(refs[:_MAX_NAMES])}" if refs else "; it has none"
        return f"pack `{pack.ref}` has no action `{ref}`{hint}"

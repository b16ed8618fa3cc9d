"""A pack that was read: its manifest, its actions, its workflows and its problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from attune_nb.errors import Position, Problem
    from attune_nb.packs.model import PackAction, PackManifest, PackWorkflow

__all__ = ["PackContents"]


class PackContents(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a pack's folder.

    Attributes:
        manifest: The data of `pack.yaml`.
        shown_folder: The folder as the user named it.
        actions: The actions that run as processes, by ref.
        workflows: The workflows, by ref.
        refused: The problems of the actions and workflows that cannot be used, by ref.
        listed: The names of the pack's triggers, rules and so on, by folder. They are not run.
        problems: The problems and hints of the files, with file, line and column.
        dependency_positions: Where `pack.yaml` names each pack that this one needs.
    """

    manifest: PackManifest
    shown_folder: Path
    actions: Mapping[str, PackAction]
    workflows: Mapping[str, PackWorkflow]
    refused: Mapping[str, tuple[Problem, ...]] = {}
    listed: Mapping[str, tuple[str, ...]] = {}
    problems: tuple[Problem, ...] = ()
    dependency_positions: Mapping[str, Position] = {}

    @property
    def ref(self) -> str:
        """The pack's name, the first part of the refs of its actions."""
        return self.manifest.ref

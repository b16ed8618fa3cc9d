"""What a run offers to the attempts that call its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attune_nb.packs.api.inquiries import Inquiries
    from attune_nb.packs.api.keys import Keys
    from attune_nb.packs.artifacts.registry import ArtifactRegistry

__all__ = ["RunServices"]


class RunServices:
    """The keys, the artifacts and the inquiries of a run.

    Attributes:
        inquiries: The questions that actions ask; None before the run and after it.

    Args:
        keys: The keys.
        artifacts: The artifacts.
    """

    def __init__(self, keys: Keys, artifacts: ArtifactRegistry) -> None:
        self.keys = keys
        self.artifacts = artifacts
        self.inquiries: Inquiries | None = None

    def close(self) -> None:
        """Let go of the run, whose artifacts may be temporary and end with it."""
        self.inquiries = None

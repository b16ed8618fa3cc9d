"""What a run offers to the attempts that call its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attune_nb.packs.api.keys import Keys
    from attune_nb.packs.artifacts.registry import ArtifactRegistry

__all__ = ["RunServices"]


class RunServices:
    """The keys and the artifacts of a run.

    Args:
        keys: The keys.
        artifacts: The artifacts.
    """

    def __init__(self, keys: Keys, artifacts: ArtifactRegistry) -> None:
        self.keys = keys
        self.artifacts = artifacts

    def close(self) -> None:
        """End what waits for the run."""

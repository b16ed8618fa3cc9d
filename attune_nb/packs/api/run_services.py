"""The parts of a run that its attempts use through its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attune_nb.packs.api.executions import Executions
    from attune_nb.packs.api.inquiries import Inquiries
    from attune_nb.packs.api.keys import Keys
    from attune_nb.packs.artifacts.registry import ArtifactRegistry

__all__ = ["RunServices"]

_MAX_NOTES = 20


class RunServices:
    """The keys, the artifacts, the inquiries and the executions of a run.

    Attributes:
        inquiries: The questions that actions ask; None before the run and after it.
        executions: The executions that actions have started; None before the run and after it.
        notes: Lines for the user about refused requests; the list grows during the run.

    Args:
        keys: The keys.
        artifacts: The artifacts.
    """

    def __init__(self, keys: Keys, artifacts: ArtifactRegistry) -> None:
        self.keys = keys
        self.artifacts = artifacts
        self.inquiries: Inquiries | None = None
        self.executions: Executions | None = None
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        """Add a note, once."""
        if line not in self.notes and len(self.notes) < _MAX_NOTES:
            self.notes.append(line)

    def close(self) -> None:
        """Stop the executions, and release the run: its artifacts may be removed after it."""
        if self.executions is not None:
            self.executions.close()
        self.executions = None
        self.inquiries = None

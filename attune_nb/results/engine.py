"""What a `Run` needs of the engine that carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from attune_nb.events import Event

__all__ = ["Doubt", "Engine"]


class Doubt(msgspec.Struct, frozen=True):
    """An attempt that may have been made, and must not be made twice."""

    task: str
    visit: int
    index: int
    attempt: int


class Engine(Protocol):
    """What a Run needs of the engine that carries it."""

    events: list[Event]
    ended: Any
    state: Any

    def cancel(self, reason: str = "", *, force: bool = False) -> None:
        """Ask the run to stop."""

    def pause(self) -> None:
        """Ask the run to begin nothing more."""

    def resume(self) -> None:
        """Ask a paused run to go on."""

    def answer(self, task: str, visit: int, value: Any, schema: Any = None) -> None:
        """Answer a question, if the answer fits the schema."""

    def rerun(self, task: str, visit: int, index: int) -> None:
        """Make an attempt in doubt again."""

    def settle(self, task: str, visit: int, index: int, attempt: int, result: Any) -> None:
        """Take what an attempt in doubt gave."""

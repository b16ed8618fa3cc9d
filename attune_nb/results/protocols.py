"""What a `Run` needs of the engine that carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.events import Event

__all__ = ["Doubt", "Engine", "say_doubts", "say_pause"]

_SHOWN = 40  # attempts that are named


class Doubt(msgspec.Struct, frozen=True):
    """An attempt that may have been made, and must not be made twice."""

    task: str
    visit: int
    index: int
    attempt: int


def say_doubts(doubts: Sequence[Doubt]) -> str:
    """Tell of attempts in doubt, and what to do about them."""
    shown = ", ".join(f"`{each.task}` {each.index}" for each in doubts[:_SHOWN])
    more = f" and {len(doubts) - _SHOWN:,} more" if len(doubts) > _SHOWN else ""
    return (
        f"{len(doubts):,} in doubt: {shown}{more}; each may have been made and must not be made "
        "twice: rerun(task, index) makes it again, accept(task, result, index) takes its result"
    )


def say_pause(reason: str) -> str:
    """Tell why a run is paused, where somebody gave a reason, and what lets it go on."""
    way_on = "`run.resume()` goes on"
    if "`run.resume()`" in reason:  # it says so itself
        return reason
    return f"{reason}; {way_on}" if reason else way_on


class Engine(Protocol):
    """What a Run needs of the engine that carries it."""

    ended: Any
    state: Any

    @property
    def events(self) -> list[Event]:
        """The run's log. It only grows."""

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

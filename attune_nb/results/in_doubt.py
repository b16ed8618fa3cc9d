"""Attempts in doubt: they may or may not have run before a crash, and must not run twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Doubt", "format_in_doubt"]

# attempts that are named
_MAX_NAMES = 40


class Doubt(msgspec.Struct, frozen=True):
    """An attempt that may have run, and must not run twice."""

    task: str
    visit: int
    index: int
    attempt: int


def format_in_doubt(doubts: Sequence[Doubt]) -> str:
    """Format the attempts in doubt as one line, with advice."""
    names = ", ".join(f"`{doubt.task}` {doubt.index}" for doubt in doubts[:_MAX_NAMES])
    if len(doubts) > _MAX_NAMES:
        names += f" and {len(doubts) - _MAX_NAMES:,} more"
    return (
        f"{len(doubts):,} in doubt: {names}; each may have run already and must not run twice: "
        "rerun(task, index) runs it again, accept(task, result, index) records its result"
    )

"""What a Dask worker answers about the chunks that it was given, whatever its threads are at."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from attune_nb.backends.wire import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.backends.making import Making
    from attune_nb.backends.messages import Chunk

__all__ = ["answer", "beginning", "known_as"]

REMEMBERED = 10_000  # chunks: an answer is asked for within seconds

_lock = threading.Lock()
_at: dict[str, Making | None] = {}  # by name; None as long as a chunk is about to begin
_over: dict[str, None] = {}
_refused: dict[str, None] = {}


@contextlib.contextmanager
def beginning(name: str) -> Iterator[bool]:
    """Have a chunk known as begun, and then as over; give whether it may begin."""
    if not name:  # nobody asks
        yield True
        return
    with _lock:
        may_begin = name not in _refused
        if may_begin:
            _at[name] = None
    try:
        yield may_begin
    finally:
        with _lock:
            _at.pop(name, None)
            _remember(_over, name)


def known_as(name: str, making: Making) -> None:
    """Have a chunk's attempts asked about by its name."""
    with _lock:
        _at[name] = making


async def answer(asked: Mapping[str, tuple[int, Chunk | None]]) -> dict[str, bytes | None]:
    """Tell of some chunks what became of them so far, as reports.

    What was not begun is refused from now on, and None stands for it: others may have it. Nothing
    is told of what is over or about to begin, and of what another chunk joins.

    Args:
        asked: For each the part that came last, and perhaps a chunk that joins it.
    """
    import asyncio  # noqa: PLC0415 - a worker that is asked has it

    told = {name: await asyncio.to_thread(_answer, name, *about) for name, about in asked.items()}
    return {name: each for name, each in told.items() if each != b""}


def _answer(name: str, came: int, joining: Chunk | None) -> bytes | None:
    with _lock:
        making = _at.get(name)
        if making is None:
            if name in _at or name in _over:
                return b""
            _remember(_refused, name)
            return None
    making.came(came)
    if joining is None:
        return making.part()
    making.join(joining, unpack(joining.items))
    return b""


def _remember(names: dict[str, None], name: str) -> None:
    names[name] = None
    while len(names) > REMEMBERED:
        del names[next(iter(names))]

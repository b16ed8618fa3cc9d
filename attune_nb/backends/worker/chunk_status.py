"""What a Dask worker answers about the chunks that it was given, whatever its threads are at."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.backends.chunks.serialize import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.backends.chunks.messages import Chunk
    from attune_nb.backends.worker.chunk_runner import Making

__all__ = ["About", "answer", "beginning", "known_as"]

REMEMBERED = 10_000  # chunks: an answer is asked for within seconds

_lock = threading.Lock()
_at: dict[str, Making | None] = {}  # by name; None as long as a chunk is about to begin
_over: dict[str, None] = {}
_refused: dict[str, None] = {}


@contextlib.contextmanager
def beginning(name: str) -> Iterator[bool]:
    """Have a chunk known as begun, and then as over; give whether it may begin."""
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


class About(NamedTuple):
    """What is asked about a chunk.

    `came` is which part came last. It is refused if it has not begun and is `wanted` elsewhere.
    `joining` is another chunk that joins it.
    """

    came: int
    wanted: bool
    joining: Chunk | None


async def answer(asked: Mapping[str, About]) -> dict[str, bytes | None]:
    """Tell of some chunks what became of them so far, as reports.

    None stands for what was not begun, and is refused from now on (for as long as that many others
    are remembered): somebody else may have it. Nothing is told of what is over or about to begin,
    where there is no news, and of what another chunk joins.
    """
    import asyncio  # noqa: PLC0415 - a worker that is asked has it

    told = {name: await asyncio.to_thread(_answer, name, about) for name, about in asked.items()}
    return {name: each for name, each in told.items() if each != b""}


def _answer(name: str, about: About) -> bytes | None:
    with _lock:
        making = _at.get(name)
        if making is None:
            if name in _at or name in _over or not about.wanted:
                return b""
            _remember(_refused, name)
            return None
    making.came(about.came)
    if about.joining is None:
        return making.news()
    making.join(about.joining, unpack(about.joining.items))
    return b""


def _remember(names: dict[str, None], name: str) -> None:
    names[name] = None
    while len(names) > REMEMBERED:
        del names[next(iter(names))]

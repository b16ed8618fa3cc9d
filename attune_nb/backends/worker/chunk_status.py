"""What a Dask worker answers about the chunks that it was given, whatever its threads are at."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.backends.chunks.serialize import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.backends.chunks.messages import ChunkMessage
    from attune_nb.backends.worker.chunk_runner import ChunkRunner

__all__ = ["ChunkProbe", "answer_probes", "register_runner", "track_chunk"]

REMEMBERED = 10_000  # chunks: an answer is asked for within seconds

_lock = threading.Lock()
_runners: dict[str, ChunkRunner | None] = {}  # by name; None as long as a chunk is about to begin
_finished: dict[str, None] = {}
_refused: dict[str, None] = {}


@contextlib.contextmanager
def track_chunk(name: str) -> Iterator[bool]:
    """Have a chunk known as begun, and then as over; give whether it may begin."""
    with _lock:
        may_begin = name not in _refused
        if may_begin:
            _runners[name] = None
    try:
        yield may_begin
    finally:
        with _lock:
            _runners.pop(name, None)
            _remember(_finished, name)


def register_runner(name: str, making: ChunkRunner) -> None:
    """Have a chunk's attempts asked about by its name."""
    with _lock:
        _runners[name] = making


class ChunkProbe(NamedTuple):
    """A status probe about one chunk.

    `acknowledged` is the sequence number of the last partial report that arrived. If the chunk has
    not been started and the sender `reclaims` it, the worker refuses it from then on. `merging` is
    another chunk to merge into this one.
    """

    acknowledged: int
    reclaims: bool
    merging: ChunkMessage | None


async def answer_probes(asked: Mapping[str, ChunkProbe]) -> dict[str, bytes | None]:
    """Tell of some chunks what became of them so far, as reports.

    None stands for what was not begun, and is refused from now on (for as long as that many others
    are remembered): somebody else may have it. Nothing is told of what is over or about to begin,
    where there is no news, and of what another chunk joins.
    """
    import asyncio  # noqa: PLC0415 - a worker that is asked has it

    told = {name: await asyncio.to_thread(_answer, name, about) for name, about in asked.items()}
    return {name: each for name, each in told.items() if each != b""}


def _answer(name: str, about: ChunkProbe) -> bytes | None:
    with _lock:
        making = _runners.get(name)
        if making is None:
            if name in _runners or name in _finished or not about.reclaims:
                return b""
            _remember(_refused, name)
            return None
    making.acknowledge(about.acknowledged)
    if about.merging is None:
        return making.answer_probe()
    making.merge(about.merging, unpack(about.merging.items))
    return b""


def _remember(names: dict[str, None], name: str) -> None:
    names[name] = None
    while len(names) > REMEMBERED:
        del names[next(iter(names))]

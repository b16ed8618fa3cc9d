"""Answer status probes about the chunks of a Dask worker, even while all its threads are busy."""

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

# the number of finished or refused chunks that are remembered: probes come within seconds
REMEMBERED = 10_000

_lock = threading.Lock()
# the runners by the names of their chunks; None while a chunk is about to start
_runners: dict[str, ChunkRunner | None] = {}
_finished: dict[str, None] = {}
_refused: dict[str, None] = {}


@contextlib.contextmanager
def track_chunk(name: str) -> Iterator[bool]:
    """Record that a chunk is about to start, and at the end that it has finished.

    Yields:
        Whether it may start: False if a probe has reclaimed it.
    """
    with _lock:
        may_start = name not in _refused
        if may_start:
            _runners[name] = None

    try:
        yield may_start
    finally:
        with _lock:
            _runners.pop(name, None)
            _remember(_finished, name)


def register_runner(name: str, runner: ChunkRunner) -> None:
    """Register the runner of a chunk, which answers its probes."""
    with _lock:
        _runners[name] = runner


class ChunkProbe(NamedTuple):
    """A status probe about one chunk.

    `acknowledged` is the sequence number of the last partial report that arrived. If the chunk has
    not been started and the sender `reclaims` it, the worker refuses it from then on. `merging` is
    another chunk to merge into this one.
    """

    acknowledged: int
    reclaims: bool
    merging: ChunkMessage | None


async def answer_probes(probes: Mapping[str, ChunkProbe]) -> dict[str, bytes | None]:
    """Return the partial reports of some chunks, by their names.

    None means: not started, and this worker will now refuse the chunk (it remembers the last 10,000
    refusals), so the caller may give it to another worker. Chunks that are finished, about to
    start, without news, or just merged are left out.
    """
    # this worker runs an event loop already
    import asyncio  # noqa: PLC0415

    answers = {}
    for name, probe in probes.items():
        answer = await asyncio.to_thread(_answer_probe, name, probe)
        if answer != b"":
            answers[name] = answer
    return answers


def _answer_probe(name: str, probe: ChunkProbe) -> bytes | None:
    with _lock:
        runner = _runners.get(name)
        if runner is None:
            if name in _runners or name in _finished or not probe.reclaims:
                return b""
            _remember(_refused, name)
            return None

    runner.acknowledge(probe.acknowledged)
    if probe.merging is None:
        return runner.answer_probe()

    runner.merge(probe.merging, unpack(probe.merging.items))
    return b""


def _remember(names: dict[str, None], name: str) -> None:
    """Add a name, and drop the oldest ones."""
    names[name] = None
    while len(names) > REMEMBERED:
        oldest = next(iter(names))
        del names[oldest]

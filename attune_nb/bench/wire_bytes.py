"""Bytes on the wire of a Dask cluster, as its own connections count them.

Every message that Dask sends tells how many bytes it took; here these are added up, in this
process (the client, and the scheduler where it is here) and in every worker.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["WireCount"]

_PAUSE = 0.05  # seconds between two looks at the counters
_STILL = 20_000  # bytes that they may differ by: to look takes some, and so do heartbeats
_LONGEST = 10.0  # seconds that stillness is waited for
_written = {"bytes": 0, "under way": 0}


class WireCount:
    """Counts what a client, its scheduler and its workers send over TCP from now on.

    Args:
        client: A client of a cluster whose scheduler is in this process, as a `LocalCluster`'s is.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        _count()
        client.run(_count)
        self._before = self._settled()

    def lap(self) -> int:
        """Give the bytes since the last lap, once the wire is still; the first: since the start.

        What was begun within the lap is counted in it, also where it ends a little later.
        """
        now = self._settled()
        spent, self._before = now - self._before, now
        return spent

    def _settled(self) -> int:
        """Give the bytes of all once no message is under way, and no more come."""
        until = time.monotonic() + _LONGEST
        last, _ = self._total()
        while True:
            time.sleep(_PAUSE)
            now, under_way = self._total()
            still = not under_way and now - last <= _STILL
            if still or time.monotonic() > until:
                return now
            last = now

    def _total(self) -> tuple[int, int]:
        there: dict[str, tuple[int, int]] = self._client.run(_read)
        every = [_read(), *there.values()]
        return sum(each for each, _ in every), sum(each for _, each in every)


def _read() -> tuple[int, int]:
    return _written["bytes"], _written["under way"]


def _count() -> None:
    """Have every TCP connection of this process add up what it writes."""
    from distributed.comm.tcp import TCP  # noqa: PLC0415 - Dask is an extra

    if getattr(TCP.write, "counts", False):
        return
    write = TCP.write

    async def counted(self: Any, *given: Any, **options: Any) -> Any:
        _written["under way"] += 1  # a large message is pickled first, and counted afterwards
        try:
            size = await write(self, *given, **options)
        finally:
            _written["under way"] -= 1
        _written["bytes"] += size
        return size

    counted.counts = True  # type: ignore[attr-defined]
    TCP.write = counted

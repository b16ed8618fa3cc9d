"""The bytes on the wire of a Dask cluster, as its own connections count them.

Dask returns the size of every message that it sends. The sizes are added up here: in this process
(the client, and the scheduler if it is here) and in every worker.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["WireCounter"]

_PAUSE = 0.05  # seconds between two readings of the counters
_LONGEST = 10.0  # seconds: the longest wait for the wire to be quiet

# the most bytes by which two readings differ on a quiet wire: a reading takes some, and so do
# heartbeats
_QUIET = 20_000

_counts = {"bytes": 0, "in flight": 0}


class WireCounter:
    """Counts the bytes that a client, its scheduler and its workers send over TCP from now on.

    Args:
        client: The client of a cluster whose scheduler is in this process, like a `LocalCluster`.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        _count_writes()
        client.run(_count_writes)
        self._before = self._wait_until_quiet()

    def lap(self) -> int:
        """Return the bytes since the last lap, or since the start, once the wire is quiet.

        A message that is begun within the lap is counted in it, even if it ends a little later.
        """
        now = self._wait_until_quiet()
        sent = now - self._before
        self._before = now
        return sent

    def _wait_until_quiet(self) -> int:
        """Return the bytes of all processes once no message is in flight and no more come."""
        deadline = time.monotonic() + _LONGEST
        last, _ = self._total()

        while True:
            time.sleep(_PAUSE)
            now, in_flight = self._total()
            is_quiet = not in_flight and now - last <= _QUIET
            if is_quiet or time.monotonic() > deadline:
                return now

            last = now

    def _total(self) -> tuple[int, int]:
        """Return the bytes and the messages in flight of all processes."""
        workers: dict[str, tuple[int, int]] = self._client.run(_read_counts)
        counts = [_read_counts(), *workers.values()]
        sent = sum(size for size, _ in counts)
        in_flight = sum(messages for _, messages in counts)
        return sent, in_flight


def _read_counts() -> tuple[int, int]:
    """Return the bytes that this process has sent, and its messages in flight."""
    return _counts["bytes"], _counts["in flight"]


def _count_writes() -> None:
    """Make every TCP connection of this process add up the bytes that it writes."""
    from distributed.comm.tcp import TCP  # noqa: PLC0415 - Dask is an extra

    if getattr(TCP.write, "counts", False):
        return

    write = TCP.write

    async def counted_write(self: Any, *args: Any, **kwargs: Any) -> Any:
        # a large message is pickled first, and counted only after that
        _counts["in flight"] += 1
        try:
            size = await write(self, *args, **kwargs)
        finally:
            _counts["in flight"] -= 1
        _counts["bytes"] += size
        return size

    counted_write.counts = True  # type: ignore[attr-defined]
    TCP.write = counted_write

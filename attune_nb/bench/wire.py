"""Bytes on the wire of a Dask cluster, as its own connections count them.

Every message that Dask sends tells how many bytes it took; here these are added up, in this
process (the client, and the scheduler where it is here) and in every worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["WireCount"]

_written = {"bytes": 0}


class WireCount:
    """Counts what a client, its scheduler and its workers send over TCP from now on.

    Args:
        client: A client of a cluster whose scheduler is in this process, as a `LocalCluster`'s is.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        _count()
        client.run(_count)
        self._before = self._total()

    def lap(self) -> int:
        """Give the bytes since the last lap; the first counts from the beginning."""
        now = self._total()
        spent, self._before = now - self._before, now
        return spent

    def _total(self) -> int:
        there: dict[str, int] = self._client.run(_read)
        return _read() + sum(there.values())


def _read() -> int:
    return _written["bytes"]


def _count() -> None:
    """Have every TCP connection of this process add up what it writes."""
    from distributed.comm.tcp import TCP  # noqa: PLC0415 - Dask is an extra

    if getattr(TCP.write, "counts", False):
        return
    write = TCP.write

    async def counted(self: Any, *given: Any, **options: Any) -> Any:
        size = await write(self, *given, **options)
        _written["bytes"] += size
        return size

    counted.counts = True  # type: ignore[attr-defined]
    TCP.write = counted

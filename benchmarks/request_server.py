"""A local HTTP server for the benchmarks: one process, which answers as fast as Python can."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

__all__ = ["SLOW_SECONDS", "serving"]

SLOW_SECONDS = 0.05
"""How long the server takes for `/slow`, in seconds."""

_BODY = json.dumps({"status": "ok", "latency_ms": 1.25, "checks": ["disk", "memory"]}).encode()
_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
    b"Server: benchmark\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)
_BACKLOG = 2_000


@contextmanager
def serving() -> Iterator[str]:
    """Run the server in a process of its own; yield its address."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(sender,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{receiver.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve(sender: Connection) -> None:
    asyncio.run(_serve_forever(sender))


async def _serve_forever(sender: Connection) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=_BACKLOG)
    sender.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Connection(asyncio.Protocol):
    """One connection, over which requests without a body come one after the other."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the responses."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond to each complete request."""
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            if b" /slow" in request:
                asyncio.get_running_loop().call_later(SLOW_SECONDS, self._respond)
            else:
                self._respond()

    def _respond(self) -> None:
        self._transport.write(_RESPONSE)

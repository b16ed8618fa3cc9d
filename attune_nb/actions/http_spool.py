"""Large bodies of responses: in temporary files while they are read, and not too many at once."""

from __future__ import annotations

import asyncio
import tempfile
import weakref
from typing import IO, Self

__all__ = ["MOST_ON_DISK", "Spool"]

MOST_ON_DISK = 256_000_000
"""The bytes that the bodies of one event loop may take in temporary files."""

# Bytes of a body in memory while it is read; a larger one goes to a temporary file.
_MOST_IN_MEMORY = 256 * 1024


class _Space:
    """The space in temporary files that the bodies of one loop share.

    A body that finds too little waits until another one is complete or has failed. The oldest
    never waits, so at least one goes on, and the limit is exceeded by one body at most.
    """

    def __init__(self) -> None:
        # bytes of each body, from the oldest to the newest
        self._sizes: dict[Spool, int] = {}
        self._total = 0
        self._waiting: list[asyncio.Future[None]] = []

    async def reserve(self, spool: Spool, size: int) -> None:
        """Wait until there is space for more bytes of a body, and take it."""
        while self._total + size > MOST_ON_DISK and not self._is_oldest(spool):
            release = asyncio.get_running_loop().create_future()
            self._waiting.append(release)
            await release

        self._sizes[spool] = self._sizes.get(spool, 0) + size
        self._total += size

    def _is_oldest(self, spool: Spool) -> bool:
        for oldest in self._sizes:
            return oldest is spool
        return True

    def release(self, spool: Spool) -> None:
        """Give the space of a body back."""
        self._total -= self._sizes.pop(spool, 0)
        waiting = self._waiting
        self._waiting = []
        for release in waiting:
            if not release.done():
                release.set_result(None)


_spaces: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Space] = weakref.WeakKeyDictionary()


class Spool:
    """The body of one response while it is read; a context manager that removes its file."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._file: IO[bytes] | None = None
        self._space: _Space | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if self._space is not None:
            self._space.release(self)

    async def write(self, piece: bytes) -> None:
        """Add bytes; wait for space if there are many of this body and of others."""
        self._size += len(piece)
        if self._size <= _MOST_IN_MEMORY:
            self._pieces.append(piece)
            return

        if self._space is None:
            self._space = _spaces.setdefault(asyncio.get_running_loop(), _Space())
        # the pieces before it, if they are still in memory, are to be written, too
        self._pieces.append(piece)
        size = sum(map(len, self._pieces))
        await self._space.reserve(self, size)

        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - `__exit__` closes it
        self._file.writelines(self._pieces)
        self._pieces.clear()

    def read(self) -> bytes:
        """Return all bytes."""
        if self._file is None:
            return b"".join(self._pieces)

        self._file.seek(0)
        return self._file.read()

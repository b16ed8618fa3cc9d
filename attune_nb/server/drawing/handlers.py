"""The handlers that feed the timeline, the graph, the items and the lines of a run's page.

All of them read the store in threads of their own: a large run takes a tenth of a second.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from attune_nb.server.drawing.attempt_chunks import FORMAT, ChunkRange, find_range, read_chunk
from attune_nb.server.drawing.graph_layouts import GraphLayouts, read_graph_texts
from attune_nb.server.drawing.item_rows import ItemRows, ItemsQuery
from attune_nb.server.drawing.line_pages import LinesQuery, read_lines
from attune_nb.server.drawing.run_traces import write_run_trace
from attune_nb.server.web.access import ApiError, AttuneHandler, requires

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AttemptsHandler",
    "AttemptsQuery",
    "ExploreScript",
    "GraphHandler",
    "ItemsHandler",
    "LinesHandler",
    "TraceHandler",
]

# Two runs are read at once: more threads would only take the interpreter from the server's loop.
_readers = ThreadPoolExecutor(2, "attune drawing")

# for work that takes up to some seconds, of which a server has little
_layouters = ThreadPoolExecutor(1, "attune layout")

_layouts = GraphLayouts()
_items = ItemRows()

# bytes of a file that are sent at once
_PIECE = 1_000_000

# the fastest of gzip: the bytes of packed columns are mostly alike
_COMPRESSION = 1


class AttemptsQuery(msgspec.Struct, frozen=True):
    """The parameters of the address of a chunk of attempts.

    Attributes:
        after: The `last` of the chunk before; -1 for a chunk from the beginning.
        most: The number of attempts after which no more events are added to the chunk.
    """

    after: Annotated[int, msgspec.Meta(ge=-1, le=2**53)] = -1
    most: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 200_000


class DrawingHandler(AttuneHandler):
    """A handler whose answers a client may use again as long as they have not changed."""

    _etag = ""

    async def work(
        self, function: Callable[..., Any], *arguments: Any, is_slow: bool = False
    ) -> Any:
        """Return the result of a function that reads a store; it runs in another thread.

        Args:
            function: The function.
            arguments: Its arguments.
            is_slow: Whether it may take seconds, so that others must not wait for it.
        """
        threads = _layouters if is_slow else _readers
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, function, *arguments)

    def compute_etag(self) -> str | None:
        """Return the name of this version of the answer; None for one that has none."""
        if not self._etag:
            return None
        return self._etag

    def is_known(self, version: str) -> bool:
        """Name the version of the answer, and return whether the client has it; then answer 304."""
        self._etag = f'"{version}"'
        self.set_header("Cache-Control", "private, no-cache")
        self.set_etag_header()

        if not self.check_etag_header():
            return False

        self.set_status(304)
        self.finish()
        return True

    def send(self, body: bytes, content_type: str) -> None:
        """Send bytes, compressed if the client can read that, and end the request."""
        self.set_header("Vary", "Accept-Encoding")
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            body = gzip.compress(body, _COMPRESSION, mtime=0)
        self.finish(body, set_content_type=content_type)


class AttemptsHandler(DrawingHandler):
    """The attempts of a run as packed columns."""

    @requires("read")
    async def get(self, run_id: str) -> None:
        """Send the chunk after an event; `X-Attune` has its size and place, as has its head."""
        store = await self.find_store(run_id)
        query = self.read_query(AttemptsQuery)
        span: ChunkRange = await self.work(find_range, store, run_id, query.after, query.most)
        if self.is_known(f"{FORMAT}-{run_id}-{span.after}-{span.last}-{span.more}"):
            return

        chunk = await self.work(read_chunk, store, span)
        facts = {"n": chunk.count, "after": span.after, "last": span.last, "more": span.more}
        self.set_header("X-Attune", msgspec.json.encode(facts).decode())
        self.send(chunk.body, "application/octet-stream")


class GraphHandler(DrawingHandler):
    """The layout of the graph of a run's workflow."""

    @requires("read")
    async def get(self, run_id: str) -> None:
        """Send the layout; it stays the same as long as the texts of the workflows do."""
        texts = await self.work(read_graph_texts, await self.find_store(run_id), run_id)
        if self.is_known(texts.digest):
            return
        layout = await self.work(_layouts.get, texts, is_slow=True)
        self.send(layout, "application/json")


class ItemsHandler(DrawingHandler):
    """The items of a task: failures first."""

    @requires("read")
    async def get(self, run_id: str) -> None:
        """Send a page of them."""
        store = await self.find_store(run_id)
        query = self.read_query(ItemsQuery)
        try:
            page = await self.work(_items.read, store, run_id, query)
        except LookupError as error:
            raise ApiError(404, str(error)) from None
        self.reply(page)


class LinesHandler(DrawingHandler):
    """The lines that the actions of a run printed and logged."""

    @requires("read")
    async def get(self, run_id: str) -> None:
        """Send a page of them."""
        query = self.read_query(LinesQuery)
        self.reply(await self.work(read_lines, await self.find_store(run_id), run_id, query))


class TraceHandler(DrawingHandler):
    """A run as a trace, which a reader may open in Perfetto."""

    @requires("read")
    async def get(self, run_id: str) -> None:
        """Send the trace as a file."""
        store = await self.find_store(run_id)
        with tempfile.TemporaryDirectory(prefix="attune-") as folder:
            path = Path(folder) / "trace.json.gz"
            await self.work(write_run_trace, store, run_id, path, is_slow=True)

            name = f"attune-{run_id}.json.gz"
            self.set_header("Content-Type", "application/gzip")
            self.set_header("Content-Disposition", f'attachment; filename="{name}"')
            self.set_header("Cache-Control", "no-store")

            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    self.write(piece)
                    await self.flush()
        self.finish(set_content_type="application/gzip")


class ExploreScript(DrawingHandler):
    """The script of `run.explore()` as a module, by which the page draws."""

    @requires("read")
    async def get(self) -> None:
        """Send the module."""
        script, version = _explore_script()
        if not self.is_known(version):
            self.send(script, "text/javascript; charset=utf-8")


@cache
def _explore_script() -> tuple[bytes, str]:
    """Return the module, and a hash of it."""
    from attune_nb.explore.page import build_module  # noqa: PLC0415 - a server starts without it

    script = build_module().encode()
    return script, hashlib.sha256(script).hexdigest()[:32]

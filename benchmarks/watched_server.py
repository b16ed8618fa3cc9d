"""A server with the page of runs, processes with runs, and watchers, for the benchmarks."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

import attune_nb as attune
from attune_nb.events import AttemptsEnded, RunStarted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Server", "Watchers", "running", "serving_runs"]

# seconds to wait for an answer, or for a process
_PATIENCE = 60.0

_RUN = """
import random, sys, time
import attune_nb
from attune_nb.running.mailbox import MAILBOX

store, count, seconds, concurrency, commands = sys.argv[1:]
if commands == "no":
    MAILBOX.listen = lambda run, recorder, drive: drive
generator = random.Random(1)

def work(number):
    # at any phase of the looks at the store
    time.sleep(float(seconds) * generator.uniform(0.5, 1.5))

TEXT = '''
name: watched
parameters: {count: {type: integer}}
tasks:
  - name: work
    action: work
    with_items: "{{ range(parameters.count) }}"
    concurrency: CONCURRENCY
    input: {number: "{{ item }}"}
'''
run = attune_nb.loads(TEXT.replace("CONCURRENCY", concurrency)).run(
    {"count": int(count)}, actions={"work": work}, store=store, progress=False, background=True
)
print(run.run_id, flush=True)
run.wait()
"""


class Server(NamedTuple):
    """A server of runs.

    Attributes:
        url: The address of the page.
        token: The token that a caller sends.
        store: The record of the runs.
        pid: Its process.
    """

    url: str
    token: str
    store: Path
    pid: int

    def request(self, path: str) -> urllib.request.Request:
        """Return a request for a path below the page, with the token."""
        headers = {"Authorization": f"token {self.token}"}
        return urllib.request.Request(f"{self.url}{path}", headers=headers)  # noqa: S310 - our own

    def read(self, path: str) -> bytes:
        """Return the body of the answer to a GET."""
        with urllib.request.urlopen(self.request(path), timeout=_PATIENCE) as answer:  # noqa: S310
            body: bytes = answer.read()
        return body


@contextmanager
def serving_runs(folder: Path) -> Iterator[Server]:
    """Run `attune-nb serve` for a folder in a process of its own; yield it when it answers.

    Raises:
        RuntimeError: It does not answer.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    token = secrets.token_hex(16)
    words = [sys.executable, "-m", "attune_nb", "serve", str(folder), f"--port={port}"]
    words += ["--jupyter", f"IdentityProvider.token={token}"]
    environment = dict(os.environ)
    environment.pop("ATTUNE_NB_STORE", None)

    with Path(folder, "server.log").open("w") as log:
        process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)  # noqa: S603
    server = Server(
        f"http://127.0.0.1:{port}/attune", token, folder / ".attune" / "runs.db", process.pid
    )

    try:
        _wait_until_ready(server, process)
        yield server
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            server.read("/api/runs")
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server does not answer") from None
            time.sleep(0.05)
        else:
            return


class RunProcess(NamedTuple):
    """A process with a run.

    Attributes:
        run_id: The id of the run.
        pid: The process.
        store: The record.
    """

    run_id: str
    pid: int
    store: Path

    def ends(self) -> list[float]:
        """Return when the ends of items became events, in seconds since the epoch, in order.

        Raises:
            StoreError: The run is not on record.
        """
        ends: list[float] = []
        started = 0.0

        for event in attune.open_run(self.run_id, self.store).events:
            if isinstance(event, RunStarted):
                started = event.started_at
            elif isinstance(event, AttemptsEnded):
                ends += [started + event.time] * len(event.batch)
        return ends


@contextmanager
def running(
    store: Path, count: int, seconds: float, concurrency: int, *, commands: bool = True
) -> Iterator[RunProcess]:
    """Run items that sleep in a process of its own; yield it when the run has begun.

    Args:
        store: The record.
        count: The number of items.
        seconds: How long an item sleeps on average.
        concurrency: How many sleep at the same time.
        commands: Whether the run takes commands of other processes.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
    takes_commands = "yes" if commands else "no"
    arguments = [str(store), str(count), str(seconds), str(concurrency), takes_commands]
    command = [sys.executable, "-c", _RUN, *arguments]

    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        stdout: Any = process.stdout
        run_id = stdout.readline().strip()
        yield RunProcess(run_id, process.pid, store)
    finally:
        process.kill()
        process.wait()
        stdout.close()


class Watchers:
    """WebSockets that are open on a run. They live in a thread of their own.

    Attributes:
        messages: For each message of the first of them when it came, in seconds since the epoch,
            and how many items of the task had ended.
    """

    def __init__(self, server: Server, run_id: str, count: int) -> None:
        self.messages: list[tuple[float, int]] = []
        self._server = server
        self._run_id = run_id
        self._address = f"{server.url.replace('http', 'ws', 1)}/api/runs/{run_id}/socket"
        self._headers = {"Authorization": f"token {server.token}"}
        self._count = count

        self._open = threading.Semaphore(0)
        self._connections: list[WebSocketClientConnection] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Open the sockets; return when each has got its first message."""
        self._wait_for_run()
        self._thread.start()
        for _ in range(self._count):
            if not self._open.acquire(timeout=_PATIENCE):
                raise RuntimeError("a socket was not opened")
        return self

    def __exit__(self, *_: object) -> None:
        """Close the sockets."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _wait_for_run(self) -> None:
        """Wait until the run is on record."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._server.read(f"/api/runs/{self._run_id}")
            except urllib.error.HTTPError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        tasks = [self._loop.create_task(self._watch(number)) for number in range(self._count)]
        self._loop.run_forever()
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(self._leave(tasks))
        self._loop.close()

    async def _leave(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Close the sockets: the server would go on to send."""
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in self._connections:
            protocol: Any = connection.protocol
            if protocol is not None:
                protocol.stream.close()
        # each stream ends in a turn of the loop
        await asyncio.sleep(0.1)

    async def _watch(self, number: int) -> None:
        request = HTTPRequest(self._address, headers=self._headers)
        connection = await websocket_connect(request)
        self._connections.append(connection)

        is_first = True
        while (message := await connection.read_message()) is not None:
            received = time.time()
            if is_first:
                self._open.release()
                is_first = False
            if number == 0:
                for task in json.loads(message).get("tasks", ()):
                    self.messages.append((received, task["done"]))

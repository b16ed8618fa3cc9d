"""Services on this machine to try workflows on: a fleet of servers, a sink for notifications."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

from attune_nb.actions.http import http_request
from attune_nb.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

__all__ = ["WORKFLOW", "FleetServer", "Sink", "check_server"]

SLOW_SECONDS = 0.2

WORKFLOW = """\
parameters:
  fleet: {type: string, required: true}

tasks:
  - name: list_servers
    action: core.http_request
    input:
      url: "{{ parameters.fleet }}/servers"
    next:
      - when: "{{ succeeded() }}"
        publish:
          - servers: "{{ result().json.servers }}"
        do: check

  - name: check
    with_items: "{{ workflow.servers }}"
    concurrency: 50
    retry: {count: 2, delay: 0.05, backoff: exponential}
    action: check_server
    input:
      url: "{{ item.url }}"
    next:
      - when: "{{ succeeded() }}"
        do: all_well
      - when: "{{ failed() }}"
        publish:
          - failed_count: "{{ task.check.failed_items }}"
        do: alert

  - name: alert
    action: core.echo
    input:
      message: "{{ workflow.failed_count }} of {{ task.check.total_count }} servers are down"

  - name: all_well
    action: core.echo
    input:
      message: "all {{ task.check.total_count }} servers are up"

output_map:
  total: "{{ task.check.total_count }}"
  failed: "{{ task.check.failed_items }}"
"""


def check_server(url: str) -> dict[str, Any]:
    """Ask one server how it is.

    Raises:
        ActionError: It answers with an error, or not at all.
    """
    answer = http_request(url, timeout=5)
    if not answer["success"]:
        raise ActionError(f"HTTP {answer['status_code']}")
    return {"status": answer["json"]["status"], "elapsed_ms": answer["elapsed_ms"]}


class _LocalServer:
    """An HTTP server on this machine, on a port that is free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def reply(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Give the status and the JSON for a request."""
        raise NotImplementedError

    def _begin(self) -> None:
        """Forget what was met before."""

    def start(self) -> Self:
        """Begin to serve, on a port that is free."""
        if self._server is not None:
            raise RuntimeError(f"this {type(self).__name__} is running already")
        self._begin()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="demo-server", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Hang up and free the port; a second call does nothing."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.shutdown()
            thread.join()
            server.server_close()
            server.hang_up()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the server listens, without a slash at the end."""
        if self._server is None:
            raise RuntimeError(f"this {type(self).__name__} is not running: call `start()`")
        return f"http://127.0.0.1:{self._server.server_port}"


class FleetServer(_LocalServer):
    """One local HTTP server that answers for a whole fleet.

    Use it in a `with` block, or call `start()` and, when done, `stop()`.

    `GET /servers` lists the fleet, `GET /health/N` answers for server N (from 1).

    Args:
        count: How many servers.
        failing: Those that always answer 503; by default every 50th from the 7th.
        slow: Those that take 0.2 s; by default every 100th.
        flaky: Those that answer 503 the first time only; by default every 33rd not failing.
    """

    def __init__(
        self,
        count: int = 1000,
        failing: Iterable[int] | None = None,
        slow: Iterable[int] | None = None,
        flaky: Iterable[int] | None = None,
    ) -> None:
        self.count = count
        self.failing = frozenset(range(7, count + 1, 50) if failing is None else failing)
        self.slow = frozenset(range(100, count + 1, 100) if slow is None else slow)
        by_default = frozenset(range(33, count + 1, 33)) - self.failing
        self.flaky = by_default if flaky is None else frozenset(flaky)
        super().__init__()
        self._met: set[int] = set()

    def __repr__(self) -> str:
        where = self.url if self._server else "not started"
        return f"FleetServer({self.count} servers, {len(self.failing)} failing, {where})"

    def _begin(self) -> None:
        with self._lock:
            self._met.clear()

    @property
    def servers(self) -> list[dict[str, str]]:
        """The fleet: a name and a health url for each server."""
        url = self.url
        return [
            {"name": self.name(number), "url": f"{url}/health/{number}"}
            for number in range(1, self.count + 1)
        ]

    @property
    def failing_names(self) -> list[str]:
        """The names of the servers that always fail, sorted."""
        return sorted(self.name(number) for number in self.failing)

    @staticmethod
    def name(number: int) -> str:
        """Give the name of server `number`."""
        return f"web-{number:04}"

    def reply(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:  # noqa: ARG002
        """Answer for the fleet; nobody sends it anything."""
        return self.answer(path)

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """Give the status and the JSON for a path."""
        path = path.partition("?")[0]
        if path == "/servers":
            return 200, {"servers": self.servers}
        digits = path.removeprefix("/health/")
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0  # noqa: PLR2004
        if not (path.startswith("/health/") and 1 <= number <= self.count):
            return 404, {"error": f"nothing at {path}"}
        if number in self.slow:
            time.sleep(SLOW_SECONDS)
        with self._lock:
            first = number not in self._met
            self._met.add(number)
        down = number in self.failing or (first and number in self.flaky)
        return (
            (503, {"status": "down", "name": self.name(number)})
            if down
            else (
                200,
                {"status": "ok", "name": self.name(number)},
            )
        )


class Sink(_LocalServer):
    """A service that takes notifications, and counts what arrives.

    Use it in a `with` block, or call `start()` and, when done, `stop()`. `POST /` takes JSON with
    the key `to`; what is accepted is answered 200, what meets a busy service 503.

    Args:
        busy_every: Of how many addressees one is refused the first time; 0: none.

    Attributes:
        received: How many notifications were accepted, by addressee.
        refused: How many were answered 503.
    """

    def __init__(self, busy_every: int = 50) -> None:
        super().__init__()
        self.busy_every = busy_every
        self._begin()

    def _begin(self) -> None:
        self.received: dict[str, int] = {}
        self.refused = 0
        self._turned_away: set[str] = set()
        self._addressees = 0

    def __repr__(self) -> str:
        where = self.url if self._server else "not started"
        return f"Sink({sum(self.received.values()):,} received, {self.refused:,} refused, {where})"

    def reply(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Take a notification, or refuse it."""
        try:
            to = str(json.loads(body)["to"])
        except (ValueError, KeyError, TypeError):
            return 400, {"error": f"{path}: send JSON with the key `to`"}
        with self._lock:
            new = to not in self.received and to not in self._turned_away
            self._addressees += new
            if new and self.busy_every and self._addressees % self.busy_every == 0:
                self._turned_away.add(to)
                self.refused += 1
                return 503, {"error": "busy; try again"}
            self.received[to] = self.received.get(to, 0) + 1
        return 200, {"accepted": to}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, local: _LocalServer) -> None:
        self.local = local
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service what this machine is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = "127.0.0.1"
        self.server_port = int(self.socket.getsockname()[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that `hang_up` finds it."""
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wake every thread that waits for a kept connection's next request."""
        with self._guard:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # the client was quicker
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        """Answer, whatever the method."""
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, answer = cast("_Server", self.server).local.reply(self.path, sent)
        except RuntimeError:  # the server was stopped while this was under way
            status, answer = 503, {"error": "stopping"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""

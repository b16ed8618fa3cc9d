"""Local services for trying workflows: a fleet of servers, and a sink for notifications."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

from attune_nb.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

__all__ = ["WORKFLOW", "FleetServer", "Sink", "check_server"]

SLOW_SECONDS = 0.2

# digits of a server's number in a path
_MAX_DIGITS = 9

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


# the servers are on this machine: no proxy leads to them
_open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def check_server(url: str) -> dict[str, Any]:
    """Return the health of a server: `status`, and `elapsed_ms` of the request.

    Raises:
        ActionError: The server responds with an error, or not at all.
    """
    started = time.perf_counter()
    try:
        with _open_url(url, timeout=5) as response:
            health = json.load(response)
    except urllib.error.HTTPError as error:
        error.close()
        raise ActionError(f"HTTP {error.code}") from None
    except OSError as error:
        raise ActionError(f"GET {url}: {error}") from error
    elapsed = time.perf_counter() - started
    return {"status": health["status"], "elapsed_ms": round(elapsed * 1000, 3)}


class _LocalServer:
    """An HTTP server on this machine, on a free port."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def reply(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON body of the response to a request."""
        raise NotImplementedError

    def _reset(self) -> None:
        """Clear the state of earlier requests."""

    def start(self) -> Self:
        """Start serving on a free port."""
        if self._server is not None:
            raise RuntimeError(f"this {type(self).__name__} is running already")

        self._reset()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="demo-server", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close all connections and free the port; a second call does nothing."""
        server = self._server
        thread = self._thread
        self._server = None
        self._thread = None

        if server is not None and thread is not None:
            server.shutdown()
            thread.join()
            server.server_close()
            server.close_connections()

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
        """The address of the server, without a slash at the end."""
        if self._server is None:
            raise RuntimeError(f"this {type(self).__name__} is not running: call `start()`")
        return f"http://127.0.0.1:{self._server.server_port}"


class FleetServer(_LocalServer):
    """One local HTTP server that responds for a whole fleet.

    Use it in a `with` block, or call `start()` and later `stop()`. `GET /servers` lists the fleet,
    `GET /health/N` returns the health of server N (from 1).

    Args:
        count: Number of servers.
        failing: Servers that always respond with 503; by default every 50th from the 7th.
        slow: Servers that take 0.2 s; by default every 100th.
        flaky: Servers that respond with 503 the first time only; by default every 33rd that is
            not failing.
    """

    def __init__(
        self,
        count: int = 1000,
        failing: Iterable[int] | None = None,
        slow: Iterable[int] | None = None,
        flaky: Iterable[int] | None = None,
    ) -> None:
        if failing is None:
            failing = range(7, count + 1, 50)
        if slow is None:
            slow = range(100, count + 1, 100)
        failing = frozenset(failing)
        if flaky is None:
            flaky = frozenset(range(33, count + 1, 33)) - failing

        super().__init__()
        self.count = count
        self.failing = failing
        self.slow = frozenset(slow)
        self.flaky = frozenset(flaky)
        self._requested: set[int] = set()

    def __repr__(self) -> str:
        url = "not started"
        if self._server is not None:
            url = self.url
        return f"FleetServer({self.count} servers, {len(self.failing)} failing, {url})"

    def _reset(self) -> None:
        with self._lock:
            self._requested.clear()

    @property
    def servers(self) -> list[dict[str, str]]:
        """The fleet: `name` and `url` (of the health) of every server."""
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
        """Return the name of server `number`."""
        return f"web-{number:04}"

    def reply(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:  # noqa: ARG002
        """Return the response for a path; the body is ignored."""
        return self.answer(path)

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON body of the response for a path."""
        path = path.partition("?")[0]
        if path == "/servers":
            return 200, {"servers": self.servers}

        number = self._number(path)
        if not 1 <= number <= self.count:
            return 404, {"error": f"nothing at {path}"}
        return self._health(number)

    @staticmethod
    def _number(path: str) -> int:
        """Return the number of the server that a path names, or 0 if it names none."""
        digits = path.removeprefix("/health/")
        if digits == path or not (digits.isascii() and digits.isdigit()):
            return 0
        if len(digits) > _MAX_DIGITS:
            return 0
        return int(digits)

    def _health(self, number: int) -> tuple[int, dict[str, Any]]:
        """Return the response of one server."""
        if number in self.slow:
            time.sleep(SLOW_SECONDS)

        with self._lock:
            is_first = number not in self._requested
            self._requested.add(number)

        name = self.name(number)
        if number in self.failing or (is_first and number in self.flaky):
            return 503, {"status": "down", "name": name}
        return 200, {"status": "ok", "name": name}


class Sink(_LocalServer):
    """A service that accepts notifications and counts them.

    Use it in a `with` block, or call `start()` and later `stop()`. `POST /` takes JSON with the
    key `to`. The response is 200 if the notification is accepted, and 503 if the service is busy.

    Args:
        busy_every: The service is busy for the first notification to every n-th addressee;
            0: never.

    Attributes:
        received: Number of accepted notifications by addressee.
        refused: Number of responses with 503.
    """

    def __init__(self, busy_every: int = 50) -> None:
        super().__init__()
        self.busy_every = busy_every
        self._reset()

    def _reset(self) -> None:
        self.received: dict[str, int] = {}
        self.refused = 0
        self._refused_once: set[str] = set()
        self._addressees = 0

    def __repr__(self) -> str:
        url = "not started"
        if self._server is not None:
            url = self.url
        received = sum(self.received.values())
        return f"Sink({received:,} received, {self.refused:,} refused, {url})"

    def reply(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Accept a notification, or refuse it."""
        try:
            addressee = str(json.loads(body)["to"])
        except (ValueError, KeyError, TypeError):
            return 400, {"error": f"{path}: send JSON with the key `to`"}

        with self._lock:
            if self._is_busy_for(addressee):
                self._refused_once.add(addressee)
                self.refused += 1
                return 503, {"error": "busy; try again"}
            self.received[addressee] = self.received.get(addressee, 0) + 1
        return 200, {"accepted": addressee}

    def _is_busy_for(self, addressee: str) -> bool:
        """Count a new addressee; return whether its first notification is refused."""
        if addressee in self.received or addressee in self._refused_once:
            return False
        self._addressees += 1
        return self.busy_every > 0 and self._addressees % self.busy_every == 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, local: _LocalServer) -> None:
        self.local = local
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without a look-up of this machine's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = "127.0.0.1"
        self.server_port = int(self.socket.getsockname()[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Register the connection for `close_connections`, and process the request."""
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection."""
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Shut open connections down, so that threads which wait for requests end."""
        with self._connections_lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # the client has closed it
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: the client has gone."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        """Send the response of the server's owner, for any method."""
        length = int(self.headers.get("Content-Length", 0))
        content = self.rfile.read(length)
        try:
            status, response = cast("_Server", self.server).local.reply(self.path, content)
        except RuntimeError:
            # the server was stopped during the request
            status = 503
            response = {"error": "stopping"}

        body = json.dumps(response).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Log nothing."""

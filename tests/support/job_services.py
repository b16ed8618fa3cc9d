"""The services that the jobs of tests/jobs talk to: one HTTP server on this machine."""

import contextlib
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from support.server_threads import serve_in_thread

TOKEN = "t0ken-4711-of-the-api"
PAGES = 5
ORDERS_PER_PAGE = 20


class JobServices(ThreadingHTTPServer):
    """A server of health checks, of an alert hook, of pages, and of a page for one token.

    Args:
        always_down: The hosts whose health check answers 503.
        down_twice: The hosts whose health check answers 503 to the first two requests.

    Attributes:
        requests: How often each path was requested.
        alerts: The alerts that were posted.
        authorizations: The `Authorization` headers that came.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, always_down=(), down_twice=()):
        self.always_down = set(always_down)
        self.down_twice = set(down_twice)
        self.requests = Counter()
        self.alerts = []
        self.authorizations = []
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def urls(self, count):
        """Return the addresses of the health checks of so many hosts."""
        return [f"{self.url}/health/{number}" for number in range(count)]

    def reply(self, path, query, body, authorization):
        """Return the status and the JSON of the response to a request."""
        with self.lock:
            self.requests[path] += 1
            count = self.requests[path]

        if path.startswith("/health/"):
            return self._health(int(path.removeprefix("/health/")), count)
        if path == "/alert":
            self.alerts.append(json.loads(body))
            return 200, {}
        if path == "/orders":
            return 200, _page(int(query["page"][0]))
        if path == "/private":
            return self._private(authorization)
        return 404, {"error": "there is no such page"}

    def _health(self, host, count):
        if host in self.always_down or (host in self.down_twice and count <= 2):
            return 503, {"name": f"host-{host}", "state": "down"}
        return 200, {"name": f"host-{host}", "state": "up"}

    def _private(self, authorization):
        self.authorizations.append(authorization)
        if authorization != f"Bearer {TOKEN}":
            return 401, {"error": "no valid token"}
        return 200, {"user": "me", "authorization": authorization}


def _page(number):
    first = (number - 1) * ORDERS_PER_PAGE
    next_page = number + 1 if number < PAGES else None
    return {"orders": list(range(first, first + ORDERS_PER_PAGE)), "next_page": next_page}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        address = urlsplit(self.path)
        status, response = self.server.reply(
            address.path, parse_qs(address.query), body, self.headers.get("Authorization")
        )

        content = json.dumps(response).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - http.server's name

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serve_jobs(**options):
    """Serve in a thread, and yield the server."""
    with serve_in_thread(JobServices(**options)) as server:
        yield server

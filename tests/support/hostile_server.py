"""An HTTP server whose answers never end, are damaged, or ask for too much."""

import contextlib
import gzip
import json
import socketserver
import threading
import time

from support.server_threads import serve_in_thread

__all__ = ["ANSWERS", "HostileServer", "serving"]

_HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
_BOMB = gzip.compress(bytes(20_000_000))
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


def _repeat(piece, pause=0.0):
    while True:
        yield piece
        time.sleep(pause)


def _endless_body(_):
    yield _HEAD + b"\r\n"
    yield from _repeat(b"x" * 65536)


def _endless_chunks(_):
    yield _CHUNKED + b"\r\n"
    yield from _repeat(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def _gzip_bomb(_):
    yield _CHUNKED + b"Content-Encoding: gzip\r\n\r\n"
    # members of a gzip file may follow each other
    yield from _repeat(b"%x\r\n%s\r\n" % (len(_BOMB), _BOMB))


def _slow_body(_):
    yield _HEAD + b"\r\n"
    yield from _repeat(b"x", 0.2)


def _slow_head(_):
    yield b"HTTP/1.1 200 OK\r\nX-Slow: "
    yield from _repeat(b"x", 0.2)


def _endless_headers(_):
    yield _HEAD
    yield from _repeat(b"X-More: " + b"x" * 1000 + b"\r\n")


def _endless_extensions(_):
    yield _CHUNKED + b"\r\n1;"
    yield from _repeat(b"x" * 65536)


def _with_body(body, headers=b"Content-Type: text/plain\r\n"):
    def answer(_):
        yield _HEAD + headers + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)

    return answer


def _short_body(_):
    yield _HEAD + b"Content-Length: 100\r\n\r\nshort"


def _echo(head):
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    body = json.dumps({name.lower(): value for name, value in headers.items()}).encode()
    yield from _with_body(body, b"Content-Type: application/json\r\n")(head)


def _redirect(head):
    target = head.split(b" ")[1].partition(b"?to=")[2]
    yield b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % target


ANSWERS = {
    "/endless-body": _endless_body,
    "/endless-chunks": _endless_chunks,
    "/gzip-bomb": _gzip_bomb,
    "/slow-body": _slow_body,
    "/slow-head": _slow_head,
    "/endless-headers": _endless_headers,
    "/endless-extensions": _endless_extensions,
    "/short-body": _short_body,
    "/hex": _with_body(b"00ff", b"Content-Type: text/plain; charset=hex\r\n"),
    "/deep-json": _with_body(b"[" * 300 + b"]" * 300),
    "/binary": _with_body(bytes(range(256)), b"Content-Type: image/png\r\n"),
    "/echo": _echo,
    "/redirect": _redirect,
}
"""The answers of the server for each path."""


class _Handler(socketserver.BaseRequestHandler):
    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.request.recv(65536)
            if not data:
                return
            head += data

        server = self.server
        target = head.split(b" ")[1].decode()
        server.targets.append(target)
        # a request to a proxy names the whole address, which the proxy answers itself
        path = "/proxied" if target.startswith("http://") else target
        answer = ANSWERS.get(path.partition("?")[0], _echo)

        with server.lock:
            server.begun += 1
            server.open += 1
        try:
            with contextlib.suppress(OSError):
                for piece in answer(head):
                    self.request.sendall(piece)
        finally:
            with server.lock:
                server.open -= 1


class HostileServer(socketserver.ThreadingTCPServer):
    """A server for the paths of `ANSWERS`; it is an HTTP proxy as well, which answers itself.

    Attributes:
        url: The server's address.
        begun: How many requests have come.
        open: How many of them it is still answering.
        targets: The targets of all requests.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, certificate=None):
        """Listen on a free port, with TLS if there is the context of a certificate."""
        super().__init__(("127.0.0.1", 0), _Handler)
        scheme = "http"
        if certificate is not None:
            scheme = "https"
            self.socket = certificate.wrap_socket(self.socket, server_side=True)
        self.url = f"{scheme}://127.0.0.1:{self.server_address[1]}"
        self.lock = threading.Lock()
        self.begun = 0
        self.open = 0
        self.targets = []

    def handle_error(self, request, client_address):
        """Say nothing of a client that left."""


@contextlib.contextmanager
def serving(certificate=None):
    """Run a server in a thread."""
    with serve_in_thread(HostileServer(certificate)) as server:
        yield server

"""The connections and threads of many requests by `core.http_request`."""

import asyncio
import contextlib
import json
import threading

import pytest

import attune_nb

REQUESTS = """
parameters: {url: {}, requests: {}, concurrency: {}}
tasks:
  - name: fetch
    action: core.http_request
    with_items: "{{ range(parameters.requests) }}"
    concurrency: "{{ parameters.concurrency }}"
    input: {url: "{{ parameters.url }}"}
"""


POSTS = """
parameters: {url: {}}
tasks:
  - {name: first, action: core.http_request, input: {url: "{{ parameters.url }}", method: POST},
     next: [{do: close}]}
  - {name: close, action: close_all, next: [{do: second}]}
  - {name: second, action: core.http_request, input: {url: "{{ parameters.url }}", method: POST}}
"""


class CountingServer:
    """Answers each request with the port that it came from, once enough requests are open.

    Attributes:
        url: The server's address.
        loop: Its event loop.
        threads: The threads of this process as the last of them came.
    """

    def __init__(self, open_at_once):
        self.url = ""
        self.loop = None
        self.threads = 0
        self.transports = []
        self._missing = open_at_once
        self._open = []

    async def serve(self, started, stop):
        self.loop = asyncio.get_running_loop()
        server = await self.loop.create_server(
            lambda: Connection(self), "127.0.0.1", 0, backlog=1_000
        )
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set()
        await asyncio.to_thread(stop.wait)
        server.close()
        for transport in self.transports:
            transport.abort()

    def take(self, transport):
        """Answer a request now, or with the others once enough are open."""
        self._missing -= 1
        self._open.append(transport)
        if self._missing > 0:
            return

        if self._missing == 0:
            self.threads = threading.active_count()
        for waiting in self._open:
            body = json.dumps(waiting.get_extra_info("peername")[1]).encode()
            waiting.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        self._open.clear()


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self._server = server
        self._transport = None
        self._head = b""

    def connection_made(self, transport):
        self._transport = transport
        self._server.transports.append(transport)

    def data_received(self, data):
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            self._head = b""
            self._server.take(self._transport)


@contextlib.contextmanager
def counting(open_at_once):
    server = CountingServer(open_at_once)
    started = threading.Event()
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(started, stop)))
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        stop.set()
        thread.join()


def fetch(server, requests, concurrency, **options):
    parameters = {"url": server.url, "requests": requests, "concurrency": concurrency}
    run = attune_nb.loads(REQUESTS).run(parameters, progress=False, store="none", **options)
    run.raise_for_status()
    return [response["json"] for response in run.result("fetch")]


@pytest.mark.parametrize(
    "options",
    [
        {"backend": "threads"},
        pytest.param({"backend": "processes", "workers": 2}, marks=pytest.mark.slow),
    ],
    ids=["threads", "processes"],
)
def test_the_requests_of_a_run_share_connections(options):
    with counting(open_at_once=1) as server:
        ports = fetch(server, 100, 4, **options)

    assert len(ports) == 100
    # two processes may each have four
    assert len(set(ports)) <= 8


def test_the_inline_backend_sends_all_by_one_connection():
    with counting(open_at_once=1) as server:
        ports = fetch(server, 20, 1, backend="inline")

    assert len(set(ports)) == 1


def test_a_connection_that_the_server_closed_is_not_used_again():
    """No event loop runs inline while another action works; a POST is not sent twice."""
    with counting(open_at_once=1) as server:

        async def close():
            for transport in server.transports:
                transport.close()
            # the sockets are closed in this turn of the loop
            await asyncio.sleep(0)

        def close_all():
            asyncio.run_coroutine_threadsafe(close(), server.loop).result()

        run = attune_nb.loads(POSTS).run(
            {"url": server.url},
            actions={"close_all": close_all},
            backend="inline",
            progress=False,
            store="none",
        )
        run.raise_for_status()
        assert run.result("first")["json"] != run.result("second")["json"]


def test_requests_at_once_need_no_thread_each():
    before = threading.active_count()
    with counting(open_at_once=500) as server:
        fetch(server, 500, 500)

        # the server's two, the loop's one, and those of the run
        assert server.threads <= before + 10

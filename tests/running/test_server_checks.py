"""A check of 30 servers with `core.http_request`: one is down, and one answers the second time."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import attune_nb

DOWN = "/server/13"
LATE = "/server/21"

CHECK = """
parameters: {urls: {type: array}}
tasks:
  - name: check
    action: core.http_request
    with_items: "{{ parameters.urls }}"
    concurrency: 8
    retry: {count: 2, delay: 0.02}
    input: {url: "{{ item }}"}
    next: [{when: "{{ failed() }}", do: alert}]
  - name: alert
    action: core.echo
    with_items: "{{ task.check.failures }}"
    input:
      message: "{{ item.item }}: {{ item.result.status_code }} {{ item.result.json.reason }}"
output_map:
  failures: "{{ task.check.failures }}"
  healthy: "{{ task.check.successes | length }}"
"""


class Servers:
    """Thirty servers at one address, and the count of the requests to each."""

    def __init__(self):
        self.requests = Counter()
        lock = threading.Lock()
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with lock:
                    requests[self.path] += 1
                    count = requests[self.path]
                is_down = self.path == DOWN or (self.path == LATE and count == 1)
                body = json.dumps({"reason": "disk full" if is_down else "", "error": None})
                self.send_response(503 if is_down else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                """Write no log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.urls = [self.url(f"/server/{number}") for number in range(30)]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def servers():
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture(params=["inline", "threads", "processes", "dask"])
def backend(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return request.param


def test_one_server_of_thirty_is_down(servers, backend, tmp_path):
    path = tmp_path / "runs.db"
    run = attune_nb.loads(CHECK).run({"urls": servers.urls}, backend=backend, store=path)

    assert run.status == "succeeded"
    (failure,) = run.output["failures"]
    assert failure["item"] == servers.url(DOWN)
    assert failure["index"] == 13
    assert failure["error_type"] == "HTTPStatusError"
    assert failure["attempts"] == servers.requests[DOWN] == 3
    assert failure["result"]["status_code"] == 503
    assert json.loads(failure["result"]["body"]) == {"reason": "disk full", "error": None}
    assert run.result("alert")[0]["message"] == f"{servers.url(DOWN)}: 503 disk full"
    assert run.output["healthy"] == 29
    assert servers.requests[LATE] == 2

    for view in (run, attune_nb.open_run(run.run_id, path)):
        assert view.failures("check").to_dict("records") == [failure]
        assert len(view.successes("check")) == 29
        items = view.items("check", expand=True)
        assert items["status_code"].value_counts().to_dict() == {200: 29, 503: 1}
        assert items.loc[13, "body"] == failure["result"]["body"]
        assert items.loc[21, ["status", "attempts", "error"]].tolist() == ["succeeded", 2, None]

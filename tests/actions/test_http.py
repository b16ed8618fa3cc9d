"""`core.http_request` against a real HTTP server."""

import base64
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

import attune_nb
from attune_nb.actions.http import http_request
from attune_nb.errors import ActionError


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        if path == "/slow":
            time.sleep(0.5)
        status = 200
        if path.startswith("/status/"):
            status = int(path.removeprefix("/status/"))
        request = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode(),
        }
        content = json.dumps(request).encode()
        content = {"/plain": b"plain", "/nan": b"[NaN]", "/huge": b"1e999"}.get(path, content)

        location = {"/away": "/there", "/loop": "/loop"}.get(path)
        if location is not None:
            self.send_response(302)
            self.send_header("Location", location)
        else:
            self.send_response(status)
        self.send_header("Set-Cookie", "session=secret")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_GET  # noqa: N815

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def url():
    with serving() as server:
        yield f"http://127.0.0.1:{server.server_port}"


@contextmanager
def serving(certificate=None):
    """Serve in a thread, with TLS if there is a certificate."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_get_request(url):
    result = http_request(f"{url}/x?a=1", headers={"X-N": 5}, query_params={"b": 2})
    assert result["status_code"] == 200
    assert result["success"] is True
    assert result["json"]["path"] == "/x?a=1&b=2"
    assert result["json"]["headers"]["x-n"] == "5"
    assert result["url"] == f"{url}/x?a=1&b=2"
    assert result["headers"]["content-length"] == str(len(result["body"]))
    assert result["elapsed_ms"] > 0


def test_values_are_written_as_templates_write_them(url):
    query = {"a": True, "b": None, "c": {"x": 1}, "d": [1, False]}
    result = http_request(url, headers={"X-A": True, "X-B": None}, query_params=query)

    headers = result["json"]["headers"]
    assert headers["x-a"] == "true"
    assert headers["x-b"] == ""
    assert result["json"]["path"] == "/?a=true&b=&c=%7B%22x%22%3A1%7D&d=1&d=false"
    with pytest.raises(
        ActionError, match="header `X`: a value of type `object` cannot be part of a string"
    ):
        http_request(url, headers={"X": object()})


def test_bodies(url):
    request = http_request(url, "post", json_body={"a": 1})["json"]
    assert request["method"] == "POST"
    assert json.loads(request["body"]) == {"a": 1}
    assert request["headers"]["content-type"] == "application/json"

    assert http_request(url, "PUT", body="text")["json"]["body"] == "text"
    for path in ("plain", "nan", "huge"):
        assert http_request(f"{url}/{path}")["json"] is None
    with pytest.raises(ActionError, match="at most one"):
        http_request(url, "POST", body="a", json_body=1)


@pytest.mark.parametrize("status", [404, 503])
def test_an_error_status_is_a_response(url, status):
    result = http_request(f"{url}/status/{status}")
    assert result["status_code"] == status
    assert result["success"] is False


def test_authorisation(url):
    basic = http_request(url, auth_type="basic", auth_username="me", auth_password="pw")
    expected = "Basic " + base64.b64encode(b"me:pw").decode()
    assert basic["json"]["headers"]["authorization"] == expected

    bearer = http_request(url, auth_type="bearer", auth_token="t0")
    assert bearer["json"]["headers"]["authorization"] == "Bearer t0"
    assert "authorization" not in http_request(url)["json"]["headers"]
    for wrong in ({"auth_type": "basic"}, {"auth_type": "bearer"}, {"auth_type": "digest"}):
        with pytest.raises(ActionError, match="auth_"):
            http_request(url, **wrong)


def test_an_unknown_certificate_is_refused_by_default():
    with serving(trustme.CA().issue_cert("127.0.0.1")) as server:
        url = f"https://127.0.0.1:{server.server_port}/x"
        with pytest.raises(ActionError, match=r"(?i)certificate"):
            http_request(url)
        assert http_request(url, verify_ssl=False)["success"]


def test_redirects(url):
    assert http_request(f"{url}/away")["url"] == f"{url}/there"
    assert http_request(f"{url}/away", follow_redirects=False)["status_code"] == 302
    with pytest.raises(ActionError, match="/loop"):
        http_request(f"{url}/loop", max_redirects=2)


def test_a_no_of_yaml_is_refused_as_a_string(url):
    text = f"tasks: [{{name: a, action: core.http_request, input: {{url: {url}/away, %s}}}}]\n"
    workflow = attune_nb.loads(text % "follow_redirects: no")
    with pytest.raises(attune_nb.WorkflowError, match="not the string `no`; write false"):
        workflow.run()

    run = attune_nb.loads(text % "follow_redirects: false").run()
    assert run.result("a")["status_code"] == 302


def test_cookies_do_not_pass_from_one_request_to_the_next(url):
    assert "set-cookie" in http_request(url)["headers"]
    assert "cookie" not in http_request(url)["json"]["headers"]


def test_a_missing_response_names_the_url(url):
    # a bound socket that does not listen refuses connections
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        closed_url = f"http://127.0.0.1:{bound.getsockname()[1]}/x"
        with pytest.raises(ActionError, match=closed_url):
            http_request(closed_url)

    with pytest.raises(ActionError, match=r"/slow: no response within 0.1 s"):
        http_request(f"{url}/slow", timeout=0.1)

    for invalid_url in ("nowhere", "ftp://x/y", "http://[bad", "http://h:99999999/"):
        with pytest.raises(ActionError) as caught:
            http_request(invalid_url)
        assert invalid_url in str(caught.value)


def test_many_threads_share_one_client(url):
    with ThreadPoolExecutor(30) as pool:
        results = list(pool.map(lambda n: http_request(f"{url}/{n}"), range(300)))
    assert [result["json"]["path"] for result in results] == [f"/{n}" for n in range(300)]


def test_httpx_is_imported_only_when_needed():
    code = "import attune_nb.actions.http, sys; sys.exit('httpx' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

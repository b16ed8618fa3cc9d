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
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from support.http_requests import http_request
from support.server_threads import serve_in_thread

import attune_nb
from attune_nb.actions.http_errors import (
    ConnectError,
    HTTPStatusError,
    InvalidURL,
    ProtocolError,
    ReadError,
    ReadTimeout,
    TLSError,
    TooManyRedirects,
)
from attune_nb.errors import ActionError


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        if path == "/slow":
            time.sleep(5)
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
        if status == HTTPStatus.NO_CONTENT:
            content = b""

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
    with serve_in_thread(server):
        yield server


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
def test_an_error_status_is_a_failure_with_the_response(url, status):
    with pytest.raises(HTTPStatusError, match=f"^{status} .* from GET {url}/status") as caught:
        http_request(f"{url}/status/{status}")

    response = caught.value.data
    assert response["status_code"] == status
    assert response["success"] is False
    assert response["json"]["path"] == f"/status/{status}"
    assert "content-length" in response["headers"]


@pytest.mark.parametrize(
    ("expected", "status", "is_expected"),
    [
        ("2xx,3xx", 204, True),
        ("2xx,3xx", 404, False),
        (404, 404, True),
        (404, 200, False),
        ("404", 404, True),
        ("4xx", 429, True),
        ("4XX", 429, True),
        ("4xx", 200, False),
        ([200, "4xx"], 418, True),
        ([200, "4xx"], 201, False),
        ("2xx, 404", 404, True),
        ("any", 503, True),
    ],
)
def test_expected_statuses(url, expected, status, is_expected):
    address = f"{url}/status/{status}"
    if is_expected:
        assert http_request(address, expect_status=expected)["status_code"] == status
    else:
        with pytest.raises(HTTPStatusError, match=f"^{status}"):
            http_request(address, expect_status=expected)


@pytest.mark.parametrize(
    "wrong", ["maybe", "6xx", "", 99, 600, True, [], ["2xx", "x"], 2.5, "2xx;3xx"]
)
def test_an_invalid_expect_status_is_refused(wrong):
    message = r"`expect_status` must be a status \(404\), a class of statuses \(`4xx`\)"
    with pytest.raises(ActionError, match=message):
        http_request("http://127.0.0.1:1", expect_status=wrong)


def test_an_invalid_expect_status_is_found_in_the_text():
    text = """
tasks:
  - name: ask
    action: core.http_request
    input: {url: "http://127.0.0.1:1", expect_status: maybe}
"""
    [problem] = attune_nb.loads(text).check()
    assert "`expect_status` must be a status" in problem.message
    assert "not the string `maybe`" in problem.message
    assert (problem.position.line, problem.position.column) == (5, 40)


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
        with pytest.raises(TLSError, match=r"(?i)certificate"):
            http_request(url)
        assert http_request(url, verify_ssl=False)["success"]


def test_redirects(url):
    assert http_request(f"{url}/away")["url"] == f"{url}/there"
    assert http_request(f"{url}/away", follow_redirects=False)["status_code"] == 302
    with pytest.raises(TooManyRedirects, match="/loop"):
        http_request(f"{url}/loop", max_redirects=2)


def test_a_no_of_yaml_is_refused_as_a_string(url):
    text = f"tasks: [{{name: a, action: core.http_request, input: {{url: {url}/away, %s}}}}]\n"
    workflow = attune_nb.loads(text % "follow_redirects: no")
    with pytest.raises(attune_nb.WorkflowError, match="not the string `no`; write false"):
        workflow.run()

    run = attune_nb.loads(text % "follow_redirects: false").run()
    assert run.result("a")["status_code"] == 302


def test_a_redirect_to_the_same_server_keeps_headers(url):
    result = http_request(f"{url}/away", headers={"X-Api-Key": "s3cret"})
    assert result["json"]["headers"]["x-api-key"] == "s3cret"


def test_cookies_do_not_pass_from_one_request_to_the_next(url):
    assert "set-cookie" in http_request(url)["headers"]
    assert "cookie" not in http_request(url)["json"]["headers"]


def test_a_missing_response_names_the_url(url):
    # a bound socket that does not listen refuses connections
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        closed_url = f"http://127.0.0.1:{bound.getsockname()[1]}/x"
        with pytest.raises(ConnectError, match=closed_url):
            http_request(closed_url)

    with pytest.raises(ReadTimeout, match=r"/slow: no complete response within 0.1 s"):
        http_request(f"{url}/slow", timeout=0.1)

    for invalid_url in ("nowhere", "ftp://x/y", "http://[bad", "http://h:99999999/"):
        with pytest.raises((InvalidURL, ConnectError)) as caught:
            http_request(invalid_url)
        assert invalid_url in str(caught.value)


def test_a_password_in_the_url_is_not_shown(url):
    with_password = url.replace("://", "://user:pa55word@")
    assert (
        http_request(with_password)["url"] == f"{url}/" or http_request(with_password)["url"] == url
    )
    with pytest.raises(HTTPStatusError) as caught:
        http_request(f"{with_password}/status/500")
    assert "pa55word" not in str(caught.value)
    assert "pa55word" not in caught.value.data["url"]

    with pytest.raises(ConnectError) as refused:
        http_request("http://user:pa55word@127.0.0.1:1/")
    assert "pa55word" not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "error_type", "reason"),
    [
        (b"", (ProtocolError, ReadError), "Server disconnected"),
        # older versions of aiohttp say the same in other words
        (b"nonsense\r\n\r\n", ProtocolError, r"\((Bad status line|Expected HTTP/.*)\)"),
        (b"HTTP/1.1 200 " + b"a" * 10_000, ProtocolError, r"\(Got more than 8190 bytes.*\)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ProtocolError, "in Content-Length\\)"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
            ProtocolError,
            r"\(Not enough data",
        ),
    ],
    ids=["nothing", "no status", "long status", "length", "short body"],
)
def test_a_broken_answer_is_a_transport_error(answer, error_type, reason):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_all():
            # the client may try again
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(10_000)
                        connection.sendall(answer)

        thread = threading.Thread(target=answer_all)
        thread.start()
        with pytest.raises(error_type, match=rf"^GET http://127\S+ .*{reason}"):
            http_request(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


RETRIED = """
tasks:
  - name: ask
    action: core.http_request
    input: {url: "http://127.0.0.1:1/"}
    retry: {count: 1, delay: 0, on_error: %s}
"""


@pytest.mark.parametrize(
    ("pattern", "attempts"),
    [("ConnectError", 2), ("TransportError", 2), ("HTTPError", 2), ("ReadError", 1)],
)
def test_on_error_matches_the_name_of_a_base_class(pattern, attempts):
    run = attune_nb.loads(RETRIED % pattern).run()
    assert run.status == "failed"
    assert list(run.tasks["attempts"]) == [attempts]


def test_many_threads_send_requests(url):
    with ThreadPoolExecutor(30) as pool:
        results = list(pool.map(lambda n: http_request(f"{url}/{n}"), range(300)))
    assert [result["json"]["path"] for result in results] == [f"/{n}" for n in range(300)]


def test_aiohttp_is_imported_only_when_needed():
    code = "import attune_nb.actions.http, sys; sys.exit('aiohttp' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

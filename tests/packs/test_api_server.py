"""The loopback API lets only the attempts of its run in."""

import http.client
import socket

import pytest
from support.pack_apis import Attempt, serve_api

KEYS = {"jira.credentials": {"user": "ann", "password": "s3cr3t-pass"}}


@pytest.fixture
def attempt(tmp_path):
    with serve_api(tmp_path, KEYS) as attempt:
        yield attempt


def test_a_request_without_a_token_is_refused(attempt):
    reply = attempt.get("/api/v1/keys/jira.credentials", Authorization="")

    assert reply.status == 401
    assert reply.content["code"] == "UNAUTHORIZED"
    assert "ATTUNE_API_TOKEN" in reply.content["error"]


@pytest.mark.parametrize("token", ["", "e30.00", "x", "é", "." * 5000])
def test_a_token_of_no_attempt_is_refused(attempt, token):
    attempt.token = token.encode().decode("latin-1")

    assert attempt.get("/api/v1/keys/jira.credentials").status == 401
    assert attempt.get("/api/v1/anything").status == 401


def test_a_request_for_another_host_name_is_refused(attempt):
    """A page in a browser could name this port as a host of its own."""
    reply = attempt.get("/api/v1/keys/jira.credentials", Host="evil.example")

    assert reply.status == 421
    assert "s3cr3t" not in str(reply)


def test_a_request_of_a_page_in_a_browser_is_refused(attempt):
    reply = attempt.get("/api/v1/keys/jira.credentials", Origin="http://127.0.0.1")

    assert reply.status == 403


def test_a_route_that_is_not_served_is_named(attempt):
    reply = attempt.get("/api/v1/sensors/17")

    assert reply.status == 501
    assert reply.content["code"] == "NOT_IMPLEMENTED"
    assert reply.content["error"].startswith("GET '/api/v1/sensors/17' is not served here")


def test_a_method_that_is_not_served_is_named(attempt):
    reply = attempt.call("DELETE", "/api/v1/keys/jira.credentials")

    assert reply.status == 501
    assert reply.content["error"].startswith("DELETE '/api/v1/keys/jira.credentials'")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"value": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(attempt, body):
    reply = attempt.post("/api/v1/keys", body)

    assert reply.status == 400
    assert reply.content["error"].startswith("the body of the request: ")


def test_a_body_of_the_wrong_shape_is_refused_with_its_field(attempt):
    reply = attempt.post("/api/v1/artifacts", {"ref": "a.b", "type": "file_movie"})

    assert reply.status == 400
    assert "$.type" in reply.content["error"]


def test_no_other_host_can_reach_the_port(attempt):
    port = int(attempt.url.rpartition(":")[2])

    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=60).close()


def test_the_port_is_closed_with_the_run(tmp_path):
    with serve_api(tmp_path, KEYS) as attempt:
        connection = http.client.HTTPConnection("127.0.0.1", int(attempt.url.rpartition(":")[2]))
        connection.request("GET", "/")
        connection.getresponse().read()

    with pytest.raises(OSError, match="refused"):
        Attempt(attempt.url).get("/api/v1/keys/jira.credentials")
    connection.close()

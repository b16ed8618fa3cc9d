"""Servers that never end an answer, send damaged ones, or lure a request's secrets away.

Each row of a table is one case; a new one needs a line and, if need be, an answer of
`support.hostile_server`.
"""

import json
import os
import ssl
import subprocess
import sys
import threading

import pytest
import trustme
from support.hostile_server import serving
from support.item_runs import until

import attune_nb
from attune_nb.errors import AttuneError


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def send(url, store="none", **arguments):
    """Send a request as the only task `a` of a workflow; return the run."""
    arguments["url"] = url
    keys = "".join(f'\n      {name}: "{{{{ parameters.{name} }}}}"' for name in arguments)
    names = ", ".join(f"{name}: {{}}" for name in arguments)
    text = f"parameters: {{{names}}}\ntasks:\n  - name: a\n    action: core.http_request"
    workflow = attune_nb.loads(f"{text}\n    input:{keys}")
    return workflow.run(arguments, backend="threads", store=store, progress=False)


def message_of(run):
    """Return why a run failed."""
    try:
        run.raise_for_status()
    except AttuneError as error:
        return str(error)
    return ""


# Answers without end: thirty at once, in a process whose memory is measured.

MANY = """
import json, sys, threading, time
import attune_nb

TEXT = '''
parameters: {url: {}, count: {}}
tasks:
  - name: a
    action: core.http_request
    with_items: "{{ range(parameters.count) }}"
    concurrency: 30
    timeout: 2
    input: {url: "{{ parameters.url }}"}
'''

def used():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024

def run(url, count):
    workflow = attune_nb.loads(TEXT)
    parameters = {"url": url, "count": count}
    return workflow.run(parameters, backend="threads", store="none", progress=False)

def watch():
    global highest
    while True:
        highest = max(highest, used())
        time.sleep(0.02)

url, path = sys.argv[1:]
# imports do not count
run(url + "/echo", 30)
before = highest = used()
threading.Thread(target=watch, daemon=True).start()
status = run(url + path, 30).status
# answers that are still read now are of no use
time.sleep(1)
print(json.dumps({"status": status, "rise": highest - before}), flush=True)
sys.stdin.read()
"""

MOST_MEMORY = 60_000_000
ENDLESS = [
    "/endless-body",
    "/endless-chunks",
    "/gzip-bomb",
    "/slow-body",
    "/slow-head",
]


@pytest.mark.slow
@pytest.mark.parametrize("path", ENDLESS)
def test_thirty_endless_answers_end_and_take_little_memory(path):
    with (
        serving() as server,
        subprocess.Popen(
            [sys.executable, "-c", MANY, server.url, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        # a server that sends without end ends with the test
        killer = threading.Timer(40, process.kill)
        killer.start()
        try:
            outcome = json.loads(process.stdout.readline() or "{}")
            # the process lives, and yet it reads no answer
            until(lambda: server.open == 0, 10)
            assert outcome["status"] == "failed"
            assert outcome["rise"] < MOST_MEMORY
        finally:
            killer.cancel()
            process.kill()


SLOW = ["/slow-body", "/slow-head"]


@pytest.mark.slow
@pytest.mark.parametrize("path", SLOW)
def test_the_timeout_of_a_request_limits_all_of_it(path):
    with serving() as server:
        text = (
            f"tasks: [{{name: a, action: core.http_request, timeout: 20, "
            f"input: {{url: '{server.url}{path}', timeout: 1}}}}]"
        )
        run = attune_nb.loads(text).run(backend="threads", store="none", progress=False)
        assert "within 1 s" in message_of(run)
        until(lambda: server.open == 0)


def test_a_cancelled_run_closes_its_connections():
    with serving() as server:
        text = (
            f"tasks: [{{name: a, action: core.http_request, with_items: [1, 2, 3], "
            f"concurrency: 3, input: {{url: '{server.url}/slow-body', timeout: null}}}}]"
        )
        run = attune_nb.loads(text).run(
            backend="threads", store="none", progress=False, background=True
        )
        until(lambda: server.open == 3)
        run.cancel(force=True)
        until(lambda: server.open == 0, 20)


# Wrong lengths, and bodies that are no text.

LENGTHS = ["1", "100"]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_wrong_content_length_is_named(server, length):
    url = f"{server.url}/echo"
    message = message_of(send(url, method="POST", body="abc", headers={"Content-Length": length}))
    assert f"POST {url}: header `Content-Length`" in message


BODIES = {
    "charset=hex": ("/hex", {"body": "00ff", "json": None}),
    "JSON in 300 levels": ("/deep-json", {"body": "[" * 300 + "]" * 300, "json": None}),
    "an image": ("/binary", {"body": None, "content": bytes(range(256)), "json": None}),
}


@pytest.mark.parametrize(("path", "expected"), BODIES.values(), ids=BODIES)
def test_no_body_is_lost(server, path, expected):
    run = send(server.url + path)
    assert run.status == "succeeded"
    result = run.result("a")
    assert {name: result.get(name) for name in expected} == expected


# Values that a server may not see.

SECRETS = {
    "X-Api-Key": {"headers": {"X-Api-Key": "s3cret"}},
    "Cookie": {"headers": {"Cookie": "session=s3cret"}},
    "Authorization": {"headers": {"Authorization": "token s3cret"}},
    "Proxy-Authorization": {"headers": {"Proxy-Authorization": "token s3cret"}},
    "a bearer's token": {"auth_type": "bearer", "auth_token": "s3cret"},
    "a name and its password": {
        "auth_type": "basic",
        "auth_username": "me",
        "auth_password": "s3cret",
    },
}
SENT = ("s3cret", "bWU6czNjcmV0")


@pytest.mark.parametrize("arguments", SECRETS.values(), ids=SECRETS)
def test_a_redirect_to_another_server_takes_no_secret(server, arguments):
    with serving() as other:
        headers = {"X-Request-Id": "7"} | arguments.get("headers", {})
        arguments = {**arguments, "headers": headers}
        run = send(f"{server.url}/redirect?to={other.url}/echo", **arguments)
        received = run.result("a")["json"]
    assert not [text for text in SENT if text in json.dumps(received)]
    # a header of one's own may be a secret, whatever its name
    assert "x-request-id" not in received


PASSWORDS = {
    "of an answer": "/echo",
    "of a damaged answer": "/short-body",
    "of a redirect": "/redirect?to=/echo",
}


@pytest.mark.parametrize("path", PASSWORDS.values(), ids=PASSWORDS)
def test_a_password_in_an_address_is_not_shown(server, path):
    run = send(server.url.replace("://", "://me:pa55word@") + path)
    shown = message_of(run)
    if run.status == "succeeded":
        shown = run.result("a")["url"]
    assert "127.0.0.1" in shown
    assert "pa55word" not in shown


# The environment.


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_used(server, monkeypatch, name):
    if name == "HTTP_PROXY":
        # a gateway's variable for the header `Proxy`
        monkeypatch.delenv("REQUEST_METHOD", raising=False)
    monkeypatch.setenv(name, server.url)
    assert send("http://shop.invalid/x").status == "succeeded"
    assert server.targets[-1] == "http://shop.invalid/x"


@pytest.mark.parametrize("excepted", ["127.0.0.1", "127.0.0.0/8", "*"])
def test_no_proxy_of_the_environment_is_kept_to(server, monkeypatch, excepted):
    monkeypatch.setenv("http_proxy", server.url)
    assert send("http://shop.invalid/x").status == "succeeded"
    monkeypatch.setenv("no_proxy", excepted)
    assert send(f"{server.url}/echo").status == "succeeded"
    assert server.targets[-1] == "/echo"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_of_the_environment_are_trusted(tmp_path, monkeypatch, name):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    subprocess.run(["openssl", "rehash", str(tmp_path)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    where = {"SSL_CERT_FILE": tmp_path / "authority.pem", "SSL_CERT_DIR": tmp_path}[name]

    with serving(context) as server:
        assert send(f"{server.url}/echo").status == "failed"
        monkeypatch.setenv(name, os.fspath(where))
        assert send(f"{server.url}/echo").status == "succeeded"

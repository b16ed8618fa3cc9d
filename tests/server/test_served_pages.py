"""The page as a real Jupyter Server and `attune-nb serve` send it."""

import pytest
from support.command_line import attune_here
from traitlets.config import Config

from attune_nb.errors import AttuneError
from attune_nb.server.serve import RunsServer

pytestmark = pytest.mark.slow


def test_jupyter_serves_the_page(attune_server):
    answer = attune_server.get("/")

    assert answer.status_code == 200
    assert "<title>attune</title>" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_the_files_of_the_page_are_served(attune_server):
    with attune_server.client(base_url=attune_server.origin) as client:
        page = client.get("/attune").text
        for name in ("page.js", "page.css"):
            address = page.partition(f'="/static/attune/{name}')[2].partition('"')[0]
            assert client.get(f"/static/attune/{name}{address}").status_code == 200


def test_a_stranger_is_sent_to_the_login(attune_server):
    with attune_server.client(headers={}) as client:
        answer = client.get("/")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?next=%2Fattune")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "there is no folder nowhere"),
        (["--read-only", "--allow-start"], "--read-only and --allow-start contradict each other"),
        (
            ["--jupyter", "certfile"],
            "--jupyter certfile: must be CLASS.NAME=VALUE, such as ServerApp.certfile=FILE",
        ),
        (
            ["--actions", "x.py"],
            "--actions, --pack and --allow-imports are for runs that the server",
        ),
        (["--allow-start", "--actions", "x.py"], "there is no file x.py"),
        (["--store", "none"], "--store none: a server shows the runs of a record; name its file"),
    ],
    ids=["folder", "contradiction", "setting", "code without starts", "action file", "store"],
)
def test_the_command_says_what_is_wrong(words, message):
    outcome = attune_here("serve", *words)

    assert outcome.exit_code == 2
    assert outcome.stderr.startswith(message)


def test_a_server_that_is_open_to_all_does_not_start(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    server = RunsServer(config=Config({"IdentityProvider": {"token": ""}}))

    with pytest.raises(AttuneError, match="an empty token and no password, so everyone on this"):
        server.init_configurables()

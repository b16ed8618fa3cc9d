"""The page as a real Jupyter Server and `attune-nb serve` send it."""

import pytest
from support.attune_server import attune_server_in

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


def test_the_command_serves_runs_alone(tmp_path):
    with attune_server_in(tmp_path, stand_alone=True, base_url="/lab/") as server:
        assert server.get("/").status_code == 200
        with server.client(base_url=f"{server.origin}/lab/") as client:
            for path in ("api/kernels", "api/contents", "api/sessions", "files/x", "tree"):
                assert client.get(path).status_code == 404
        log = server.log

    assert f"runs are shown at {server.url()}" in log
    assert server.token not in log

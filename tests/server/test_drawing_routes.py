"""The routes that feed the drawings of a run, on a real server."""

import gzip
import json

import pytest
from support.attempt_chunks import unpack_chunk

import attune_nb

pytestmark = pytest.mark.slow

TEXT = """
tasks:
  - {name: first, action: core.noop, next: [{do: second}]}
  - {name: second, action: core.noop, with_items: "{{ range(20) }}"}
"""


@pytest.fixture(scope="module")
def run_id(attune_server):
    return attune_nb.loads(TEXT, "pair").run(progress=False, store=attune_server.store).run_id


def test_attempts_are_sent_once(attune_server, run_id):
    path = f"/api/runs/{run_id}/attempts"
    answer = attune_server.get(path)
    head, columns = unpack_chunk(answer.content)

    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert json.loads(answer.headers["X-Attune"]) == {
        "n": 21, "after": -1, "last": head["last"], "more": False,
    }  # fmt: skip
    assert sorted(columns["index"].tolist()) == sorted([0, *range(20)])
    again = attune_server.get(path, headers={"If-None-Match": answer.headers["Etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_attempts_after_the_last_event_are_none(attune_server, run_id):
    last = json.loads(attune_server.get(f"/api/runs/{run_id}/attempts").headers["X-Attune"])["last"]
    answer = attune_server.get(f"/api/runs/{run_id}/attempts?after={last}")
    assert unpack_chunk(answer.content)[0]["count"] == 0


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("attempts?after=x", "after"),
        ("attempts?most=0", "most"),
        (f"attempts?after={10**30}", "after"),
        ("items?task=second&limit=501", "limit"),
        ("items?visit=1", "task"),
        ("lines?before=-2", "before"),
    ],
)
def test_a_wrong_parameter_is_named(attune_server, run_id, path, name):
    answer = attune_server.get(f"/api/runs/{run_id}/{path}")
    assert answer.status_code == 422
    assert name in answer.json()["message"]


def test_the_graph_of_a_run_is_sent_once(attune_server, run_id):
    path = f"/api/runs/{run_id}/graph"
    answer = attune_server.get(path)
    graph = answer.json()

    assert [node["task"] for node in graph["nodes"]] == ["first", "second"]
    assert [(edge["from"], edge["to"], edge["number"]) for edge in graph["edges"]] == [(0, 1, 0)]
    again = attune_server.get(path, headers={"If-None-Match": answer.headers["Etag"]})
    assert again.status_code == 304


def test_items_are_sent_page_by_page(attune_server, run_id):
    answer = attune_server.get(f"/api/runs/{run_id}/items?task=second&offset=18&limit=10")
    assert [row["index"] for row in answer.json()["rows"]] == [18, 19]
    assert [row["item"] for row in answer.json()["rows"]] == ["18", "19"]


def test_a_task_that_the_run_does_not_have_is_not_found(attune_server, run_id):
    answer = attune_server.get(f"/api/runs/{run_id}/items?task=third")
    assert answer.status_code == 404
    assert "third" in answer.json()["message"]


def test_lines_are_sent(attune_server, run_id):
    answer = attune_server.get(f"/api/runs/{run_id}/lines?level=WARNING")
    assert answer.json() == {
        "lines": [], "first": 0, "next": 0, "total": 0, "warnings": 0, "none": "",
    }  # fmt: skip


def test_a_trace_is_sent_as_a_file(attune_server, run_id):
    answer = attune_server.get(f"/api/runs/{run_id}/trace")
    assert answer.headers["Content-Type"] == "application/gzip"
    assert f'filename="attune-{run_id}.json.gz"' in answer.headers["Content-Disposition"]
    trace = json.loads(gzip.decompress(answer.content))
    assert trace["otherData"]["run_id"] == run_id


def test_the_script_that_draws_is_a_module(attune_server):
    answer = attune_server.get("/explore.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "export {Explorer," in answer.text


def test_a_run_that_is_not_there_is_not_found(attune_server):
    for name in ("attempts", "graph", "items?task=first", "lines", "trace"):
        assert attune_server.get(f"/api/runs/000000000000/{name}").status_code == 404

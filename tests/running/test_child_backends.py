"""Child runs share the workers of the outermost run, on every backend."""

import pytest

import attune_nb
from attune_nb.backends.dask import DaskBackend

CHILD = """
ref: ops.deploy
parameters: {host: {type: string}}
tasks:
  - name: ping
    action: ping
    with_items: [1, 2]
    input: {host: "{{ parameters.host }}", port: "{{ item }}"}
    next: [{when: "{{ succeeded() }}", do: sum}]
  - {name: sum, action: add, input: {numbers: "{{ task.ping.result }}"}}
output_map: {sum: "{{ task.sum.result }}"}
"""
PARENT = """
tasks:
  - name: deploy
    action: ops.deploy
    with_items: [a, b, c, broken]
    concurrency: 2
    input: {host: "{{ item }}"}
"""


def ping(host, port):
    print(f"{host}:{port}")  # noqa: T201 - a line of the log
    if host == "broken":
        raise ValueError("no route")
    return port


def add(numbers):
    return sum(numbers)


@pytest.fixture(params=["inline", "threads", "processes", "dask"])
def backend(request):
    if request.param == "dask":
        return DaskBackend(request.getfixturevalue("cluster"))
    return request.param


def test_children_run_where_their_parent_runs(backend, tmp_path):
    actions = {"deploy": attune_nb.loads(CHILD), "ping": ping, "add": add}
    run = attune_nb.loads(PARENT).run(
        actions=actions, backend=backend, store=tmp_path / "runs.db", progress=False
    )
    assert run.children()["status"].tolist() == ["succeeded"] * 3 + ["failed"]
    assert run.result("deploy")[:3] == [{"sum": 3}] * 3

    child = run.child("deploy", index=1)
    lines = child.logs("ping", level="stdout").sort_values("index")
    assert lines["text"].tolist() == ["b:1", "b:2"]
    assert lines["index"].tolist() == [0, 1]

    (failure,) = run.failures("deploy").itertuples()
    assert failure.error == (
        "workflow `ops.deploy` failed: task `ping` failed: 2 of 2 items failed, all with "
        f"ValueError: no route (test_child_backends.py, line {ping.__code__.co_firstlineno + 3})"
    )

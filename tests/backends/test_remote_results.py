"""Results that are kept on a Dask cluster: where they can be used, and where not."""

import sys
import threading
import time

import cloudpickle
import pytest

import attune_nb
from attune_nb.backends.dask.remote_result import ClusterResult
from attune_nb.errors import NotSendable
from attune_nb.store.json_values import from_plain, to_plain
from attune_nb.values.frozen import describe_not_stored

cloudpickle.register_pickle_by_value(sys.modules[__name__])

pytestmark = pytest.mark.usefixtures("cluster")

TEXT = """
parameters: {n: {}}
tasks:
  - name: a
    action: make
    with_items: "{{ parameters.n }}"
    concurrency: 2
    keep_results: cluster
    input: {x: "{{ item }}"}
    next: [{do: [each, all]}]
  - name: each
    action: take
    with_items: "{{ task.a.result }}"
    concurrency: 2
    input: {x: "{{ item }}"}
  - name: all
    action: take
    timeout: 20
    input: {x: "{{ task.a.result }}"}
"""


def run_on_cluster(text, parameters=None, **actions):
    workflow = attune_nb.loads(text)
    return workflow.run(parameters, actions=actions, backend="dask", progress=False)


class Unloadable:
    """A value that can be pickled, but not unpickled."""

    def __reduce__(self):
        return _fail, ()


def _fail():
    raise ValueError("it cannot be made again")


def make_odd_value(x):
    # slow enough that both workers take part
    time.sleep(0.3)
    return (threading.Lock(), Unloadable(), 3, [1])[x]


def test_a_result_that_cannot_be_moved_fails_alone():
    run = run_on_cluster(
        TEXT, {"n": [0, 1, 2, 3]}, make=make_odd_value, take=lambda x: type(x).__name__
    )
    assert run.tasks.set_index("task").loc["a", "status"] == "succeeded"
    assert list(run.result("each")[2:]) == ["int", "FrozenList"]

    error = run.error
    assert "task `all` failed" in error
    # whichever of the two odd values comes first
    reasons = ("be sent to another process", "be unpickled in the process it was sent to")
    assert any(f"cannot {reason}" in error for reason in reasons)
    with pytest.raises(
        NotSendable, match="a value of type `lock` cannot be sent to another process"
    ):
        run.result("a")


PUBLISHING = """
tasks:
  - name: a
    action: same
    with_items: [0, 1, 2]
    keep_results: cluster
    input: {x: "{{ item }}"}
    next: [{publish: [{v: "{{ EXPRESSION }}"}]}]
"""


@pytest.mark.parametrize(
    "expression",
    [
        "task.a.result[0] or 'none'",
        "not task.a.result[0]",
        "task.a.result[1] == 1",
        "1 in task.a.result",
        "task.a.result[1] is number",
        "task.a.result | select | list",
        "task.a.result | unique | list",
        "task.a.result[0].x is defined",
        "task.a.result[0] > 0",
        "task.a.result | sum",
        "task.a.result | tojson",
        "'{}' ~ task.a.result[0]",
    ],
)
def test_an_expression_cannot_use_a_kept_result(expression):
    run = run_on_cluster(PUBLISHING.replace("EXPRESSION", expression), same=lambda x: x)
    assert run.status == "failed"
    assert "result that `keep_results` left on the cluster" in run.error


@pytest.mark.parametrize(
    "expression", ["task.a.result", "task.a.result | length", "task.a.result[0] | default(5)"]
)
def test_an_expression_can_pass_on_a_kept_result(expression):
    run = run_on_cluster(PUBLISHING.replace("EXPRESSION", expression), same=lambda x: x)
    assert run.status == "succeeded"


@pytest.mark.parametrize("backend", ["threads", "processes", "inline"])
@pytest.mark.parametrize(
    ("task", "result"), [("each", ["[1]", "[2]", "[3]"]), ("all", "[[1], [2], [3]]")]
)
def test_a_fork_on_another_backend_fetches_kept_results(backend, task, result):
    run = run_on_cluster(TEXT, {"n": [1, 2, 3]}, make=lambda x: [x], take=lambda x: [x])
    actions = {"make": lambda x: x, "take": lambda x: f"{x}"}
    fork = run.fork(task, backend=backend, actions=actions, progress=False)
    assert fork.status == "succeeded"
    assert fork.result(task) == result


def test_a_store_describes_a_kept_result():
    run = run_on_cluster(PUBLISHING.replace("EXPRESSION", "task.a.result[0]"), same=lambda x: x)
    [reference] = run.context.variables.values()
    assert type(reference) is ClusterResult

    description = describe_not_stored(from_plain(to_plain(reference)))
    assert description == "a result that `keep_results` left on the cluster, which no store holds"

"""What is left on a Dask cluster: where it may be looked into, where it may go, and where not."""

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


def run(text, parameters=None, **actions):
    loaded = attune_nb.loads(text)
    return loaded.run(parameters, actions=actions, backend="dask", progress=False)


class Fragile:
    """Goes to another process, and cannot be made again there."""

    def __reduce__(self):
        return _never, ()


def _never():
    raise ValueError("it cannot be made again")


def held(x):
    time.sleep(0.3)  # so that both workers have some
    return (threading.Lock(), Fragile(), 3, [1])[x]


def test_what_can_go_to_no_other_worker_keeps_no_other_from_it():
    ended = run(TEXT, {"n": [0, 1, 2, 3]}, make=held, take=lambda x: type(x).__name__)
    assert ended.tasks.set_index("task").loc["a", "status"] == "succeeded"
    assert list(ended.result("each")[2:]) == ["int", "FrozenList"]
    told = ended.error
    assert "task `all` failed" in told
    assert "another" in told or "other side" in told
    with pytest.raises(
        NotSendable, match="a value of type `lock` cannot be sent to another process"
    ):
        ended.result("a")


JUDGED = """
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
def test_what_stands_for_a_result_is_not_judged_in_its_place(expression):
    ended = run(JUDGED.replace("EXPRESSION", expression), same=lambda x: x)
    assert ended.status == "failed"
    assert "result that `keep_results` left on the cluster" in ended.error


@pytest.mark.parametrize(
    "expression", ["task.a.result", "task.a.result | length", "task.a.result[0] | default(5)"]
)
def test_what_stands_for_a_result_may_be_passed_on(expression):
    assert run(JUDGED.replace("EXPRESSION", expression), same=lambda x: x).status == "succeeded"


@pytest.mark.parametrize("backend", ["threads", "processes", "inline"])
@pytest.mark.parametrize("at", ["each", "all"])
def test_a_fork_on_another_backend_is_given_the_values(backend, at):
    ended = run(TEXT, {"n": [1, 2, 3]}, make=lambda x: [x], take=lambda x: [x])
    shown = {"make": lambda x: x, "take": lambda x: f"{x}"}
    forked = ended.fork(at, backend=backend, actions=shown, progress=False)
    assert forked.status == "succeeded"
    assert forked.result(at) == (["[1]", "[2]", "[3]"] if at == "each" else "[[1], [2], [3]]")


def test_a_record_says_what_it_does_not_hold():
    ended = run(JUDGED.replace("EXPRESSION", "task.a.result[0]"), same=lambda x: x)
    [kept] = ended.context.variables.values()
    assert type(kept) is ClusterResult
    told = describe_not_stored(from_plain(to_plain(kept)))
    assert told == "a result that `keep_results` left on the cluster, which no store holds"

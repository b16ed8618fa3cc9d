"""The limits of a task hold for the child runs that are its attempts."""

import threading

import pytest
from support.item_runs import until

import attune_nb

CHILD = """
ref: ops.child
parameters: {n: {type: integer}}
tasks:
  - name: first
    action: act
    input: {n: "{{ parameters.n }}"}
    next: [{when: "{{ succeeded() }}", do: both}]
  - name: both
    type: parallel
    tasks:
      - {name: left, action: core.noop}
      - {name: right, action: core.noop}
"""
PARENT = """
parameters: {items: {}}
tasks:
  - name: go
    action: ops.child
    with_items: "{{ parameters.items }}"
    concurrency: 3
    input: {n: "{{ item }}"}
"""


def run(items, act, more="", **options):
    actions = {"child": attune_nb.loads(CHILD), "act": act}
    text = PARENT + more
    return attune_nb.loads(text).run({"items": items}, actions=actions, progress=False, **options)


def test_as_many_child_runs_run_at_once_as_the_task_says():
    busy = threading.Semaphore(0)
    gate = threading.Event()
    running = []

    def act(n):
        running.append(n)
        busy.release()
        gate.wait(60)
        running.remove(n)

    outer = run(list(range(7)), act, background=True)
    for _ in range(3):
        assert busy.acquire(timeout=60)
    assert len(running) == 3
    assert set(outer.children()["status"]) == {"running"}
    assert len(outer.children()) == 3
    gate.set()
    assert outer.wait(60)
    assert outer.status == "succeeded"


def test_no_child_run_begins_after_too_many_failures():
    begun = []

    def act(n):
        begun.append(n)
        if n == 2:
            raise ValueError("two")

    outer = run(list(range(20)), act, "    max_failures: 0\n", backend="inline")
    assert outer.status == "failed"
    # the three that run at once may have begun
    assert max(begun) <= 4
    assert outer.items("go")["status"].tolist()[-1] == "skipped"
    assert len(outer.children()) == len(begun)


def test_child_runs_begin_at_the_rate_of_the_task():
    begun = threading.Event()
    outer = run([1, 2, 3], lambda n: begun.set(), "    rate_limit: 1/h\n", background=True)
    assert begun.wait(60)
    until(lambda: outer.children()["status"].tolist() == ["succeeded"])
    outer.cancel(force=True)
    assert outer.wait(60)
    assert outer.children()["index"].tolist() == [0]


@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_items_of_a_generator_become_child_runs(backend):
    outer = run((n for n in range(5)), lambda n: n, backend=backend)
    assert outer.status == "succeeded", outer.error
    assert outer.children()["index"].tolist() == [0, 1, 2, 3, 4]


def test_a_dry_run_has_no_child_runs():
    outer = run([1, 2], lambda n: n, dry_run=True)
    assert outer.status == "succeeded"
    assert outer.children().empty


def test_a_child_run_ends_at_its_own_timeout():
    child = "timeout: 0.2\n" + CHILD
    gate = threading.Event()
    actions = {"child": attune_nb.loads(child), "act": lambda n: gate.wait(60)}
    outer = attune_nb.loads(PARENT).run({"items": [1]}, actions=actions, progress=False)
    gate.set()
    assert outer.items("go")["status"].tolist() == ["timed_out"]
    assert outer.child("go").status == "timed_out"
    assert "workflow `ops.child`" in outer.failures("go")["error"][0]

"""A resumed run goes on inside its child runs, also if an attempt in them is in doubt."""

import threading

import pytest
from support.item_runs import until

import attune_nb
from attune_nb.store import reading
from attune_nb.store.database import connected

CHILD = """
ref: ops.pay
parameters: {amount: {type: integer}}
tasks:
  - {name: check, action: check, input: {amount: "{{ parameters.amount }}"}, next: [{do: charge}]}
  - {name: charge, action: charge, input: {amount: "{{ task.check.result }}"}}
output_map: {paid: "{{ task.charge.result }}"}
"""
PARENT = "tasks: [{name: pay, action: ops.pay, with_items: [5], input: {amount: '{{ item }}'}}]\n"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


@pytest.fixture
def interrupted(store):
    """Yield the id of a run that was interrupted while its child charged."""
    gate = threading.Event()

    @attune_nb.action("charge", idempotent=False)
    def charge(amount):
        gate.wait(60)
        return amount

    run = attune_nb.loads(PARENT).run(
        actions={"pay": attune_nb.loads(CHILD), "check": lambda amount: amount, "charge": charge},
        store=store,
        background=True,
        progress=False,
    )
    until(lambda: has_intent(store))
    # as if the process was killed
    reading.LIVE.clear()
    yield run.run_id
    gate.set()
    run.wait(60)


def has_intent(store):
    with connected(store) as connection:
        return connection.execute("SELECT count(*) FROM intents").fetchone() == (1,)


def resume(run_id, store, calls, child=CHILD):
    @attune_nb.action("charge", idempotent=False)
    def charge(amount):
        calls.append(amount)
        return amount

    def check(amount):
        calls.append(f"checked {amount}")
        return amount

    actions = {"pay": attune_nb.loads(child), "check": check, "charge": charge}
    return attune_nb.resume(run_id, store, actions=actions, progress=False)


def test_an_attempt_in_doubt_is_named_by_its_path(interrupted, store):
    calls = []
    run = resume(interrupted, store, calls)
    (doubt,) = run.in_doubt
    assert (doubt.task, doubt.index) == ("pay[0]/charge", 0)
    assert "`pay[0]/charge`" in repr(run)

    run.rerun("pay[0]/charge")
    assert run.wait(60)
    assert run.result("pay") == [{"paid": 5}]
    assert calls == [5]


def test_an_attempt_in_doubt_is_accepted(interrupted, store):
    calls = []
    run = resume(interrupted, store, calls)
    run.accept("pay[0]/charge", 7)
    assert run.wait(60)
    assert run.result("pay") == [{"paid": 7}]
    assert calls == []


def test_a_child_goes_on_with_the_workflow_that_it_began_with(interrupted, store):
    calls = []
    run = resume(interrupted, store, calls, CHILD.replace("paid:", "changed:"))
    run.accept("pay[0]/charge", 7)
    assert run.wait(60)
    assert run.result("pay") == [{"paid": 7}]


def test_the_record_shows_the_child_while_it_waits(interrupted, store):
    recorded = attune_nb.open_run(interrupted, store)
    assert recorded.children()["status"].tolist() == ["interrupted"]
    child = recorded.child("pay")
    assert child.result("check") == 5
    assert child.tasks["status"].tolist() == ["succeeded", "running"]

"""A paused run begins nothing; what was under way ends, and what was due goes on later."""

import time

import pytest
from support.manual_driver import ByHand
from support.outcomes import ended, until

from attune_nb.conductor.state import Alarm, Hold, RetryItem, StartTask

THREE = """
tasks:
  - {name: a, action: core.noop, next: [{do: b}]}
  - {name: b, action: core.noop, delay: DELAY, next: [{do: c}]}
  - {name: c, action: core.noop}
"""
MANY = """
tasks:
  - name: a
    action: work
    with_items: "{{ ITEMS }}"
    concurrency: 4
    input: {x: "{{ item }}"}
    next: [{do: b}]
  - {name: b, action: core.noop}
"""


def settled(calls):
    """Wait until nothing is added to a list, and give its length."""
    seen = -1
    while seen != len(calls):
        seen = len(calls)
        time.sleep(0.15)
    return seen


def test_a_task_that_is_reached_in_a_pause_waits_for_its_end():
    run = ByHand(THREE.replace(", delay: DELAY", ""))
    assert run.pause() == [Hold(over=False)]
    run.end("a")
    assert run.started == ["a", "b"]
    assert run.state.executions["b", 1].status == "paused"
    assert [each.key for each in run.commands(StartTask)] == [("a", 1)]
    first, then = run.resume()
    assert (first, then.key) == (Hold(over=True), ("b", 1))
    assert run.state.status == "running"


def test_a_delay_goes_on_in_a_pause():
    run = ByHand(THREE.replace("DELAY", "9"))
    run.end("a")
    run.pause()
    assert run.commands(Alarm) == [Alarm(kind="delay", key=("b", 1), seconds=9.0)]
    run.ring("delay", "b", 1)
    assert run.state.executions["b", 1].status == "paused"
    run.resume()
    assert run.state.executions["b", 1].status == "running"


def test_a_question_is_asked_after_the_pause_and_one_that_waits_is_answered_in_it():
    run = ByHand("""
tasks:
  - {name: q, action: core.ask, input: {prompt: first}, next: [{do: again}]}
  - {name: again, action: core.ask, input: {prompt: second}}
""")
    run.pause()
    run.answer("q", "yes")
    assert run.ended == [("q", 1, "succeeded")]
    assert run.state.executions["again", 1].status == "paused"
    run.resume()
    assert run.state.executions["again", 1].status == "waiting"


def test_a_run_whose_last_work_ends_in_a_pause_ends():
    run = ByHand("tasks: [{name: a, action: core.noop}]")
    run.pause()
    run.end("a")
    assert run.state.status == "succeeded"


def test_what_is_paused_is_cancelled_with_the_run():
    run = ByHand(THREE.replace(", delay: DELAY", ""))
    run.pause()
    run.end("a")
    run.cancel()
    assert run.ended == [("a", 1, "succeeded"), ("b", 1, "cancelled")]
    assert run.state.status == "cancelled"


def test_pausing_twice_or_what_has_ended_and_resuming_what_runs_change_nothing():
    run = ByHand(THREE.replace("DELAY", "9"))
    assert run.resume() == []
    run.pause()
    assert run.pause() == []
    run.cancel()
    assert run.pause() == []
    assert run.resume() == []


def test_a_retry_that_is_due_in_a_pause_is_made_after_it():
    run = ByHand("tasks: [{name: a, action: core.noop, retry: {count: 1, delay: 1}}]")
    run.pause()
    run.end("a", "failed")
    assert [each.attempt for each in run.commands(RetryItem)] == [2]
    assert run.state.status == "paused"


@pytest.mark.parametrize("items", ["range(parameters.n)", "parameters.stream"])
def test_no_item_begins_in_a_pause_and_each_is_done_once(go, seen, items):
    calls, count = seen, 300 if go.backend == "inline" else 1_200

    def work(x):
        calls.append(x)
        time.sleep(0.002)
        return x

    text = "parameters: {n: {}, stream: {type: any}}" + MANY.replace("ITEMS", items)
    run = go.on(text, {"n": count, "stream": iter(range(count))}, work=work)
    for _ in range(3):
        until(lambda: calls)
        run.pause()
        until(lambda: run.status == "paused")
        assert settled(calls) < count
        assert not run.has_ended
        run.resume()
        until(lambda: run.status == "running")
        time.sleep(0.05)
    assert run.wait(60)
    assert run.status == "succeeded"
    assert sorted(calls) == list(range(count))
    assert ended(run) == [("a", 1, "succeeded"), ("b", 1, "succeeded")]


def test_a_task_that_is_reached_in_a_pause_does_not_run(go, flag, seen):
    begun, go_on = flag("begun"), flag("go on")

    def work():
        begun.set()
        assert go_on.wait(60)

    text = "tasks: [{name: a, action: work, next: [{do: b}]}, {name: b, action: then}]"
    run = go.on(text, work=work, then=lambda: seen.append(1))
    assert begun.wait(60)
    run.pause()
    if go.backend != "inline":  # inline, the driver itself is at work
        until(lambda: run.status == "paused")
    go_on.set()
    if go.backend != "inline":
        until(lambda: run.summary()[-1]["task"] == "b")
        assert run.summary()[-1]["status"] == "paused"
        time.sleep(0.1)
        assert not list(seen)
    run.resume()
    assert run.wait(60)
    assert list(seen) == [1]


def test_retries_and_failures_go_on_after_a_pause(go, seen):
    tries = seen

    def work(x):
        tries.append(x)
        time.sleep(0.001)
        if list(tries).count(x) == 1:
            raise ValueError(x)
        return x

    text = MANY.replace("ITEMS", "range(200)").replace(
        "concurrency: 4", "concurrency: 4\n    retry: {count: 2, delay: 0.01}"
    )
    run = go.on(text, work=work)
    until(lambda: len(tries) > 50)
    run.pause()
    until(lambda: run.status == "paused")
    settled(tries)
    run.resume()
    assert run.wait(60)
    assert run.status == "succeeded"
    assert len(tries) == 400


@pytest.mark.parametrize("policy", ["allow_finish", "cancel_running"])
def test_a_paused_run_can_be_cancelled(go, seen, policy):
    calls = seen

    def work(x):
        calls.append(x)
        time.sleep(0.005)

    text = f"cancellation_policy: {policy}\n" + MANY.replace("ITEMS", "range(2000)")
    run = go.on(text, work=work)
    until(lambda: calls)
    run.pause()
    until(lambda: run.status == "paused")
    run.cancel()
    assert run.wait(60)
    assert run.status == "cancelled"
    assert len(calls) < 2000

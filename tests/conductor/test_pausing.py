"""A paused run starts nothing; attempts in flight end, and tasks that are due wait."""

import time

import pytest
from support.manual_driver import ManualDriver
from support.outcomes import ended_tasks, wait_until

from attune_nb.conductor.state import Alarm, RetryItem, SetPaused, StartTask

CHAIN = """
tasks:
  - {name: a, action: core.noop, next: [{do: b}]}
  - {name: b, action: core.noop, delay: DELAY, next: [{do: c}]}
  - {name: c, action: core.noop}
"""
ITEMS = """
tasks:
  - name: a
    action: work
    with_items: "{{ VALUE }}"
    concurrency: 4
    input: {x: "{{ item }}"}
    next: [{do: b}]
  - {name: b, action: core.noop}
"""


def settled_length(calls):
    """Wait until a list grows no more, and return its length."""
    length = -1
    while length != len(calls):
        length = len(calls)
        time.sleep(0.15)
    return length


def test_a_task_reached_in_a_pause_waits_for_its_end():
    run = ManualDriver(CHAIN.replace(", delay: DELAY", ""))
    assert run.pause() == [SetPaused(paused=True)]

    run.end("a")
    assert run.started_tasks == ["a", "b"]
    assert run.state.executions["b", 1].status == "paused"
    assert [command.key for command in run.commands(StartTask)] == [("a", 1)]

    set_paused, start = run.resume()
    assert (set_paused, start.key) == (SetPaused(paused=False), ("b", 1))
    assert run.state.status == "running"


def test_a_delay_continues_in_a_pause():
    run = ManualDriver(CHAIN.replace("DELAY", "9"))
    run.end("a")
    run.pause()

    assert run.commands(Alarm) == [Alarm(kind="delay", key=("b", 1), seconds=9.0)]

    run.ring("delay", "b", 1)
    assert run.state.executions["b", 1].status == "paused"

    run.resume()
    assert run.state.executions["b", 1].status == "running"


def test_a_question_is_answered_in_a_pause_but_asked_after_it():
    run = ManualDriver("""
tasks:
  - {name: q, action: core.ask, input: {prompt: first}, next: [{do: again}]}
  - {name: again, action: core.ask, input: {prompt: second}}
""")
    run.pause()
    run.answer("q", "yes")

    assert run.ended_tasks == [("q", 1, "succeeded")]
    assert run.state.executions["again", 1].status == "paused"

    run.resume()
    assert run.state.executions["again", 1].status == "waiting"


def test_a_run_whose_last_attempt_ends_in_a_pause_ends():
    run = ManualDriver("tasks: [{name: a, action: core.noop}]")
    run.pause()
    run.end("a")

    assert run.state.status == "succeeded"


def test_a_paused_task_is_cancelled_with_the_run():
    run = ManualDriver(CHAIN.replace(", delay: DELAY", ""))
    run.pause()
    run.end("a")
    run.cancel()

    assert run.ended_tasks == [("a", 1, "succeeded"), ("b", 1, "cancelled")]
    assert run.state.status == "cancelled"


def test_needless_pauses_and_resumes_change_nothing():
    run = ManualDriver(CHAIN.replace("DELAY", "9"))
    assert run.resume() == []

    run.pause()
    assert run.pause() == []

    run.cancel()
    assert run.pause() == []
    assert run.resume() == []


def test_a_failure_in_a_pause_is_retried():
    run = ManualDriver("tasks: [{name: a, action: core.noop, retry: {count: 1, delay: 1}}]")
    run.pause()
    run.end("a", "failed")

    assert [retry.attempt for retry in run.commands(RetryItem)] == [2]
    assert run.state.status == "paused"


@pytest.mark.parametrize("items", ["range(parameters.n)", "parameters.stream"])
def test_no_item_starts_in_a_pause_and_each_runs_once(runner, make_flag, calls, items):
    # the items of a part wait for its flag, so that no pause comes too late
    count = 400
    flags = [make_flag(f"part {number}") for number in range(4)]

    def work(x):
        calls.append(x)
        assert flags[x // 100].wait(60)
        time.sleep(0.002)
        return x

    text = "parameters: {n: {}, stream: {type: any}}" + ITEMS.replace("VALUE", items)
    run = runner.start(text, {"n": count, "stream": iter(range(count))}, work=work)
    for flag in flags[:3]:
        wait_until(lambda: calls)
        run.pause()
        # inline, the driver itself runs the action
        if runner.backend == "inline":
            flag.set()
        wait_until(lambda: run.status == "paused")
        begun = len(calls)
        flag.set()

        settled = settled_length(calls)
        assert settled < count
        # a thread may have taken its next item already
        if runner.is_local:
            assert settled <= begun + 4
        assert not run.has_ended
        run.resume()
        wait_until(lambda: run.status == "running")

    flags[3].set()
    assert run.wait(60)
    assert run.status == "succeeded"
    assert sorted(calls) == list(range(count))
    assert ended_tasks(run) == [("a", 1, "succeeded"), ("b", 1, "succeeded")]


def test_a_task_reached_in_a_pause_does_not_run(runner, make_flag, calls):
    begun = make_flag("begun")
    released = make_flag("released")

    def work():
        begun.set()
        assert released.wait(60)

    text = "tasks: [{name: a, action: work, next: [{do: b}]}, {name: b, action: note}]"
    run = runner.start(text, work=work, note=lambda: calls.append(1))
    assert begun.wait(60)

    run.pause()
    # inline, the driver itself runs the action
    if runner.backend != "inline":
        wait_until(lambda: run.status == "paused")
    released.set()
    if runner.backend != "inline":
        wait_until(lambda: run.summary()[-1]["task"] == "b")
        assert run.summary()[-1]["status"] == "paused"
        time.sleep(0.1)
        assert not list(calls)
    run.resume()

    assert run.wait(60)
    assert list(calls) == [1]


def test_retries_continue_after_a_pause(runner, make_flag, calls):
    released = make_flag("released")

    def work(x):
        calls.append(x)
        if x >= 50:
            assert released.wait(60)
        time.sleep(0.001)
        if list(calls).count(x) == 1:
            raise ValueError(x)
        return x

    text = ITEMS.replace("VALUE", "range(200)").replace(
        "concurrency: 4", "concurrency: 4\n    retry: {count: 2, delay: 0.01}"
    )
    run = runner.start(text, work=work)
    wait_until(lambda: len(calls) > 50)
    run.pause()
    # inline, the driver itself runs the action
    if runner.backend != "inline":
        wait_until(lambda: run.status == "paused")
    released.set()
    wait_until(lambda: run.status == "paused")
    settled_length(calls)
    run.resume()

    assert run.wait(60)
    assert run.status == "succeeded"
    assert len(calls) == 400


@pytest.mark.parametrize("policy", ["allow_finish", "cancel_running"])
def test_a_paused_run_can_be_cancelled(runner, calls, policy):
    def work(x):
        calls.append(x)
        time.sleep(0.005)

    text = f"cancellation_policy: {policy}\n" + ITEMS.replace("VALUE", "range(20_000)")
    run = runner.start(text, work=work)
    wait_until(lambda: calls)
    run.pause()
    wait_until(lambda: run.status == "paused")
    run.cancel()

    assert run.wait(60)
    assert run.status == "cancelled"
    assert len(calls) < 20_000

"""A cancelled run starts nothing more, and ends."""

import time

import pytest
from support.manual_driver import ManualDriver, make_batch
from support.outcomes import ended_tasks, wait_until

import attune_nb
from attune_nb.conductor.state import RetryItem, StopTask
from attune_nb.events import AttemptsEnded, TaskStarted

ITEMS = """
cancellation_policy: POLICY
tasks:
  - name: a
    action: work
    with_items: "{{ range(50) }}"
    input: {x: "{{ item }}"}
    next: [{publish: [{ended: true}], do: b}]
  - {name: b, action: core.noop}
"""


@pytest.mark.parametrize("policy", ["allow_finish", "cancel_running"])
def test_a_task_with_some_ended_items_is_cancelled(runner, make_flag, policy):
    begun = make_flag("begun")
    released = make_flag("released")

    def work(x):
        begun.set()
        released.wait(90)
        # longer than a turn of the driver, so that it processes the request
        time.sleep(0.06)
        return x

    run = runner.start(ITEMS.replace("POLICY", policy), work=work)
    assert begun.wait(60)

    run.cancel()
    if runner.backend != "inline" and policy == "cancel_running":
        # attempts in flight are abandoned
        assert run.wait(60)
    released.set()

    assert run.wait(60)
    assert run.status == "cancelled"
    assert ended_tasks(run) == [("a", 1, "cancelled")]
    assert len(run.result("a")) < 50
    assert "ended" not in run.context.variables
    with pytest.raises(attune_nb.RunCancelled):
        run.raise_for_status()


def test_allow_finish_lets_attempts_in_flight_succeed():
    run = ManualDriver("""
tasks:
  - {name: a, action: core.noop, next: [{publish: [v], do: b}]}
  - {name: b, action: core.noop}
""")
    run.cancel()

    assert run.commands(StopTask) == [StopTask(key=("a", 1), force=False)]
    assert run.state.status == "cancelling"

    run.end("a", result=7)
    assert run.ended_tasks == [("a", 1, "succeeded")]
    assert run.started_tasks == ["a"]
    assert run.state.context.variables["v"] == 7
    assert (run.state.status, run.state.error) == ("cancelled", "the run was cancelled")


@pytest.mark.parametrize(
    ("policy", "force", "forced"),
    [
        ("allow_finish", False, False),
        ("allow_finish", True, True),
        ("cancel_running", False, True),
        ("cancel_running", True, True),
    ],
)
def test_the_policy_decides_whether_attempts_are_abandoned(policy, force, forced):
    run = ManualDriver(
        f"cancellation_policy: {policy}\ntasks:\n  - {{name: a, action: core.noop}}\n"
    )
    run.cancel(force=force)
    assert [command.force for command in run.commands(StopTask)] == [forced]


def test_delays_and_questions_end_at_once():
    run = ManualDriver("""
tasks:
  - {name: a, action: core.noop, delay: 5}
  - {name: b, action: core.ask, input: {prompt: hm}}
  - {name: c, type: parallel, delay: 5, tasks: [{name: d, action: core.noop}]}
""")
    run.cancel()

    assert sorted(run.ended_tasks) == [(name, 1, "cancelled") for name in "abc"]
    assert run.state.status == "cancelled"

    run.ring("delay", "c", 1)
    assert run.started_tasks == ["a", "b", "c"]


def test_a_delayed_parallel_task_does_not_start_any_more():
    run = ManualDriver("""
tasks:
  - {name: a, action: core.noop}
  - name: p
    type: parallel
    tasks: [{name: q, type: parallel, delay: 5, tasks: [{name: d, action: core.noop}]}]
""")
    run.cancel()
    run.ring("delay", "p/q", 1)

    assert "p/q/d" not in run.started_tasks
    assert sorted(run.ended_tasks) == [("p", 1, "cancelled"), ("p/q", 1, "cancelled")]

    run.end("a")
    assert run.state.status == "cancelled"


def test_a_failure_is_not_retried_any_more():
    run = ManualDriver("""
tasks:
  - {name: a, action: core.noop, retry: {count: 3, delay: 9}}
  - {name: b, action: core.noop, retry: {count: 3, delay: 9}}
""")
    run.end("a", "failed")
    assert len(run.commands(RetryItem)) == 1

    run.cancel()
    run.end("b", "failed")
    run.end("a", "cancelled", attempt=2)

    assert len(run.commands(RetryItem)) == 1
    assert run.ended_tasks == [("b", 1, "failed"), ("a", 1, "cancelled")]
    assert run.state.status == "cancelled"


@pytest.mark.parametrize("wait", ["retry", "delay"])
def test_waits_end_with_the_run(runner, make_flag, wait):
    failed = make_flag("failed")

    def work():
        failed.set()
        raise ValueError

    fields = {"retry": "retry: {count: 3, delay: 600}", "delay": "delay: 600"}
    text = f"tasks:\n  - {{name: a, action: work, {fields[wait]}}}\n"
    run = runner.start(text, work=work)
    if wait == "retry":
        assert failed.wait(60)
    wait_until(lambda: any(isinstance(event, TaskStarted) for event in run.events))
    run.cancel()

    assert run.wait(60)
    assert run.status == "cancelled"
    assert ended_tasks(run)[0][:2] == ("a", 1)


LAZY_ITEMS = """
tasks:
  - {name: s, action: core.noop, next: [{do: a}]}
  - {name: a, action: core.noop, with_items: "{{ task.s.result }}", concurrency: 2}
"""


def end_items(run, rows, total, items):
    """Report attempts of the items of task `a`."""
    batch = make_batch(rows, total, items)
    run.feed(AttemptsEnded, task="a", visit=1, batch=batch)


def test_a_task_whose_items_had_all_started_succeeds():
    run = ManualDriver(LAZY_ITEMS)
    run.end("s", result=iter("xy"))

    # the backend reports that there are only two, while the second is in flight
    end_items(run, [(0, 1, "succeeded", 1)], 2, ["x"])
    run.cancel()
    end_items(run, [(1, 1, "succeeded", 2)], None, [None])

    assert run.ended_tasks[-1] == ("a", 1, "succeeded")
    assert run.state.executions["a", 1].outcome.result == [1, 2]


def test_a_task_with_items_left_to_start_is_cancelled():
    run = ManualDriver(LAZY_ITEMS)
    run.end("s", result=iter("xy"))

    run.cancel()
    end_items(run, [(0, 1, "succeeded", 1), (1, 1, "succeeded", 2)], 2, [None, None])

    assert run.ended_tasks[-1] == ("a", 1, "cancelled")
    assert run.state.executions["a", 1].outcome.result == [1, 2]


def test_an_attempt_that_the_backend_abandoned_is_no_success():
    run = ManualDriver("tasks:\n  - {name: a, action: core.noop, retry: {count: 2}}\n")
    run.end("a", "cancelled")

    assert run.commands(RetryItem) == []
    assert run.ended_tasks == [("a", 1, "cancelled")]
    assert run.state.status == "failed"


def test_needless_requests_to_cancel_change_nothing():
    run = ManualDriver("tasks:\n  - {name: a, action: core.noop}\n")
    run.cancel()
    run.cancel(force=True)

    assert [command.force for command in run.commands(StopTask)] == [False, True]

    run.end("a", "cancelled")
    before = run.state
    run.cancel()
    run.end("a")

    assert run.state is before

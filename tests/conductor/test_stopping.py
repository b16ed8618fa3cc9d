"""What `cancel` leaves: nothing begins any more, and the run comes to its end."""

import time

import pytest
from support.manual_driver import ByHand, batch_of
from support.outcomes import ended, until

import attune_nb
from attune_nb.conductor.state import RetryItem, StopTask
from attune_nb.events import AttemptsEnded, TaskStarted

MANY = """
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
def test_a_half_done_list_is_cancelled_and_nothing_follows(go, flag, policy):
    begun, go_on = flag("begun"), flag("go on")

    def work(x):
        begun.set()
        go_on.wait(90)
        time.sleep(0.06)  # longer than the driver's turn, so that it hears of the cancelling
        return x

    run = go.on(MANY.replace("POLICY", policy), work=work)
    assert begun.wait(60)
    run.cancel()
    if go.backend != "inline" and policy == "cancel_running":
        assert run.wait(60)  # what is under way is given up
    go_on.set()
    assert run.wait(60)
    assert run.status == "cancelled"
    assert ended(run) == [("a", 1, "cancelled")]
    assert len(run.result("a")) < 50
    assert "ended" not in run.context.variables
    with pytest.raises(attune_nb.RunCancelled):
        run.raise_for_status()


def test_under_allow_finish_what_is_under_way_succeeds_and_publishes():
    run = ByHand("""
tasks:
  - {name: a, action: core.noop, next: [{publish: [v], do: b}]}
  - {name: b, action: core.noop}
""")
    run.cancel()
    assert run.commands(StopTask) == [StopTask(key=("a", 1), force=False)]
    assert run.state.status == "cancelling"
    run.end("a", result=7)
    assert run.ended == [("a", 1, "succeeded")]
    assert run.started == ["a"]
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
def test_what_the_backend_is_told(policy, force, forced):
    run = ByHand(f"cancellation_policy: {policy}\ntasks:\n  - {{name: a, action: core.noop}}\n")
    run.cancel(force=force)
    assert [each.force for each in run.commands(StopTask)] == [forced]


def test_delays_and_questions_end_at_once():
    run = ByHand("""
tasks:
  - {name: a, action: core.noop, delay: 5}
  - {name: b, action: core.ask, input: {prompt: hm}}
  - {name: c, type: parallel, delay: 5, tasks: [{name: d, action: core.noop}]}
""")
    run.cancel()
    assert sorted(run.ended) == [(name, 1, "cancelled") for name in "abc"]
    assert run.state.status == "cancelled"
    run.ring("delay", "c", 1)
    assert run.started == ["a", "b", "c"]


def test_a_delayed_parallel_task_does_not_begin_once_the_run_is_to_stop():
    run = ByHand("""
tasks:
  - {name: a, action: core.noop}
  - name: p
    type: parallel
    tasks: [{name: q, type: parallel, delay: 5, tasks: [{name: d, action: core.noop}]}]
""")
    run.cancel()
    run.ring("delay", "p/q", 1)
    assert "p/q/d" not in run.started
    assert sorted(run.ended) == [("p", 1, "cancelled"), ("p/q", 1, "cancelled")]
    run.end("a")
    assert run.state.status == "cancelled"


def test_a_failure_is_not_retried_any_more_and_a_waiting_retry_ends_cancelled():
    run = ByHand("""
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
    assert run.ended == [("b", 1, "failed"), ("a", 1, "cancelled")]
    assert run.state.status == "cancelled"


@pytest.mark.parametrize("what", ["retry", "delay"])
def test_waits_end_with_the_run(go, flag, what):
    failed = flag("failed")

    def work():
        failed.set()
        raise ValueError

    wait = {"retry": "retry: {count: 3, delay: 60}", "delay": "delay: 60"}[what]
    run = go.on(f"tasks:\n  - {{name: a, action: work, {wait}}}\n", work=work)
    if what == "retry":
        assert failed.wait(60)
    until(lambda: any(isinstance(each, TaskStarted) for each in run.events))
    run.cancel()
    assert run.wait(60)
    assert run.status == "cancelled"
    assert run.duration_ms < 30_000
    assert ended(run)[0][:2] == ("a", 1)


def test_a_list_that_was_done_when_the_run_was_stopped_has_succeeded():
    text = """
tasks:
  - {name: s, action: core.noop, next: [{do: a}]}
  - {name: a, action: core.noop, with_items: "{{ task.s.result }}", concurrency: 2}
"""
    for told, status in ((True, "succeeded"), (False, "cancelled")):
        run = ByHand(text)
        run.end("s", result=iter("xy"))
        if told:  # that there are no more than two, while the second is under way
            run.feed(
                AttemptsEnded,
                task="a",
                visit=1,
                batch=batch_of([(0, 1, "succeeded", 1)], 2, ["x"]),
            )
        run.cancel()
        rows = [(at, 1, "succeeded", at + 1) for at in range(1 if told else 0, 2)]
        run.feed(
            AttemptsEnded,
            task="a",
            visit=1,
            batch=batch_of(rows, None if told else 2, [None] * len(rows)),
        )
        assert run.ended[-1] == ("a", 1, status)
        assert run.state.executions["a", 1].outcome.result == [1, 2]


def test_an_attempt_that_the_backend_gave_up_by_itself_is_no_success():
    run = ByHand("tasks:\n  - {name: a, action: core.noop, retry: {count: 2}}\n")
    run.end("a", "cancelled")
    assert run.commands(RetryItem) == []
    assert run.ended == [("a", 1, "cancelled")]
    assert run.state.status == "failed"


def test_cancelling_twice_and_after_the_end_changes_nothing_more():
    run = ByHand("tasks:\n  - {name: a, action: core.noop}\n")
    run.cancel()
    run.cancel(force=True)
    assert [each.force for each in run.commands(StopTask)] == [False, True]
    run.end("a", "cancelled")
    before = run.state
    run.cancel()
    run.end("a")
    assert run.state is before

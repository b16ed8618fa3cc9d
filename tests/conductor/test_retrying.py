"""Retries and timeouts: rules 8 and 9."""

import itertools
import time

import pytest
from support.manual_driver import LOST, ByHand
from support.outcomes import ended

import attune_nb
from attune_nb.conductor.state import Alarm, RetryItem, StopTask
from attune_nb.events import RetriesPlanned

ONE = "tasks:\n  - {{name: a, action: core.noop, retry: {{{retry}}}}}\n"


def waits(retry, status="failed", cause=None):
    """Let every attempt fail; give the seconds before each retry."""
    run = ByHand(ONE.format(retry=retry))
    found = []
    for attempt in itertools.count(1):
        decided = run.end("a", status, cause, attempt=attempt)
        again = [each for each in decided if isinstance(each, RetryItem)]
        if not again:
            assert run.state.executions["a", 1].attempts == attempt
            assert run.ended == [("a", 1, status)]
            return found
        assert run.state.executions["a", 1].status == "retrying"
        assert [(each.key, each.index, each.attempt) for each in again] == [
            (("a", 1), 0, attempt + 1)
        ]
        assert [each.count for each in decided if isinstance(each, RetriesPlanned)] == [1]
        found.append(again[0].delay)
    return None


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        ("count: 1", [0]),
        ("count: 4, delay: 3", [3, 3, 3, 3]),
        ("count: 4, delay: 0.5, backoff: constant", [0.5] * 4),
        ("count: 4, delay: 3, backoff: linear", [3, 6, 9, 12]),
        ("count: 5, delay: 3, backoff: exponential", [3, 6, 12, 24, 48]),
        ("count: 5, delay: 3, backoff: exponential, max_delay: 20", [3, 6, 12, 20, 20]),
        ("count: 3, delay: 3, backoff: linear, max_delay: 1", [1, 1, 1]),
        ("count: 100", [0] * 100),
    ],
)
def test_the_wait_before_each_retry(retry, expected):
    assert waits(retry) == expected


@pytest.mark.parametrize("cause", [None, LOST])
@pytest.mark.parametrize(
    ("on_error", "broken", "lost"),
    [
        ("ValueError", True, False),
        ("broke", True, False),
        ("WorkerLost", False, True),
        ("died", False, True),
        ("[died, broke]", True, True),
        ("'^(Value|Key)Error$'", True, False),
        ("'died$|^it brok'", True, True),
        ("'Error: '", False, False),
        ("[nothing, else]", False, False),
    ],
)
def test_only_errors_that_fit_are_retried(on_error, broken, lost, cause):
    retried = lost if cause is LOST else broken
    assert len(waits(f"count: 2, on_error: {on_error}", cause=cause)) == (2 if retried else 0)


def test_a_timeout_is_retried_too():
    assert waits("count: 2", "timed_out") == [0, 0]
    assert waits("count: 2, on_error: Timeout", "timed_out") == [0, 0]


def test_an_input_that_cannot_be_rendered_is_not_tried_again(go):
    run = go("""
vars: [{m: {}}]
tasks:
  - {name: a, action: same, input: {x: "{{ workflow.m.none }}"}, retry: {count: 3}}
""")
    assert ended(run) == [("a", 1, "failed")]
    assert len(run.attempts) == 1


def test_every_attempt_has_the_same_input(go, seen):
    def work(x):
        seen.append(x)
        raise ValueError

    run = go(
        'tasks:\n  - {name: a, action: work, input: {x: "{{ uuid() }}"}, retry: {count: 2}}\n',
        work=work,
    )
    assert run.status == "failed"
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_an_attempt_that_takes_too_long_ends_as_timed_out(go):
    run = go(
        """
tasks:
  - name: a
    action: slow
    timeout: 0.03
    next: [{when: "{{ timed_out() }}", publish: [{kind: "{{ result().error_type }}"}], do: b}]
  - {name: b, action: core.noop}
""",
        slow=lambda: time.sleep(0.2),
    )
    assert run.status == "succeeded"
    assert ended(run) == [("a", 1, "timed_out"), ("b", 1, "succeeded")]
    assert run.context.variables["kind"] == "Timeout"


def test_a_timeout_is_each_items_own(go):
    def work(x):
        time.sleep(x)
        return x

    run = go(
        """
tasks:
  - name: a
    action: work
    with_items: [0, 0.6, 0]
    timeout: 0.3
    input: {x: "{{ item }}"}
""",
        work=work,
    )
    assert run.status == "failed"
    first, second, third = run.result("a")
    assert (first, second["error_type"], third) == (0, "Timeout", 0)


def test_an_unhandled_timeout_is_named(go):
    run = go("tasks:\n  - {name: a, action: late}\n")
    assert run.error == "task `a` timed out: too slow"


def test_the_run_has_a_time_of_its_own():
    run = ByHand("""
timeout: 2.5
tasks:
  - {name: a, action: core.noop, next: [{do: c}]}
  - {name: b, action: core.noop, delay: 9}
  - {name: c, action: core.noop}
""")
    assert [(each.kind, each.seconds) for each in run.commands(Alarm)] == [
        ("run", 2.5),
        ("delay", 9),
    ]
    run.ring("run")
    assert run.commands(StopTask) == [StopTask(key=("a", 1), force=True)]
    assert run.ended == [("b", 1, "cancelled")]
    run.end("a", "cancelled")
    assert run.started == ["a", "b"]
    assert (run.state.status, run.state.error) == (
        "timed_out",
        "the run did not end within 2.5 s",
    )


def test_a_run_that_takes_too_long_ends_as_timed_out(go):
    run = go(
        """
timeout: 0.1
tasks:
  - {name: a, action: work, with_items: "{{ range(99) }}", input: {x: "{{ item }}"}}
""",
        work=lambda x: time.sleep(0.06),
    )
    assert run.status == "timed_out"
    assert "did not end within 0.1 s" in run.error
    with pytest.raises(attune_nb.RunFailed):
        run.raise_for_status()


def test_a_run_that_ends_in_time_is_left_alone():
    run = ByHand("timeout: 5\ntasks:\n  - {name: a, action: core.noop}\n")
    run.end("a")
    run.ring("run")
    assert run.state.status == "succeeded"
    late = ByHand("tasks:\n  - {name: a, action: core.noop}\n")
    late.ring("run")
    assert late.state.status == "running"


def test_a_delay_holds_a_task_back_until_its_alarm():
    run = ByHand("""
tasks:
  - {name: a, action: core.noop, delay: 1.5}
  - {name: b, action: core.noop, delay: 0}
""")
    (alarm,) = run.commands(Alarm)
    assert (alarm.kind, alarm.key, alarm.seconds) == ("delay", ("a", 1), 1.5)
    assert [each.key for each in run.decided if not hasattr(each, "time") and each != alarm] == [
        ("b", 1)
    ]
    assert run.state.executions["a", 1].status == "pending"
    run.ring("delay", "a", 1)
    run.ring("delay", "a", 1)
    assert run.state.executions["a", 1].status == "running"
    assert len(run.commands(type(run.decided[-1]))) == 2


def test_a_delayed_task_runs_after_its_delay(go):
    run = go("tasks:\n  - {name: a, action: core.noop, delay: 0.05}\n")
    assert run.status == "succeeded"
    assert run.attempts["start"][0] >= 0.05

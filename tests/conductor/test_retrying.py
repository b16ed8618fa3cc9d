"""Retries and timeouts: rules 8 and 9."""

import itertools
import time

import pytest
from support.manual_driver import LOST, ManualDriver
from support.outcomes import ended_tasks, seconds_until_first_attempt

import attune_nb
from attune_nb.conductor.state import Alarm, RetryItem, StartTask, StopTask
from attune_nb.events import RetriesPlanned

WORKFLOW = "tasks:\n  - {{name: a, action: core.noop, retry: {{{retry}}}}}\n"


def retry_delays(retry, status="failed", error=None):
    """Let every attempt fail, and return the seconds before each retry."""
    run = ManualDriver(WORKFLOW.format(retry=retry))
    delays = []
    for attempt in itertools.count(1):
        decisions = run.end("a", status, error, attempt=attempt)
        execution = run.state.executions["a", 1]
        retries = [decision for decision in decisions if isinstance(decision, RetryItem)]
        if not retries:
            assert execution.attempts == attempt
            assert run.ended_tasks == [("a", 1, status)]
            return delays

        assert execution.status == "retrying"
        (retry_item,) = retries
        assert (retry_item.key, retry_item.index) == (("a", 1), 0)
        assert retry_item.attempt == attempt + 1
        planned = [event for event in decisions if isinstance(event, RetriesPlanned)]
        assert [event.count for event in planned] == [1]
        delays.append(retry_item.delay)
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
def test_the_delay_before_each_retry(retry, expected):
    assert retry_delays(retry) == expected


@pytest.mark.parametrize("error", [None, LOST], ids=["broken", "lost"])
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
def test_only_matching_errors_are_retried(on_error, broken, lost, error):
    is_retried = lost if error is LOST else broken
    count = 2 if is_retried else 0
    assert len(retry_delays(f"count: 2, on_error: {on_error}", error=error)) == count


def test_a_timeout_is_retried_too():
    assert retry_delays("count: 2", "timed_out") == [0, 0]
    assert retry_delays("count: 2, on_error: Timeout", "timed_out") == [0, 0]


def test_an_input_that_cannot_be_rendered_is_not_retried(runner):
    run = runner.run("""
vars: [{m: {}}]
tasks:
  - {name: a, action: same, input: {x: "{{ workflow.m.none }}"}, retry: {count: 3}}
""")
    assert ended_tasks(run) == [("a", 1, "failed")]
    assert len(run.attempts()) == 1


def test_every_attempt_has_the_same_input(runner, calls):
    def work(x):
        calls.append(x)
        raise ValueError

    run = runner.run(
        'tasks:\n  - {name: a, action: work, input: {x: "{{ uuid() }}"}, retry: {count: 2}}\n',
        work=work,
    )
    assert run.status == "failed"
    assert len(calls) == 3
    assert len(set(calls)) == 1


def test_an_attempt_that_takes_too_long_ends_as_timed_out(runner):
    run = runner.run(
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
    assert ended_tasks(run) == [("a", 1, "timed_out"), ("b", 1, "succeeded")]
    assert run.context.variables["kind"] == "Timeout"


def test_each_item_has_its_own_timeout(runner):
    def work(x):
        time.sleep(x)
        return x

    run = runner.run(
        """
tasks:
  - name: a
    action: work
    with_items: [0, 1.2, 0]
    timeout: 1
    input: {x: "{{ item }}"}
""",
        work=work,
    )
    assert run.status == "failed"

    first, second, third = run.result("a")
    assert (first, second["error_type"], third) == (0, "Timeout", 0)


def test_an_unhandled_timeout_is_named(runner):
    run = runner.run("tasks:\n  - {name: a, action: late}\n")
    assert run.error == "task `a` timed out: too slow"


def test_the_timeout_of_the_run_stops_all_tasks():
    run = ManualDriver("""
timeout: 2.5
tasks:
  - {name: a, action: core.noop, next: [{do: c}]}
  - {name: b, action: core.noop, delay: 9}
  - {name: c, action: core.noop}
""")
    assert [(alarm.kind, alarm.seconds) for alarm in run.commands(Alarm)] == [
        ("run", 2.5),
        ("delay", 9),
    ]

    run.ring("run")
    assert run.commands(StopTask) == [StopTask(key=("a", 1), force=True)]
    assert run.ended_tasks == [("b", 1, "cancelled")]

    run.end("a", "cancelled")
    assert run.started_tasks == ["a", "b"]
    assert (run.state.status, run.state.error) == (
        "timed_out",
        "the run did not end within 2.5 s",
    )


def test_a_run_that_takes_too_long_ends_as_timed_out(runner):
    run = runner.run(
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


def test_a_timeout_after_the_end_changes_nothing():
    run = ManualDriver("timeout: 5\ntasks:\n  - {name: a, action: core.noop}\n")
    run.end("a")
    run.ring("run")

    assert run.state.status == "succeeded"

    late = ManualDriver("tasks:\n  - {name: a, action: core.noop}\n")
    late.ring("run")
    assert late.state.status == "running"


def test_a_delayed_task_starts_with_its_alarm():
    run = ManualDriver("""
tasks:
  - {name: a, action: core.noop, delay: 1.5}
  - {name: b, action: core.noop, delay: 0}
""")
    (alarm,) = run.commands(Alarm)

    assert (alarm.kind, alarm.key, alarm.seconds) == ("delay", ("a", 1), 1.5)
    assert [command.key for command in run.commands(StartTask)] == [("b", 1)]
    assert run.state.executions["a", 1].status == "pending"

    run.ring("delay", "a", 1)
    run.ring("delay", "a", 1)

    assert run.state.executions["a", 1].status == "running"
    assert [command.key for command in run.commands(StartTask)] == [("b", 1), ("a", 1)]


def test_a_delayed_task_runs_after_its_delay(runner):
    run = runner.run("tasks:\n  - {name: a, action: core.noop, delay: 0.05}\n")
    assert run.status == "succeeded"
    assert seconds_until_first_attempt(run) >= 0.05

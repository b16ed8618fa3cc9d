"""The values that `with_items` accepts, and the outcome of the items: rule 7."""

import itertools
import os
import time
from collections import Counter

import pandas as pd
import pytest
from support.manual_driver import ManualDriver, make_batch
from support.outcomes import ended_tasks, wait_until

from attune_nb.conductor.state import StartTask
from attune_nb.events import AttemptsEnded, TaskStarted

WORKFLOW = """
tasks:
  - {name: s, action: load, next: [{do: a}]}
  - {name: a, action: same, with_items: "{{ task.s.result }}", concurrency: 2,
     input: {x: ["{{ index }}", "{{ item }}"]}BATCH}
"""


def run_over(runner, value, batch=""):
    """Run a task over the items of a value."""
    return runner.run(WORKFLOW.replace("BATCH", batch), load=lambda: value)


class Unreadable:
    def __iter__(self):
        raise RuntimeError("the disk is gone")


def letters(count):
    yield from "abcdefg"[:count]


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ([5, 6, 7], [5, 6, 7]),
        ((5, 6), [5, 6]),
        (range(3), [0, 1, 2]),
        ({"l": 1, "k": [2]}, [{"key": "l", "value": 1}, {"key": "k", "value": [2]}]),
        (pd.DataFrame({"a": [1, 2], 3: ["x", "y"]}), [{"a": 1, "3": "x"}, {"a": 2, "3": "y"}]),
        (pd.Series([1.5, 2.5]), [1.5, 2.5]),
        ([[1], [1]], [[1], [1]]),
        ({}, []),
        (pd.DataFrame({"a": []}), []),
    ],
    ids=str,
)
def test_values_with_items_are_accepted(runner, value, items):
    run = run_over(runner, value)
    assert run.status == "succeeded"
    assert run.result("a") == [[index, item] for index, item in enumerate(items)]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_generator_is_read_once(local_runner, count):
    run = run_over(local_runner, letters(count))
    assert run.status == "succeeded"
    assert run.result("a") == [[index, item] for index, item in enumerate("abcde"[:count])]


@pytest.mark.parametrize(
    ("value", "batches"),
    [
        ([1, 2, 3, 4, 5], [[1, 2], [3, 4], [5]]),
        (range(4), [[0, 1], [2, 3]]),
        ([], []),
        ({"k": 1}, [[{"key": "k", "value": 1}]]),
        (pd.DataFrame({"a": [1, 2, 3]}), [[{"a": 1}, {"a": 2}], [{"a": 3}]]),
    ],
    ids=str,
)
def test_batch_size_makes_arrays_of_items(runner, value, batches):
    run = run_over(runner, value, ", batch_size: 2")
    assert run.status == "succeeded"
    assert run.result("a") == [[index, batch] for index, batch in enumerate(batches)]

    starts = [event for event in run.events if isinstance(event, TaskStarted)]
    (started,) = [event for event in starts if event.task == "a"]
    assert started.total == len(batches)


def test_batches_of_a_generator(local_runner):
    run = run_over(local_runner, letters(5), ", batch_size: 2")
    assert run.result("a") == [[0, ["a", "b"]], [1, ["c", "d"]], [2, ["e"]]]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("abc", "needs an array, not a string"),
        (b"abc", "needs an array, not a value of type `bytes`"),
        (7, "needs an array, not an integer"),
        (True, "needs an array, not a boolean"),
        (None, "needs an array, not null"),
        ({1, 2}, "needs an array, not a value of type `frozenset`"),
        (object(), "needs an array, not a value of type `object`"),
        (lambda: iter([1]), "a function must be a generator function (one with `yield`)"),
        (Unreadable(), "cannot be read: RuntimeError: the disk is gone"),
    ],
    ids=[
        "string",
        "bytes",
        "integer",
        "boolean",
        "null",
        "set",
        "object",
        "function",
        "unreadable",
    ],
)
def test_a_value_without_items_is_refused_with_its_position(runner, value, problem):
    run = run_over(runner, value)
    assert ended_tasks(run) == [("s", 1, "succeeded"), ("a", 1, "failed")]

    (error,) = run.errors()
    assert problem in error.message
    assert (error.type, error.position.line, error.position.column) == ("TemplateError", 4, 41)
    assert error.message in run.error


def test_an_empty_array_fires_its_transitions_once(runner):
    run = run_over(runner, [])
    assert ended_tasks(run) == [("s", 1, "succeeded"), ("a", 1, "succeeded")]
    assert run.result("a") == []


def test_items_start_in_order_up_to_the_concurrency(runner, calls):
    is_threaded = runner.backend == "threads"

    def work(x):
        calls.append([1, x, os.getpid()])
        if is_threaded:
            # the next two items can begin, and the third can only after this one
            following = set(range(x + 1, min(x + 3, 12)))
            wait_until(lambda: following <= {item for _, item, _ in calls})
        time.sleep(0.002)
        calls.append([-1, x, os.getpid()])
        return x

    run = runner.run(
        """
tasks:
  - {name: a, action: work, with_items: "{{ range(12) }}", concurrency: 3, input: {x: "{{ item }}"}}
""",
        work=work,
    )
    assert run.result("a") == list(range(12))
    assert max(itertools.accumulate(change for change, _, _ in calls)) <= 3

    begun = [(item, process) for change, item, process in calls if change == 1]
    if runner.is_local:
        assert all(abs(position - item) < 3 for position, (item, _) in enumerate(begun))
        return

    # each process gets its chunks in order
    items_of = {}
    for item, process in begun:
        items_of.setdefault(process, []).append(item)
    for items in items_of.values():
        assert items == sorted(items)


def test_one_item_at_a_time_by_default(runner, calls):
    def work(x):
        calls.append(x)

    text = 'tasks:\n  - {name: a, action: work, with_items: [3, 1, 2], input: {x: "{{ item }}"}}\n'
    run = runner.run(text, work=work)

    assert run.status == "succeeded"
    assert list(calls) == [3, 1, 2]


def test_a_failed_item_fails_the_task_after_all_others(runner):
    def work(x):
        if x == 1:
            raise ValueError("one")
        return x

    run = runner.run(
        """
tasks:
  - name: a
    action: work
    with_items: [1, 2, 3]
    input: {x: "{{ item }}"}
    next:
      - {when: "{{ failed() }}", publish: [{bad: "{{ task.a.failed_items }}"}, r], do: noop}
""",
        work=work,
    )
    assert run.status == "succeeded"
    assert run.context.variables["bad"] == 1
    assert run.context.variables["r"] == [{"error": "one", "error_type": "ValueError"}, 2, 3]


def test_only_items_that_all_time_out_are_a_timeout():
    text = "tasks:\n  - {name: a, action: core.noop, with_items: [1, 2]}\n"
    run = ManualDriver(text)
    run.end("a", "timed_out", index=1)
    run.end("a", "timed_out", index=0)

    assert run.ended_tasks == [("a", 1, "timed_out")]

    run = ManualDriver(text)
    run.end("a", "failed", index=1)
    run.end("a", "timed_out", index=0)

    assert run.ended_tasks == [("a", 1, "failed")]


def test_each_item_has_its_own_retries(runner, calls):
    def work(x):
        calls.append(x)
        attempts = list(calls).count(x)
        if attempts < x:
            raise ValueError("not yet")
        return attempts

    run = runner.run(
        """
tasks:
  - name: a
    action: work
    with_items: [1, 2, 3, 4]
    concurrency: 2
    retry: {count: 2}
    input: {x: "{{ item }}"}
""",
        work=work,
    )
    assert Counter(calls) == {1: 1, 2: 2, 3: 3, 4: 3}
    assert run.result("a") == [1, 2, 3, {"error": "not yet", "error_type": "ValueError"}]


def test_equal_items_run_separately(runner):
    run = run_over(runner, [1, 1, 1])
    assert run.result("a") == [[0, 1], [1, 1], [2, 1]]


def test_one_command_starts_all_items():
    run = ManualDriver("""
tasks:
  - {name: a, action: core.noop, with_items: "{{ range(1000) }}", concurrency: "{{ 3 + 4 }}"}
""")
    (command,) = run.commands(StartTask)
    assert (command.key, command.total, command.concurrency) == (("a", 1), 1000, 7)


def test_an_attempt_that_is_reported_again_counts_once():
    run = ManualDriver("tasks:\n  - {name: a, action: core.noop, with_items: [1, 2, 3]}\n")
    run.end("a", result="first")
    run.end("a", "failed")
    run.end("a", result="again", attempt=2)
    run.end("a", index=2, result="not requested", attempt=2)
    rows = [
        (0, 1, "succeeded", "late"),
        (1, 1, "succeeded", "b"),
        (7, 1, "succeeded", "no such item"),
    ]
    run.feed(AttemptsEnded, task="a", visit=1, batch=make_batch(rows))

    assert run.ended_tasks == []

    run.end("a", index=2, result="c")
    execution = run.state.executions["a", 1]

    assert run.ended_tasks == [("a", 1, "succeeded")]
    assert (execution.outcome.result, execution.attempts) == (["first", "b", "c"], 3)


def test_a_row_between_stale_ones_keeps_its_own_error():
    run = ManualDriver("tasks:\n  - {name: a, action: core.noop, with_items: [1, 2]}\n")
    run.end("a", result="first")
    rows = [(0, 1, "failed", None), (1, 1, "timed_out", None)]
    run.feed(AttemptsEnded, task="a", visit=1, batch=make_batch(rows))

    assert run.state.context.tasks["a"].result == [
        "first",
        {"error": "no end within 1 s", "error_type": "Timeout"},
    ]

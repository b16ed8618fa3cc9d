"""What `with_items` runs over, and what becomes of the items: rule 7."""

import itertools
import os
import time
from collections import Counter

import pandas as pd
import pytest
from support.manual_driver import ByHand, batch_of
from support.outcomes import ended

from attune_nb.conductor.state import StartTask
from attune_nb.events import AttemptsEnded, TaskStarted

OVER = """
tasks:
  - {name: s, action: given, next: [{do: a}]}
  - {name: a, action: same, with_items: "{{ task.s.result }}", concurrency: 2,
     input: {x: ["{{ index }}", "{{ item }}"]}BATCH}
"""


def over(go, value, batch=""):
    return go(OVER.replace("BATCH", batch), given=lambda: value)


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
def test_what_can_be_run_over(go, value, items):
    run = over(go, value)
    assert run.status == "succeeded"
    assert run.result("a") == [[at, item] for at, item in enumerate(items)]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_generator_is_read_once(here, count):
    run = over(here, letters(count))
    assert run.status == "succeeded"
    assert run.result("a") == [[at, each] for at, each in enumerate("abcde"[:count])]


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
def test_batch_size_gives_lists_of_items(go, value, batches):
    run = over(go, value, ", batch_size: 2")
    assert run.status == "succeeded"
    assert run.result("a") == [[at, each] for at, each in enumerate(batches)]
    (started,) = [e for e in run.events if isinstance(e, TaskStarted) and e.task == "a"]
    assert started.total == len(batches)


def test_batches_of_a_generator(here):
    run = over(here, letters(5), ", batch_size: 2")
    assert run.result("a") == [[0, ["a", "b"]], [1, ["c", "d"]], [2, ["e"]]]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("abc", "needs an array, not a string"),
        (b"abc", "needs an array, not a value of type `bytes`"),
        (7, "needs an array, not an integer"),
        (True, "needs an array, not a boolean"),
        (None, "needs an array, not null"),
        ({1, 2}, "needs an array, not a value of type `frozenset`"),
        (object(), "needs an array, not a value of type `object`"),
        (Unreadable(), "cannot be read: RuntimeError: the disk is gone"),
    ],
    ids=["text", "bytes", "number", "boolean", "null", "set", "object", "unreadable"],
)
def test_what_is_no_list_is_refused_where_it_stands(go, value, said):
    run = over(go, value)
    assert ended(run) == [("s", 1, "succeeded"), ("a", 1, "failed")]
    (error,) = run.failures()
    assert said in error.message
    assert (error.type, error.position.line, error.position.column) == ("TemplateError", 4, 41)
    assert error.message in run.error


def test_an_empty_list_fires_its_transitions_once(go):
    run = over(go, [])
    assert ended(run) == [("s", 1, "succeeded"), ("a", 1, "succeeded")]
    assert run.result("a") == []


def test_items_start_in_order_and_no_more_than_concurrency_at_once(go, seen):
    def work(x):
        seen.append([1, x, os.getpid()])
        time.sleep(0.002)
        seen.append([-1, x, os.getpid()])
        return x

    run = go(
        """
tasks:
  - {name: a, action: work, with_items: "{{ range(12) }}", concurrency: 3, input: {x: "{{ item }}"}}
""",
        work=work,
    )
    assert run.result("a") == list(range(12))
    assert max(itertools.accumulate(step for step, _, _ in seen)) <= 3
    begun = [(item, process) for step, item, process in seen if step == 1]
    if go.near:
        assert all(abs(at - item) < 3 for at, (item, _) in enumerate(begun))
    for each in {process for _, process in begun if not go.near}:  # each has its chunks in order
        mine = [item for item, process in begun if process == each]
        assert mine == sorted(mine)


def test_one_item_at_a_time_by_default(go, seen):
    def work(x):
        seen.append(x)

    text = 'tasks:\n  - {name: a, action: work, with_items: [3, 1, 2], input: {x: "{{ item }}"}}\n'
    run = go(text, work=work)
    assert run.status == "succeeded"
    assert list(seen) == [3, 1, 2]


def test_a_failed_item_stops_no_other_and_the_task_fails_after_all(go):
    def work(x):
        if x == 1:
            raise ValueError("one")
        return x

    run = go(
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


def test_items_that_all_time_out_are_a_timeout_and_a_mixture_is_a_failure():
    text = "tasks:\n  - {name: a, action: core.noop, with_items: [1, 2]}\n"
    run = ByHand(text)
    run.end("a", "timed_out", index=1)
    run.end("a", "timed_out", index=0)
    assert run.ended == [("a", 1, "timed_out")]
    run = ByHand(text)
    run.end("a", "failed", index=1)
    run.end("a", "timed_out", index=0)
    assert run.ended == [("a", 1, "failed")]


def test_retries_are_each_items_own(go, seen):
    def work(x):
        seen.append(x)
        made = list(seen).count(x)
        if made < x:
            raise ValueError("not yet")
        return made

    run = go(
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
    assert Counter(seen) == {1: 1, 2: 2, 3: 3, 4: 3}
    assert run.result("a") == [1, 2, 3, {"error": "not yet", "error_type": "ValueError"}]


def test_equal_items_run_each(go):
    run = over(go, [1, 1, 1])
    assert run.result("a") == [[0, 1], [1, 1], [2, 1]]


def test_the_backend_is_told_once_of_all_items():
    run = ByHand("""
tasks:
  - {name: a, action: core.noop, with_items: "{{ range(1000) }}", concurrency: "{{ 3 + 4 }}"}
""")
    (command,) = run.commands(StartTask)
    assert (command.key, command.total, command.concurrency) == (("a", 1), 1000, 7)


def test_an_attempt_counts_once_however_often_it_is_told():
    run = ByHand("tasks:\n  - {name: a, action: core.noop, with_items: [1, 2, 3]}\n")
    run.end("a", result="first")
    run.end("a", "failed")
    run.end("a", result="again", attempt=2)
    run.end("a", index=2, result="never made", attempt=2)
    rows = [(0, 1, "succeeded", "late"), (1, 1, "succeeded", "b"), (7, 1, "succeeded", "what?")]
    run.feed(AttemptsEnded, task="a", visit=1, batch=batch_of(rows))
    assert run.ended == []
    run.end("a", index=2, result="c")
    execution = run.state.executions["a", 1]
    assert run.ended == [("a", 1, "succeeded")]
    assert (execution.outcome.result, execution.attempts) == (["first", "b", "c"], 3)


def test_a_row_between_stale_ones_keeps_its_own_error():
    run = ByHand("tasks:\n  - {name: a, action: core.noop, with_items: [1, 2]}\n")
    run.end("a", result="first")
    rows = [(0, 1, "failed", None), (1, 1, "timed_out", None)]
    run.feed(AttemptsEnded, task="a", visit=1, batch=batch_of(rows))
    assert run.state.context.tasks["a"].result == [
        "first",
        {"error": "no end within 1 s", "error_type": "Timeout"},
    ]

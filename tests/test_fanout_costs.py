"""The cost of an item does not depend on the size of the context.

Costs are counted, since counts do not depend on time. All that the engine does for an item lies
between two calls of the action. There calls and bytes are counted, with a small context and with
one that is a thousand times as large.
"""

import copy
import gc
import sys
import tracemalloc

import pytest

import attune_nb
from attune_nb.events import AttemptsEnded
from attune_nb.values import frozen, sizes

TEXT = """
parameters: {{items: {{}}}}
tasks:
  - {{name: load, action: load, next: [{{publish: [loaded], do: work}}]}}
  - name: work
    action: act
    with_items: "{{{{ parameters.items }}}}"
    concurrency: 4
    input: {{i: "{{{{ item }}}}", data: "{{{{ {} }}}}"}}
"""
FIELD = attune_nb.loads(TEXT.format("task.load.small"))
FULL_RESULT = attune_nb.loads(TEXT.format("task.load.result"))
SMALL = 10
LARGE = 10_000


def make_result(size):
    """Return an object with many names, each with a string of its own."""
    return {"small": 1, **{f"name_{number}": [f"{number:0100}"] for number in range(size)}}


def run_workflow(workflow, size, count, act, **options):
    run = workflow.run(
        {"items": range(count)},
        actions={"load": lambda: make_result(size), "act": act},
        progress=False,
        **options,
    )
    run.raise_for_status()
    return run


def median_count(workflow, size, reset, read, make=lambda data: None):
    """Return the median of a count between two calls of the action.

    Now and then the driver collects finished attempts between two items, so the median of many
    counts is the cost of an item.

    Args:
        workflow: The workflow.
        size: The size of the context.
        reset: Called after each item.
        read: Returns the count since then.
        make: Returns the result of the action.
    """
    counts = []

    def act(i, data):
        counts.append(read())
        result = make(data)
        reset()
        return result

    run_workflow(workflow, size, 200, act, backend="inline")
    return sorted(counts[20:])[90]


def count_calls(workflow, size, make=lambda data: None):
    """Count the calls, of Python and of C, that an item takes."""
    calls = []

    def profile(frame, event, _):
        if event in ("call", "c_call"):
            calls.append(event)

    gc.disable()
    sys.setprofile(profile)
    try:
        return median_count(workflow, size, calls.clear, lambda: len(calls), make)
    finally:
        sys.setprofile(None)
        gc.enable()


def peak_bytes(workflow, size, make=lambda data: None):
    """Return the most bytes at a time for an item, also those that are freed again."""
    before = [0]

    def reset():
        tracemalloc.reset_peak()
        before[0], _ = tracemalloc.get_traced_memory()

    def read():
        _, peak = tracemalloc.get_traced_memory()
        return peak - before[0]

    tracemalloc.start()
    try:
        return median_count(workflow, size, reset, read, make)
    finally:
        tracemalloc.stop()


def test_ten_thousand_items_share_a_result_of_a_megabyte():
    ids = set()
    run = run_workflow(FULL_RESULT, LARGE, 10_000, lambda i, data: ids.add(id(data)))
    result = run.context.tasks["load"].result
    assert sizes.size_of(result) > 1_000_000
    assert ids == {id(result)}


def test_results_with_a_value_of_the_context_share_it():
    run = run_workflow(FULL_RESULT, 1_000, 500, lambda i, data: {"all": data})
    loaded = run.context.tasks["load"].result
    assert {id(result["all"]) for result in run.result("work")} == {id(loaded)}


@pytest.mark.parametrize("workflow", [FIELD, FULL_RESULT], ids=["one field", "full result"])
def test_the_calls_for_an_item_do_not_depend_on_the_context(workflow):
    assert count_calls(workflow, LARGE) == count_calls(workflow, SMALL)


@pytest.mark.parametrize("workflow", [FIELD, FULL_RESULT], ids=["one field", "full result"])
def test_the_peak_for_an_item_does_not_depend_on_the_context(workflow):
    """Not even for a moment is anything allocated that is as large as the context."""
    assert peak_bytes(workflow, LARGE) < peak_bytes(workflow, SMALL) + 1_000


def test_a_result_that_is_in_the_context_costs_no_more():
    def itself(data):
        return data

    calls = count_calls(FULL_RESULT, SMALL, itself)
    assert count_calls(FULL_RESULT, LARGE, itself) == calls
    small_peak = peak_bytes(FULL_RESULT, SMALL, itself)
    assert peak_bytes(FULL_RESULT, LARGE, itself) < small_peak + 1_000


@pytest.mark.parametrize("kind", [list, tuple, dict.fromkeys])
def test_a_frozen_value_is_not_walked_again(kind):
    value = frozen.freeze(kind(f"{number}" for number in range(1_000)))
    first_size = sizes.size_of(value)
    calls = []

    def profile(frame, event, _):
        if event in ("call", "c_call"):
            calls.append(event)

    sys.setprofile(profile)
    try:
        refrozen = frozen.freeze(value)
        size = sizes.size_of(value)
    finally:
        sys.setprofile(None)

    assert refrozen is value
    assert size == first_size > 50_000
    assert len(calls) < 10


@pytest.mark.parametrize("workflow", [FIELD, FULL_RESULT], ids=["one field", "full result"])
def test_nothing_is_ever_deeply_copied(workflow, monkeypatch):
    def refuse(*_):
        raise AssertionError("a deep copy was made")

    monkeypatch.setattr(copy, "deepcopy", refuse)
    monkeypatch.setattr(frozen, "thaw", refuse)
    run_workflow(workflow, 1_000, 100, lambda i, data: i)


def peak_of_run(size, count):
    """Return the most bytes at a time for all items, without those before the first."""
    before = []

    def act(i, data):
        if i == 0:
            tracemalloc.reset_peak()
            current, _ = tracemalloc.get_traced_memory()
            before.append(current)

    tracemalloc.start()
    run_workflow(FIELD, size, count, act, backend="inline")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before[0]


def test_the_memory_for_an_item_is_small_with_any_context():
    peak_of_run(SMALL, 10)
    small = (peak_of_run(SMALL, 20_000) - peak_of_run(SMALL, 1_000)) / 19_000
    large = (peak_of_run(LARGE, 20_000) - peak_of_run(LARGE, 1_000)) / 19_000
    assert small < 200
    assert large < 200
    # The number of items that are collected together depends on time, and the peak on that
    # number: by less than five references for each item. A copy of the context has megabytes.
    assert large == pytest.approx(small, abs=40)


def test_the_log_grows_by_batches_not_by_items():
    run = run_workflow(FIELD, SMALL, 20_000, lambda i, data: i)
    batches = [event.batch for event in run.events if isinstance(event, AttemptsEnded)]
    assert sum(map(len, batches)) <= 20_001
    assert len(batches) <= 3 + 20 * run.duration_ms / 1000

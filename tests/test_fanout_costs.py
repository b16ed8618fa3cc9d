"""What an item must not cost, whatever the context: counted, since counts do not depend on time.

Between two calls of the action lies all that the engine does for an item. There the calls and the
bytes are counted, with a small context and with one a thousand times as large.
"""

import copy
import gc
import sys
import tracemalloc

import pytest

import attune_nb
from attune_nb.events import AttemptsEnded
from attune_nb.values import frozen

TEXT = """
parameters: {{items: {{}}}}
tasks:
  - {{name: load, action: load, next: [{{publish: [kept], do: each}}]}}
  - name: each
    action: act
    with_items: "{{{{ parameters.items }}}}"
    concurrency: 4
    input: {{i: "{{{{ item }}}}", data: "{{{{ {} }}}}"}}
"""
FIELD = attune_nb.loads(TEXT.format("task.load.small"))
WHOLE = attune_nb.loads(TEXT.format("task.load.result"))
SMALL, LARGE = 10, 10_000


def held(size):
    """Give a result of so many names, each with a text of its own."""
    return {"small": 1, **{f"name_{at}": [f"{at:0100}"] for at in range(size)}}


def go(workflow, size, count, act, **options):
    run = workflow.run(
        {"items": range(count)},
        actions={"load": lambda: held(size), "act": act},
        progress=False,
        **options,
    )
    run.raise_for_status()
    return run


def between_items(workflow, size, started, told, give=lambda data: None):
    """Give what is counted between two calls of the action, for some of them.

    The driver takes what has ended every now and then, between two items: of many the median
    tells what an item costs.
    """
    counts = []

    def act(i, data):
        counts.append(told())
        result = give(data)
        started()
        return result

    go(workflow, size, 200, act, backend="inline")
    return sorted(counts[20:])[90]


def calls(workflow, size, give=lambda data: None):
    """Count the calls, of Python and of C, that an item takes."""
    seen = []

    def count(frame, event, _):
        if event in ("call", "c_call"):
            seen.append(event)

    gc.disable()
    sys.setprofile(count)
    try:
        return between_items(workflow, size, seen.clear, lambda: len(seen), give)
    finally:
        sys.setprofile(None)
        gc.enable()


def peak(workflow, size, give=lambda data: None):
    """Count the bytes that are there at most for an item, also those that are let go."""
    before = [0]

    def started():
        tracemalloc.reset_peak()
        before[0] = tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        return between_items(
            workflow, size, started, lambda: tracemalloc.get_traced_memory()[1] - before[0], give
        )
    finally:
        tracemalloc.stop()


def test_a_result_of_a_megabyte_goes_to_ten_thousand_items_by_reference():
    seen = set()
    run = go(WHOLE, LARGE, 10_000, lambda i, data: seen.add(id(data)))
    whole = run.context.tasks["load"].result
    assert frozen.size_of(whole) > 1_000_000
    assert seen == {id(whole)}


def test_results_that_hold_the_context_hold_it_by_reference():
    run = go(WHOLE, 1_000, 500, lambda i, data: {"all": data})
    whole = run.context.tasks["load"].result
    assert {id(each["all"]) for each in run.result("each")} == {id(whole)}


@pytest.mark.parametrize("workflow", [FIELD, WHOLE], ids=["a field", "the whole"])
def test_an_item_takes_as_many_calls_whatever_the_context(workflow):
    assert calls(workflow, LARGE) == calls(workflow, SMALL)


@pytest.mark.parametrize("workflow", [FIELD, WHOLE], ids=["a field", "the whole"])
def test_nothing_as_large_as_the_context_is_made_for_an_item_not_even_for_a_moment(workflow):
    assert peak(workflow, LARGE) < peak(workflow, SMALL) + 1_000


def test_a_result_that_is_the_context_costs_no_more_than_another():
    def itself(data):
        return data

    assert calls(WHOLE, LARGE, itself) == calls(WHOLE, SMALL, itself)
    assert peak(WHOLE, LARGE, itself) < peak(WHOLE, SMALL, itself) + 1_000


@pytest.mark.parametrize("kind", [list, tuple, dict.fromkeys])
def test_a_value_that_was_frozen_is_never_walked_again(kind):
    value = frozen.freeze(kind(f"{at}" for at in range(1_000)))
    walked = []

    def count(frame, event, _):
        if event in ("call", "c_call"):
            walked.append(event)

    sys.setprofile(count)
    try:
        again, size = frozen.freeze(value), frozen.size_of(value)
    finally:
        sys.setprofile(None)
    assert again is value
    assert size > 50_000
    assert len(walked) < 10


@pytest.mark.parametrize("workflow", [FIELD, WHOLE], ids=["a field", "the whole"])
def test_nothing_is_ever_deeply_copied(workflow, monkeypatch):
    def refuse(*_):
        raise AssertionError("a deep copy was made")

    monkeypatch.setattr(copy, "deepcopy", refuse)
    monkeypatch.setattr(frozen, "thaw", refuse)
    go(workflow, 1_000, 100, lambda i, data: i)


def whole_peak(size, count):
    """Count the bytes that all items take at most, beside what was there before the first."""
    before = []

    def act(i, data):
        if i == 0:
            tracemalloc.reset_peak()
            before.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    go(FIELD, size, count, act, backend="inline")
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found - before[0]


def test_memory_for_an_item_does_not_depend_on_the_context_and_is_small():
    whole_peak(SMALL, 10)
    small = (whole_peak(SMALL, 20_000) - whole_peak(SMALL, 1_000)) / 19_000
    large = (whole_peak(LARGE, 20_000) - whole_peak(LARGE, 1_000)) / 19_000
    assert small < 200
    assert large < 200
    # How many items are gathered at once depends on the time, and that on their peak: by less
    # than one more reference each to five places, where a copy of the context is megabytes.
    assert large == pytest.approx(small, abs=40)


def test_the_log_grows_by_batches_and_not_by_items():
    run = go(FIELD, SMALL, 20_000, lambda i, data: i)
    batches = [each.batch for each in run.events if isinstance(each, AttemptsEnded)]
    assert sum(map(len, batches)) <= 20_001
    assert len(batches) <= 3 + 20 * run.duration_ms / 1000

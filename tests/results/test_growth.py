"""An alert where the time of a with-items task grows faster than its items."""

import time

import pytest

import attune_nb
from attune_nb.results.growth import Record, slope

TEXT = """
parameters: {items: {type: array}}
tasks:
  - name: each
    action: act
    with_items: "{{ parameters.items }}"
    input: {n: "{{ item }}"}
"""
SIZES = (20, 40, 80)


def go(name, act, count):
    workflow = attune_nb.loads(TEXT)
    return workflow.run({"items": range(count)}, actions={"act": act}, name=name, backend="inline")


def slower_and_slower():
    """Give an action that waits longer the more often it was called."""
    calls = []

    def act(n):
        calls.append(n)
        time.sleep(len(calls) * 1e-4)

    return act


def test_a_task_that_slows_down_with_every_item_is_told_with_its_slope():
    runs = [go("slows down", slower_and_slower(), count) for count in SIZES]
    (alert,) = runs[-1].alerts
    assert alert.startswith("`each` took ")
    assert "for 20 items and" in alert
    assert "for 80: its time grows as the items to the power of 1." in alert
    assert f"alert: {alert}" in repr(runs[-1])


def test_a_task_in_proportion_is_not_told():
    runs = [go("in proportion", lambda n: time.sleep(0.002), count) for count in SIZES]
    assert runs[-1].alerts == []


def test_two_sizes_are_too_few_to_tell():
    runs = [go("two sizes", slower_and_slower(), count) for count in (20, 80, 80)]
    assert runs[-1].alerts == []


def test_runs_of_another_name_do_not_count():
    for count in SIZES[:-1]:
        go("one name", slower_and_slower(), count)
    assert go("another name", slower_and_slower(), SIZES[-1]).alerts == []


def test_what_failed_does_not_count():
    def fails_late(n):
        time.sleep(n * 2e-4)
        if n == SIZES[-1] - 1:
            raise ValueError(n)

    runs = [go("fails", fails_late, count) for count in SIZES]
    assert runs[-1].status == "failed"
    assert runs[-1].alerts == []


def test_the_record_keeps_the_newest_of_a_thousand_tasks():
    record = Record()
    for number in range(1_500):
        record.keep(("workflow", f"task {number}", "act", 1), 10, 1.0)
    assert record.medians(("workflow", "task 1499", "act", 1)) == {10: 1.0}
    assert record.medians(("workflow", "task 499", "act", 1)) == {}


def test_a_slope_is_the_exponent_of_a_power_law():
    x = [10, 100, 1_000]
    assert slope(x, [3 * each**1.5 for each in x]) == pytest.approx(1.5)

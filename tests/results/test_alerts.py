"""Metrics under the names that dashboards know, and alerts in one line with what to do."""

import pytest

import attune_nb

TEXT = """
parameters: {big: {default: null}}
tasks:
  - {name: load, action: load, next: [{do: each}]}
  - {name: each, action: act, with_items: "{{ range(40) }}", input: {n: "{{ item }}"}}
"""
MEGABYTE = "x" * 1_000_000


def go(load=lambda: 1, act=lambda n: n, parameters=None):
    return attune_nb.loads(TEXT).run(parameters, actions={"load": load, "act": act})


def test_every_run_carries_its_metrics():
    found = go().metrics
    assert found["workflow.context.clone_count"] == 40
    assert found["workflow.context.size_bytes"] > 0
    assert found["workflow.with_items.duration_ms"] > 0
    assert found["executor.memory.usage_mb"] > 10
    assert len(found) == 4


def test_a_quiet_run_has_no_alert():
    run = go()
    assert run.alerts == []
    assert "alert" not in repr(run) + run._repr_html_()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"load": lambda: [MEGABYTE + str(n) for n in range(12)]}, "the result of `load`"),
        ({"parameters": {"big": [MEGABYTE] * 12}}, "the parameter `big`"),
    ],
)
def test_a_context_over_ten_megabytes_is_told_with_what_makes_it_large(options, named):
    (alert,) = go(**options).alerts
    assert alert.startswith("the context holds 12.0 MB, of which " + named)
    assert "keep large data in a file" in alert


def test_memory_that_an_action_keeps_is_told_and_results_are_not():
    kept = []
    run = go(act=lambda n: kept.append(bytearray(b"x" * 3_000_000)))
    (alert,) = run.alerts
    assert "through `each`, whose results take 0 MB: look for what its action keeps" in alert
    assert f"alert: {alert}" in repr(run)
    assert "alert: memory rose" in run._repr_html_()
    kept.clear()
    given = go(act=lambda n: "x" * 3_000_000 + str(n))
    assert [each for each in given.alerts if "memory rose" in each] == []

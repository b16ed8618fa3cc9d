"""Metrics under the names that dashboards know, and alerts in one line with what to do."""

import time

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
    assert "through `each`, whose results take 0 MB: look for data that its action keeps" in alert
    assert f"alert: {alert}" in repr(run)
    assert "alert: memory rose" in run._repr_html_()
    kept.clear()
    given = go(act=lambda n: "x" * 3_000_000 + str(n))
    assert [each for each in given.alerts if "memory rose" in each] == []


def test_a_spike_that_is_over_when_the_task_ends_is_told():
    def act(n):
        held = bytearray(b"x" * 150_000_000) if n == 20 else None
        time.sleep(0.07)  # the engine reads the memory every 50 ms
        del held

    (alert,) = go(act=act).alerts
    assert "through `each`, whose results take 0 MB" in alert


def test_of_results_whose_size_nobody_knows_nothing_is_said():
    class Box:
        def __init__(self):
            self.held = bytearray(b"x" * 3_000_000)

    assert [each for each in go(act=lambda n: Box()).alerts if "memory rose" in each] == []


def test_items_of_a_stream_count_as_what_the_run_holds():
    text = TEXT.replace("range(40)", "parameters.big").replace("{default: null}", "{type: any}")
    stream = ("x" * 3_000_000 + str(n) for n in range(40))
    run = attune_nb.loads(text).run({"big": stream}, actions={"load": int, "act": lambda n: 1})
    assert [each for each in run.alerts if "memory rose" in each] == []


def test_tasks_that_ran_meanwhile_are_named_too():
    kept = []
    text = """
tasks:
  - name: each
    action: act
    with_items: "{{ range(20) }}"
    input: {n: "{{ item }}"}
  - {name: other, action: keep}
"""
    actions = {"act": lambda n: time.sleep(0.03), "keep": lambda: kept.append(b"x" * 200_000_000)}
    (alert,) = attune_nb.loads(text).run(actions=actions).alerts
    assert "through `each` (and `other` beside it)" in alert
    kept.clear()


def test_a_large_config_is_named():
    run = attune_nb.loads(TEXT).run(
        actions={"load": lambda: 1, "act": lambda n: n}, config={"all": [MEGABYTE] * 12}
    )
    assert "of which the config `all` is 12.0 MB" in run.alerts[0]

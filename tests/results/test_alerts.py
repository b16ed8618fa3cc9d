"""The metrics of a run, and the alerts that follow from them."""

import gc
import time

import pytest
from support.item_runs import until

import attune_nb

TEXT = """
parameters: {big: {default: null}}
tasks:
  - {name: load, action: load, next: [{do: each}]}
  - {name: each, action: act, with_items: "{{ range(40) }}", input: {n: "{{ item }}"}}
"""
MEGABYTE = "x" * 1_000_000


@pytest.fixture(autouse=True)
def free_memory():
    """Free the memory of the run before: within a run it would hide what an action keeps."""
    gc.collect()


def go(load=lambda: 1, act=lambda n: n, parameters=None):
    return attune_nb.loads(TEXT).run(parameters, actions={"load": load, "act": act})


def keep(buffers, size):
    """Keep data, as an action does that fills a cache; take long enough to be seen."""
    buffers.append(bytearray(b"x" * size))
    time.sleep(0.02)


def test_every_run_has_metrics():
    metrics = go().metrics
    assert metrics["workflow.context.clone_count"] == 40
    assert metrics["workflow.context.size_bytes"] > 0
    assert metrics["workflow.with_items.duration_ms"] > 0
    assert metrics["executor.memory.usage_mb"] > 10
    assert len(metrics) == 4


def test_a_quiet_run_has_no_alert():
    run = go()
    assert run.alerts == []
    assert "note:" not in repr(run) + run._repr_html_()


@pytest.mark.parametrize(
    ("options", "largest_part"),
    [
        ({"load": lambda: [MEGABYTE + str(n) for n in range(12)]}, "the result of `load`"),
        ({"parameters": {"big": [MEGABYTE] * 12}}, "the parameter `big`"),
    ],
)
def test_a_context_over_ten_megabytes_has_an_alert(options, largest_part):
    """The alert names the largest part."""
    (alert,) = go(**options).alerts
    assert alert.startswith("the context holds 12.0 MB, of which " + largest_part)
    assert "keep large data in a file" in alert


def test_memory_that_an_action_keeps_has_an_alert():
    """Memory that the results take has none."""
    buffers = []
    run = go(act=lambda n: keep(buffers, 10_000_000))
    (alert,) = run.alerts

    assert "through `each`, whose results take 0 MB: look for data that its action keeps" in alert
    assert f"note: {alert}" in repr(run)
    assert "<b>note:</b> memory rose" in run._repr_html_()

    buffers.clear()
    run_with_results = go(act=lambda n: time.sleep(0.02) or "x" * 10_000_000 + str(n))

    assert [alert for alert in run_with_results.alerts if "memory rose" in alert] == []


def test_memory_that_rises_only_for_a_while_has_no_alert():
    def act(n):
        buffer = bytearray(b"x" * 400_000_000) if n == 20 else None
        # the engine reads the memory every 50 ms
        time.sleep(0.02)
        del buffer

    assert go(act=act).alerts == []


@pytest.mark.parametrize("item", [0, 20, 39])
def test_memory_that_rises_in_one_step_has_no_alert(item):
    """A first import, or a table that another cell loads meanwhile, is not kept by the items."""
    buffers = []

    def act(n):
        if n == item:
            buffers.append(bytearray(b"x" * 400_000_000))
        time.sleep(0.02)

    assert go(act=act).alerts == []


def test_idle_work_has_no_alert():
    """While the items wait, the process may use some memory for other things."""
    buffers = []
    assert go(act=lambda n: keep(buffers, 4_000_000)).alerts == []


def test_results_of_unknown_size_have_no_alert():
    class Box:
        def __init__(self):
            self.held = bytearray(b"x" * 10_000_000)
            time.sleep(0.02)

    assert [alert for alert in go(act=lambda n: Box()).alerts if "memory rose" in alert] == []


def test_items_of_a_stream_are_no_unexplained_memory():
    text = TEXT.replace("range(40)", "parameters.big").replace("{default: null}", "{type: any}")
    stream = ("x" * 10_000_000 + str(n) for n in range(40))
    actions = {"load": int, "act": lambda n: time.sleep(0.02)}
    run = attune_nb.loads(text).run({"big": stream}, actions=actions)

    assert [alert for alert in run.alerts if "memory rose" in alert] == []


def test_tasks_that_ran_at_the_same_time_are_named():
    """Memory grows only once it was read after the item before, however busy the machine is."""
    # what other tests have left would make it shrink meanwhile
    gc.collect()
    buffers = []
    runs = []

    def act(n):
        until(lambda: runs and len(runs[0].attempts()) == n)
        # the engine reads the memory every 50 ms
        time.sleep(0.06)
        keep(buffers, 60_000_000)

    text = """
tasks:
  - name: each
    action: act
    with_items: "{{ range(8) }}"
    concurrency: 1
    input: {n: "{{ item }}"}
  - {name: other, action: waits}
"""
    actions = {"act": act, "waits": lambda: until(lambda: len(buffers) == 8)}
    run = attune_nb.loads(text).run(actions=actions, background=True)
    runs.append(run)
    run.wait()

    (alert,) = run.alerts
    assert "through `each` (and `other` beside it)" in alert


def test_a_large_config_is_named():
    run = attune_nb.loads(TEXT).run(
        actions={"load": lambda: 1, "act": lambda n: n}, config={"all": [MEGABYTE] * 12}
    )
    assert "of which the config `all` is 12.0 MB" in run.alerts[0]

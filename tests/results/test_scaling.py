"""An alert if the time of a task grows faster than its items."""

import pytest

import attune_nb
from attune_nb.engine.stopwatch import Stopwatch
from attune_nb.results.scaling import DurationHistory, slope

TEXT = """
parameters: {items: {type: array}, wait: {default: 0}}
tasks:
  - name: each
    action: act
    with_items: "{{ parameters.items }}"
    input: {n: "{{ item }}"}
    next: [{when: "{{ failed() }}", do: noop}]
"""
SIZES = (20, 40, 80)
# seconds that the actions of a run have taken: a busy machine cannot disturb this clock
TAKEN = [0.0]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(Stopwatch, "read", lambda stopwatch: sum(TAKEN))


def take(seconds):
    TAKEN.append(seconds)


def go(name, act, count, text=TEXT, **parameters):
    workflow = attune_nb.loads(text)
    parameters = {"items": range(count), **parameters}
    TAKEN[:] = [0.0]
    return workflow.run(parameters, actions={"act": act}, name=name, backend="inline")


def quadratic(n):
    """Take longer for each item."""
    take(n * 1e-4)


def even(n):
    """Take equally long for all items but the first."""
    take(0.002 if n else 0.5)


def test_a_task_that_slows_down_has_an_alert():
    runs = [go("slows down", quadratic, count) for count in SIZES]
    (alert,) = runs[-1].alerts

    assert alert.startswith("`each` took ")
    assert "for 20 items and" in alert
    assert "for 80: its time grows as the items to the power of " in alert
    assert f"note: {alert}" in repr(runs[-1])


def test_failed_items_count_too():
    def fails_once(n):
        take(n * 1e-4)
        if n == 7:
            raise ValueError(n)

    runs = [go("one fails", fails_once, count) for count in SIZES]
    assert len(runs[-1].alerts) == 1


def test_a_task_in_proportion_has_no_alert():
    runs = [go("in proportion", even, count) for count in SIZES]
    assert runs[-1].alerts == []


def test_two_sizes_are_too_few():
    runs = [go("two sizes", quadratic, count) for count in (20, 80, 80)]
    assert runs[-1].alerts == []


def test_a_run_with_few_items_has_no_alert():
    for count in SIZES:
        go("few items", quadratic, count)
    assert go("few items", quadratic, 10).alerts == []


def also_quadratic(n):
    """Another action, as slow."""
    take(n * 1e-4)
    return n


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("name", {"name": "another"}),
        ("action", {"act": also_quadratic}),
        ("text", {"text": TEXT.replace("do: noop", "publish: [x], do: noop")}),
        ("parameter", {"wait": 1}),
    ],
)
def test_a_changed_task_has_no_past(kind, changed):
    usual = {"name": f"{kind} changed", "act": quadratic}
    for count in SIZES[:-1]:
        go(count=count, **usual)

    assert go(count=SIZES[-1], **usual | changed).alerts == []
    assert len(go(count=SIZES[-1], **usual).alerts) == 1


def test_the_history_keeps_the_newest_thousand_tasks():
    history = DurationHistory()
    for number in range(1_500):
        history.add(("workflow", f"task {number}", "act", 1), 10, 1.0)

    assert history.medians(("workflow", "task 1499", "act", 1)) == {10: 1.0}
    assert history.medians(("workflow", "task 499", "act", 1)) == {}


def test_a_slope_is_the_exponent_of_a_power_law():
    x = [10, 100, 1_000]
    assert slope(x, [3 * size**1.5 for size in x]) == pytest.approx(1.5)


def test_the_store_holds_the_past_of_other_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTUNE_NB_STORE", str(tmp_path / "runs.db"))
    for count in SIZES[:-1]:
        go("on record", quadratic, count)
    monkeypatch.setattr("attune_nb.running.start._history", DurationHistory())
    (alert,) = go("on record", quadratic, SIZES[-1]).alerts

    assert "for 80: its time grows as the items to the power of " in alert
    assert go("on record", also_quadratic, SIZES[-1]).alerts == []
    assert go("on record", quadratic, SIZES[-1], wait=1).alerts == []

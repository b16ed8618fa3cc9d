"""The critical path of a run, and its marks in the timeline."""

from __future__ import annotations

from support.fake_runs import five_tasks, make_run, started_after, task_row
from support.figures import legend_texts

from attune_nb.charts import timeline
from attune_nb.charts.timeline_chart.critical_path import find_critical_path
from attune_nb.charts.timeline_chart.read_lanes import read_lanes


def path_keys(run):
    return [lane.key for lane in find_critical_path(run, read_lanes(run))]


def path_names(run):
    return [name for name, _ in path_keys(run)]


def diamond(**options):
    """Return a run of four tasks: `end` waited for `slow` and `fast`."""
    tasks = [
        task_row("start", 0, 1),
        task_row("slow", 1, 5),
        task_row("fast", 1, 2),
        task_row("end", 5, 6),
    ]
    events = [
        started_after("start"),
        started_after("slow", "start"),
        started_after("fast", "start"),
        started_after("end", "fast", "slow"),
    ]
    return make_run(tasks, [], events=events, **options)


def bold_labels(figure):
    labels = figure.axes[0].get_yticklabels()
    return [label.get_text() for label in labels if label.get_fontweight() == "bold"]


def path_line(figure):
    """Return the line of the critical path: the only one of several points."""
    [line] = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    return line


def test_of_several_causes_the_latest_decided():
    assert path_names(diamond()) == ["start", "slow", "end"]


def test_the_path_leads_to_the_task_that_ended_last():
    tasks = [task_row("start", 0, 1), task_row("long", 1, 9), task_row("short", 1, 2)]
    events = [
        started_after("start"),
        started_after("long", "start"),
        started_after("short", "start"),
    ]
    assert path_names(make_run(tasks, [], events=events)) == ["start", "long"]


def test_each_visit_of_a_task_is_its_own_step():
    tasks = [task_row("a", 0, 1), task_row("b", 1, 2), task_row("a", 2, 3, visit=2)]
    events = [started_after("a"), started_after("b", "a"), started_after("a", "b", visit=2)]
    assert path_keys(make_run(tasks, [], events=events)) == [("a", 1), ("b", 1), ("a", 2)]


def test_the_path_continues_through_a_skipped_task():
    tasks = [
        task_row("a", 0, 1),
        task_row("side", 0, 0.5),
        task_row("no", 1, 1, "skipped"),
        task_row("b", 1, 2),
    ]
    events = [started_after("a"), started_after("side"), started_after("b", "no")]
    assert path_names(make_run(tasks, [], events=events)) == ["a", "no", "b"]


def test_a_skipped_task_is_never_the_end_of_the_path():
    tasks = [task_row("a", 0, 1), task_row("b", 1, 2), task_row("no", 2, 2, "skipped")]
    run = make_run(tasks, [], events=[started_after("a"), started_after("b", "a")])
    assert path_names(run) == ["a", "b"]


def test_a_failed_task_may_decide_the_end():
    tasks = [task_row("a", 0, 1), task_row("b", 1, 4, "failed"), task_row("c", 1, 2)]
    events = [started_after("a"), started_after("b", "a"), started_after("c", "a")]
    assert path_names(make_run(tasks, [], events=events, status="failed")) == ["a", "b"]


def test_a_path_ends_even_if_the_record_has_a_circle():
    tasks = [task_row("a", 0, 1), task_row("b", 1, 2)]
    run = make_run(tasks, [], events=[started_after("a", "b"), started_after("b", "a")])
    assert path_names(run) == ["a", "b"]


def test_a_run_under_way_has_no_path_yet():
    assert path_keys(diamond(status="running")) == []


def test_a_single_task_has_no_path():
    assert path_keys(make_run([task_row("a", 0, 1)], [], events=[started_after("a")])) == []


def test_without_known_causes_there_is_no_path():
    assert path_keys(five_tasks()) == []


def test_a_run_without_events_has_no_path():
    run = five_tasks()
    del run.events
    assert path_keys(run) == []
    assert "critical path" not in legend_texts(timeline(run))


def test_the_names_on_the_path_are_bold():
    assert bold_labels(timeline(diamond())) == ["start", "slow", "end"]


def test_a_line_follows_the_path_in_order_of_time():
    assert list(path_line(timeline(diamond())).get_xdata()) == [0, 1, 1, 5, 5, 6]


def test_the_path_is_in_the_legend():
    assert legend_texts(timeline(diamond())) == ["succeeded", "critical path"]
    assert "critical path" not in legend_texts(timeline(five_tasks()))

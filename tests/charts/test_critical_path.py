from __future__ import annotations

from support.fake_runs import five_tasks, handed_out, make, task

from attune_nb.charts import timeline
from attune_nb.charts.timeline_chart.critical_path import find_critical_path
from attune_nb.charts.timeline_chart.read_lanes import read_lanes


def path(run):
    return [lane.key for lane in find_critical_path(run, read_lanes(run))]


def names(run):
    return [name for name, _ in path(run)]


def diamond(**more):
    tasks = [task("start", 0, 1), task("slow", 1, 5), task("fast", 1, 2), task("end", 5, 6)]
    events = [
        handed_out("start"),
        handed_out("slow", "start"),
        handed_out("fast", "start"),
        handed_out("end", "fast", "slow"),
    ]
    return make(tasks, [], events=events, **more)


def marked(figure):
    texts = figure.axes[0].get_yticklabels()
    return [text.get_text() for text in texts if text.get_fontweight() == "bold"]


def line(figure):
    return next(each for each in figure.axes[0].lines if len(each.get_xdata()) > 2)


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_of_several_causes_the_latest_decided():
    assert names(diamond()) == ["start", "slow", "end"]


def test_the_path_leads_to_what_ended_last():
    tasks = [task("start", 0, 1), task("long", 1, 9), task("short", 1, 2)]
    events = [handed_out("start"), handed_out("long", "start"), handed_out("short", "start")]
    assert names(make(tasks, [], events=events)) == ["start", "long"]


def test_each_visit_of_a_task_is_its_own_step():
    tasks = [task("a", 0, 1), task("b", 1, 2), task("a", 2, 3, visit=2)]
    events = [handed_out("a"), handed_out("b", "a"), handed_out("a", "b", visit=2)]
    assert path(make(tasks, [], events=events)) == [("a", 1), ("b", 1), ("a", 2)]


def test_the_path_goes_on_through_a_skipped_task():
    tasks = [task("a", 0, 1), task("side", 0, 0.5), task("no", 1, 1, "skipped"), task("b", 1, 2)]
    events = [handed_out("a"), handed_out("side"), handed_out("b", "no")]
    assert names(make(tasks, [], events=events)) == ["a", "no", "b"]


def test_a_skipped_task_is_never_the_end_of_the_path():
    tasks = [task("a", 0, 1), task("b", 1, 2), task("no", 2, 2, "skipped")]
    run = make(tasks, [], events=[handed_out("a"), handed_out("b", "a")])
    assert names(run) == ["a", "b"]


def test_a_failed_task_may_decide_the_end():
    tasks = [task("a", 0, 1), task("b", 1, 4, "failed"), task("c", 1, 2)]
    events = [handed_out("a"), handed_out("b", "a"), handed_out("c", "a")]
    assert names(make(tasks, [], events=events, status="failed")) == ["a", "b"]


def test_a_wrong_record_whose_causes_go_in_a_circle_ends():
    tasks = [task("a", 0, 1), task("b", 1, 2)]
    run = make(tasks, [], events=[handed_out("a", "b"), handed_out("b", "a")])
    assert names(run) == ["a", "b"]


def test_a_run_under_way_has_no_path_yet():
    assert path(diamond(status="running")) == []


def test_a_single_task_has_no_path():
    assert path(make([task("a", 0, 1)], [], events=[handed_out("a")])) == []


def test_without_known_causes_there_is_no_path():
    assert path(five_tasks()) == []


def test_a_run_without_events_has_no_path():
    run = five_tasks()
    del run.events
    assert path(run) == []
    assert "critical path" not in legend(timeline(run))


def test_the_names_on_the_path_are_bold():
    assert marked(timeline(diamond())) == ["start", "slow", "end"]


def test_a_line_runs_along_the_path_in_order_of_time():
    assert list(line(timeline(diamond())).get_xdata()) == [0, 1, 1, 5, 5, 6]


def test_the_path_is_in_the_legend():
    assert legend(timeline(diamond())) == ["succeeded", "critical path"]
    assert "critical path" not in legend(timeline(five_tasks()))

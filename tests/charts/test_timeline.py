"""The timeline of a run: lanes, bars, density strips, legend, axes."""

from __future__ import annotations

import itertools
import os
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure
from support.fake_runs import (
    five_tasks,
    make_run,
    many_items,
    many_workers,
    odd_names,
    task_row,
)
from support.figures import drawn_texts, label_texts, legend_texts

from attune_nb.charts import timeline

TIMES = "\N{MULTIPLICATION SIGN}"
RUNS = {
    "five tasks": five_tasks,
    "thousand items": many_items,
    "odd names": odd_names,
    "many workers": many_workers,
    "empty": lambda: make_run([], [], status="running"),
}


def one_item_a_second(count, name="a"):
    """Return attempts on three workers, one after another."""
    return [(name, 1, i, 1, i % 3, float(i), 1.0, "succeeded") for i in range(count)]


def bars(ax):
    return [artist for artist in ax.collections if isinstance(artist, PolyCollection)]


def count_artists(figure):
    return len(figure.axes[0].get_children())


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_draws_without_a_warning(name, dark, tmp_path):
    folder = pathlib.Path(os.environ.get("ATTUNE_NB_PICTURES", tmp_path))
    theme = "_dark" if dark else ""
    path = folder / f"{name}{theme}.png"

    figure = timeline(RUNS[name](), dark=dark)
    assert isinstance(figure, Figure)
    figure.savefig(path)
    assert path.stat().st_size > 1000


def test_lanes_are_in_order_of_start_the_unstarted_last():
    assert label_texts(timeline(five_tasks())) == [
        f"extract\n{TIMES}2 visits",
        "validate",
        f"load_regions\n{TIMES}12",
        "notify",
        "archive",
        "publish",
    ]


def test_the_legend_has_only_the_marks_of_the_chart():
    assert legend_texts(timeline(odd_names())) == ["cancelled"]
    assert "cancelled" not in legend_texts(timeline(five_tasks()))


def test_names_are_drawn_as_written_but_for_control_characters():
    figure = timeline(odd_names())
    labels = label_texts(figure)

    assert labels[:3] == ["$x^{$", "_hidden", "ab[31m c"]
    assert len(labels[4]) == 28
    assert not any(label.get_parse_math() for label in figure.axes[0].get_yticklabels())
    assert figure.axes[0].get_title(loc="left") == "$\\bad{$ flow · cancelled · 70.0 ms"


def test_the_number_of_artists_is_independent_of_items():
    few = count_artists(timeline(many_items(600)))
    more = count_artists(timeline(many_items(3000)))
    assert few == more < 60


def test_the_number_of_artists_is_independent_of_bars():
    few = make_run([task_row("a", 0, 30, items=30)], one_item_a_second(30))
    more = make_run([task_row("a", 0, 400, items=400)], one_item_a_second(400))
    assert count_artists(timeline(few)) == count_artists(timeline(more)) < 60


def test_a_hundred_thousand_attempts_make_a_small_picture(tmp_path):
    count = 100_000
    run = make_run([task_row("a", 0, count, items=count)], one_item_a_second(count))
    figure = timeline(run)
    figure.savefig(tmp_path / "many.png")

    assert count_artists(figure) < 60
    assert (tmp_path / "many.png").stat().st_size < 300_000


def test_many_lanes_of_many_bars_become_strips():
    names = [f"t{number}" for number in range(40)]
    tasks = [task_row(name, 0, 400, items=400) for name in names]
    attempts = []
    for name in names:
        attempts += one_item_a_second(400, name)

    labels = label_texts(timeline(make_run(tasks, attempts)))
    assert all("at once" in label for label in labels)


def test_too_many_workers_for_bars_make_a_strip():
    assert "peak 30 at once" in label_texts(timeline(many_workers()))[0]


def items_of_a_second(count, workers, *, gap=0.0):
    """Return a run of items that take a worker a second each, with a gap after each."""
    attempts = []
    for index in range(count):
        start = float(index // workers)
        attempts.append(("a", 1, index, 1, index % workers, start, 1.0 - gap, "succeeded"))
    return make_run([task_row("a", 0, count / workers, items=count)], attempts)


@pytest.mark.parametrize(
    ("count", "workers", "gap", "is_strip"),
    [
        pytest.param(350, 2, 0.0, True, id="bars too narrow for an edge would merge"),
        pytest.param(350, 2, 0.3, False, id="with gaps they do not"),
        pytest.param(240, 2, 0.0, False, id="an edge has space"),
        pytest.param(400, 8, 0.0, False, id="eight workers"),
    ],
)
def test_bars_that_would_merge_make_a_strip(count, workers, gap, is_strip):
    [label] = label_texts(timeline(items_of_a_second(count, workers, gap=gap)))
    assert label.endswith("at once") == is_strip


def test_a_later_worker_takes_the_row_of_one_that_ended():
    # worker, first and last second: two at a time
    lives = [(0, 0, 5), (1, 0, 9), (2, 5, 7), (3, 7, 12), (4, 9, 12)]
    attempts = []
    for worker, first, last in lives:
        for second in range(first, last):
            index = len(attempts)
            attempts.append(("a", 1, index, 1, worker, float(second), 1.0, "succeeded"))

    run = make_run([task_row("a", 0, 12, items=len(attempts))], attempts)
    [collection] = bars(timeline(run).axes[0])
    rows = {round(path.vertices[:, 1].min(), 3) for path in collection.get_paths()}
    assert len(rows) == 2


def test_a_few_narrow_bars_have_gaps_between_them():
    attempts = [("a", 1, i, 1, 0, 0.005 * i, 0.005, "succeeded") for i in range(20)]
    attempts.append(("b", 1, 0, 1, 0, 0.1, 0.9, "succeeded"))
    run = make_run([task_row("a", 0, 0.1, items=20), task_row("b", 0.1, 1)], attempts)

    [collection] = bars(timeline(run).axes[0])
    spans = []
    for path in collection.get_paths():
        times = path.vertices[:, 0]
        spans.append((float(times.min()), float(times.max())))
    gaps = [after[0] - before[1] for before, after in itertools.pairwise(sorted(spans))]

    # a pixel; the last bar is `b`, in a lane of its own
    assert min(gaps[:-1]) == pytest.approx(0.001)


def test_a_strip_has_a_scale():
    ax = timeline(items_of_a_second(600, 3)).axes[0]
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert set(heights) == {"3 at once", "0"}

    drawn = np.concatenate([artist.get_paths()[0].vertices[:, 1] for artist in bars(ax)])
    assert heights["0"] == pytest.approx(drawn.max())
    assert heights["3 at once"] == pytest.approx(drawn.min())
    assert set(drawn_texts(timeline(many_items()))) >= {"50 at once", "0"}


def test_the_axis_has_a_sensible_unit():
    assert timeline(odd_names()).axes[0].get_xlabel().endswith("(ms)")
    assert timeline(five_tasks()).axes[0].get_xlabel().endswith("(s)")
    assert timeline(many_workers()).axes[0].get_xlabel().endswith("(min)")


def test_a_strip_has_its_peak_in_the_label():
    labels = label_texts(timeline(many_items()))
    assert f"fetch_pages\n{TIMES}1,000\npeak 50 at once" in labels


def test_failed_items_are_counted_in_the_label():
    tasks = [task_row("a", 0, 30, items=30, failed_items=4)]
    run = make_run(tasks, one_item_a_second(30))
    assert label_texts(timeline(run)) == [f"a\n{TIMES}30 · 4 failed"]


def test_a_failed_attempt_has_a_cross_and_a_hatch():
    run = make_run([task_row("a", 0, 1, "failed")], [("a", 1, 0, 1, 0, 0, 1, "failed")])
    ax = timeline(run).axes[0]
    crosses = [artist for artist in ax.collections if isinstance(artist, PathCollection)]

    assert [len(artist.get_offsets()) for artist in crosses] == [1]
    assert any(artist.get_hatch() for artist in ax.collections)


def test_a_retry_and_the_wait_before_it_are_in_the_legend():
    attempts = [("a", 1, 0, 1, 0, 0, 1, "failed"), ("a", 1, 0, 2, 0, 2, 1, "succeeded")]
    run = make_run([task_row("a", 0, 3)], attempts)
    assert legend_texts(timeline(run)) == [
        "succeeded",
        "failed, tried again",
        "retry",
        "waiting",
    ]


def test_a_task_that_waits_for_an_answer_is_no_bar():
    run = make_run([task_row("ask", 0, 3, "waiting")], [], status="running")
    assert legend_texts(timeline(run)) == ["waiting"]


def test_a_strip_shows_the_share_of_retries_and_its_scale():
    figure = timeline(many_items())
    assert "retries" in legend_texts(figure)
    assert "up to 32% retries" in drawn_texts(figure)


def test_failed_items_are_counted_and_not_failed_attempts():
    """An attempt that was made again has a tone of its own."""
    attempts = [("a", 1, 0, 1, 0, 0, 1, "timed_out"), ("a", 1, 0, 2, 0, 1, 1, "failed")]
    run = make_run([task_row("a", 0, 2, "failed")], attempts)
    ax = timeline(run).axes[0]
    crosses = [artist for artist in ax.collections if isinstance(artist, PathCollection)]

    assert legend_texts(ax.figure) == ["failed", "failed, tried again", "retry"]
    assert [len(artist.get_offsets()) for artist in crosses] == [1]


def strip_of_failures(failed):
    """Return the axes of a strip of 1,000 items, 8 at once, of which the first ones fail."""
    attempts = []
    for index in range(1_000):
        status = "failed" if index < failed else "succeeded"
        attempts.append(("a", 1, index, 1, index % 8, float(index // 8), 1.0, status))
    tasks = [task_row("a", 0, 125, items=1_000, failed_items=failed)]
    return timeline(make_run(tasks, attempts)).axes[0]


def test_one_failed_item_has_a_tick_and_is_no_thicker_than_it_is():
    ax = strip_of_failures(1)
    [ticks] = [artist for artist in ax.collections if isinstance(artist, PathCollection)]
    assert len(ticks.get_offsets()) == 1

    heights = {text.get_text(): text.get_position()[1] for text in ax.texts}
    item = (heights["0"] - heights["8 at once"]) / 8
    [failed] = [artist for artist in bars(ax) if artist.get_hatch() == "////"]
    assert np.ptp(failed.get_paths()[0].vertices[:, 1]) == pytest.approx(item)


def test_many_failed_items_have_a_share_with_a_scale():
    ax = strip_of_failures(80)
    assert not [artist for artist in ax.collections if isinstance(artist, PathCollection)]
    assert "up to 100% failed" in [text.get_text() for text in ax.texts]


def test_a_wait_too_short_to_be_seen_is_not_in_the_legend():
    run = make_run([task_row("a", 0, 1)], [("a", 1, 0, 1, 0, 0.001, 0.999, "succeeded")])
    assert legend_texts(timeline(run)) == ["succeeded"]


def test_a_task_under_way_is_running_after_its_last_attempt():
    tasks = [task_row("a", 0, None, "running"), task_row("b", 0, 9)]
    run = make_run(tasks, [("a", 1, 0, 1, 0, 0, 1, "failed")], status="running")
    assert legend_texts(timeline(run)) == ["succeeded", "failed", "running"]


def test_a_timeline_of_a_run_in_progress_goes_on_to_now():
    attempts = [("a", 1, 0, 1, 0, 0, 1, "succeeded")]
    tasks = [task_row("a", 0, None, "running", items=2)]
    figure = timeline(make_run(tasks, attempts, status="running", duration_ms=60_000.0))
    assert figure.axes[0].get_title(loc="left").endswith("running · 60.0 s so far")
    assert "running" in legend_texts(figure)


def test_long_names_that_begin_alike_are_told_apart():
    names = [f"check_the_database_of_the_region_{number}" for number in range(3)]
    figure = timeline(make_run([task_row(name, 0, 1) for name in names], []))
    labels = label_texts(figure)
    assert labels == [f"check_the_database…_region_{number}" for number in range(3)]


def test_a_bar_is_never_too_narrow_to_be_seen():
    run = make_run([task_row("a", 0, 1000), task_row("b", 1000, 1000)], [])
    widths = []
    for collection in bars(timeline(run).axes[0]):
        widths += [np.ptp(path.vertices[:, 0]) for path in collection.get_paths()]
    assert min(widths) > 0.003 * max(widths)


def count_legend_lines(figure):
    figure.draw_without_rendering()
    heights = set()
    for text in figure.axes[0].get_legend().get_texts():
        _, height = text.get_transform().transform(text.get_position())
        heights.add(round(height))
    return len(heights)


def test_a_legend_has_one_line_if_there_is_space():
    figure = timeline(five_tasks())
    assert len(legend_texts(figure)) == 6
    assert count_legend_lines(figure) == 1


def test_a_legend_of_many_entries_has_several_lines():
    figure = Figure(figsize=(5, 4))
    timeline(five_tasks(), ax=figure.subplots())
    assert count_legend_lines(figure) == 2


def run_of_tasks(count):
    """Return a run of tasks that take a second each, one after another."""
    return make_run([task_row(f"t{i}", i, i + 1) for i in range(count)], [])


def test_the_figure_grows_with_its_lanes_up_to_a_limit():
    heights = [timeline(run_of_tasks(count)).get_figheight() for count in (3, 30, 3000)]
    assert heights[0] < heights[1] < heights[2] < 50


def test_of_very_many_tasks_the_important_ones_have_names():
    run = run_of_tasks(3_000)
    run.tasks.loc[1_234, "status"] = "failed"
    ax = timeline(run).axes[0]

    assert "✗ t1234" in [label.get_text() for label in ax.get_yticklabels()]
    assert len(ax.get_yticklabels()) < 80
    assert "3,000 tasks, a line each" in ax.get_xlabel()
    assert ax.get_title(loc="left").endswith("50.0 min")


def test_failed_tasks_too_close_for_names_are_counted():
    run = run_of_tasks(3_000)
    run.tasks.loc[100:102, "status"] = "failed"
    assert "✗ t100 and 2 more failed" in label_texts(timeline(run))


def test_many_unstarted_tasks_become_a_note():
    pending = [task_row(f"t{i}", status="pending") for i in range(20)]
    figure = timeline(make_run([task_row("a", 0, 1), *pending], []))
    assert label_texts(figure) == ["a"]
    assert "20 tasks not started" in figure.axes[0].get_xlabel()


def test_draws_on_axes_that_are_passed():
    figure = Figure()
    ax = figure.subplots(1, 2)[1]
    assert timeline(five_tasks(), ax=ax) is figure
    assert not figure.axes[0].has_data()


def test_draws_in_a_subfigure_and_with_unknown_times():
    figure = Figure()
    run = five_tasks()
    run.tasks.loc[3, "end"] = pd.NaT
    run.started = run.started.replace(tzinfo=None)
    assert timeline(run, ax=figure.subfigures(1, 2)[0].subplots()) is figure


def test_pyplot_is_never_loaded():
    code = "import sys, attune_nb.charts; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

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
from support.fake_runs import five_tasks, make, many_items, task, weird, wide

from attune_nb.charts import timeline

RUNS = {
    "five": five_tasks,
    "thousand": many_items,
    "weird": weird,
    "wide": wide,
    "empty": lambda: make([], [], status="running"),
}


def every_second(count, name="a"):
    return [(name, 1, i, 1, i % 3, float(i), 1.0, "succeeded") for i in range(count)]


def bars(ax):
    return [each for each in ax.collections if isinstance(each, PolyCollection)]


def labels(figure):
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_draws_without_a_warning(name, dark, tmp_path):
    folder = pathlib.Path(os.environ.get("ATTUNE_NB_PICTURES", tmp_path))
    figure = timeline(RUNS[name](), dark=dark)
    assert isinstance(figure, Figure)
    path = folder / f"{name}{'_dark' if dark else ''}.png"
    figure.savefig(path)
    assert path.stat().st_size > 1000


def test_lanes_are_in_order_of_start_and_the_unstarted_last():
    expected = [
        "extract",
        "validate",
        "load_regions\n\N{MULTIPLICATION SIGN}12",
        "notify",
        "archive",
        "extract #2",
    ]
    assert labels(timeline(five_tasks())) == [*expected, "publish"]


def test_the_legend_has_only_what_is_there():
    assert legend(timeline(weird())) == ["cancelled"]
    assert "cancelled" not in legend(timeline(five_tasks()))


def test_names_are_drawn_as_written_without_control_characters():
    figure = timeline(weird())
    shown = labels(figure)
    assert shown[:3] == ["$x^{$", "_hidden", "ab[31m c"]
    assert len(shown[4]) == 28
    assert not any(text.get_parse_math() for text in figure.axes[0].get_yticklabels())
    assert figure.axes[0].get_title(loc="left") == "$\\bad{$ flow · cancelled · 70.0 ms"


def artists(figure):
    return len(figure.axes[0].get_children())


def test_the_number_of_artists_does_not_follow_the_number_of_items():
    assert artists(timeline(many_items(600))) == artists(timeline(many_items(3000))) < 60


def test_the_number_of_artists_does_not_follow_the_number_of_bars():
    runs = [make([task("a", 0, n, items=n)], every_second(n)) for n in (30, 400)]
    assert artists(timeline(runs[0])) == artists(timeline(runs[1])) < 60


def test_a_hundred_thousand_attempts_make_a_small_picture(tmp_path):
    run = make([task("a", 0, 100_000, items=100_000)], every_second(100_000))
    figure = timeline(run)
    figure.savefig(tmp_path / "many.png")
    assert artists(figure) < 60
    assert (tmp_path / "many.png").stat().st_size < 300_000


def test_many_lanes_of_many_bars_become_strips():
    names = [f"t{i}" for i in range(40)]
    tasks = [task(name, 0, 400, items=400) for name in names]
    attempts = [row for name in names for row in every_second(400, name)]
    assert all("at once" in label for label in labels(timeline(make(tasks, attempts))))


def test_too_many_workers_for_bars_make_a_strip():
    assert "peak 30 at once" in labels(timeline(wide()))[0]


def equal(count, workers, *, between=0.0, name="a"):
    """Items that take a worker as long each, one after the other; then a task as long again."""
    rows = [(name, 1, i, 1, i % workers, i // workers * 1.0, 1.0 - between, "succeeded")
            for i in range(count)]  # fmt: skip
    return make([task(name, 0, count / workers, items=count)], rows)


@pytest.mark.parametrize(
    ("count", "workers", "between", "strip"),
    [
        (350, 2, 0.0, True),  # bars too narrow for an edge would merge
        (350, 2, 0.3, False),  # with room between them they do not
        (240, 2, 0.0, False),  # an edge has room
        (400, 8, 0.0, False),
    ],
)
def test_bars_that_would_merge_make_a_strip(count, workers, between, strip):
    (label,) = labels(timeline(equal(count, workers, between=between)))
    assert label.endswith("at once") == strip


def test_a_worker_that_came_after_another_had_ended_takes_its_row():
    lives = [(0, 0, 5), (1, 0, 9), (2, 5, 7), (3, 7, 12), (4, 9, 12)]  # two at a time
    rows = [
        ("a", 1, 0, 1, worker, float(second), 1.0, "succeeded")
        for worker, begin, end in lives
        for second in range(begin, end)
    ]
    numbered = [(*row[:2], at, *row[3:]) for at, row in enumerate(rows)]
    (drawn,) = bars(timeline(make([task("a", 0, 12, items=len(rows))], numbered)).axes[0])
    assert len({round(each.vertices[:, 1].min(), 3) for each in drawn.get_paths()}) == 2


def test_a_few_narrow_bars_have_room_between_them():
    rows = [("a", 1, i, 1, 0, 0.005 * i, 0.005, "succeeded") for i in range(20)]
    rows.append(("b", 1, 0, 1, 0, 0.1, 0.9, "succeeded"))
    run = make([task("a", 0, 0.1, items=20), task("b", 0.1, 1)], rows)
    (drawn,) = bars(timeline(run).axes[0])
    times = [each.vertices[:, 0] for each in drawn.get_paths()]
    spans = sorted((float(each.min()), float(each.max())) for each in times)
    gaps = [right[0] - left[1] for left, right in itertools.pairwise(spans)]
    assert min(gaps[:-1]) == pytest.approx(0.001)  # a pixel; `b` is in a lane of its own


def test_a_strip_has_a_scale():
    ax = timeline(equal(600, 3)).axes[0]
    places = {each.get_text(): each.get_position()[1] for each in ax.texts}
    assert set(places) == {"3 at once", "0"}
    heights = np.concatenate([each.get_paths()[0].vertices[:, 1] for each in bars(ax)])
    assert places["0"] == pytest.approx(heights.max())
    assert places["3 at once"] == pytest.approx(heights.min())
    assert {each.get_text() for each in timeline(many_items()).axes[0].texts} == {"50 at once", "0"}


def test_the_axis_is_in_a_sensible_unit():
    assert timeline(weird()).axes[0].get_xlabel().endswith("(ms)")
    assert timeline(five_tasks()).axes[0].get_xlabel().endswith("(s)")
    assert timeline(wide()).axes[0].get_xlabel().endswith("(min)")


def test_a_strip_says_how_many_ran_at_once():
    assert "fetch_pages\n\N{MULTIPLICATION SIGN}1,000\npeak 50 at once" in labels(
        timeline(many_items())
    )


def test_failed_items_are_counted_in_the_label():
    run = make([task("a", 0, 30, items=30, failed_items=4)], every_second(30))
    assert labels(timeline(run)) == ["a\n\N{MULTIPLICATION SIGN}30 · 4 failed"]


def test_a_failed_attempt_has_a_cross_and_a_hatch():
    ax = timeline(make([task("a", 0, 1, "failed")], [("a", 1, 0, 1, 0, 0, 1, "failed")])).axes[0]
    crosses = [each for each in ax.collections if isinstance(each, PathCollection)]
    assert [len(each.get_offsets()) for each in crosses] == [1]
    assert any(each.get_hatch() for each in ax.collections)


def test_a_retry_and_the_wait_before_it_are_in_the_legend():
    rows = [("a", 1, 0, 1, 0, 0, 1, "failed"), ("a", 1, 0, 2, 0, 2, 1, "succeeded")]
    shown = legend(timeline(make([task("a", 0, 3)], rows)))
    assert shown == ["succeeded", "failed", "retry", "waiting"]


def test_a_strip_shows_the_share_of_retries():
    assert "share of retries" in legend(timeline(many_items()))


def test_a_wait_too_short_to_be_seen_is_not_in_the_legend():
    rows = [("a", 1, 0, 1, 0, 0.001, 0.999, "succeeded")]
    assert legend(timeline(make([task("a", 0, 1)], rows))) == ["succeeded"]


def test_what_goes_on_after_the_last_attempt_is_drawn_as_running():
    tasks = [task("a", 0, None, "running"), task("b", 0, 9)]
    rows = [("a", 1, 0, 1, 0, 0, 1, "failed")]
    shown = legend(timeline(make(tasks, rows, status="running")))
    assert shown == ["succeeded", "failed", "running"]


def test_a_bar_is_never_too_narrow_to_be_seen():
    ax = timeline(make([task("a", 0, 1000), task("b", 1000, 1000)], [])).axes[0]
    widths = [np.ptp(path.vertices[:, 0]) for each in bars(ax) for path in each.get_paths()]
    assert min(widths) > 0.003 * max(widths)


def lines_of_legend(figure):
    figure.draw_without_rendering()
    texts = figure.axes[0].get_legend().get_texts()
    return len({round(each.get_transform().transform(each.get_position())[1]) for each in texts})


def test_a_legend_is_one_line_where_there_is_room():
    figure = timeline(five_tasks())
    assert len(legend(figure)) == 6
    assert lines_of_legend(figure) == 1


def test_a_legend_of_many_entries_stands_in_lines():
    figure = Figure(figsize=(5, 4))
    timeline(five_tasks(), ax=figure.subplots())
    assert lines_of_legend(figure) == 2


def test_the_figure_grows_with_its_lanes_up_to_a_limit():
    runs = [make([task(f"t{i}", i, i + 1) for i in range(n)], []) for n in (3, 30, 3000)]
    heights = [timeline(run).get_figheight() for run in runs]
    assert heights[0] < heights[1] < heights[2] < 50


def test_what_is_left_out_is_said_below_the_axis():
    run = make([task(f"t{i}", i, i + 1) for i in range(3000)], [])
    assert "120 of 3,000" in timeline(run).axes[0].get_xlabel()
    assert timeline(run).axes[0].get_title(loc="left").endswith("50.0 min")


def test_many_unstarted_tasks_become_a_note():
    run = make([task("a", 0, 1), *(task(f"t{i}", status="pending") for i in range(20))], [])
    figure = timeline(run)
    assert labels(figure) == ["a"]
    assert "20 tasks not started" in figure.axes[0].get_xlabel()


def test_draws_on_the_axes_it_is_given():
    figure = Figure()
    ax = figure.subplots(1, 2)[1]
    assert timeline(five_tasks(), ax=ax) is figure
    assert not figure.axes[0].has_data()


def test_a_subfigure_and_unknown_times_are_no_trouble():
    figure = Figure()
    run = five_tasks()
    run.tasks.loc[3, "end"] = pd.NaT
    run.started = run.started.replace(tzinfo=None)
    assert timeline(run, ax=figure.subfigures(1, 2)[0].subplots()) is figure


def test_pyplot_is_never_loaded():
    code = "import sys, attune_nb.charts; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

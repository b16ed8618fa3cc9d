from __future__ import annotations

import dataclasses
import datetime as dt
import os
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attune_nb.charts import timeline

T0 = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)
ATTEMPT = ["task", "visit", "index", "attempt", "worker", "start", "duration", "status"]


@dataclasses.dataclass
class FakeRun:
    tasks: pd.DataFrame
    attempts: pd.DataFrame
    workflow_name: str = "nightly_report"
    status: str = "succeeded"
    started: dt.datetime = T0


def task(name, start=None, end=None, status="succeeded", **more):
    moments = [pd.NaT if s is None else T0 + dt.timedelta(seconds=s) for s in (start, end)]
    row = {"task": name, "visit": 1, "status": status, "attempts": 1, "items": 1}
    row |= {"failed_items": 0, "start": moments[0], "end": moments[1]}
    return row | {"duration_ms": None, "error": None} | more


def make(tasks, attempts, **more):
    frame = pd.DataFrame(tasks, columns=list(task("x")))
    for column in ("start", "end"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return FakeRun(frame, pd.DataFrame(attempts, columns=ATTEMPT), **more)


def five_tasks():
    tasks = [
        task("extract", 0, 2.1),
        task("validate", 2.1, 6.9),
        task("load_regions", 2.1, 7.4, items=12),
        task("notify", 7.4, 9.0, "failed"),
        task("archive", 7.4, 7.4, "skipped"),
        task("extract", 9.0, 10.2, visit=2),
        task("publish", status="pending"),
    ]
    attempts = [
        ("extract", 1, 0, 1, 0, 0.2, 1.9, "succeeded"),
        ("validate", 1, 0, 1, 1, 2.2, 1.0, "failed"),
        ("validate", 1, 0, 2, 0, 3.7, 1.0, "timed_out"),
        ("validate", 1, 0, 3, 2, 5.4, 1.5, "succeeded"),
        ("notify", 1, 0, 1, 2, 7.9, 1.1, "failed"),
        ("extract", 2, 0, 1, 2, 9.1, 1.1, "succeeded"),
    ]
    for i in range(12):
        status = "failed" if i == 5 else "succeeded"
        attempts.append(("load_regions", 1, i, 1, i % 4, 2.5 + 1.4 * (i // 4), 1.2, status))
    attempts.append(("load_regions", 1, 5, 2, 1, 6.6, 0.7, "succeeded"))
    return make(tasks, attempts, status="failed")


def many_items(count=1000, workers=50, *, name="fetch_pages"):
    luck = np.random.default_rng(7)
    free = np.full(workers, 1.5)
    attempts = [("list_pages", 1, 0, 1, 0, 0.1, 1.3, "succeeded")]
    for i in range(count):
        attempt, status = 1, ""
        while status != "succeeded" and attempt <= 3:
            worker = int(free.argmin())
            long = float(luck.gamma(3.0, 0.25))
            bad = luck.random() < (0.35 if 400 < i < 520 else 0.03)
            status = luck.choice(["failed", "timed_out"], p=[0.7, 0.3]) if bad else "succeeded"
            attempts.append((name, 1, i, attempt, worker, float(free[worker]), long, status))
            free[worker] += long + 0.01
            attempt += 1
    end = float(free.max())
    attempts.append(("summarise", 1, 0, 1, 0, end + 0.3, 0.9, "succeeded"))
    tasks = [
        task("list_pages", 0, 1.4),
        task(name, 1.4, end, items=count),
        task("summarise", end, end + 1.2),
    ]
    return make(tasks, attempts, workflow_name="crawl")


def weird():
    names = ["$x^{$", "_hidden", "a\x00b\x1b[31m\nc", "%s {0} \\frac", "n" * 200, "größe €"]
    tasks = [task(n, i * 0.01, i * 0.01 + 0.02) for i, n in enumerate(names)]
    attempts = [(n, 1, 0, 1, 0, i * 0.01, 0.02, "cancelled") for i, n in enumerate(names)]
    return make(tasks, attempts, workflow_name="$\\bad{$ \x07flow", status="cancelled")


def wide():
    rows = [
        ("map", 1, i, 1, i % 30, (i // 30) * 60.0, 50.0 + i % 9, "succeeded") for i in range(300)
    ]
    rows[40] = (*rows[40][:-1], "failed")
    return make([task("map", 0, 600, items=300), task("noop", 600, 600)], rows)


RUNS = {
    "five": five_tasks,
    "thousand": many_items,
    "weird": weird,
    "wide": wide,
    "empty": lambda: make([], [], status="running"),
}


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


def test_the_number_of_artists_does_not_follow_the_number_of_items():
    few, many = (len(timeline(many_items(n)).axes[0].get_children()) for n in (600, 3000))
    assert few == many < 60


def test_the_axis_is_in_a_sensible_unit():
    assert timeline(weird()).axes[0].get_xlabel().endswith("(ms)")
    assert timeline(five_tasks()).axes[0].get_xlabel().endswith("(s)")
    assert timeline(wide()).axes[0].get_xlabel().endswith("(min)")


def test_a_strip_says_how_many_ran_at_once():
    assert "fetch_pages\n\N{MULTIPLICATION SIGN}1,000\npeak 50 at once" in labels(
        timeline(many_items())
    )


def test_the_figure_grows_with_its_lanes_up_to_a_limit():
    runs = [make([task(f"t{i}", i, i + 1) for i in range(n)], []) for n in (3, 30, 3000)]
    heights = [timeline(run).get_figheight() for run in runs]
    assert heights[0] < heights[1] < heights[2] < 50
    assert "120 of 3,000" in timeline(runs[2]).axes[0].get_title(loc="right")


def test_many_unstarted_tasks_become_a_note():
    run = make([task("a", 0, 1), *(task(f"t{i}", status="pending") for i in range(20))], [])
    figure = timeline(run)
    assert labels(figure) == ["a"]
    assert "20 tasks not started" in figure.axes[0].get_title(loc="right")


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

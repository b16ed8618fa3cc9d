"""Timelines of all sizes: every text is there, can be read, and covers no other one."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from support.chart_runs import TIMELINE_RUNS
from support.fake_runs import make_run, task_row
from support.figures import label_texts, save_picture
from support.pictures import clipped_texts, overlapping_texts, visible_texts

from attune_nb.charts import timeline
from attune_nb.charts.style import DARK, LIGHT

TIMES = "\N{MULTIPLICATION SIGN}"

# points: in a chart as wide as it is made, 12 pixels; 10 pixels in one of 800 pixels
SMALLEST = 9.0

EXPECTED = {
    "3 tasks": ["task_0", "task_1", "task_2"],
    "30 tasks": [f"task_{number}" for number in range(30)],
    "150 tasks": [f"task_{number}" for number in range(150)],
    "1,000 tasks": [f"✗ task_{number}" for number in range(1, 1_000, 41)],
    "12 visits": ["open_catalogue", f"page\n{TIMES}12 visits · 2 failed", "store_pages"],
    "1,000 visits": ["open_catalogue", f"page\n{TIMES}1,000 visits · 3 failed", "store_pages"],
    "1 failed of 1,000 items": [f"check\n{TIMES}1,000 · 1 failed\npeak 8 at once"],
    "100,000 items": [f"check\n{TIMES}100,000 · 500 failed\npeak 16 at once"],
}
"""The names that a picture must have, beside others."""


@pytest.fixture(scope="module", params=TIMELINE_RUNS)
def run(request):
    """Return a run, and the text that says how large it is."""
    return request.param, TIMELINE_RUNS[request.param]()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_of_a_picture_can_be_read(run, theme):
    size, drawn_run = run
    figure = timeline(drawn_run, dark=theme is DARK)
    save_picture(figure, f"timeline of {size}{' (dark)' * (theme is DARK)}")

    assert set(EXPECTED[size]) <= set(label_texts(figure))
    assert clipped_texts(figure) == []
    assert overlapping_texts(figure) == []

    texts = visible_texts(figure)
    assert min(text.get_fontsize() for text in texts) >= SMALLEST
    colours = {to_hex(text.get_color()).upper() for text in texts}
    assert colours <= {theme.ink, theme.muted}
    assert len(figure.axes[0].get_children()) < 40


def test_a_loop_is_one_lane_with_its_longest_visit():
    figure = timeline(TIMELINE_RUNS["1,000 visits"]())
    texts = [text.get_text() for text in figure.axes[0].texts]

    assert len(label_texts(figure)) == 3
    assert any(text.startswith("longest visit: #333, ") for text in texts)


def test_names_have_space_on_small_axes():
    ax = Figure(figsize=(12, 5)).add_axes((0.3, 0.1, 0.6, 0.8))
    figure = timeline(TIMELINE_RUNS["1,000 tasks"](), ax=ax)
    assert overlapping_texts(figure) == []


def loops_of_items(count):
    """Return a run of tasks that are visited three times each, with items each time."""
    tasks = []
    for number in range(count):
        for visit in range(1, 4):
            start = number + visit / 4
            columns = {"visit": visit, "items": 5, "failed_items": 1}
            tasks.append(task_row(f"task_{number}", start, start + 0.2, **columns))
    return make_run(tasks, [])


def test_names_with_visits_and_items_have_space():
    figure = timeline(loops_of_items(60))
    assert f"task_7\n{TIMES}3 visits\n{TIMES}15 items · 3 failed" in label_texts(figure)
    assert overlapping_texts(figure) == []

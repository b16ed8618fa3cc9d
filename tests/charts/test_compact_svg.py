"""SVG files are small, and show the same as before."""

from __future__ import annotations

import re

from support.chart_runs import TIMELINE_RUNS
from support.fake_runs import five_tasks
from support.figures import html_of, svg_of

from attune_nb.charts import timeline
from attune_nb.charts.compact_svg import compact_svg


def test_paths_that_look_the_same_become_one():
    look = ' style="fill: #fff"'
    text = f'<g>\n <path d="M 0 0 \nz\n"{look}/>\n <path d="M 1 1 \nz\n"{look}/>\n</g>'
    assert compact_svg(text) == f'<g><path d="M 0 0 z M 1 1 z "{look}/></g>'


def test_paths_that_look_different_stay_apart():
    text = '<path d="M 0 0" style="a"/><path d="M 1 1" style="b"/><path d="M 2 2" style="a"/>'
    assert compact_svg(text) == text


def test_lengths_have_two_decimals_and_texts_keep_all():
    text = '<path d="M 1.23456 2.0001"/><text>1.23456  and\n more</text>'
    assert compact_svg(text) == '<path d="M 1.23 2"/><text>1.23456  and\n more</text>'


def test_the_font_is_named_once():
    svg = svg_of(timeline(five_tasks()))
    assert svg.count("font-family") == 1
    assert 'id="text_' not in svg


def test_a_marker_has_the_style_of_its_use():
    """The rules for a dark page do not reach the copy of a marker in its use."""
    svg = svg_of(timeline(five_tasks()))
    markers = re.findall(r'<path id="m[^>]*>', svg)

    assert markers
    assert not [marker for marker in markers if "style=" in marker]


def test_a_chart_of_many_items_is_one_small_line_in_a_notebook():
    html = html_of(timeline(TIMELINE_RUNS["100,000 items"]()))
    assert len(html) < 150_000
    assert html.count("\n") < 5


def test_the_bars_of_a_status_are_one_path():
    svg = svg_of(timeline(TIMELINE_RUNS["30 tasks"]()))
    assert svg.count('style="fill: #009e73') <= 3

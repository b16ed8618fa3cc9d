"""The colours of a chart on a light page, on a dark page, and in files."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure
from support.fake_runs import five_tasks, make_run, task_row
from support.figures import html_of, svg_of

from attune_nb import charts
from attune_nb.charts.style import DARK, LIGHT

FOLLOWS_THE_SYSTEM = "@media (prefers-color-scheme:dark)"


def test_a_notebook_gets_html_and_a_picture():
    bundle = charts.timeline(five_tasks())._repr_mimebundle_()

    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["text/html"].startswith("<div")
    assert bundle["text/plain"].startswith("<ChartFigure")


def test_the_colours_follow_the_page_that_shows_the_chart():
    html = html_of(charts.timeline(five_tasks()))

    for dark_page in ('[data-jp-theme-light="false"]', '[data-theme="dark"]'):
        assert f"{dark_page} .attune-themed" in html
    assert FOLLOWS_THE_SYSTEM in html
    assert f"--attune-ink:{DARK.ink}" in html


def test_every_rule_of_the_style_is_limited_to_charts():
    style = html_of(charts.timeline(five_tasks())).partition("<style>")[2].partition("</style>")[0]
    selectors = [part.rpartition("}")[2] for part in style.split("{")[:-1]]

    limited = [selector for selector in selectors if ".attune-" in selector]
    assert [selector for selector in selectors if selector not in limited] == [FOLLOWS_THE_SYSTEM]


def test_a_page_that_removes_styles_and_svg_shows_a_picture():
    html = html_of(charts.timeline(five_tasks()))

    assert '<img class="attune-picture"' in html
    assert ".attune-picture{display:none}" in html
    assert '<div class="attune-drawing" style="display:none"><svg ' in html
    assert ".attune-drawing{display:block!important}" in html
    assert 'alt="nightly_report · failed · 10.2 s"' in html


def test_texts_are_never_narrower_than_ten_pixels():
    """The chart shrinks with its page until its smallest text has ten pixels."""
    html = html_of(charts.timeline(five_tasks()))
    assert "width:100%;max-width:960px;min-width:" in html


def test_a_saved_svg_follows_its_page_unless_dark_is_set():
    assert FOLLOWS_THE_SYSTEM in svg_of(charts.timeline(five_tasks()))

    assert FOLLOWS_THE_SYSTEM not in svg_of(charts.timeline(five_tasks(), dark=False))

    dark = svg_of(charts.timeline(five_tasks(), dark=True))
    assert FOLLOWS_THE_SYSTEM not in dark
    assert f"fill: {DARK.paper.lower()}" in dark
    assert LIGHT.ink.lower() not in dark


@pytest.mark.parametrize("dark", [None, False, True])
def test_a_file_of_pixels_has_the_paper_of_its_theme(dark):
    figure = charts.timeline(five_tasks(), dark=dark)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="rgba")

    expected = DARK if dark else LIGHT
    corner = np.frombuffer(buffer.getvalue()[:3], np.uint8)
    assert "#" + "".join(f"{part:02X}" for part in corner) == expected.paper


@pytest.mark.parametrize("name", ["chart.svg", "chart.png", "chart.pdf"])
def test_a_chart_is_saved_in_the_format_of_the_files_name(tmp_path, name):
    path = tmp_path / name
    charts.timeline(five_tasks()).savefig(path)

    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
    assert path.read_bytes().startswith(starts[path.suffix[1:]])


def test_spaces_in_texts_are_kept():
    assert 'xml:space="preserve"' in svg_of(charts.timeline(five_tasks()))


def test_the_same_chart_is_the_same_file():
    assert svg_of(charts.timeline(five_tasks())) == svg_of(charts.timeline(five_tasks()))


def test_hostile_names_stay_text():
    hostile = '<img src=x onerror="alert(1)">'
    run = make_run([task_row(hostile, 0, 1)], [], workflow_name=f'"{hostile}')
    figure = charts.timeline(run)

    assert "<img src=x" not in html_of(figure)
    ET.fromstring(svg_of(figure))


def test_axes_of_a_caller_keep_their_figure():
    ax = Figure().add_subplot()
    assert charts.timeline(five_tasks(), ax=ax) is ax.figure

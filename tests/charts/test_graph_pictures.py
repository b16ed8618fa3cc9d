"""Graphs of all sizes, as a reader sees them: nothing clipped, nothing on anything else."""

from __future__ import annotations

import functools

import pytest
from matplotlib.colors import to_hex
from support.figures import legend_texts
from support.pictures import (
    clipped_shapes,
    clipped_texts,
    count_artists,
    font_pixels,
    overlapping_texts,
)
from support.workflow_shapes import chain, fork, growth, layers, name_of, text_of, unconnected

import attune_nb
from attune_nb.charts.graph_chart.model import read_graph
from attune_nb.charts.style import DARK, LIGHT

# pixels: the fonts of graphs have some air above and below their letters
AIR = 1.0

# inches: the space of a page of a notebook
WIDEST = 10.1
HIGHEST = 24.0

PICTURES = {
    "a chain of 3": (chain(3), 1),
    "layers of 30": (layers(30, 5), 17),
    "a growth of 30": (growth(30), 12),
    "a fork of 30": (fork(30), 7),
    "a chain of 30": (chain(30), 22),
    "layers of 150": (layers(150, 12), 77),
    "a growth of 150": (growth(150), 90),
    "a fork of 150": (fork(150), 77),
    "a chain of 150": (chain(150), 120),
    "150 unconnected": (unconnected(150), 9),
    "layers of 1,000": (layers(1000, 25), 707),
    "a growth of 1,000": (growth(1000), 400),
    "a fork of 1,000": (fork(1000), 500),
    "a chain of 1,000": (chain(1000), 900),
}
WITH_NAMES = [name for name, (targets, _) in PICTURES.items() if len(targets) <= 400]
LARGE = [name for name, (targets, _) in PICTURES.items() if len(targets) > 400]


@functools.cache
def run_of(name):
    targets, failing = PICTURES[name]
    return attune_nb.loads(text_of(targets, [failing])).run(progress=False)


@functools.cache
def picture_of(name):
    return run_of(name).graph()


def names_in(figure):
    """Return the drawn name of each task, by its path."""
    return {text.get_gid(): text.get_text() for text in figure.axes[0].texts if text.get_gid()}


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_of_a_picture_is_clipped_or_covered(name):
    figure = picture_of(name)
    assert clipped_texts(figure) == []
    assert overlapping_texts(figure, AIR) == []


@pytest.mark.parametrize("name", PICTURES)
def test_no_shape_of_a_picture_leaves_it(name):
    assert clipped_shapes(picture_of(name)) == []


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_fits_a_page_and_is_read_without_a_lens(name):
    figure = picture_of(name)
    width, height = figure.get_size_inches()
    assert width <= WIDEST
    assert height <= HIGHEST
    assert min(font_pixels(figure)) >= 10


@pytest.mark.parametrize("name", WITH_NAMES)
def test_every_task_has_its_name_in_a_picture(name):
    targets, failing = PICTURES[name]
    names = names_in(picture_of(name))
    assert set(names) == {name_of(number) for number in range(len(targets))}

    # shortened or not, each differs from all others, and the failed one is in full
    assert len(set(names.values())) == len(targets)
    assert names[name_of(failing)] == name_of(failing)


@pytest.mark.parametrize("name", LARGE)
def test_a_large_picture_names_its_failed_task(name):
    _, failing = PICTURES[name]
    figure = picture_of(name)
    assert names_in(figure) == {name_of(failing): name_of(failing)}
    assert count_artists(figure) < 40


@pytest.mark.parametrize("name", PICTURES)
def test_the_way_to_the_failure_leads_from_a_first_task(name):
    _, failing = PICTURES[name]
    graph = read_graph(run_of(name))
    sources = {edge.target: edge.source for edge in graph.edges if edge.on_failed_path}

    step = failing
    while step in sources:
        step = sources.pop(step)
    assert sources == {}
    assert all(edge.target != step for edge in graph.edges)


@pytest.mark.parametrize(
    ("name", "dark", "theme"),
    [
        ("a growth of 150", False, LIGHT),
        ("a growth of 150", True, DARK),
        ("a fork of 1,000", True, DARK),
    ],
    ids=["names, light", "names, dark", "states, dark"],
)
def test_names_of_a_picture_are_read_on_its_page(name, dark, theme):
    figure = run_of(name).graph(dark=dark)
    assert to_hex(figure.get_facecolor()).upper() == theme.paper
    [failed] = [
        text for text in figure.axes[0].texts if text.get_gid() == name_of(PICTURES[name][1])
    ]
    assert failed.get_color() == theme.ink
    assert "failed" in legend_texts(figure)

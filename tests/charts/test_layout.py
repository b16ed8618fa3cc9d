"""The layered layout of a graph: layers, straight edges, and no overlaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path
from support.layout_checks import (
    any_overlap,
    assert_clear,
    boxes_of,
    inside,
    points_along,
    shrink,
)

from attune_nb.charts.graph_chart.layout.edge_routing import route_edges
from attune_nb.charts.graph_chart.layout.folding import fold
from attune_nb.charts.graph_chart.layout.separation import separate
from attune_nb.charts.graph_chart.layout.sugiyama import (
    Spacing,
    lay_out,
    lay_out_dense,
    lay_out_within,
)

LABEL_SIZE = (0.8, 0.14)


def sizes_of(count):
    """Return the sizes of some boxes."""
    return [(1.0 + 0.1 * (box % 7), 0.4 + 0.1 * (box % 3)) for box in range(count)]


def lay_out_boxes(count, edges, labels=()):
    """Lay out boxes of several sizes; return the layout and the sizes."""
    sizes = sizes_of(count)
    label_sizes = dict.fromkeys(labels, LABEL_SIZE)
    return lay_out(sizes, edges, label_sizes, forks_of(edges), Spacing()), sizes


def lay_out_boxes_within(count, edges, labels, limit):
    """Lay out boxes of several sizes within a width; return the layout and the sizes."""
    sizes = sizes_of(count)
    label_sizes = dict.fromkeys(labels, LABEL_SIZE)
    return lay_out_within(sizes, edges, label_sizes, forks_of(edges), Spacing(), limit), sizes


def lay_out_boxes_densely(count, edges):
    """Lay out boxes of several sizes without channels; return the layout and the sizes."""
    sizes = sizes_of(count)
    return lay_out_dense(sizes, edges, forks_of(edges), Spacing(), 6.0), sizes


def forks_of(edges):
    """Return a value for each edge, as if each were of a transition of its own."""
    return dict(enumerate(range(len(edges))))


def test_layers_follow_the_edges():
    layout, _ = lay_out_boxes(4, [(0, 1), (1, 2), (0, 2), (2, 3)])
    tops = [along for _, along in layout.centres]
    assert tops == sorted(tops)
    assert not layout.back


def test_a_cycle_has_one_edge_that_goes_back():
    edges = [(0, 1), (1, 2), (2, 1)]
    layout, sizes = lay_out_boxes(3, edges, labels=[2])
    assert layout.back == {2}

    route = route_edges(layout, sizes, edges)[2]
    assert route.points[0][1] > route.points[-1][1]
    assert abs(route.tip[0] - layout.centres[1][0]) == pytest.approx(sizes[1][0] / 2)


def test_a_chain_is_straight():
    edges = [(box, box + 1) for box in range(4)]
    layout, sizes = lay_out_boxes(5, edges)

    assert len({round(across, 6) for across, _ in layout.centres}) == 1
    for route in route_edges(layout, sizes, edges):
        assert len({round(across, 6) for across, _ in route.points}) == 1


def test_a_long_edge_is_straight_beside_the_boxes_it_passes():
    edges = [(box, box + 1) for box in range(6)] + [(0, 6)]
    layout, _ = lay_out_boxes(7, edges)
    across = [station.across for station in layout.stations[-1][1:-1]]

    assert len(across) == 5
    assert max(across) - min(across) < 1e-3


def test_crossings_that_can_be_avoided_are_avoided():
    # as written, every edge crosses every other one
    edges = [(0, 1), (0, 2), (0, 3), (1, 6), (2, 5), (3, 4)]
    layout, _ = lay_out_boxes(7, edges)
    upper = sorted((1, 2, 3), key=lambda box: layout.centres[box][0])
    lower = sorted((4, 5, 6), key=lambda box: layout.centres[box][0])
    assert [7 - box for box in upper] == lower


def test_positions_are_as_wished_if_there_is_space():
    assert separate([0.0, 5.0], [1.0, 1.0], [1.0]) == [0.0, 5.0]


def test_positions_too_near_move_apart_about_their_mean():
    assert separate([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 1.0]) == [-1.0, 0.0, 1.0]
    assert separate([0.0, 0.0], [3.0, 1.0], [1.0]) == [-0.25, 0.75]


@st.composite
def graphs(draw):
    """Draw the number of boxes, the edges, and the edges that have labels."""
    count = draw(st.integers(1, 14))
    boxes = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(boxes, boxes), max_size=28))
    numbers = st.integers(0, max(len(edges) - 1, 0))
    labels = draw(st.sets(numbers, max_size=len(edges)))
    return count, edges, labels


def assert_no_boxes_overlap(layout, sizes):
    boxes = [shrink(box, 1e-6) for box in boxes_of(layout, sizes)]
    assert not any_overlap(boxes)
    assert min((box[0] for box in boxes), default=0.0) >= 0
    assert max((box[2] for box in boxes), default=0.0) <= layout.across


def assert_forward_edges_go_forward(layout, sizes, edges):
    boxes = boxes_of(layout, sizes)
    for number, (source, target) in enumerate(edges):
        if number in layout.back:
            assert boxes[target][1] <= boxes[source][1]
        else:
            assert boxes[source][3] < boxes[target][1]

        starts = [station.start for station in layout.stations[number]]
        assert starts == sorted(starts)


def label_boxes(layout, edges, labels):
    """Return the numbers of labelled edges between two boxes, each with its label's box."""
    half_width = LABEL_SIZE[0] / 2
    half_height = LABEL_SIZE[1] / 2
    boxes = []
    for number, (x, y) in layout.labels.items():
        source, target = edges[number]
        if number in labels and source != target:
            box = [x - half_width, y - half_height, x + half_width, y + half_height]
            boxes.append((number, np.array(box)))
    return boxes


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_any_graph_is_laid_out_without_overlaps(graph):
    count, edges, labels = graph
    layout, sizes = lay_out_boxes(count, edges, labels)
    assert_no_boxes_overlap(layout, sizes)
    assert_forward_edges_go_forward(layout, sizes, edges)

    boxes = label_boxes(layout, edges, labels)
    assert_clear(layout, sizes, boxes, route_edges(layout, sizes, edges))
    assert not any_overlap([box for _, box in boxes])


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_any_graph_is_laid_out_within_a_width(graph):
    """A box is not wider than the width, but the edges beside it may need more."""
    count, edges, labels = graph
    layout, sizes = lay_out_boxes_within(count, edges, labels, limit=4.0)
    assert_no_boxes_overlap(layout, sizes)
    assert_forward_edges_go_forward(layout, sizes, edges)
    assert_clear(layout, sizes, [], route_edges(layout, sizes, edges))


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_any_graph_is_folded_without_overlaps(graph):
    count, edges, labels = graph
    layout, sizes = lay_out_boxes(count, edges, labels)
    folded = fold(layout, sizes, width=20.0, height=4.0)
    assert_no_boxes_overlap(folded, sizes)
    assert_clear(folded, sizes, [], route_edges(folded, sizes, edges))


def test_a_wide_fork_goes_around_the_boxes():
    """So does a join: no edge is drawn over a box, though none has a channel."""
    edges = [(0, box) for box in range(1, 60)] + [(box, 60) for box in range(1, 60)]
    sizes = [(0.13, 0.09)] * 61
    forks = dict.fromkeys(range(len(edges)), 0)
    layout = lay_out_dense(sizes, edges, forks, Spacing(boxes=0.07), limit=2.0)

    assert set(layout.lines) == set(range(len(edges)))
    boxes = [shrink(box, 0.001) for box in boxes_of(layout, sizes)]
    for line in layout.lines.values():
        points = points_along(Path(line))
        assert not any(inside(points, box).any() for box in boxes)


def test_a_chain_is_folded_into_columns():
    edges = [(box, box + 1) for box in range(39)]
    layout, sizes = lay_out_boxes(40, edges)
    folded = fold(layout, sizes, width=10.0, height=4.0)

    assert layout.along > 20
    assert folded.along < 9
    assert folded.across <= 10
    assert len(folded.detours) == len({track.track for track in folded.detours.values()}) > 2


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_any_graph_without_channels_has_no_overlaps_either(graph):
    count, edges, _ = graph
    layout, sizes = lay_out_boxes_densely(count, edges)
    assert_no_boxes_overlap(layout, sizes)
    assert_forward_edges_go_forward(layout, sizes, edges)


def test_the_label_of_a_loop_is_beside_its_box():
    """A wide box below, whose middle is elsewhere, does not draw it away."""
    edges = [(0, 1), (1, 1), (1, 2), (2, 3), (2, 4), (3, 1)]
    layout, sizes = lay_out_boxes(5, edges, labels=[1])
    beside, _ = layout.labels[1]
    across, _ = layout.centres[1]
    distance = abs(beside - across) - (sizes[1][0] + LABEL_SIZE[0]) / 2
    assert distance == pytest.approx(Spacing().channels)


def test_an_edge_keeps_clear_of_a_higher_box_beside_its_source():
    edges = [(0, 2), (0, 3), (0, 4), (3, 2), (0, 1)]
    layout, sizes = lay_out_boxes(7, edges)
    assert_clear(layout, sizes, [], route_edges(layout, sizes, edges))

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.layout_checks import assert_clear, boxes_of, overlap, within

from attune_nb.charts.graph_chart.layout.edge_routing import route_edges
from attune_nb.charts.graph_chart.layout.separation import separate
from attune_nb.charts.graph_chart.layout.sugiyama import Spacing, lay_out

SPACING = Spacing()


def layered(count, links, labels=(), **more):
    sizes = [(1.0 + 0.1 * (at % 7), 0.4 + 0.1 * (at % 3)) for at in range(count)]
    label = dict.fromkeys(labels, (0.8, 0.14))
    forks = dict(enumerate(range(len(links))))
    return lay_out(sizes, links, label, forks, SPACING, **more), sizes


def test_layers_follow_the_links():
    layout, _ = layered(4, [(0, 1), (1, 2), (0, 2), (2, 3)])
    tops = [along for _, along in layout.centres]
    assert tops == sorted(tops)
    assert not layout.back


def test_a_cycle_has_one_link_that_goes_back():
    layout, sizes = layered(3, [(0, 1), (1, 2), (2, 1)], labels=[2])
    assert layout.back == {2}
    way = route_edges(layout, sizes, [(0, 1), (1, 2), (2, 1)])[2]
    assert way.points[0][1] > way.points[-1][1]
    assert abs(way.tip[0] - layout.centres[1][0]) == pytest.approx(sizes[1][0] / 2)


def test_a_chain_is_straight():
    layout, sizes = layered(5, [(at, at + 1) for at in range(4)])
    assert len({round(across, 6) for across, _ in layout.centres}) == 1
    for way in route_edges(layout, sizes, [(at, at + 1) for at in range(4)]):
        assert len({round(across, 6) for across, _ in way.points}) == 1


def test_a_long_link_is_straight_beside_what_it_passes():
    links = [(at, at + 1) for at in range(6)] + [(0, 6)]
    layout, _ = layered(7, links)
    across = [station.across for station in layout.stations[-1][1:-1]]
    assert len(across) == 5
    assert max(across) - min(across) < 1e-3


def test_few_links_cross_that_need_not():
    # as written, every link crosses every other one
    links = [(0, 1), (0, 2), (0, 3), (1, 6), (2, 5), (3, 4)]
    layout, _ = layered(7, links)
    order = sorted((1, 2, 3), key=lambda at: layout.centres[at][0])
    below = sorted((4, 5, 6), key=lambda at: layout.centres[at][0])
    assert [7 - at for at in order] == below


def test_places_are_as_wished_where_there_is_room():
    assert separate([0.0, 5.0], [1.0, 1.0], [1.0]) == [0.0, 5.0]


def test_places_too_near_move_apart_about_their_mean():
    assert separate([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 1.0]) == [-1.0, 0.0, 1.0]
    assert separate([0.0, 0.0], [3.0, 1.0], [1.0]) == [-0.25, 0.75]


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 14))
    ends = st.integers(0, count - 1)
    links = draw(st.lists(st.tuples(ends, ends), max_size=28))
    labels = draw(st.sets(st.integers(0, max(len(links) - 1, 0)), max_size=len(links)))
    return count, links, labels


def assert_no_boxes_overlap(layout, sizes):
    boxes = [within(box, 1e-6) for box in boxes_of(layout, sizes)]
    assert not any(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert min((box[0] for box in boxes), default=0.0) >= 0
    assert max((box[2] for box in boxes), default=0.0) <= layout.across


def assert_forward_links_go_forward(layout, sizes, links):
    boxes = boxes_of(layout, sizes)
    for number, (source, target) in enumerate(links):
        if number in layout.back:
            assert boxes[target][1] <= boxes[source][1]
        else:
            assert boxes[source][3] < boxes[target][1]
        starts = [station.start for station in layout.stations[number]]
        assert starts == sorted(starts)


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_any_graph_is_laid_out_in_layers_without_overlaps(made_up):
    count, links, labels = made_up
    layout, sizes = layered(count, links, labels)
    assert_no_boxes_overlap(layout, sizes)
    assert_forward_links_go_forward(layout, sizes, links)
    ways = route_edges(layout, sizes, links)
    own = {n: at for n, at in layout.labels.items() if n in labels and links[n][0] != links[n][1]}
    areas = [(n, np.array([x - 0.4, y - 0.07, x + 0.4, y + 0.07])) for n, (x, y) in own.items()]
    assert_clear(layout, sizes, areas, ways)
    for at, (_, one) in enumerate(areas):
        assert not any(overlap(one, two) for _, two in areas[:at])


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_any_graph_without_channels_has_no_overlaps_either(made_up):
    count, links, _ = made_up
    layout, sizes = layered(count, links, avoid_boxes=False)
    assert_no_boxes_overlap(layout, sizes)
    assert_forward_links_go_forward(layout, sizes, links)

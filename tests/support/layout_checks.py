"""Checks of a layout: nothing lies on anything else."""

from __future__ import annotations

import numpy as np
from matplotlib.path import Path


def overlap(first, second):
    """Return whether two boxes overlap; a box is its left, top, right and bottom."""
    overlap_across = first[0] < second[2] and second[0] < first[2]
    overlap_along = first[1] < second[3] and second[1] < first[3]
    return overlap_across and overlap_along


def any_overlap(boxes):
    """Return whether any two of the boxes overlap."""
    for index, box in enumerate(boxes):
        if any(overlap(box, earlier) for earlier in boxes[:index]):
            return True
    return False


def shrink(box, margin):
    """Return a box without a margin at each side."""
    return np.add(box, [margin, margin, -margin, -margin])


def boxes_of(layout, sizes):
    """Return the boxes of a layout."""
    boxes = []
    for (x, y), (width, height) in zip(layout.centres, sizes, strict=True):
        boxes.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    return boxes


def assert_clear(layout, sizes, labels, routes):
    """Assert that no route enters a box, or the label of another edge.

    Args:
        layout: The layout.
        sizes: The size of each box.
        labels: Edges by their numbers, each with the box of its label.
        routes: The route of each edge.
    """
    boxes = [shrink(box, 0.01) for box in boxes_of(layout, sizes)]
    for number, route in enumerate(routes):
        points = points_along(Path(route.points, route.codes))
        for box in boxes:
            assert not inside(points, box).any()
        for labelled, box in labels:
            if layout.labels[labelled] != layout.labels.get(number):
                assert not inside(points, box).any()


def inside(points, box):
    """Return for each point whether it is inside a box."""
    return ((points > box[:2]) & (points < box[2:])).all(axis=1)


def points_along(path):
    """Return points along a path, near to each other."""
    points = path.cleaned(curves=False).vertices[:-1]
    return np.linspace(points[:-1], points[1:], 30).reshape(-1, 2)

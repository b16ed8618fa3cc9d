"""What must hold of a layout: nothing lies on anything else."""

from __future__ import annotations

import numpy as np
from matplotlib.path import Path


def overlap(one, two):
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def within(box, margin):
    return np.add(box, [margin, margin, -margin, -margin])


def boxes_of(layout, sizes):
    places = zip(layout.centres, sizes, strict=True)
    return [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for (x, y), (w, h) in places]


def assert_clear(layout, sizes, labels, ways):
    """Assert that no way enters a box, or a label but its own."""
    boxes = [within(box, 0.01) for box in boxes_of(layout, sizes)]
    for number, way in enumerate(ways):
        steps = steps_of(Path(way.points, way.codes))
        for box in boxes:
            assert not inside(steps, box).any()
        for other, box in labels:
            if layout.labels[other] != layout.labels.get(number):
                assert not inside(steps, box).any()


def inside(points, box):
    return ((points > box[:2]) & (points < box[2:])).all(axis=1)


def steps_of(path):
    """Give points along a path, near to each other."""
    points = path.cleaned(curves=False).vertices[:-1]
    return np.linspace(points[:-1], points[1:], 30).reshape(-1, 2)

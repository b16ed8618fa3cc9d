"""Checks of a drawn picture, as a reader sees it: its texts and its size."""

from __future__ import annotations

import itertools
import weakref

import numpy as np
from matplotlib.text import Text

POINTS = 72.0  # in an inch
PAGE_DPI = 96.0

# pixels: fonts have some air above and below their letters
AIR = 1.5


# drawing a large figure takes a second
DRAWN = weakref.WeakSet()


def visible_texts(figure):
    """Return the texts that are seen in a figure, those of axes and legends included."""
    if figure not in DRAWN:
        figure.draw_without_rendering()
        DRAWN.add(figure)
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def font_pixels(figure):
    """Return the sizes of the fonts in a figure, in pixels of a page in a browser."""
    return {text.get_size() * PAGE_DPI / POINTS for text in visible_texts(figure)}


def clipped_texts(figure):
    """Return the texts that are not wholly inside a figure."""
    width, height = figure.bbox.size
    clipped = []
    for text in visible_texts(figure):
        extent = text.get_window_extent()
        is_inside = extent.x0 >= 0 and extent.y0 >= 0 and extent.x1 <= width and extent.y1 <= height
        if not is_inside:
            clipped.append(text.get_text())
    return clipped


def overlapping_texts(figure):
    """Return the pairs of texts that lie on each other."""
    texts = visible_texts(figure)
    if len(texts) < 2:
        return []

    boxes = np.array([text.get_window_extent().extents for text in texts])
    left, bottom, right, top = boxes.T + np.array([[0.5], [AIR], [-0.5], [-AIR]])
    across = (left[:, None] < right[None, :]) & (left[None, :] < right[:, None])
    along = (bottom[:, None] < top[None, :]) & (bottom[None, :] < top[:, None])
    first, second = np.nonzero(np.triu(across & along, k=1))
    return [(texts[i].get_text(), texts[j].get_text()) for i, j in zip(first, second, strict=True)]


def count_artists(figure):
    """Return the number of artists on the axes of a figure."""
    return sum(len(ax.get_children()) for ax in figure.axes)


def clipped_shapes(figure):
    """Return the boxes of shapes that leave their axes, in pixels."""
    clipped = []
    for ax in figure.axes:
        left, bottom, right, top = ax.get_window_extent().extents
        for path in itertools.chain.from_iterable(c.get_paths() for c in ax.collections):
            x0, y0, x1, y1 = path.get_extents(ax.transData).extents
            if x0 < left or y0 < bottom or x1 > right or y1 > top:
                clipped.append((x0, y0, x1, y1))
    return clipped

"""Checks of a drawn picture, as a reader sees it: its texts and its size."""

from __future__ import annotations

import weakref

import numpy as np
from matplotlib.text import Text

POINTS = 72.0  # in an inch
PAGE_DPI = 96.0

# pixels by which texts that are read apart may overlap
OVERLAP = 1.0

# drawing a large figure takes a second
DRAWN = weakref.WeakSet()


def visible_texts(figure):
    """Return the texts that are seen in a figure, those of axes and legends included."""
    if figure not in DRAWN:
        figure.draw_without_rendering()
        DRAWN.add(figure)

    hidden = set()
    for ax in figure.axes:
        hidden.update(_hidden_labels(ax.xaxis), _hidden_labels(ax.yaxis))
    texts = [text for text in figure.findobj(Text) if text not in hidden]
    return [text for text in texts if text.get_visible() and text.get_text()]


def _hidden_labels(axis):
    """Return the labels of the ticks that are outside the limits of an axis."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
    return [tick.label1 for tick in ticks]


def font_pixels(figure):
    """Return the sizes of the fonts in a figure, in pixels of a page in a browser."""
    return {text.get_size() * PAGE_DPI / POINTS for text in visible_texts(figure)}


def clipped_texts(figure):
    """Return the texts of which a part is outside a figure."""
    width, height = figure.bbox.size
    clipped = []
    for text in visible_texts(figure):
        box = text.get_window_extent()
        if min(box.x0, box.y0) < 0 or box.x1 > width or box.y1 > height:
            clipped.append(text.get_text())
    return clipped


def overlapping_texts(figure, air=0.0):
    """Return the pairs of texts that lie on each other.

    Args:
        figure: The figure.
        air: The pixels above the letters of a font, and below them, that may lie on another text.
    """
    texts = visible_texts(figure)
    if len(texts) < 2:
        return []

    boxes = np.array([text.get_window_extent().extents for text in texts])
    left, bottom, right, top = boxes.T
    widths = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    heights = np.minimum.outer(top, top) - np.maximum.outer(bottom, bottom) - 2 * air
    is_overlap = (widths > OVERLAP) & (heights > OVERLAP)
    pairs = np.argwhere(np.triu(is_overlap, k=1))
    return [(texts[first].get_text(), texts[second].get_text()) for first, second in pairs]


def count_artists(figure):
    """Return the number of artists on the axes of a figure."""
    return sum(len(ax.get_children()) for ax in figure.axes)


def clipped_shapes(figure):
    """Return the boxes of shapes that leave their axes, in pixels."""
    clipped = []
    for ax in figure.axes:
        left, bottom, right, top = ax.get_window_extent().extents
        paths = []
        for collection in ax.collections:
            paths += collection.get_paths()

        for path in paths:
            x0, y0, x1, y1 = path.get_extents(ax.transData).extents
            if x0 < left or y0 < bottom or x1 > right or y1 > top:
                clipped.append((x0, y0, x1, y1))
    return clipped

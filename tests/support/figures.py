"""The texts of a chart's figure."""

from __future__ import annotations

import io
import os
import pathlib

from matplotlib.text import Text

PICTURES_VARIABLE = "ATTUNE_NB_PICTURES"
"""The environment variable that names a folder for the pictures of tests."""


def save_picture(figure, name):
    """Save a figure to be looked at, if the environment names a folder."""
    folder = os.environ.get(PICTURES_VARIABLE)
    if folder:
        figure.savefig(pathlib.Path(folder) / f"{name}.png")


def legend_texts(figure):
    """Return the texts of the legend, or an empty list without one."""
    legend = figure.axes[0].get_legend()
    if legend is None:
        return []
    return [text.get_text() for text in legend.get_texts()]


def label_texts(figure):
    """Return the labels of the y axis."""
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def drawn_texts(figure):
    """Return the texts that are drawn on the axes."""
    return [text.get_text() for text in figure.axes[0].texts]


def place_texts(figure):
    """Return the texts of a figure that are seen, each with its place in pixels."""
    figure.draw_without_rendering()
    hidden = set()
    for ax in figure.axes:
        hidden.update(_hidden_labels(ax.xaxis), _hidden_labels(ax.yaxis))

    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    return [(text, text.get_window_extent()) for text in texts if text not in hidden]


def _hidden_labels(axis):
    """Return the labels of the ticks that are outside the limits of an axis."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
    return [tick.label1 for tick in ticks]


def clipped_texts(figure, placed):
    """Return the texts, of those that are placed, of which a part is outside the figure."""
    width, height = figure.get_size_inches() * figure.dpi
    return [
        text.get_text()
        for text, box in placed
        if min(box.x0, box.y0) < 0 or box.x1 > width or box.y1 > height
    ]


def overlapping_texts(placed):
    """Return the pairs of placed texts that cover each other by more than a pixel."""
    pairs = []
    for number, (text, box) in enumerate(placed):
        for other, other_box in placed[number + 1 :]:
            width = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
            height = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
            if min(width, height) > 1:
                pairs.append((text.get_text(), other.get_text()))
    return pairs


def svg_of(figure):
    """Return the text of the SVG file of a figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    return buffer.getvalue().decode()


def html_of(figure):
    """Return the HTML that a notebook shows for a figure."""
    return figure._repr_mimebundle_()["text/html"]

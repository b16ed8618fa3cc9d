"""The texts of a chart's figure."""

from __future__ import annotations

import io
import os
import pathlib

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


def svg_of(figure):
    """Return the text of the SVG file of a figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    return buffer.getvalue().decode()


def html_of(figure):
    """Return the HTML that a notebook shows for a figure."""
    return figure._repr_mimebundle_()["text/html"]

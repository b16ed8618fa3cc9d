"""The texts of a chart's figure."""

from __future__ import annotations


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

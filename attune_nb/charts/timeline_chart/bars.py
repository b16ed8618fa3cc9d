"""Lanes drawn attempt by attempt: bars, the waits between them, and lanes without any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attune_nb.charts.style import COLOURS, clean_text, disable_mathtext
from attune_nb.charts.timeline_chart.density import draw_density
from attune_nb.charts.timeline_chart.lanes import EDGED, TOUCHING, next_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attune_nb.charts.timeline_chart.canvas import TimelineCanvas
    from attune_nb.charts.timeline_chart.lanes import Lane

    Floats = NDArray[np.float64]

__all__ = ["draw_lane"]

_BAR = 0.62  # rows: the height of a bar
_LINE = 0.16  # rows: the height of a wait
_MARGIN = 0.2  # rows, above and below the rows of a lane of several

# the shortest wait that is drawn, as a share of the whole span
_VISIBLE = 1 / 200

# points: the sizes of a cross, and the height of a bar from which on it has the larger one
_CROSS = 4.7
_SMALL_CROSS = 3.2
_HIGH = 0.28


def draw_lane(canvas: TimelineCanvas, lane: Lane) -> None:
    """Add a lane to the canvas."""
    if lane.status == "skipped":
        start = lane.start if lane.started else 0.0
        canvas.add_dot(start, lane.middle)
    elif not lane.started:
        _write_note(canvas, lane)
    elif not len(lane.attempts):
        _draw_execution(canvas, lane)
    else:
        _draw_waits(canvas, lane)
        if lane.dense:
            draw_density(canvas, lane)
        else:
            _draw_bars(canvas, lane)


def _write_note(canvas: TimelineCanvas, lane: Lane) -> None:
    """Write why a lane is empty."""
    note = "not started" if lane.status == "pending" else clean_text(lane.status)
    text = canvas.ax.text(
        0.008,
        lane.middle,
        note,
        va="center",
        transform=canvas.ax.get_yaxis_transform(),
        fontsize=8,
        style="italic",
        color=canvas.theme.muted,
    )
    disable_mathtext(text)


def _draw_execution(canvas: TimelineCanvas, lane: Lane) -> None:
    """Add one bar for an execution without known attempts; a line while it waits for an answer."""
    status = lane.status if lane.status in COLOURS else "running"
    start = np.array([lane.start])
    end = np.array([lane.end])
    middle = np.array([lane.middle])
    if lane.status == "waiting":
        canvas.add_waits(canvas.make_boxes(start, end, middle, _LINE))
        return

    boxes = canvas.make_boxes(start, end, middle, _BAR)
    canvas.add_bars(status, boxes)
    if status == "failed":
        canvas.add_crosses(boxes, _CROSS)


def _draw_waits(canvas: TimelineCanvas, lane: Lane) -> None:
    """Add the times in which no attempt ran: in the queue, before a retry, before the end."""
    last_ends = np.maximum.accumulate(lane.attempts.end)
    since = np.concatenate([[lane.start], last_ends])
    until = np.concatenate([lane.attempts.start, [lane.end]])
    visible = until - since > canvas.span * _VISIBLE
    if lane.items > 1:
        # between items nothing waits for an attempt to end
        visible[1:-1] = False

    boxes = canvas.make_boxes(since, until, np.full(len(since), lane.middle), _LINE)
    canvas.add_waits(boxes[:-1][visible[:-1]])
    if lane.status == "running" and visible[-1]:
        canvas.add_bars("running", boxes[-1:])


def _draw_bars(canvas: TimelineCanvas, lane: Lane) -> None:
    """Add a bar for each attempt."""
    attempts = lane.attempts
    margin = (1 - _BAR) / 2 if lane.height == 1 else _MARGIN
    row_height = (lane.height - 2 * margin) / lane.row_count
    middle = lane.top + margin + (lane.rows.astype(np.float64) + 0.5) * row_height
    height = min(_BAR, row_height * 0.86)

    boxes = canvas.make_boxes(attempts.start, _bar_ends(canvas, lane), middle, height)
    for status in np.unique(attempts.status):
        canvas.add_bars(str(status), boxes[attempts.status == status])
    canvas.add_retries(boxes[attempts.number > 1])
    cross = _CROSS if height >= _HIGH else _SMALL_CROSS
    canvas.add_crosses(boxes[attempts.status == "failed"], cross)


def _bar_ends(canvas: TimelineCanvas, lane: Lane) -> Floats:
    """Return the ends of bars; a bar without an edge ends a little before the next in its row."""
    attempts = lane.attempts
    before_next = next_starts(attempts, lane.rows) - canvas.span * TOUCHING
    narrow = attempts.end - attempts.start < canvas.span * EDGED
    return np.where(narrow, np.minimum(attempts.end, before_next), attempts.end)

"""Lanes drawn attempt by attempt: bars, the waits between them, and lanes without any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attune_nb.charts.style import COLOURS, SMALL_TEXT, clean_text, disable_mathtext
from attune_nb.charts.timeline_chart.density import draw_density
from attune_nb.charts.timeline_chart.lanes import EDGED, TOUCHING, next_starts
from attune_nb.charts.timeline_chart.longest_visit import mark_longest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attune_nb.charts.timeline_chart.canvas import TimelineCanvas
    from attune_nb.charts.timeline_chart.lanes import Lane

    Floats = NDArray[np.float64]

__all__ = ["draw_lane", "draw_thin_lane"]

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
    if not lane.started and lane.status != "skipped":
        _write_note(canvas, lane)
        return

    for execution in lane.executions:
        _draw_around_attempts(canvas, execution, lane.middle)
    if lane.dense and len(lane.attempts):
        draw_density(canvas, lane)
    elif len(lane.attempts):
        _draw_bars(canvas, lane)
    if lane.header:
        mark_longest(canvas, lane)


def draw_thin_lane(canvas: TimelineCanvas, lane: Lane) -> None:
    """Add a lane that is too thin for its attempts: a bar for each execution."""
    for execution in lane.executions:
        if execution.started and execution.status != "skipped":
            _draw_execution(canvas, execution, lane.middle, height=1.0)


def _draw_around_attempts(canvas: TimelineCanvas, execution: Lane, middle: float) -> None:
    """Add all of an execution but its attempts."""
    if execution.status == "skipped":
        start = execution.start if execution.started else 0.0
        canvas.add_dot(start, middle)
    elif not len(execution.attempts):
        _draw_execution(canvas, execution, middle)
    elif execution.end - execution.start > canvas.span * _VISIBLE:
        _draw_waits(canvas, execution, middle)


def _write_note(canvas: TimelineCanvas, lane: Lane) -> None:
    """Write why a lane is empty."""
    note = "not started" if lane.status == "pending" else clean_text(lane.status)
    text = canvas.ax.text(
        0.008,
        lane.middle,
        note,
        va="center",
        transform=canvas.ax.get_yaxis_transform(),
        fontsize=SMALL_TEXT,
        style="italic",
        color=canvas.theme.muted,
    )
    disable_mathtext(text)


def _draw_execution(
    canvas: TimelineCanvas, execution: Lane, middle: float, height: float = _BAR
) -> None:
    """Add one bar for an execution without known attempts; a line while it waits for an answer."""
    status = execution.status if execution.status in COLOURS else "running"
    start = np.array([execution.start])
    end = np.array([execution.end])
    if execution.status == "waiting":
        canvas.add_waits(canvas.make_boxes(start, end, np.array([middle]), _LINE))
        return

    boxes = canvas.make_boxes(start, end, np.array([middle]), height)
    canvas.add_bars(status, boxes)
    if status == "failed":
        canvas.add_crosses(boxes, _CROSS)


def _draw_waits(canvas: TimelineCanvas, execution: Lane, middle: float) -> None:
    """Add the times in which no attempt ran: in the queue, before a retry, before the end."""
    attempts = execution.attempts
    last_ends = np.maximum.accumulate(attempts.end)
    since = np.concatenate([[execution.start], last_ends])
    until = np.concatenate([attempts.start, [execution.end]])
    visible = until - since > canvas.span * _VISIBLE
    if execution.has_items:
        # between items nothing waits for an attempt to end
        visible[1:-1] = False

    boxes = canvas.make_boxes(since, until, np.full(len(since), middle), _LINE)
    canvas.add_waits(boxes[:-1][visible[:-1]])
    if execution.status == "running" and visible[-1]:
        canvas.add_bars("running", boxes[-1:])


def _draw_bars(canvas: TimelineCanvas, lane: Lane) -> None:
    """Add a bar for each attempt."""
    attempts = lane.attempts
    bars_height = lane.height - lane.header
    margin = (1 - _BAR) / 2 if bars_height == 1 else _MARGIN
    row_height = (bars_height - 2 * margin) / lane.row_count
    middle = lane.top + lane.header + margin + (lane.rows.astype(np.float64) + 0.5) * row_height
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

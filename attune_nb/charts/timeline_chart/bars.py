"""Lanes drawn attempt by attempt: bars, the waits between them, and lanes without any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attune_nb.charts.style import COLOURS, clean, literal
from attune_nb.charts.timeline_chart.density import gather_strip
from attune_nb.charts.timeline_chart.lanes import EDGED, TOUCHING, followers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attune_nb.charts.timeline_chart.canvas import Canvas
    from attune_nb.charts.timeline_chart.lanes import Lane

    Floats = NDArray[np.float64]

__all__ = ["gather_lane"]

_BAR = 0.62  # rows
_LINE = 0.16  # rows: what is not an attempt
_MARGIN = 0.2  # rows, above and below many rows
_VISIBLE = 1 / 200  # of the whole span: a shorter wait is no news
_MARK, _SMALL_MARK = 4.7, 3.2  # points
_ROOMY = 0.28  # rows: from this thickness on a bar has the larger mark


def gather_lane(canvas: Canvas, lane: Lane) -> None:
    """Gather what a lane shows."""
    if lane.status == "skipped":
        canvas.dot(lane.start if lane.started else 0.0, lane.middle)
    elif not lane.started:
        _note(canvas, lane)
    elif not len(lane.attempts):
        _whole(canvas, lane)
    else:
        _waits(canvas, lane)
        if lane.dense:
            gather_strip(canvas, lane)
        else:
            _bars(canvas, lane)


def _note(canvas: Canvas, lane: Lane) -> None:
    """Say in words why there is nothing to be seen."""
    note = "not started" if lane.status == "pending" else clean(lane.status)
    style: dict[str, Any] = {"fontsize": 8, "style": "italic", "color": canvas.theme.muted}
    where = canvas.ax.get_yaxis_transform()
    text = canvas.ax.text(0.008, lane.middle, note, va="center", transform=where, **style)
    literal(text)


def _whole(canvas: Canvas, lane: Lane) -> None:
    """Gather one bar for an execution whose attempts are not known."""
    status = lane.status if lane.status in COLOURS else "running"
    start, end, middle = (np.array([each]) for each in (lane.start, lane.end, lane.middle))
    box = canvas.boxes(start, end, middle, _BAR)
    canvas.bar(status, box)
    if status == "failed":
        canvas.cross(box, _MARK)


def _waits(canvas: Canvas, lane: Lane) -> None:
    """Gather when no attempt of an execution ran: in the queue, before a retry, not yet over."""
    reached = np.maximum.accumulate(lane.attempts.end)
    since = np.concatenate([[lane.start], reached])
    until = np.concatenate([lane.attempts.start, [lane.end]])
    wide = until - since > canvas.span * _VISIBLE
    if lane.items > 1:
        wide[1:-1] = False  # between items nothing waits for an attempt to end
    boxes = canvas.boxes(since, until, np.full(len(since), lane.middle), _LINE)
    canvas.wait(boxes[:-1][wide[:-1]])
    if lane.status == "running" and wide[-1]:
        canvas.bar("running", boxes[-1:])


def _bars(canvas: Canvas, lane: Lane) -> None:
    """Gather a bar for each attempt."""
    mine = lane.attempts
    margin = (1 - _BAR) / 2 if lane.height == 1 else _MARGIN
    pitch = (lane.height - 2 * margin) / lane.row_count
    middle = lane.top + margin + (lane.rows.astype(np.float64) + 0.5) * pitch
    thick = min(_BAR, pitch * 0.86)
    boxes = canvas.boxes(mine.start, _ends(canvas, lane), middle, thick)
    for status in np.unique(mine.status):
        canvas.bar(str(status), boxes[mine.status == status])
    canvas.retry(boxes[mine.number > 1])
    canvas.cross(boxes[mine.status == "failed"], _MARK if thick >= _ROOMY else _SMALL_MARK)


def _ends(canvas: Canvas, lane: Lane) -> Floats:
    """Give the ends of bars, those that have no edge a little before what follows in their row."""
    mine = lane.attempts
    before = followers(mine, lane.rows) - canvas.span * TOUCHING
    narrow = mine.end - mine.start < canvas.span * EDGED
    return np.where(narrow, np.minimum(mine.end, before), mine.end)

"""When each task ran: a lane for each task execution, a bar for each attempt.

The number of artists depends on the number of lanes, never on the number of items: all
bars of one status are one collection, and a lane with many attempts is a density strip.
"""

from __future__ import annotations

import dataclasses
import heapq
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from attune_nb.charts.style import (
    COLOURS,
    HATCHES,
    STATUSES,
    Theme,
    clean,
    literal,
    say_duration,
    theme_of,
    time_unit,
)

if TYPE_CHECKING:
    import datetime as dt

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["TimelineRun", "timeline"]

_MOST_BARS = 500  # attempts in a lane; beyond, the lane is a density strip
_MOST_LANES = 120
_MOST_UNSTARTED = 8
_BINS = 320
_INCHES = 0.36  # height of a lane of one row
_STRIP = 3.0  # height of a density strip, in rows
_BAR = 0.62
_TIMES = "\N{MULTIPLICATION SIGN}"
_TINY = 1e-6  # seconds
_MARKABLE = 0.28  # rows; a bar thinner than this has no place for a mark


class TimelineRun(Protocol):
    """What a timeline reads of a run."""

    @property
    def tasks(self) -> pd.DataFrame:
        """One row for each task execution."""

    @property
    def attempts(self) -> pd.DataFrame:
        """One row for each attempt."""

    @property
    def workflow_name(self) -> str:
        """The workflow's name."""

    @property
    def status(self) -> str:
        """How the run ended."""

    @property
    def started(self) -> dt.datetime:
        """When the run started."""


@dataclasses.dataclass
class _Lane:
    """A task execution, in seconds since the start of the run."""

    name: str
    visit: int
    status: str
    items: int
    start: float  # NaN where it never started
    end: float
    attempts: pd.DataFrame  # sorted by start, with `end` and `row`
    rows: int = 1
    top: float = 0.0
    height: float = 1.0

    @property
    def dense(self) -> bool:
        """Whether the lane is a density strip."""
        return len(self.attempts) > _MOST_BARS

    @property
    def started(self) -> bool:
        """Whether there is anything to draw but a name."""
        return not np.isnan(self.start)

    @property
    def middle(self) -> float:
        """The lane's centre line."""
        return self.top + self.height / 2


@dataclasses.dataclass
class _Canvas:
    """The axes, and what is gathered to be drawn on it in one go."""

    ax: Axes
    theme: Theme
    scale: float  # units of the axis in a second
    span: float  # seconds
    bars: dict[str, list[Floats]] = dataclasses.field(default_factory=dict)
    outlines: list[Floats] = dataclasses.field(default_factory=list)
    waits: list[Floats] = dataclasses.field(default_factory=list)
    crosses: list[Floats] = dataclasses.field(default_factory=list)
    dots: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    seen: set[str] = dataclasses.field(default_factory=set)

    def boxes(self, start: Floats, end: Floats, middle: Floats, height: float) -> Floats:
        """Give rectangles as an array (n, 4, 2), none too narrow to be seen."""
        left = start * self.scale
        right = np.maximum(end, start + self.span / 600) * self.scale
        low, high = middle - height / 2, middle + height / 2
        corners = [(left, low), (right, low), (right, high), (left, high)]
        return np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)

    def bar(self, status: str, boxes: Floats) -> None:
        """Gather bars of a status."""
        if len(boxes):
            self.bars.setdefault(status, []).append(boxes)
            self.seen.add(status)


def timeline(run: TimelineRun, ax: Axes | None = None, dark: bool = False) -> Figure:
    """Draw when each task of a run waited, ran, failed and was tried again.

    Args:
        run: A run, whatever its state.
        ax: Where to draw. A figure as tall as the run needs is made when it is left out.
        dark: Whether the chart will stand on a dark page.

    Returns:
        The figure, which pyplot knows nothing of: it is freed like any other object.
    """
    lanes, left_out = _shown(_lanes(run))
    depth = _stack(lanes)
    theme = theme_of(dark=dark)
    if ax is None:
        figure = Figure(figsize=(10, 1.35 + _INCHES * max(depth, 2.0)), dpi=110)
        figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
        figure.set_facecolor(theme.paper)
        ax = figure.add_subplot()
    total = max((lane.end for lane in lanes if lane.started), default=0.0)
    unit, scale = time_unit(total)
    canvas = _Canvas(ax, theme, scale, max(total, _TINY))
    for lane in lanes:
        _draw_lane(canvas, lane)
    _draw_gathered(canvas)
    _finish(canvas, lanes, depth, f"time since start ({unit})")
    _title(canvas, run, total, left_out)
    top = ax.figure if isinstance(ax.figure, Figure) else ax.figure.figure
    if not isinstance(top, Figure):
        raise TypeError("ax is not part of a figure")
    return top


# --- reading the run ---------------------------------------------------------------------


def _lanes(run: TimelineRun) -> list[_Lane]:
    """Read every task execution: the started in order of start, then the others."""
    attempts = run.attempts.dropna(subset=["start", "duration"])
    attempts = attempts.assign(end=attempts["start"] + attempts["duration"])
    groups = dict(iter(attempts.groupby(["task", "visit"], sort=False)))
    tasks = run.tasks
    zero = pd.Timestamp(run.started)
    zero = zero.tz_localize("UTC") if zero.tzinfo is None else zero.tz_convert("UTC")
    starts, ends = (
        (pd.to_datetime(tasks[column], utc=True) - zero).dt.total_seconds().to_numpy(float)
        for column in ("start", "end")
    )
    now = np.nanmax(np.concatenate([starts, ends, attempts["end"].to_numpy(float), [0.0]]))
    visits = tasks["visit"].fillna(1).astype(int)
    counts = tasks["items"].fillna(0).astype(int)
    columns = zip(tasks["task"], visits, tasks["status"], counts, starts, ends, strict=True)
    lanes = []
    for name, visit, status, count, start, end in columns:
        mine = groups.get((name, visit), attempts.iloc[:0])
        lanes.append(_lane(_Lane(name, visit, str(status), count, start, end, mine), float(now)))
    return sorted(lanes, key=lambda lane: lane.start if lane.started else np.inf)


def _lane(lane: _Lane, now: float) -> _Lane:
    """Complete a lane's times, and lay out its attempts in rows."""
    mine = lane.attempts.sort_values("start", kind="stable")
    if len(mine):
        first, last = float(mine["start"].iloc[0]), float(mine["end"].max())
        lane.start = min(lane.start, first) if lane.started else first
        lane.end = last if np.isnan(lane.end) else max(lane.end, last)
        lane.items = max(lane.items, int(mine["index"].nunique()))
    if lane.started:
        lane.start = max(lane.start, 0.0)
        lane.end = max(now if np.isnan(lane.end) else lane.end, lane.start)
    lane.attempts = mine
    if lane.dense:
        lane.height = _STRIP
    elif len(mine):
        rows = _rows(mine, by_worker=lane.items > 1)
        lane.attempts = mine.assign(row=rows)
        lane.rows = int(rows.max()) + 1
        lane.height = 1.0 if lane.rows == 1 else float(np.clip(0.42 * lane.rows, 1.5, 5.0))
    if lane.items > 1:
        lane.height = max(lane.height, 1.5)
    return lane


def _rows(attempts: pd.DataFrame, *, by_worker: bool) -> NDArray[np.int64]:
    """Give each attempt a row where it overlaps no other: its worker's, if that will do."""
    start = attempts["start"].to_numpy(float)
    end = attempts["end"].to_numpy(float)
    if by_worker:
        workers = np.unique(attempts["worker"].to_numpy(), return_inverse=True)[1]
        order = np.lexsort((start, workers))
        same = workers[order][1:] == workers[order][:-1]
        if not np.any(same & (start[order][1:] < end[order][:-1] - _TINY)):
            return workers.astype(np.int64)
    rows = np.zeros(len(start), dtype=np.int64)
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    for i in range(len(start)):
        while busy and busy[0][0] <= start[i] + _TINY:
            heapq.heappush(free, heapq.heappop(busy)[1])
        row = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (end[i], row))
        rows[i] = row
    return rows


def _shown(lanes: list[_Lane]) -> tuple[list[_Lane], str]:
    """Leave out what would make the picture too tall, and say what was left out."""
    started = [lane for lane in lanes if lane.started]
    others = [lane for lane in lanes if not lane.started]
    notes = []
    if len(started) > _MOST_LANES:
        notes.append(f"the first {_MOST_LANES} of {len(started):,} task executions")
        started = started[:_MOST_LANES]
    if len(others) > _MOST_UNSTARTED:
        notes.append(f"{len(others):,} tasks not started")
        others = []
    return started + others, " · ".join(notes)


def _stack(lanes: list[_Lane]) -> float:
    """Put the lanes below each other. Gives the depth of them all."""
    depth = 0.0
    for lane in lanes:
        lane.top = depth
        depth += lane.height
    return depth


# --- drawing -----------------------------------------------------------------------------


def _draw_lane(canvas: _Canvas, lane: _Lane) -> None:
    """Gather what a lane shows."""
    if lane.status == "skipped":
        canvas.dots.append((lane.start if lane.started else 0.0, lane.middle))
        return
    if not lane.started:
        note = "not started" if lane.status == "pending" else clean(lane.status)
        style: dict[str, Any] = {"fontsize": 8, "style": "italic", "color": canvas.theme.muted}
        where = canvas.ax.get_yaxis_transform()
        text = canvas.ax.text(0.008, lane.middle, note, va="center", transform=where, **style)
        literal(text)
        return
    if lane.attempts.empty:
        status = lane.status if lane.status in COLOURS else "running"
        start, end = np.array([lane.start]), np.array([lane.end])
        box = canvas.boxes(start, end, np.array([lane.middle]), _BAR)
        canvas.bar(status, box)
        if status == "failed":
            canvas.crosses.append(box.mean(axis=1))
        return
    _gather_waits(canvas, lane)
    if lane.dense:
        _draw_strip(canvas, lane)
    else:
        _gather_bars(canvas, lane)


def _gather_waits(canvas: _Canvas, lane: _Lane) -> None:
    """Gather the times in a task in which no attempt ran: in the queue, or before a retry."""
    start = lane.attempts["start"].to_numpy(float)
    reached = np.maximum.accumulate(lane.attempts["end"].to_numpy(float))
    since = np.concatenate([[lane.start], reached[:-1]])
    wide = start - since > canvas.span / 1000
    if lane.items > 1:
        wide[1:] = False  # between items nothing waits for an attempt to end
    if wide.any():
        middle = np.full(int(wide.sum()), lane.middle)
        canvas.waits.append(canvas.boxes(since[wide], start[wide], middle, 0.16))


def _gather_bars(canvas: _Canvas, lane: _Lane) -> None:
    """Gather a bar for each attempt."""
    mine = lane.attempts
    margin = 0.16 if lane.items > 1 else (1 - _BAR) / 2
    pitch = (lane.height - 2 * margin) / lane.rows
    middle = lane.top + margin + (mine["row"].to_numpy(float) + 0.5) * pitch
    thick = min(_BAR, pitch * 0.86)
    boxes = canvas.boxes(mine["start"].to_numpy(float), mine["end"].to_numpy(float), middle, thick)
    status = mine["status"].to_numpy(str)
    for each in np.unique(status):
        canvas.bar(str(each), boxes[status == each])
    canvas.outlines.append(boxes[mine["attempt"].to_numpy() > 1])
    if thick >= _MARKABLE:
        canvas.crosses.append(boxes[status == "failed"].mean(axis=1))


def _running(start: Floats, end: Floats, edges: Floats) -> Floats:
    """Give how many of the spans cover each bin, on average over the bin."""

    def area(times: Floats) -> Floats:
        times = np.sort(times)
        sums = np.concatenate([[0.0], np.cumsum(times)])
        count = np.searchsorted(times, edges, side="right")
        return np.asarray(count * edges - sums[count], dtype=float)

    return np.asarray(np.diff(area(start) - area(end)) / np.diff(edges)).clip(0.0)


def _draw_strip(canvas: _Canvas, lane: _Lane) -> None:
    """Draw how many attempts ran over time, stacked by how they ended, failures lowest.

    What did not succeed is never drawn too thin to be seen.
    """
    mine, theme = lane.attempts, canvas.theme
    start, end = mine["start"].to_numpy(float), mine["end"].to_numpy(float)
    share = (end.max() - start.min()) / canvas.span
    bins = int(np.clip(_BINS * share, 12, _BINS))
    edges = np.linspace(start.min(), max(end.max(), start.min() + _TINY), bins + 1)
    status = mine["status"].to_numpy(str)
    peak = max(float(_running(start, end, edges).max()), _TINY)
    floor = lane.top + lane.height - 0.12
    unit = (lane.height - 0.34) / peak
    base = np.zeros(bins)
    x = edges * canvas.scale
    for each in ("failed", "timed_out", "cancelled", "succeeded"):
        chosen = status == each
        if not chosen.any():
            continue
        high = _running(start[chosen], end[chosen], edges)
        if each != "succeeded":
            high = np.where(high > 0, np.maximum(high, peak * 0.05), 0.0)
        above = np.minimum(base + high, peak)
        low, top = (floor - unit * np.append(y, y[-1]) for y in (base, above))
        look: dict[str, Any] = {"facecolor": COLOURS[each], "edgecolor": theme.paper}
        look["hatch"] = HATCHES[each] or None
        canvas.ax.fill_between(x, low, top, step="post", linewidth=0, zorder=2, **look)
        base = above
        canvas.seen.add(each)
    again = mine["attempt"].to_numpy() > 1
    if again.any():
        high = _running(start[again], end[again], edges)
        line = floor - unit * np.append(high, high[-1])
        line[np.append(high, high[-1]) == 0] = np.nan
        canvas.ax.step(x, line, where="post", color=theme.ink, linewidth=0.9, zorder=4)
        canvas.seen.add("retry")


def _draw_gathered(canvas: _Canvas) -> None:
    """Draw the bars, a collection for each status, and the marks."""
    ax, theme = canvas.ax, canvas.theme
    if canvas.waits:
        boxes = np.concatenate(canvas.waits)
        ax.add_collection(PolyCollection(list(boxes), facecolor=theme.waiting, linewidth=0))
        canvas.seen.add("waiting")
    for status, parts in canvas.bars.items():
        boxes = np.concatenate(parts)
        ax.add_collection(
            PolyCollection(
                list(boxes),
                facecolor=COLOURS.get(status, theme.muted),
                edgecolor=theme.paper,
                hatch=HATCHES.get(status) or None,
                linewidth=0.4,
                zorder=2,
            )
        )
    outlines = np.concatenate([*canvas.outlines, np.empty((0, 4, 2))])
    if len(outlines):
        look: dict[str, Any] = {"facecolor": "none", "edgecolor": theme.ink, "zorder": 3}
        ax.add_collection(PolyCollection(list(outlines), linewidth=1.0, **look))
        canvas.seen.add("retry")
    crosses = np.concatenate([*canvas.crosses, np.empty((0, 2))])
    if len(crosses):
        x, y = crosses.T
        ax.scatter(x, y, marker="x", s=22, color=theme.ink, linewidth=1.4, zorder=5)
    if canvas.dots:
        x, y = np.array(canvas.dots, dtype=float).T
        ax.scatter(x * canvas.scale, y, s=26, color=theme.muted, zorder=5, clip_on=False)
        canvas.seen.add("skipped")


def _label(lane: _Lane) -> str:
    """Name a lane."""
    name = clean(lane.name) + (f" #{lane.visit}" if lane.visit > 1 else "")
    if lane.items <= 1:
        return name
    below = f"{_TIMES}{lane.items:,}"
    if lane.dense:
        below += f"\npeak {_peak(lane.attempts):,} at once"
    return f"{name}\n{below}"


def _peak(attempts: pd.DataFrame) -> int:
    """Give the most attempts that ran at once."""
    start = attempts["start"].to_numpy(float)
    end = np.sort(attempts["end"].to_numpy(float))
    ended = np.searchsorted(end, start + _TINY, side="right")
    return int(max((np.arange(1, len(start) + 1) - ended).max(), 1))


def _finish(canvas: _Canvas, lanes: list[_Lane], depth: float, x_label: str) -> None:
    """Set the axes, and name the lanes."""
    ax, theme = canvas.ax, canvas.theme
    width = canvas.span * canvas.scale
    ax.set_xlim(-0.004 * width, 1.015 * width)
    ax.set_ylim(max(depth, 1.0), 0)
    ax.set_facecolor(theme.paper)
    ax.set_yticks([lane.middle for lane in lanes], [_label(lane) for lane in lanes])
    ax.tick_params(axis="y", length=0, pad=8, labelsize=9, labelcolor=theme.ink)
    ax.tick_params(axis="x", length=3, labelsize=8.5, color=theme.rule, labelcolor=theme.muted)
    for text, lane in zip(ax.get_yticklabels(), lanes, strict=True):
        literal(text)
        if not lane.started or lane.status == "skipped":
            text.set_color(theme.muted)
    ax.set_xlabel(x_label, fontsize=9, color=theme.muted)
    ax.grid(axis="x", color=theme.rule, linewidth=0.7)
    ax.set_axisbelow(True)
    left, right = ax.get_xlim()
    rules = [[(left, lane.top), (right, lane.top)] for lane in lanes[1:]]
    ax.add_collection(LineCollection(rules, colors=theme.rule, linewidths=0.7, zorder=0.5))
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.rule)


def _title(canvas: _Canvas, run: TimelineRun, total: float, left_out: str) -> None:
    """Write the title, and below it the legend."""
    ax, theme = canvas.ax, canvas.theme
    so_far = " so far" if run.status == "running" else ""
    parts = [clean(run.workflow_name, 60), clean(run.status).replace("_", " ")]
    words = " · ".join([*parts, say_duration(total) + so_far])
    handles = _handles(canvas)
    look: dict[str, Any] = {"fontsize": 12, "fontweight": "bold", "color": theme.ink}
    literal(ax.set_title(words, loc="left", pad=26 if handles else 8, **look))
    if handles:
        legend = ax.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=len(handles),
            frameon=False,
            fontsize=8.5,
            labelcolor=theme.muted,
            borderaxespad=0.2,
            borderpad=0.2,
            handlelength=1.6,
            columnspacing=1.4,
        )
        legend.set_in_layout(True)
    if left_out:
        pad = 26 if handles else 8
        ax.set_title(left_out, loc="right", pad=pad, fontsize=8.5, color=theme.muted)


def _handles(canvas: _Canvas) -> list[Artist]:
    """Give the legend's entries: what the chart shows, and nothing else."""
    theme = canvas.theme
    handles: list[Artist] = []
    for status in (*STATUSES, *sorted(canvas.bars.keys() - set(STATUSES))):
        if status in canvas.seen:
            look: dict[str, Any] = {"facecolor": COLOURS.get(status, theme.muted)}
            look |= {"edgecolor": theme.paper, "hatch": HATCHES.get(status) or None}
            handles.append(Patch(label=clean(status).replace("_", " "), linewidth=0, **look))
    if "retry" in canvas.seen:
        retry = Patch(facecolor="none", edgecolor=theme.ink, label="retry (outlined)")
        handles.append(retry)
    if "waiting" in canvas.seen:
        handles.append(Line2D([], [], color=theme.waiting, linewidth=4, label="waiting"))
    if "skipped" in canvas.seen:
        look = {"marker": "o", "color": theme.muted, "linestyle": "none", "markersize": 5}
        handles.append(Line2D([], [], label="skipped", **look))
    return handles

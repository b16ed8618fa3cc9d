"""The names of the lanes, with the counts of their visits and items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.charts.style import disable_mathtext, shorten_name
from attune_nb.charts.timeline_chart.peaks import describe_peak
from attune_nb.results.statuses import format_losses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.charts.timeline_chart.canvas import TimelineCanvas
    from attune_nb.charts.timeline_chart.lanes import Lane, TimelineRun

__all__ = ["embolden_names", "name_lanes", "name_thin_lanes"]

_TIMES = "\N{MULTIPLICATION SIGN}"

_FAILED_MARK = "\N{BALLOT X}"

_FAILED = ("failed", "timed_out")

# inches: the least distance from one name to the next
_NAME_HEIGHT = 0.15


def name_lanes(canvas: TimelineCanvas, lanes: list[Lane], run: TimelineRun) -> None:
    """Write the names of the lanes; those without anything to see are muted."""
    ax = canvas.ax
    # the lines of a name need the whole height of a lane
    heights = [lane.top + lane.height / 2 for lane in lanes]
    ax.set_yticks(heights, [_format_name(lane, run) for lane in lanes])
    for text, lane in zip(ax.get_yticklabels(), lanes, strict=True):
        disable_mathtext(text)
        if not lane.started or lane.status == "skipped":
            text.set_color(canvas.theme.muted)


def name_thin_lanes(canvas: TimelineCanvas, lanes: list[Lane], path: list[Lane]) -> list[Lane]:
    """Write the names of the lanes that failed, took longest, or are on the critical path.

    A name needs the height of several lanes. A lane that failed next to a named one is counted
    there.

    Args:
        canvas: The canvas.
        lanes: All lanes.
        path: The executions on the critical path.

    Returns:
        The lanes that have names.
    """
    inches = canvas.ax.get_window_extent().height / canvas.ax.figure.dpi
    space = max(len(lanes) * _NAME_HEIGHT / inches, 1.0)
    counts: dict[int, int] = {}
    failed = [number for number, lane in enumerate(lanes) if _has_failed(lane)]
    for number in failed:
        neighbours = [named for named in counts if abs(named - number) < space]
        if neighbours:
            counts[neighbours[-1]] += 1
        else:
            counts[number] = 0

    for number in _by_interest(lanes, path):
        if all(abs(named - number) >= space for named in counts):
            counts[number] = 0

    numbers = sorted(counts)
    names = []
    for number in numbers:
        name = shorten_name(lanes[number].name)
        if _has_failed(lanes[number]):
            name = f"{_FAILED_MARK} {name}"
        more = counts[number]
        if more:
            name = f"{name} and {more:,} more failed"
        names.append(name)

    ax = canvas.ax
    ax.set_yticks([lanes[number].middle for number in numbers], names)
    for text in ax.get_yticklabels():
        disable_mathtext(text)
    return [lanes[number] for number in numbers]


def embolden_names(canvas: TimelineCanvas, named: list[Lane], path: list[Lane]) -> None:
    """Make the names of the lanes on the critical path bold.

    Args:
        canvas: The canvas.
        named: The lanes that have names, in the order of their names.
        path: The executions on the critical path.
    """
    on_path = {lane.name for lane in path}
    for lane, text in zip(named, canvas.ax.get_yticklabels(), strict=True):
        if lane.name in on_path:
            text.set_fontweight("bold")


def _by_interest(lanes: list[Lane], path: list[Lane]) -> Iterable[int]:
    """Return the numbers of lanes: those of the critical path, and the longest ones first."""
    on_path = {lane.name for lane in path}

    def interest(number: int) -> tuple[bool, float]:
        lane = lanes[number]
        length = lane.end - lane.start if lane.started else 0.0
        return lane.name not in on_path, -length

    return sorted(range(len(lanes)), key=interest)


def _has_failed(lane: Lane) -> bool:
    return any(execution.status in _FAILED for execution in lane.executions)


def _format_name(lane: Lane, run: TimelineRun) -> str:
    """Return the name of a lane, with the counts of its visits and of its items."""
    lines = [shorten_name(lane.name)]
    if lane.visits:
        failed = sum(visit.status in _FAILED for visit in lane.visits)
        count = f"{_TIMES}{len(lane.visits):,} visits"
        if failed:
            count += f" · {failed:,} failed"
        lines.append(count)

    if lane.has_items:
        lines.append(_format_items(lane))
    if lane.has_items and lane.dense and not lane.has_spans:
        lines += describe_peak(lane, run)
    return "\n".join(lines)


def _format_items(lane: Lane) -> str:
    """Return the number of items, and of those that were lost."""
    # no item is cancelled twice; a span is of many
    cancelled = 0
    if not lane.has_spans:
        cancelled = int((lane.attempts.status == "cancelled").sum())

    count = f"{_TIMES}{lane.items:,}"
    if lane.visits:
        count += " items"
    lost = format_losses(lane.failed, cancelled)
    return f"{count} · {lost}" if lost else count

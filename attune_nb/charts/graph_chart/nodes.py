"""The box of a node: its lines of text, its size, and the boxes within it. All in inches."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
from typing import TYPE_CHECKING

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from attune_nb.charts.graph_chart.model import ENDS, GraphNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.charts.graph_chart.model import NestedGraph, NodeState

__all__ = [
    "BAND",
    "BAR",
    "RING",
    "SIDE",
    "STACK",
    "Detail",
    "NodeBox",
    "TextLine",
    "align_widths",
    "make_box",
    "text_width",
]

BAND = 0.1
"""The width of the band on the left that shows the state."""

BAR = 0.07
"""The height of the bar that shows the shares of statuses."""

STACK = 0.05
"""The part of the card below that a task which runs a workflow shows on the right and below."""

RING = 0.15
"""The width of the mark of an end."""

SIDE = 0.11
"""The free space on the left and on the right of the text."""

_TOP = 0.085  # the free space above and below the text
_TIGHT_TOP = 0.04  # the same in the box of a label
_NARROWEST = (0.0, 0.4, 0.6, 0.85)  # by detail
_WIDEST = 2.5
_WIDEST_LABEL = 1.4
_TEXT_WIDTH = _WIDEST - 2 * SIDE - BAND  # the space for text
_LABEL_WIDTH = _WIDEST_LABEL - 2 * SIDE - BAND
_WIDEST_ROW = 9.0  # of boxes within a box
_GAP = 0.13  # between the boxes within a box
_SMALL_GAP = 0.07  # the same in a card
_DOT = (0.13, 0.09)  # the size of a box without text
_END_GAP = 0.06  # between the mark of an end and its name on the right
_END_GAP_BELOW = 0.02
_POINTS = 72.0  # in an inch
_LINE_HEIGHT = 1.36  # of the size of a line's font

# points: the sizes of fonts
_NAME_SIZE = 9.5
_SMALL_NAME_SIZE = 8.5
_LABEL_SIZE = 8.0
_ACTION_SIZE = 8.0
_SMALL_SIZE = 8.0

# how much wider bold letters are drawn in whole pixels than they are
_BOLD_HINTING = 1.045

# up to this number, boxes within a box stand in one row
_MOST_IN_ROW = 3


class Detail(enum.IntEnum):
    """How much text there is space for."""

    SHAPES = 0  # no text at all
    LABELS = 1  # names, shortened
    NAMES = 2  # names, conditions and states
    ALL = 3  # also actions and settings


@dataclasses.dataclass(frozen=True)
class TextLine:
    """A line of text.

    Attributes:
        text: The text.
        size: The size of its font, in points.
        offset: The distance from the top of its box to its middle.
        bold: Whether it is bold.
        muted: Whether it has the muted colour.
        is_name: Whether it is the name of the task.
    """

    text: str
    size: float
    offset: float
    bold: bool = False
    muted: bool = False
    is_name: bool = False

    @property
    def height(self) -> float:
        """The height of the line."""
        return self.size * _LINE_HEIGHT / _POINTS


@dataclasses.dataclass(frozen=True)
class NodeBox:
    """A node with its lines of text, and the boxes within it with their positions.

    Attributes:
        node: The node.
        width: The width.
        height: The height.
        lines: The lines of text.
        inner: The boxes within it, each with its left and its top in it.
        bar: The distance from the top to the bar that shows the shares of statuses, if any.
    """

    node: GraphNode
    width: float
    height: float
    lines: tuple[TextLine, ...] = ()
    inner: tuple[tuple[NodeBox, float, float], ...] = ()
    bar: float | None = None

    def resize(self, width: float, height: float) -> NodeBox:
        """Return the box with another size."""
        return dataclasses.replace(self, width=width, height=height)

    def walk(self, left: float, top: float) -> Iterable[tuple[NodeBox, float, float]]:
        """Yield the box and all boxes within it, each with its upper left corner."""
        yield self, left, top
        for box, right, down in self.inner:
            yield from box.walk(left + right, top + down)


def make_box(node: GraphNode, detail: Detail, *, sideways: bool = False) -> NodeBox:
    """Return the box of a node.

    Args:
        node: The node.
        detail: How much text the box shows.
        sideways: Whether the graph flows from left to right.
    """
    if node.kind in ENDS:
        return _make_end(node, detail, sideways=sideways)
    if not detail:
        return _make_dot(node)

    lines = _make_lines(node, detail)
    band = BAND if node.state is not None else 0.0
    widths = [text_width(line.text, line.size, bold=line.bold) for line in lines]
    width = max(max(widths, default=0.0) + 2 * SIDE + band, _NARROWEST[detail])
    height = _DOT[1]
    if lines:
        height = lines[-1].offset + lines[-1].height / 2 + lines[0].offset - lines[0].height / 2

    box = NodeBox(node, width, height, lines)
    if node.nested is not None:
        return _make_card(box, node.nested, detail)

    inner = [make_box(child, detail) for child in node.inner]
    if not inner:
        return box
    return _enclose(box, inner, (band + _GAP, height), _GAP)


def _make_card(box: NodeBox, nested: NestedGraph, detail: Detail) -> NodeBox:
    """Return the box of a task that runs a workflow: a card on another one, with its tasks."""
    if detail == Detail.ALL:
        if len(nested.runs) > 1:
            box = dataclasses.replace(box, height=box.height + BAR + _SMALL_GAP, bar=box.height)
        inner = [make_box(child, Detail.LABELS) for child in nested.nodes]
        if nested.hidden:
            path = f"{box.node.path}/…"
            hidden = GraphNode(path, "task", f"{nested.hidden:,} more")
            inner.append(make_box(hidden, Detail.LABELS))

        left = SIDE
        if box.node.state is not None:
            left += BAND
        box = _enclose(box, inner, (left, box.height), _SMALL_GAP)
    return box.resize(box.width + STACK, box.height + STACK)


def align_widths(boxes: list[NodeBox]) -> list[NodeBox]:
    """Return boxes of tasks that are all as wide as the widest, so that they stand in columns."""
    widest = 0.0
    for box in boxes:
        if _is_alignable(box) and not box.node.on_failed_path:
            widest = max(widest, box.width)

    aligned = []
    for box in boxes:
        if _is_alignable(box):
            aligned.append(box.resize(max(box.width, widest), box.height))
        else:
            aligned.append(box)
    return aligned


def _is_alignable(box: NodeBox) -> bool:
    """Return whether a box is of a task without boxes within it."""
    return box.node.kind not in ENDS and not box.inner


def _make_dot(node: GraphNode) -> NodeBox:
    """Return the box of a node without text."""
    width, height = _DOT
    inner = [make_box(child, Detail.SHAPES) for child in node.inner]
    if not inner:
        return NodeBox(node, width, height)

    gap = height / 2
    return _enclose(NodeBox(node, width, height), inner, (gap, gap), gap)


def _enclose(
    box: NodeBox, inner: list[NodeBox], corner: tuple[float, float], gap: float
) -> NodeBox:
    """Return a box that encloses others.

    Args:
        box: The box as it is without them.
        inner: The boxes to put in it.
        corner: The left and the top of the first of them.
        gap: The space between them.
    """
    places, right, bottom = _arrange_in_grid(inner, corner, gap)
    shift = 0.0
    if box.node.nested is None:
        shift = max(box.width - right - gap, 0.0) / 2
    return dataclasses.replace(
        box,
        width=max(box.width, right + gap),
        height=bottom + gap,
        inner=tuple((inner_box, left + shift, top) for inner_box, left, top in places),
    )


def _make_end(node: GraphNode, detail: Detail, *, sideways: bool) -> NodeBox:
    """Return the mark of an end: a ring, and its name where it does not meet the edge."""
    if not detail:
        return NodeBox(node, *_DOT)

    width = text_width(node.name, _SMALL_SIZE)
    height = _SMALL_SIZE * _LINE_HEIGHT / _POINTS
    if sideways:
        line = TextLine(node.name, _SMALL_SIZE, RING / 2)
        return NodeBox(node, RING + _END_GAP + width, max(RING, height), (line,))

    top = RING + _END_GAP_BELOW
    line = TextLine(node.name, _SMALL_SIZE, top + height / 2, muted=True)
    return NodeBox(node, max(width, RING), top + height, (line,))


def _arrange_in_grid(
    boxes: list[NodeBox], corner: tuple[float, float], gap: float
) -> tuple[list[tuple[NodeBox, float, float]], float, float]:
    """Arrange boxes in rows and columns.

    Returns:
        The boxes with their left and top, and the right and the bottom of them all.
    """
    left, top = corner
    columns = len(boxes)
    if columns > _MOST_IN_ROW:
        columns = math.ceil(math.sqrt(len(boxes)))
    widest = _widest(boxes)
    columns = min(columns, max(int(_WIDEST_ROW / (widest + gap)), 1))

    widths = [_widest(boxes[column::columns]) for column in range(columns)]
    lefts = [left + sum(widths[:column]) + gap * column for column in range(columns)]
    places = []
    bottom = top
    row_top = top
    for first in range(0, len(boxes), columns):
        row = boxes[first : first + columns]
        plain_heights = [box.height for box in row if not box.inner]
        plain_height = max(plain_heights, default=0.0)
        for box, box_left, width in zip(row, lefts, widths, strict=False):
            placed = box
            if not box.inner:
                placed = box.resize(width, plain_height)
            places.append((placed, box_left, row_top))

        bottom = row_top + max(box.height for box in row)
        row_top = bottom + gap

    right = lefts[-1] + widths[-1]
    return places, right, bottom


def _widest(boxes: list[NodeBox]) -> float:
    """Return the width of the widest of some boxes."""
    return max(box.width for box in boxes)


def _make_lines(node: GraphNode, detail: Detail) -> tuple[TextLine, ...]:
    """Return the lines of a box: the name, the action, the settings, the state."""
    if detail == Detail.LABELS:
        return _place_lines(_make_label_lines(node), _TIGHT_TOP)

    name_size = _NAME_SIZE if detail == Detail.ALL else _SMALL_NAME_SIZE
    name = _format_name(node, name_size)
    lines = [TextLine(name, name_size, 0.0, bold=True, is_name=True)]
    if detail == Detail.ALL:
        title = node.action if node.nested is None else node.nested.title
        action = _shorten(title, _ACTION_SIZE, _TEXT_WIDTH)
        settings = _join_settings(node.settings, _SMALL_SIZE, _TEXT_WIDTH)
        lines.append(TextLine(action, _ACTION_SIZE, 0.0, muted=True))
        lines.append(TextLine(settings, _SMALL_SIZE, 0.0, muted=True))

    run_counts = ""
    if detail == Detail.ALL and node.nested is not None:
        run_counts = node.nested.counts
    if node.state is not None:
        # the runs of a nested workflow have a line of their own
        state = _format_state(node.state, has_counts=not run_counts)
        lines.append(TextLine(_shorten(state, _SMALL_SIZE, _TEXT_WIDTH), _SMALL_SIZE, 0.0))

    run_counts = _shorten(run_counts, _SMALL_SIZE, _TEXT_WIDTH)
    lines.append(TextLine(run_counts, _SMALL_SIZE, 0.0))
    return _place_lines(lines, _TOP)


def _make_label_lines(node: GraphNode) -> list[TextLine]:
    """Return the lines of a label: the name, and how many items of a task failed.

    On the way to a failure the name is in full.
    """
    space = _TEXT_WIDTH if node.on_failed_path else _LABEL_WIDTH
    visit = _format_visit(node)
    width = space - text_width(visit, _LABEL_SIZE, bold=node.on_failed_path)
    name = _shorten_middle(node.name, _LABEL_SIZE, width, bold=node.on_failed_path)
    lines = [TextLine(name + visit, _LABEL_SIZE, 0.0, bold=node.on_failed_path, is_name=True)]

    if node.has_failed and node.state is not None and node.state.counts:
        state = _format_state(node.state)
        lines.append(TextLine(_shorten(state, _SMALL_SIZE, _TEXT_WIDTH), _SMALL_SIZE, 0.0))
    return lines


def _place_lines(lines: list[TextLine], top: float) -> tuple[TextLine, ...]:
    """Return the lines that have a text, each below the one before it."""
    placed = []
    for line in lines:
        if line.text:
            placed.append(dataclasses.replace(line, offset=top + line.height / 2))
            top += line.height
    return tuple(placed)


def _format_state(state: NodeState, *, has_counts: bool = True) -> str:
    """Return a state in words, with its counts: `failed · 10/10 · 2 failed`."""
    status = state.status.replace("_", " ")
    if state.counts and has_counts:
        return f"{status} · {state.counts}"
    return status


def _format_name(node: GraphNode, size: float) -> str:
    """Return the name of a task, and its visit if it ran more than once."""
    visit = _format_visit(node)
    width = _TEXT_WIDTH - text_width(visit, size, bold=True)
    return _shorten_middle(node.name, size, width, bold=True) + visit


def _format_visit(node: GraphNode) -> str:
    """Return the number of a task's last visit, or an empty string if there was only one."""
    if node.state is None or node.state.visits <= 1:
        return ""
    return f" #{node.state.visits:,}"


def _join_settings(settings: tuple[str, ...], size: float, width: float) -> str:
    """Join as many settings as there is space for; dots stand for the others."""
    for count in range(len(settings), 0, -1):
        shown = list(settings[:count])
        if count < len(settings):
            shown.append("…")

        text = " · ".join(shown)
        if count == 1 or text_width(text, size) <= width:
            return _shorten(text, size, width)
    return ""


def _shorten(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """Shorten a text until it fits a width."""
    shown = text
    while len(shown) > 1 and text_width(shown, size, bold=bold) > width:
        shown = shown.removesuffix("…")[:-1] + "…"
    return shown


def _shorten_middle(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """Shorten a name until it fits a width; its end stays, as numbered names differ there."""
    if text_width(text, size, bold=bold) <= width:
        return text

    for length in range(len(text) - 1, 1, -1):
        end = length // 3
        shown = f"{text[: length - end]}…{text[-end:]}" if end else f"{text[:length]}…"
        if text_width(shown, size, bold=bold) <= width:
            return shown
    return "…"


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text as it will be drawn, in inches; `size` in points."""
    weight = "bold" if bold else "normal"
    font = FontProperties(size=size, weight=weight)
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    if bold:
        width *= _BOLD_HINTING
    return float(width) / _POINTS

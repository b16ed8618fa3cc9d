"""A page of help: a few blocks, shown as text in a terminal and as HTML in a notebook."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from attune_nb import html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.html import Markup

__all__ = ["Block", "Code", "Heading", "Page", "Paragraph", "Table"]

# Columns of a terminal.
_WIDTH = 88
# The widest first columns of a table; a longer cell stands on a line of its own.
_MOST_COLUMN_WIDTH = 30
_MAX_TEXT = 20_000

_CODE = re.compile(r"(`[^`]+`)")
_MONOSPACE = "font-family:var(--jp-code-font-family,monospace)"

# translucent grey is visible on a light page and on a dark one
_SHADE = "background:rgba(127,127,127,0.12)"
_PAGE = (
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.5;"
    "color:var(--jp-ui-font-color1,inherit);max-width:56em;text-align:left"
)
_HEADING = "font-weight:600;font-size:14px;margin:0 0 4px 0"
_PARAGRAPH = "margin:0 0 8px 0"
_BLOCK = (
    f"{_MONOSPACE};{_SHADE};color:inherit;font-size:13px;line-height:1.4;margin:0 0 8px 0;"
    "padding:8px 10px;border-radius:3px;overflow-x:auto;white-space:pre"
)
_INLINE = f"{_MONOSPACE};{_SHADE};color:inherit;font-size:12px;padding:0 3px;border-radius:3px"
_CELL = (
    "text-align:left;vertical-align:top;border:none;background:none;color:inherit;"
    "padding:2px 16px 2px 0;white-space:normal;max-width:44em;line-height:1.5"
)


class Heading(NamedTuple):
    """A heading."""

    text: str


class Paragraph(NamedTuple):
    """A paragraph, in which names stand in backquotes."""

    text: str


class Code(NamedTuple):
    """Lines of code.

    Attributes:
        text: The lines.
        language: The name of the language, for Markdown.
    """

    text: str
    language: str = "yaml"


class Table(NamedTuple):
    """Rows of names and their descriptions.

    Attributes:
        rows: The cells of each row, in which names stand in backquotes.
        columns: The headings of the columns; none if empty.
    """

    rows: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...] = ()


Block = Heading | Paragraph | Code | Table


class Page:
    """A page of help.

    Args:
        blocks: Its blocks, in their order.
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(blocks)

    def __repr__(self) -> str:
        return "\n\n".join(_format_text(block) for block in self.blocks)

    def _repr_html_(self) -> str:
        parts = [_format_html(block) for block in self.blocks]
        return str(html.element("div", *parts, class_="attune-help", style=_PAGE))

    def to_markdown(self) -> str:
        """Return the page as Markdown."""
        return "\n\n".join(_format_markdown(block) for block in self.blocks) + "\n"


def _format_text(block: Block) -> str:
    match block:
        case Heading():
            title = block.text.replace("`", "")
            return f"{title}\n{'-' * len(title)}"
        case Paragraph():
            return textwrap.fill(block.text, _WIDTH, break_on_hyphens=False)
        case Code():
            return textwrap.indent(block.text, "    ")
        case Table():
            return _format_table(block)


def _format_table(table: Table) -> str:
    """Return a table with aligned columns; the last one is wrapped."""
    rows = [_remove_quotes(row) for row in table.rows]
    if table.columns:
        rows.insert(0, table.columns)

    widths = []
    for column in zip(*(row[:-1] for row in rows), strict=True):
        fitting = [len(cell) for cell in column if len(cell) <= _MOST_COLUMN_WIDTH]
        widths.append(max(fitting, default=_MOST_COLUMN_WIDTH))
    indent = sum(widths) + 2 * len(widths)

    lines = []
    for *cells, last in rows:
        first = "".join(f"{cell:<{width}}  " for cell, width in zip(cells, widths, strict=True))
        if len(first) > indent:
            lines.append(first.rstrip())
            first = " " * indent
        wrapped = textwrap.wrap(last, max(_WIDTH - indent, 30), break_on_hyphens=False)
        if not wrapped:
            wrapped = [""]
        lines.append(f"{first}{wrapped[0]}".rstrip())
        lines += [f"{' ' * indent}{line}" for line in wrapped[1:]]
    return "\n".join(lines)


def _remove_quotes(row: tuple[str, ...]) -> tuple[str, ...]:
    """Return a row without the backquotes in its first cells, which are names."""
    *cells, last = row
    names = [cell.replace("`", "") for cell in cells]
    return (*names, last)


def _format_html(block: Block) -> Markup:
    match block:
        case Heading():
            return html.element("div", _format_inline(block.text), style=_HEADING, role="heading")
        case Paragraph():
            return html.element("div", _format_inline(block.text), style=_PARAGRAPH)
        case Code():
            text = html.text(block.text, max_length=_MAX_TEXT)
            return html.element("pre", text, style=_BLOCK)
        case Table():
            return _format_html_table(block)


def _format_inline(text: str) -> Markup:
    """Return a text in which the names in backquotes are code."""
    parts = []
    for part in _CODE.split(text):
        escaped = html.text(part.strip("`"), max_length=_MAX_TEXT)
        if part.startswith("`"):
            escaped = html.element("code", escaped, style=_INLINE)
        parts.append(escaped)
    return html.join(parts)


def _format_html_table(table: Table) -> Markup:
    parts = []
    if table.columns:
        heads = [html.element("th", column, style=_CELL) for column in table.columns]
        parts.append(html.element("thead", html.element("tr", *heads)))

    rows = []
    for row in table.rows:
        cells = [html.element("td", _format_inline(cell), style=_CELL) for cell in row]
        rows.append(html.element("tr", *cells, style="background:none"))
    parts.append(html.element("tbody", *rows))
    style = "border-collapse:collapse;border:none;margin:0 0 8px 0;color:inherit;font-size:13px"
    return html.element("table", *parts, style=style)


def _format_markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"### {block.text}"
        case Paragraph():
            return textwrap.fill(block.text, 100, break_on_hyphens=False, break_long_words=False)
        case Code():
            return f"```{block.language}\n{block.text}\n```"
        case Table():
            columns = block.columns
            if not columns:
                columns = ("",) * len(block.rows[0])

            rows = [columns, ("---",) * len(columns), *block.rows]
            return "\n".join(f"| {' | '.join(map(_escape_cell, row))} |" for row in rows)


def _escape_cell(cell: str) -> str:
    return cell.replace("|", "\\|")

"""The one place where HTML is made. Every value that comes in is escaped."""

from __future__ import annotations

from html import escape as _escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["Markup", "element", "join", "printable", "shortened", "table", "text"]

_LONGEST = 200


class Markup:
    """HTML that was made here, and so may go on the page as it is."""

    __slots__ = ("html",)

    def __init__(self, html: str) -> None:
        self.html = html

    def __str__(self) -> str:
        return self.html


def printable(text: str) -> str:
    """Drop control characters: what a terminal would obey, nobody wants to see."""
    return "".join(char for char in text if char.isprintable() or char in "\n\t")


def shortened(text: str, longest: int) -> str:
    """Put a text in one line of at most `longest` characters, cut after a word where it is more."""
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    whole = line[:longest].rpartition(" ")[0]
    # one long word, such as an address, is cut itself: without it little would be left
    kept = whole if len(whole) > longest // 2 else line[: longest - 1]
    return f"{kept.rstrip(' ,;:')}…"


def text(value: object, longest: int = _LONGEST) -> Markup:
    """Escape a value's text, cut at `longest` characters; control characters are dropped."""
    plain = printable(str(value))
    if len(plain) > longest:
        plain = plain[:longest] + " …"
    return Markup(_escape(plain, quote=True))


def element(tag: str, *children: object, **attributes: str) -> Markup:
    """Make one element; children that are not `Markup` are escaped.

    A trailing underscore is taken off an attribute's name (`class_`).
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_escape(value, quote=True)}"'
        for name, value in attributes.items()
    )
    return Markup(f"<{tag}{named}>{join(children)}</{tag}>")


def join(children: Iterable[object]) -> Markup:
    """Put pieces side by side."""
    return Markup(
        "".join(child.html if isinstance(child, Markup) else text(child).html for child in children)
    )


def table(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], numbers: Collection[str] = ()
) -> Markup:
    """Make a table with one row for each mapping; columns of `numbers` stand to the right."""
    right = "text-align:right;white-space:nowrap"
    look = {name: right if name in numbers else "text-align:left" for name in columns}
    head = element("tr", *(element("th", name, style=look[name]) for name in columns))
    body = (
        element("tr", *(element("td", row.get(name, ""), style=look[name]) for name in columns))
        for row in rows
    )
    return element("table", element("thead", head), element("tbody", *body))

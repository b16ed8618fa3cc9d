"""The one place where HTML is made. Every value that is not `Markup` is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["BREAK_WORDS", "Markup", "element", "join", "printable", "shortened", "table", "text"]

BREAK_WORDS = "overflow-wrap:break-word"
"""The style of a display in which a word that is longer than the page is wide goes on below."""

# columns whose words may be longer than the page is wide
_LONG_TEXTS = frozenset({"error", "value"})

# characters of a value's text
_MAX_LENGTH = 200


def printable(string: str) -> str:
    """Return a string without control characters, which a terminal would obey."""
    return "".join(char for char in string if char.isprintable() or char in "\n\t")


def shortened(string: str, max_length: int) -> str:
    """Return a string as one line of at most `max_length` characters.

    A longer line is cut after a word and ends with an ellipsis.
    """
    line = " ".join(string.split())
    if len(line) <= max_length:
        return line

    cut = line[:max_length].rpartition(" ")[0]
    # one long word, such as an address, is cut itself: without it little would be left
    if len(cut) <= max_length // 2:
        cut = line[: max_length - 1]
    return f"{cut.rstrip(' ,;:')}…"


def text(value: object, max_length: int = _MAX_LENGTH) -> Markup:
    """Return the escaped text of a value, without control characters.

    Args:
        value: Any object; its `str()` is the text.
        max_length: Characters after which the text is cut.
    """
    string = printable(str(value))
    if len(string) > max_length:
        string = f"{string[:max_length]} …"
    return escape(string)


def element(tag: str, *children: object, **attributes: str) -> Markup:
    """Return one element; children that are not `Markup` are escaped.

    Trailing underscores of an attribute's name are dropped (`class_`), others become hyphens.
    """
    named = Markup()
    for name, value in attributes.items():
        named += Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), value)
    return Markup("<{0}{1}>{2}</{0}>").format(tag, named, join(children))


def join(children: Iterable[object]) -> Markup:
    """Return pieces one after the other; those that are not `Markup` are escaped."""
    pieces = [child if isinstance(child, Markup) else text(child) for child in children]
    return Markup("").join(pieces)


def table(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], numbers: Collection[str] = ()
) -> Markup:
    """Return a table with one row per mapping.

    Args:
        columns: The keys of the mappings that are shown, in order.
        rows: The mappings; a missing key gives an empty cell.
        numbers: The columns that are aligned to the right.
    """
    styles = dict.fromkeys(columns, "text-align:left")
    for name in _LONG_TEXTS.intersection(columns):
        styles[name] += ";overflow-wrap:anywhere"
    for name in numbers:
        styles[name] = "text-align:right;white-space:nowrap"

    heads = [element("th", name, style=styles[name]) for name in columns]
    body = []
    for row in rows:
        cells = [element("td", row.get(name, ""), style=styles[name]) for name in columns]
        body.append(element("tr", *cells))
    return element("table", element("thead", element("tr", *heads)), element("tbody", *body))

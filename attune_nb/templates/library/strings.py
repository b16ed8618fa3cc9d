"""Functions of strings, which check the size of a result before it is made."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import charge_bounded_string, charge_if_many, charge_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "WORD",
    "capitalize_words",
    "center",
    "charged_method",
    "count_occurrences",
    "find",
    "indent",
    "join",
    "replace",
    "split",
    "split_lines",
    "split_right",
    "strip_tags",
    "truncate",
]

WORD = re.compile(r"\w+")
_WORD_START = re.compile(r"([-\s({\[<]+)")

# Characters by which one line is filled or indented.
_WIDEST = 10_000


def charged_method(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of `str` that takes the cost of reading the string."""

    def call(string: str, *arguments: Any) -> Any:
        charge_string(len(string), ascii_only=string.isascii())
        return method(string, *arguments)

    return call


def split(string: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    """Return the parts between separators; without a separator, between white space."""
    charge_string(len(string), ascii_only=string.isascii())
    if sep == "":
        raise TemplateError("`split` takes a separator that is not empty; for characters: `x|list`")

    pieces = len(string) // 2 if sep is None else string.count(sep)
    if maxsplit >= 0:
        pieces = min(pieces, maxsplit)
    charge_if_many(2 + 2 * pieces)
    return string.split(sep, maxsplit)


def split_right(string: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    """Return the parts between separators, split from the right."""
    # Checks the separator, and takes the cost of reading the string.
    split(string, sep, 0)

    pieces = len(string) // 2
    if maxsplit >= 0:
        pieces = min(pieces, maxsplit)
    charge_if_many(2 + 2 * pieces)
    return string.rsplit(sep, maxsplit)


def split_lines(string: str) -> list[str]:
    """Return the lines of a string."""
    # Every line end has at least one character.
    charge_if_many(2 + len(string) // 2)
    return string.splitlines()


def join(values: Iterable[Any], sep: str) -> str:
    """Return values as strings, joined by a separator."""
    parts = [to_text(value) for value in values]
    charge_if_many(len(parts))
    length = sum(map(len, parts)) + len(sep) * max(len(parts) - 1, 0)
    ascii_only = all(map(str.isascii, parts)) and sep.isascii()
    charge_bounded_string(length, ascii_only=ascii_only)
    return sep.join(parts)


def replace(string: str, old: str, new: str, count: int = -1) -> str:
    """Return a string with a part replaced everywhere, or the first `count` times."""
    charge_string(len(string))
    times = string.count(old)
    if count >= 0:
        times = min(times, count)

    length = len(string) + times * (len(new) - len(old))
    charge_bounded_string(length, ascii_only=string.isascii() and new.isascii())
    charge_if_many(times)
    return string.replace(old, new, count)


def count_occurrences(string: str, needle: str) -> int:
    """Return how often a string has a part, without overlaps."""
    if not needle:
        raise TemplateError("`count` takes a string to look for that is not empty")
    charge_string(len(string))
    return string.count(needle)


def center(string: str, width: int) -> str:
    """Return a string filled with spaces on both sides."""
    _charge_width(width)
    return string.center(width)


def _charge_width(width: int) -> None:
    if width > _WIDEST:
        raise TemplateError(f"a width is at most {_WIDEST:,} characters")
    charge_string(max(width, 0))


def indent(string: str, width: int | str, *, first: bool, blank: bool) -> str:
    """Return a string with spaces, or another string, before each line.

    Args:
        string: The string.
        width: The number of spaces, or the string before each line.
        first: Whether the first line is indented.
        blank: Whether empty lines are indented.
    """
    if isinstance(width, str):
        filling = width
    else:
        _charge_width(int(width))
        filling = " " * int(width)

    lines = split_lines(string + "\n")
    length = len(string) + len(filling) * len(lines)
    charge_bounded_string(length, ascii_only=string.isascii())

    first_line, *lines = lines
    if first:
        first_line = filling + first_line
    if blank:
        lines = [filling + line for line in lines]
    else:
        lines = [filling + line if line else line for line in lines]
    return "\n".join([first_line, *lines])


def truncate(string: str, length: int, end: str, leeway: int, *, killwords: bool) -> str:
    """Return a string cut to a length, at the end of a word unless words may be cut too.

    Args:
        string: The string.
        length: The number of characters, with `end`.
        end: The string that marks the cut.
        leeway: The number of characters by which the string may be longer.
        killwords: Whether words may be cut.
    """
    if length < len(end) or leeway < 0:
        raise TemplateError(
            "`truncate` takes a length no shorter than its `end`, and no less than 0"
        )

    charge_string(len(string))
    if len(string) <= length + leeway:
        return string

    start = string[: length - len(end)]
    if not killwords:
        start = start.rsplit(" ", 1)[0]
    return start + end


def strip_tags(string: str) -> str:
    """Return a string without comments and tags of HTML, with single spaces."""
    charge_string(3 * len(string), ascii_only=string.isascii())
    charge_if_many(len(string) // 4)
    without_comments = _remove(string, "<!--", "-->")
    without_tags = _remove(without_comments, "<", ">")
    return html.unescape(" ".join(without_tags.split()))


def _remove(string: str, opening: str, closing: str) -> str:
    """Return a string without the parts from `opening` to `closing`."""
    parts = []
    start = 0
    while True:
        begin = string.find(opening, start)
        if begin < 0:
            break
        end = string.find(closing, begin)
        if end < 0:
            break
        parts.append(string[start:begin])
        start = end + len(closing)

    parts.append(string[start:])
    return "".join(parts)


def capitalize_words(string: str) -> str:
    """Return a string with a capital at the start of each word, and small letters after it."""
    charge_if_many(1 + len(string) // 2)
    words = _WORD_START.split(string)
    return "".join(word[:1].upper() + word[1:].lower() for word in words if word)


def find(string: str, needle: str) -> int:
    """Return the first index of a part of a string, or -1."""
    charge_string(len(string))
    return string.find(needle)

"""Functions of strings, which check the size of a result before it is made."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import (
    charge,
    charge_bounded_string,
    charge_case,
    charge_if_many,
    charge_search,
    charge_string,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "WORD",
    "capitalize_words",
    "center",
    "change_case",
    "charged_method",
    "count_occurrences",
    "find",
    "find_last",
    "has_affix",
    "indent",
    "join",
    "remove_affix",
    "replace",
    "split",
    "split_lines",
    "split_right",
    "strip",
    "strip_tags",
    "truncate",
]

WORD = re.compile(r"\w+")

# References to characters by their numbers: those with zeros in front, and those with more digits
# than any character has.
_LEADING_ZEROS = re.compile(r"&#0+(?=\d)", re.ASCII)
_LONG_REFERENCE = re.compile(r"&#(?:\d{8,}|[xX][\da-fA-F]{8,});?", re.ASCII)
_REPLACEMENT = "\ufffd"

# Steps to replace a reference such as `&lt;`, which may be the start of many names.
_REFERENCE_STEPS = 20

# Characters of a start or an end that are too few to be worth counting.
_SHORT_AFFIX = 256

# Steps of looking at any string that may be cut, or indented.
_TRUNCATE_STEPS = 4
_INDENT_STEPS = 6

# Characters of a string that is looked for from the right in the simple way, and of a set whose
# repetitions do not matter.
_FEW_CHARACTERS = 16

# How often a character of a set is read, compared with reading a string once.
_SET_READINGS = 16

_WORD_START = re.compile(r"([-\s({\[<]+)")

# Characters by which one line is filled or indented.
_WIDEST = 10_000


def charged_method(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of `str` that takes the cost of reading the string."""

    def call(string: str, *arguments: Any) -> Any:
        charge_string(len(string), ascii_only=string.isascii())
        return method(string, *arguments)

    return call


def change_case(method: Callable[[str], str]) -> Callable[[str], str]:
    """Return a method of `str` that changes the case of a string."""

    def call(string: str) -> str:
        charge_case(string)
        return method(string)

    return call


def strip(method: Callable[..., str]) -> Callable[..., str]:
    """Return a method of `str` that removes characters at its ends: each looks for each."""

    def call(string: str, chars: str | None = None) -> str:
        charge_string(2 * len(string), ascii_only=string.isascii())
        if chars is None:
            return method(string)

        if len(chars) > _FEW_CHARACTERS:
            charge_string(_SET_READINGS * len(chars))
            chars = "".join(set(chars))
        charge_string(len(string) * len(chars) // 2)
        return method(string, chars)

    return call


def remove_affix(method: Callable[[str, str], str]) -> Callable[[str, str], str]:
    """Return a method of `str` that removes a string at its start or end."""

    def call(string: str, affix: str) -> str:
        charge_string(len(string) + len(affix), ascii_only=string.isascii())
        return method(string, affix)

    return call


def has_affix(method: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    """Return a method of `str` that compares its start or end."""

    def call(string: str, affix: str) -> bool:
        if len(affix) > _SHORT_AFFIX:
            charge_string(min(len(affix), len(string)))
        return method(string, affix)

    return call


def split(string: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    """Return the parts between separators; without a separator, between white space."""
    charge_string(len(string), ascii_only=string.isascii())
    if sep == "":
        raise TemplateError("`split` takes a separator that is not empty; for characters: `x|list`")

    pieces = _count_pieces(string, sep, maxsplit)
    charge_if_many(2 + 2 * pieces)
    return string.split(sep, maxsplit)


def _count_pieces(string: str, sep: str | None, maxsplit: int) -> int:
    if sep is None:
        pieces = len(string) // 2
    else:
        charge_search(string, sep)
        pieces = string.count(sep)
    if maxsplit >= 0:
        pieces = min(pieces, maxsplit)
    if not string.isascii():
        pieces *= 2
    return pieces


def split_right(string: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    """Return the parts between separators, split from the right."""
    # Checks the separator, and takes the cost of reading the string.
    split(string, sep, 0)

    pieces = _count_pieces(string, sep, maxsplit)
    charge_if_many(2 + 2 * pieces)
    if sep is None or len(sep) <= _FEW_CHARACTERS:
        return string.rsplit(sep, maxsplit)

    # Python looks for a long separator from the right in a time that grows with both lengths.
    charge_string(4 * len(string), ascii_only=string.isascii())
    reversed_parts = string[::-1].split(sep[::-1], maxsplit)
    return [part[::-1] for part in reversed(reversed_parts)]


def split_lines(string: str) -> list[str]:
    """Return the lines of a string."""
    # Every line end has at least one character.
    steps = 2 + len(string) // 2
    if not string.isascii():
        steps *= 2
    charge_if_many(steps)
    return string.splitlines()


def join(values: Iterable[Any], sep: str) -> str:
    """Return values as strings, joined by a separator."""
    if not isinstance(values, list | tuple):
        values = list(values)
    charge_if_many(3 * len(values))
    parts = [to_text(value) for value in values]
    length = sum(map(len, parts)) + len(sep) * max(len(parts) - 1, 0)
    ascii_only = all(map(str.isascii, parts)) and sep.isascii()
    charge_bounded_string(length, ascii_only=ascii_only)
    return sep.join(parts)


def replace(string: str, old: str, new: str, count: int = -1) -> str:
    """Return a string with a part replaced everywhere, or the first `count` times."""
    charge_search(string, old)
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
    charge_search(string, needle)
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
    charge(_INDENT_STEPS)
    if isinstance(width, str):
        filling = width
    else:
        _charge_width(int(width))
        filling = " " * int(width)

    charge_string(2 * len(string), ascii_only=string.isascii())
    lines = split_lines(string + "\n")
    # Each line is made anew.
    charge_if_many(2 * len(lines))
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

    charge(_TRUNCATE_STEPS)
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
    pieces = string.count("<") + string.count(" ")
    charge_if_many(2 * pieces + _REFERENCE_STEPS * string.count("&"))
    if not string.isascii():
        charge_string(len(string))

    without_comments = _remove(string, "<!--", "-->")
    without_tags = _remove(without_comments, "<", ">")
    text = " ".join(split(without_tags))
    # Python reads the digits of a reference as one integer, and refuses many.
    return html.unescape(_LONG_REFERENCE.sub(_REPLACEMENT, _LEADING_ZEROS.sub("&#", text)))


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
    charge_if_many(1 + len(string))
    charge_case(string)
    words = _WORD_START.split(string)
    return "".join(word[:1].upper() + word[1:].lower() for word in words if word)


def find(string: str, needle: str) -> int:
    """Return the first index of a part of a string, or -1."""
    charge_search(string, needle)
    return string.find(needle)


def find_last(string: str, needle: str) -> int:
    """Return the last index of a part of a string, or -1."""
    charge_search(string, needle)
    if len(needle) <= _FEW_CHARACTERS:
        return string.rfind(needle)

    # Python looks for a long string from the right in a time that grows with both lengths.
    charge_string(4 * (len(string) + len(needle)), ascii_only=string.isascii())
    index = string[::-1].find(needle[::-1])
    if index < 0:
        return index
    return len(string) - len(needle) - index

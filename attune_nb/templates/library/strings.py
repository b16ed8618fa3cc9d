"""What the language does with texts; what a result would take is known before it is made."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import bounded_text, charge_many, charge_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["center", "charged", "indent", "join", "lines", "replace", "split", "strip_tags"]

_WORD_START = re.compile(r"([-\s({\[<]+)")
WORD = re.compile(r"\w+")
_WIDEST = 10_000  # characters that one line is filled or indented by


def charged(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method of `str` charge for the text it reads."""

    def call(text: str, *given: Any) -> Any:
        charge_text(len(text), ascii_only=text.isascii())
        return method(text, *given)

    return call


def split(text: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    """Split at each separator, or where none is given at white space."""
    charge_text(len(text), ascii_only=text.isascii())
    if sep == "":
        raise TemplateError("`split` takes a separator that is not empty; for characters: `x|list`")
    pieces = len(text) // 2 if sep is None else text.count(sep)
    charge_many(2 + 2 * (pieces if maxsplit < 0 else min(pieces, maxsplit)))
    return text.split(sep, maxsplit)


def split_right(text: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    """Split from the right."""
    split(text, sep, 0)
    charge_many(2 + 2 * (len(text) // 2 if maxsplit < 0 else min(len(text) // 2, maxsplit)))
    return text.rsplit(sep, maxsplit)


def lines(text: str) -> list[str]:
    """Split into lines."""
    # no kind of line end is shorter than a character
    charge_many(2 + len(text) // 2)
    return text.splitlines()


def join(values: Iterable[Any], sep: str) -> str:
    """Join values as they stand in a text."""
    parts = [to_text(each) for each in values]
    charge_many(len(parts))
    wide = all(map(str.isascii, parts)) and sep.isascii()
    bounded_text(sum(map(len, parts)) + len(sep) * max(len(parts) - 1, 0), ascii_only=wide)
    return sep.join(parts)


def replace(text: str, old: str, new: str, count: int = -1) -> str:
    """Replace a part wherever it stands, or the first `count` times."""
    charge_text(len(text))
    found = text.count(old)
    times = found if count < 0 else min(found, count)
    length = len(text) + times * (len(new) - len(old))
    bounded_text(length, ascii_only=text.isascii() and new.isascii())
    charge_many(times)
    return text.replace(old, new, count)


def occurrences(text: str, needle: str) -> int:
    """Count how often a part stands in a text, without overlaps."""
    if not needle:
        raise TemplateError("`count` takes a text to look for that is not empty")
    charge_text(len(text))
    return text.count(needle)


def center(text: str, width: int) -> str:
    """Fill a text with spaces on both sides."""
    return text.center(_fitting(width))


def _fitting(width: int) -> int:
    if width > _WIDEST:
        raise TemplateError(f"a width is at most {_WIDEST:,} characters")
    charge_text(max(width, 0))
    return width


def indent(text: str, width: int | str, *, first: bool, blank: bool) -> str:
    """Put spaces, or a text, before each line but the first."""
    filling = width if type(width) is str else " " * _fitting(int(width))
    rows = lines(text + "\n")
    bounded_text(len(text) + len(filling) * len(rows), ascii_only=text.isascii())
    head, *tail = rows
    tail = [filling + row if row or blank else row for row in tail]
    return "\n".join([(filling if first else "") + head, *tail])


def truncate(text: str, length: int, end: str, leeway: int, *, killwords: bool) -> str:
    """Cut a text to a length, at a word's end unless words may be cut too."""
    if length < len(end) or leeway < 0:
        raise TemplateError(
            "`truncate` takes a length no shorter than its `end`, and no less than 0"
        )
    charge_text(len(text))
    if len(text) <= length + leeway:
        return text
    kept = text[: length - len(end)]
    return (kept if killwords else kept.rsplit(" ", 1)[0]) + end


def strip_tags(text: str) -> str:
    """Take comments and tags of HTML away, and white space together."""
    charge_text(3 * len(text), ascii_only=text.isascii())
    charge_many(len(text) // 4)
    without = _cut(_cut(text, "<!--", "-->"), "<", ">")
    return html.unescape(" ".join(without.split()))


def _cut(text: str, opening: str, closing: str) -> str:
    kept, at = [], 0
    while (begin := text.find(opening, at)) >= 0 and (end := text.find(closing, begin)) >= 0:
        kept.append(text[at:begin])
        at = end + len(closing)
    return "".join([*kept, text[at:]])


def capitalize_words(text: str) -> str:
    """Begin each word with a capital, and go on small, as Jinja2 does."""
    charge_many(1 + len(text) // 2)
    return "".join(each[:1].upper() + each[1:].lower() for each in _WORD_START.split(text) if each)


def find(text: str, needle: str) -> int:
    """Give where a text first has a part, or -1."""
    charge_text(len(text))
    return text.find(needle)

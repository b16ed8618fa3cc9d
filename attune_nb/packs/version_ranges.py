"""Ranges of versions as packs write them: `>=3.11`, `~3.12`, `^18`, `>=18 <21 || 22.x`.

The grammar is that of npm. A version is three integers; a part behind `-` or `+` is ignored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Version", "VersionRange", "read_range", "read_version", "write_version"]

Version = tuple[int, int, int]

_PARTIAL = r"[vV]?(?P<numbers>\d+(?:\.\d+){0,2})?(?:\.?[xX*])*(?:[-+][\w.+-]*)?"
_COMPARATOR = re.compile(rf"(?P<operator>>=|<=|>|<|=|\^|~)?\s*{_PARTIAL}")
# `1.2 - 1.4`: both ends belong to the range
_HYPHEN = re.compile(r"(\S+)\s+-\s+(\S+)")
_SEPARATOR = re.compile(r"[\s,]+")
_AFTER_OPERATOR = re.compile(r"([<>=^~])\s+")
_LEADING_VERSION = re.compile(r"\D{0,8}(\d+)(?:\.(\d+))?(?:\.(\d+))?")

_LONGEST_RANGE = 200
_LOWEST: Version = (0, 0, 0)
_ADVICE = "write for example `>=3.11`, `~3.12`, `^18` or `>=18 <21`"


class VersionRange(msgspec.Struct, frozen=True):
    """The versions that a text allows.

    Attributes:
        text: The range as written.
        spans: Half-open spans `(first version, first version above)`; None: no upper end.
    """

    text: str
    spans: tuple[tuple[Version, Version | None], ...]

    def allows(self, version: Version) -> bool:
        """Return whether a version is in the range."""
        return any(_holds(span, version) for span in self.spans)

    def allows_some(self, numbers: tuple[int, ...]) -> bool:
        """Return whether a version that begins with these numbers can be in the range."""
        start, end = _bounds(numbers)
        for low, high in self.spans:
            begins_below = end is None or low < end
            ends_above = high is None or start < high
            if begins_below and ends_above:
                return True
        return False


def read_range(text: str, *, is_exact: bool = False) -> VersionRange:
    """Return the range that a text means.

    Args:
        text: Comparators, separated by blanks or commas, which all hold; `||` stands between
            alternatives.
        is_exact: A version of three numbers without an operator means this version, as in
            `package.json`; otherwise it means `~`.

    Raises:
        ValueError: The text is no range; the message says how one is written.
    """
    if len(text) > _LONGEST_RANGE:
        raise ValueError(f"a range of versions has at most {_LONGEST_RANGE} characters")

    spans = []
    for alternative in text.split("||"):
        span = _read_alternative(alternative.strip(), text, is_exact=is_exact)
        if span is not None:
            spans.append(span)
    if not spans:
        raise ValueError(f"no version is in the range `{text}`")
    return VersionRange(text, tuple(spans))


def read_version(text: str) -> Version | None:
    """Return the first three numbers of a version: `v20.1.0`, `3.13.0rc1`; None if it has none."""
    match = _LEADING_VERSION.match(text)
    if match is None:
        return None
    major, minor, micro = (int(number) if number else 0 for number in match.groups())
    return major, minor, micro


def write_version(version: Iterable[int]) -> str:
    """Return a version as text: `3.12.1`."""
    return ".".join(map(str, version))


def _read_alternative(
    text: str, range_text: str, *, is_exact: bool
) -> tuple[Version, Version | None] | None:
    """Return the span in which all comparators hold; None if no version is in it."""
    hyphen = _HYPHEN.fullmatch(text)
    if hyphen:
        text = f">={hyphen[1]} <={hyphen[2]}"

    low = _LOWEST
    high: Version | None = None
    words = _SEPARATOR.split(_AFTER_OPERATOR.sub(r"\1", text))
    for word in words:
        match = _COMPARATOR.fullmatch(word)
        if match is None or word == match["operator"]:
            raise ValueError(f"`{range_text}` is no range of versions; {_ADVICE}")

        first, above = _span(match, is_exact=is_exact)
        low = max(low, first)
        if above is not None and (high is None or above < high):
            high = above

    if high is not None and low >= high:
        return None
    return low, high


def _span(match: re.Match[str], *, is_exact: bool) -> tuple[Version, Version | None]:
    """Return the versions that one comparator allows."""
    numbers = _numbers(match)
    start, end = _bounds(numbers)

    operator = match["operator"]
    if operator is None and not is_exact:
        operator = "~"

    if operator == ">=":
        return start, None
    if operator == ">":
        # no version is above all
        return (start, start) if end is None else (end, None)
    if operator == "<":
        return _LOWEST, start
    if operator == "<=":
        return _LOWEST, end
    if operator == "~":
        return start, _bounds(numbers[:2])[1]
    if operator == "^":
        return start, _bounds(_fixed_by_caret(numbers))[1]
    return start, end


def _numbers(match: re.Match[str]) -> tuple[int, ...]:
    """Return the numbers of a version that may lack its last ones."""
    if match["numbers"] is None:
        return ()
    return tuple(int(number) for number in match["numbers"].split("."))


def _bounds(numbers: tuple[int, ...]) -> tuple[Version, Version | None]:
    """Return the first version with these first numbers, and the first one above them all."""
    major, minor, micro = (*numbers, 0, 0, 0)[:3]
    if not numbers:
        return _LOWEST, None

    *before, last = numbers
    next_major, next_minor, next_micro = (*before, last + 1, 0, 0)[:3]
    return (major, minor, micro), (next_major, next_minor, next_micro)


def _fixed_by_caret(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the numbers that `^` holds: up to the first one that is not 0."""
    for count, number in enumerate(numbers, start=1):
        if number:
            return numbers[:count]
    return numbers


def _holds(span: tuple[Version, Version | None], version: Version) -> bool:
    low, high = span
    return low <= version and (high is None or version < high)

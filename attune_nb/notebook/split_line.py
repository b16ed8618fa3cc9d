"""Splitting the line of a magic into words.

A shell's rules would remove the quotes in `--set names=["a", "b"]` and cut it in two. Here
blanks inside quotes and brackets do not separate, so that a Python expression is one word.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attune_nb.notebook.line_variables import expand_variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["remove_comment", "split_line"]

_CLOSING_BRACKETS = {"(": ")", "[": "]", "{": "}"}

# a string from its quote to the next one, or to the end of the line
_STRINGS = {
    "'": r"'(?:\\.|[^'\\])*+(?:(?P<single>')|\\?\Z)",
    '"': r'"(?:\\.|[^"\\])*+(?:(?P<double>")|\\?\Z)',
}
# a string, blanks, or a single character, by the quotes that begin a string
_PIECES = {
    quotes: re.compile("|".join([*map(_STRINGS.__getitem__, quotes), r"\s+", "."]), re.DOTALL)
    for quotes in ("'\"", "'", '"', "")
}


class _Brackets:
    """The brackets that are open at a place of a line."""

    def __init__(self) -> None:
        # the closing brackets that are due, the innermost last
        self._due: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._due)

    @property
    def missing(self) -> str:
        """The closing bracket that is due first."""
        return self._due[-1]

    def read(self, piece: str) -> None:
        """Read the next piece of the line."""
        if piece in _CLOSING_BRACKETS:
            self._due.append(_CLOSING_BRACKETS[piece])
        elif self._due and piece == self._due[-1]:
            self._due.pop()


def _read_pieces(line: str) -> Iterator[str]:
    """Yield the strings, the blanks and the other characters of a line.

    A quote that is not closed is a character. No quote of its kind after it is closed either, so
    the end of the line is looked for once for each kind.
    """
    quotes = "'\""
    position = 0
    while position < len(line):
        match = _PIECES[quotes].match(line, position)
        assert match is not None  # noqa: S101 - the pattern matches any character
        piece = match[0]
        if piece[0] in quotes and match.lastgroup is None:
            piece = piece[0]
            quotes = quotes.replace(piece, "")

        yield piece
        position += len(piece)


def remove_comment(line: str) -> str:
    """Return a line without the comment at its end.

    A comment begins with a `#` at the beginning of the line or after a blank, outside quotes and
    brackets.
    """
    brackets = _Brackets()
    position = 0
    follows_blank = True

    for piece in _read_pieces(line):
        if piece == "#" and follows_blank and not brackets:
            return line[:position]
        brackets.read(piece)
        follows_blank = piece.isspace()
        position += len(piece)
    return line


def split_line(line: str, variables: Mapping[str, Any] | None = None) -> list[str]:
    """Return the words of a line; a word that is quoted as a whole loses its quotes.

    Args:
        line: The line.
        variables: The variables for `{name}` and `$name`; None expands nothing.

    Raises:
        ValueError: A quote or a bracket is not closed.
    """
    words: list[str] = []
    pieces: list[str] = []
    brackets = _Brackets()

    for piece in _read_pieces(f"{line.strip()} "):
        if piece.isspace() and not brackets:
            if pieces:
                words.append(_join_word(pieces, variables))
            pieces = []
            continue

        if piece in "'\"":
            raise ValueError(f"a quote ({piece}) is not closed")
        brackets.read(piece)
        pieces.append(piece)

    if brackets:
        raise ValueError(f"a `{brackets.missing}` is missing")
    return words


def _join_word(pieces: list[str], variables: Mapping[str, Any] | None) -> str:
    first = pieces[0]
    is_quoted = len(first) > 1 and first[0] in "'\""
    if is_quoted and len(pieces) == 1:
        return first[1:-1]
    if variables is None:
        return "".join(pieces)
    return expand_variables(pieces, variables)

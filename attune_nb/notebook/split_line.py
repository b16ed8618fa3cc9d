"""Splitting the line of a magic into words.

A shell's rules would remove the quotes in `--set names=["a", "b"]` and cut it in two. Here
blanks inside quotes and brackets do not separate, so that a Python expression is one word.
"""

from __future__ import annotations

import re

__all__ = ["split_line"]

_CLOSING_BRACKETS = {"(": ")", "[": "]", "{": "}"}

# a quoted string, blanks, or a single character
_PIECE = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\s+|.""", re.DOTALL)


def split_line(line: str) -> list[str]:
    """Return the words of a line; a word that is quoted as a whole loses its quotes.

    Raises:
        ValueError: A quote or a bracket is not closed.
    """
    words: list[str] = []
    pieces: list[str] = []
    # the closing brackets that are due, the innermost last
    open_brackets: list[str] = []

    for piece in _PIECE.findall(f"{line.strip()} "):
        if piece.isspace() and not open_brackets:
            if pieces:
                words.append(_join_word(pieces))
            pieces = []
            continue

        if piece in "'\"":
            raise ValueError(f"a quote ({piece}) is not closed")

        if piece in _CLOSING_BRACKETS:
            open_brackets.append(_CLOSING_BRACKETS[piece])
        elif open_brackets and piece == open_brackets[-1]:
            open_brackets.pop()
        pieces.append(piece)

    if open_brackets:
        raise ValueError(f"a `{open_brackets[-1]}` is missing")
    return words


def _join_word(pieces: list[str]) -> str:
    first = pieces[0]
    is_quoted = len(first) > 1 and first[0] in "'\""
    if is_quoted and len(pieces) == 1:
        return first[1:-1]
    return "".join(pieces)

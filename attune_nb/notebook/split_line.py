"""A magic's line to words.

A shell's rules would take the quotes out of `--set names=["a", "b"]` and cut it in two. Here
blanks inside quotes and brackets do not separate, so that a Python expression is one word.
"""

from __future__ import annotations

import re

__all__ = ["split_line"]

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_PIECE = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\s+|.""", re.DOTALL)


def split_line(line: str) -> list[str]:
    """Give the words of a line; a word that is quoted as a whole loses its quotes.

    Raises:
        ValueError: A quote or a bracket is not closed.
    """
    words: list[str] = []
    pieces: list[str] = []
    open_brackets: list[str] = []
    for piece in _PIECE.findall(f"{line.strip()} "):
        if piece.isspace() and not open_brackets:
            if pieces:
                words.append(_word(pieces))
            pieces = []
            continue
        if piece in "'\"":
            raise ValueError(f"a quote ({piece}) is not closed")
        if piece in _CLOSING:
            open_brackets.append(_CLOSING[piece])
        elif open_brackets and piece == open_brackets[-1]:
            open_brackets.pop()
        pieces.append(piece)
    if open_brackets:
        raise ValueError(f"a `{open_brackets[-1]}` is missing")
    return words


def _word(pieces: list[str]) -> str:
    only = pieces[0]
    if len(pieces) == 1 and len(only) > 1 and only[0] in "'\"":
        return only[1:-1]
    return "".join(pieces)

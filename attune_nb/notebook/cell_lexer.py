"""The colours of `%%attune` cells in exported pages: a lexer of Pygments.

The package registers it as `attune`. nbconvert uses it because of the file
`nbconvert_config.json` beside this module, which the package installs for `jupyter nbconvert`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pygments.lexer import Lexer
from pygments.lexers.data import YamlLexer
from pygments.token import Keyword, Name, Operator, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygments.token import _TokenType

__all__ = ["AttuneLexer", "is_attune_cell"]

_MAGIC = re.compile(r"%%attune(?!\S)")


def is_attune_cell(source: str) -> bool:
    """Return whether the source of a cell begins with `%%attune`."""
    return _MAGIC.match(source) is not None


class AttuneLexer(Lexer):
    """A cell with `%%attune`: the line of the magic, and YAML below it."""

    name = "Attune cell"
    aliases = ("attune",)

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        """Yield the index, the type and the text of each token."""
        first_line, newline, body = text.partition("\n")
        # the type that other cell magics have
        yield 0, Operator.Word, first_line
        if not newline:
            return
        yield len(first_line), Text, newline

        start = len(first_line) + 1
        lexer = YamlLexer(stripnl=False, ensurenl=False)
        for index, token, value in lexer.get_tokens_unprocessed(body):
            # Jupyter's style has no colour for tags, which the keys of YAML are
            kind = Keyword if token is Name.Tag else token
            yield start + index, kind, value

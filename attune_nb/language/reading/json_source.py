"""Parse JSON text, strictly, with the position of every value and key.

Python's own reader takes `NaN` and a key that stands twice, and has no limits. Here the text
becomes the same events as YAML, so the limits and the messages about them are the same.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from attune_nb.language.reading.yaml_source import Builder, Document, check_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["parse_json"]

# Reads a value of JSON; here only strings, whose escapes are best left to it.
_STRINGS = json.JSONDecoder()

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[\w.+-]+")
_LINE_END = re.compile("\n")

# Characters of the text that a message shows.
_MAX_LENGTH = 40

# What JSON has instead of words of Python and YAML.
_WORDS = {
    "True": "true",
    "False": "false",
    "None": "null",
    "TRUE": "true",
    "FALSE": "false",
    "NULL": "null",
    "undefined": "null",
}
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_CLOSING = {"{": "}", "[": "]"}


def parse_json(text: str, name: str) -> Document:
    """Return a text of JSON as a document.

    Args:
        text: The JSON.
        name: The name of the text in messages.

    Raises:
        WorkflowError: The text is not JSON, or is too large.
    """
    text = text.removeprefix("\ufeff")
    source = check_text(text, name, text)
    builder = Builder(source, text)
    root = builder.build(_JsonParser(text, builder).parse())
    return Document(source, root)


class _JsonParser:
    """Turns text into events, and refuses text that is not JSON at the first fault."""

    def __init__(self, text: str, builder: Builder) -> None:
        self.text = text
        self.builder = builder
        self.index = 0
        self.line_starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
        # the brackets that are open, each with its index
        self.open_brackets: list[tuple[str, int]] = []
        # whether a value has ended here, so that a comma must follow
        self.is_after_value = False

    def parse(self) -> Iterator[Any]:
        """Yield the events of one value, which must be the whole text."""
        self._skip_space()
        yield from self._begin_value()

        while self.open_brackets:
            self._skip_space()
            bracket, _ = self.open_brackets[-1]
            if self._next() == _CLOSING[bracket]:
                yield self._close()
            elif self.is_after_value:
                self._take_comma(bracket)
                yield from self._read_member(bracket)
            else:
                yield from self._read_member(bracket)

        self._skip_space()
        if self.index < len(self.text):
            self._refuse("text follows the end of the JSON value; a file holds one value")

    def _take_comma(self, bracket: str) -> None:
        if self._next() != ",":
            self._check_is_open()
            self._refuse(f"a `,` or a `{_CLOSING[bracket]}` is expected here")

        comma = self.index
        self.index += 1
        self._skip_space()
        if self._next() == _CLOSING[bracket]:
            self.index = comma
            self._refuse(f"JSON has no `,` before a `{_CLOSING[bracket]}`; remove it")

    def _read_member(self, bracket: str) -> Iterator[Any]:
        """Yield the events of an element, or of a key and its value."""
        if bracket == "{":
            if self._next() != '"':
                self._check_is_open()
                self._refuse("a key in double quotes is expected here")
            yield self._read_string()

            self._skip_space()
            if self._next() != ":":
                self._check_is_open()
                self._refuse("a `:` is expected here, after the key")
            self.index += 1
            self._skip_space()

        yield from self._begin_value()

    def _begin_value(self) -> Iterator[Any]:
        """Yield the event of a string, a number or a word, or of a bracket that opens."""
        sign = self._next()
        mark = self._mark()
        if sign == '"':
            yield self._read_string()
        elif sign in _CLOSING:
            self.open_brackets.append((sign, self.index))
            self.index += 1
            self.is_after_value = False
            kind = yaml.MappingStartEvent if sign == "{" else yaml.SequenceStartEvent
            yield kind(None, None, implicit=True, start_mark=mark, end_mark=mark)
        else:
            yield self._read_word()

    def _close(self) -> Any:
        sign = self._next()
        mark = self._mark()
        self.open_brackets.pop()
        self.index += 1
        self.is_after_value = True
        if sign == "}":
            return yaml.MappingEndEvent(mark, mark)
        return yaml.SequenceEndEvent(mark, mark)

    def _read_string(self) -> Any:
        mark = self._mark()
        try:
            value, self.index = _STRINGS.raw_decode(self.text, self.index)
        except json.JSONDecodeError as error:
            if "Unterminated" in error.msg:
                self._refuse("this string is never closed")
            self.index = error.pos
            if self.text[error.pos : error.pos + 1] == "u":
                # for a wrong `\\u` the position is behind the backslash
                self.index -= 1
            if "control character" in error.msg:
                self._refuse(
                    "a string holds a line break or a control character; write it as an escape "
                    "such as `\\n`"
                )
            escape = self.text[self.index : self.index + 2]
            self._refuse(f"`{escape}` is no escape of JSON")
        self.is_after_value = True
        return yaml.ScalarEvent(None, None, (False, True), value, mark, mark, '"')

    def _read_word(self) -> Any:
        """Read a number, `true`, `false` or `null`."""
        mark = self._mark()
        match = _WORD.match(self.text, self.index)
        if match is None:
            self._check_is_open()
            self._refuse(self._explain_sign())

        word = match[0]
        if word not in ("true", "false", "null") and not _NUMBER.fullmatch(word):
            self._refuse(_explain_word(word))
        self.index = match.end()
        self.is_after_value = True
        return yaml.ScalarEvent(None, None, (True, False), word, mark, mark, None)

    def _explain_sign(self) -> str:
        if self._next() == "'":
            return "JSON has strings in double quotes only"
        if self._next() in ("/", "#"):
            return "JSON has no comments; remove this one, or name the file `.yaml`"
        if self._next() == "":
            return "the text is empty; write an object, `{...}`"
        return f"a value is expected here, not `{self._next()}`"

    def _check_is_open(self) -> None:
        """Raise an error at the open bracket if the text ends here, or has a comment here."""
        sign = self._next()
        if sign == "" and self.open_brackets:
            _, self.index = self.open_brackets[-1]
            self._refuse("this bracket is never closed")
        if sign in ("/", "#", "'"):
            self._refuse(self._explain_sign())

    def _skip_space(self) -> None:
        match = _SPACE.match(self.text, self.index)
        if match is not None:
            self.index = match.end()

    def _next(self) -> str:
        return self.text[self.index : self.index + 1]

    def _mark(self) -> Any:
        """Return this place as the events of YAML have it; lines and columns count from 0."""
        line = bisect_right(self.line_starts, self.index) - 1
        column = self.index - self.line_starts[line]
        return yaml.Mark("", self.index, line, column, None, 0)

    def _refuse(self, message: str) -> NoReturn:
        mark = self._mark()
        self.builder.refuse(message, (mark.line + 1, mark.column + 1))


def _explain_word(word: str) -> str:
    shown = word[:_MAX_LENGTH]
    if word in _WORDS:
        return f"`{shown}` is no value of JSON; write `{_WORDS[word]}`"
    if word in _NOT_FINITE:
        return f"the number `{shown}` is not finite, and JSON has no such number"
    if word[0].isdigit() or word[0] in "+-.":
        return f"`{shown}` is no number of JSON"
    return f"`{shown}` is no value of JSON; put quotes around a string"

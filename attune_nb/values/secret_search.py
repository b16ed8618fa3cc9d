"""Search for the texts of secrets in other texts."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.values.secret_forms import (
    Base64Core,
    base64_cores,
    encode_text,
    read_form,
    text_forms,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FullSecretName", "SecretName", "SecretSearch", "Span", "read_any_form"]

SecretName = tuple[str, int, int]
"""A text of a secret: the secret's dotted name, the number of the piece, the number of the form."""

FullSecretName = SecretName | tuple[str, int, int, int]
"""The same, and how many characters of it stand before, as the end of another secret."""

# Characters; a shorter secret is searched for as a word, or as a whole value.
SHORTEST = 4
_WORD = 3

# The character that a decoder writes for bytes that are no text.
_UNREADABLE = "\ufffd"

# Encodings of text in bytes, besides UTF-8.
_ENCODINGS = ("utf-16-le", "utf-16-be", "latin-1")

# The number of the first form that only bytes have: by encoding.
_FIRST_ENCODING = 9_000

# The number of the first form of a text in UTF-8, within bytes.
_FIRST_IN_BYTES = 8_000


class Span(NamedTuple):
    """A place in a text where a secret stands.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        name: The text of a secret that stands there.
        is_rest: Whether another secret overlaps with its beginning.
    """

    start: int
    end: int
    name: FullSecretName
    is_rest: bool


class SecretSearch:
    """Finds secrets in texts. All secrets are known before the first search.

    Attributes:
        names: The text of a secret, by each form that may be a whole value.
    """

    __slots__ = ("_all", "_bytes", "_cores", "_texts", "_words", "names")

    def __init__(self) -> None:
        self.names: dict[str, SecretName] = {}
        # the forms that are searched for within a text; the bytes as text in Latin-1
        self._texts: dict[str, SecretName] = {}
        self._bytes: dict[str, SecretName] = {}
        self._cores: dict[str, tuple[SecretName, Base64Core]] = {}
        self._words: dict[str, SecretName] = {}
        # all of these for texts, for a quick look whether there is anything to find
        self._all: tuple[str, ...] = ()

    def close(self) -> None:
        """Prepare the search, after the last secret was added."""
        self._all = (*self._texts, *self._cores, *self._words)

    def add(self, name: str, number: int, piece: str) -> None:
        """Add a piece of a secret.

        Args:
            name: The secret's dotted name.
            number: The number of the piece; the first is the whole secret.
            piece: The text.
        """
        if len(piece) < SHORTEST:
            # a line of a secret may be a bracket
            if number <= 1:
                self.names.setdefault(piece, (name, number, 0))
                if len(piece) == _WORD:
                    self._words.setdefault(piece, (name, number, 0))
            return

        for form_number, form in enumerate(text_forms(piece)):
            readable = form.replace(_UNREADABLE, "")
            if form_number and len(readable) < SHORTEST:
                continue
            secret = (name, number, form_number)
            self.names.setdefault(form, secret)
            self._texts.setdefault(form, secret)
            in_bytes = (name, number, _FIRST_IN_BYTES + form_number)
            self._bytes.setdefault(encode_text(form).decode("latin-1"), in_bytes)

        for form_number, encoded in _byte_forms(piece):
            self._bytes.setdefault(encoded.decode("latin-1"), (name, number, form_number))
        for core in base64_cores(piece):
            self._cores.setdefault(core.text, ((name, number, 0), core))

    def may_hold(self, text: str) -> bool:
        """Return whether a text holds a secret. It may be a text of many values."""
        for needle in self._all:  # noqa: SIM110 - a generator costs as much as the search
            if needle in text:
                return True
        return False

    def find(self, text: str) -> list[Span]:
        """Return the places of secrets in a text, in order, none twice."""
        if not self.may_hold(text):
            return []
        return _without_overlaps(self._find_all(text, self._texts))

    def find_in_bytes(self, data: str) -> list[Span]:
        """Return the places of secrets in bytes, which are decoded as Latin-1."""
        return _without_overlaps(self._find_all(data, self._bytes))

    def _find_all(self, text: str, needles: dict[str, SecretName]) -> Iterator[Span]:
        for needle, name in needles.items():
            if needle in text:
                for start in _starts(text, needle):
                    yield Span(start, start + len(needle), name, is_rest=False)

        for needle in self._cores:
            if needle in text:
                yield from self._find_core(text, needle)
        for word in self._words:
            if word in text:
                yield from self._find_word(text, word)

    def _find_core(self, text: str, needle: str) -> Iterator[Span]:
        name, core = self._cores[needle]
        for core_start in _starts(text, needle):
            start, end, form = core.widen(text, core_start, core_start + len(needle))
            yield Span(start, end, (name[0], name[1], form), is_rest=False)

    def _find_word(self, text: str, word: str) -> Iterator[Span]:
        for start in _starts(text, word):
            if _is_word(text, start, start + len(word)):
                yield Span(start, start + len(word), self._words[word], is_rest=False)


def read_any_form(text: str, number: int) -> str | None:
    """Return a form of a text by its number, one in bytes as Latin-1; None if there is none."""
    if _FIRST_IN_BYTES <= number < _FIRST_ENCODING:
        form = read_form(text, number - _FIRST_IN_BYTES)
        return None if form is None else encode_text(form).decode("latin-1")

    for form_number, encoded in _byte_forms(text):
        if form_number == number:
            return encoded.decode("latin-1")
    return read_form(text, number)


def _byte_forms(text: str) -> Iterator[tuple[int, bytes]]:
    """Yield the forms of a text that only bytes have, with their numbers."""
    for number, encoding in enumerate(_ENCODINGS, start=_FIRST_ENCODING):
        encoded = text.encode(encoding, "ignore")
        if encoded.decode(encoding, "ignore") == text:
            yield number, encoded

    # as `UUID.bytes` and numbers of a secret in hexadecimal digits
    digits = text.replace("-", "")
    if len(digits) >= 2 * SHORTEST and len(digits) % 2 == 0:
        try:
            yield _FIRST_ENCODING + len(_ENCODINGS), bytes.fromhex(digits)
        except ValueError:
            return


def _starts(text: str, needle: str) -> Iterator[int]:
    start = text.find(needle)
    while start >= 0:
        yield start
        start = text.find(needle, start + 1)


def _is_word(text: str, start: int, end: int) -> bool:
    before = text[start - 1 : start]
    after = text[end : end + 1]
    return not any(neighbour.isalnum() or neighbour == "_" for neighbour in (before, after))


def _without_overlaps(spans: Iterator[Span]) -> list[Span]:
    """Return spans in order; of one that begins within another only the rest is kept."""
    ordered = sorted(spans, key=itemgetter(1), reverse=True)
    ordered.sort(key=itemgetter(0))

    kept: list[Span] = []
    end = 0
    for span in ordered:
        if span.end <= end:
            continue
        if span.start >= end:
            kept.append(span)
        else:
            name = (span.name[0], span.name[1], span.name[2], end - span.start)
            kept.append(Span(end, span.end, name, is_rest=True))
        end = span.end
    return kept

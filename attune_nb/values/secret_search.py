"""Search for the texts of secrets in other texts."""

from __future__ import annotations

import re
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
    from collections.abc import Iterable, Iterator

    from ahocorasick_rs import AhoCorasick

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


# Texts from which on all are searched for in one pass. To prepare it takes some 15 ms.
_MANY = 100

# Halves of a surrogate pair, which UTF-8 cannot encode, and a character that no text has.
_SURROGATES = re.compile("[\ud800-\udfff]")
_NO_CHARACTER = "\ufffe"


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

    __slots__ = ("_all", "_all_in_bytes", "_bytes", "_cores", "_texts", "_words", "names")

    def __init__(self) -> None:
        self.names: dict[str, SecretName] = {}
        # the forms that are searched for within a text; the bytes as text in Latin-1
        self._texts: dict[str, SecretName] = {}
        self._bytes: dict[str, SecretName] = {}
        self._cores: dict[str, tuple[SecretName, Base64Core]] = {}
        self._words: dict[str, SecretName] = {}
        # all of these, for texts and for bytes
        self._all = _Needles(())
        self._all_in_bytes = _Needles(())

    def close(self) -> None:
        """Prepare the search, after the last secret was added."""
        self._all = _Needles((*self._texts, *self._cores, *self._words))
        self._all_in_bytes = _Needles((*self._bytes, *self._cores, *self._words))

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
        return self._all.is_any_in(text)

    def find(self, text: str) -> list[Span]:
        """Return the places of secrets in a text, in order, none twice."""
        if not self.may_hold(text):
            return []
        return _without_overlaps(self._find_all(text, self._all, self._texts))

    def find_in_bytes(self, data: str) -> list[Span]:
        """Return the places of secrets in bytes, which are decoded as Latin-1."""
        return _without_overlaps(self._find_all(data, self._all_in_bytes, self._bytes))

    def _find_all(
        self, text: str, needles: _Needles, names: dict[str, SecretName]
    ) -> Iterator[Span]:
        for needle, start in needles.find(text):
            end = start + len(needle)
            if needle in names:
                yield Span(start, end, names[needle], is_rest=False)
            if needle in self._cores:
                yield self._core_span(text, needle, start)
            if needle in self._words and _is_word(text, start, end):
                yield Span(start, end, self._words[needle], is_rest=False)

    def _core_span(self, text: str, needle: str, core_start: int) -> Span:
        name, core = self._cores[needle]
        start, end, form = core.widen(text, core_start, core_start + len(needle))
        return Span(start, end, (name[0], name[1], form), is_rest=False)


class _Needles:
    """Texts that are searched for in another text; many of them in one pass over it.

    Args:
        texts: The texts, the most important first.
    """

    __slots__ = ("_automaton", "_texts")

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = tuple(dict.fromkeys(texts))
        self._automaton: AhoCorasick | None = None

    def is_any_in(self, text: str) -> bool:
        """Return whether one of the texts stands in a text."""
        if len(self._texts) >= _MANY:
            return any(True for _ in self._find_many(text))

        for needle in self._texts:  # noqa: SIM110 - a generator costs as much as the search
            if needle in text:
                return True
        return False

    def find(self, text: str) -> Iterator[tuple[str, int]]:
        """Yield each of the texts that stands in a text, and where it begins."""
        if len(self._texts) >= _MANY:
            yield from self._find_many(text)
            return

        for needle in self._texts:
            if needle in text:
                for start in _starts(text, needle):
                    yield needle, start

    def _find_many(self, text: str) -> Iterator[tuple[str, int]]:
        if self._automaton is None:
            self._automaton = self._make_automaton()
        try:
            matches = self._automaton.find_matches_as_indexes(text, overlapping=True)
        except UnicodeEncodeError:
            encodable = _SURROGATES.sub(_NO_CHARACTER, text)
            matches = self._automaton.find_matches_as_indexes(encodable, overlapping=True)

        # by the number of the text that was found: the most important first
        for index, start, _ in sorted(matches):
            needle = self._texts[index]
            # unless another surrogate stands there
            if text.startswith(needle, start):
                yield needle, start

    def _make_automaton(self) -> AhoCorasick:
        # a worker without secrets does not need it
        from ahocorasick_rs import AhoCorasick  # noqa: PLC0415

        encodable_texts = [_SURROGATES.sub(_NO_CHARACTER, needle) for needle in self._texts]
        return AhoCorasick(encodable_texts, store_patterns=False)


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

"""The forms in which the text of a secret may be written: in JSON, in a URL, in base64 ...

A form has a number, by which the store refers to it. A number never gets another meaning.
"""

from __future__ import annotations

import binascii
import json
import re
from typing import NamedTuple
from urllib.parse import quote, quote_plus

__all__ = [
    "FLOAT_FORM",
    "INTEGER_FORM",
    "NUMBER_FORM",
    "Base64Core",
    "base64_cores",
    "encode_text",
    "read_form",
    "text_forms",
]

NUMBER_FORM = -1
"""The form of a secret that is a number, in older records."""

FLOAT_FORM = -2
"""The form of a secret as a `float`."""

INTEGER_FORM = -3
"""The form of a secret as an `int`."""

_STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URL_SAFE = _STANDARD[:-2] + "-_"
_ALPHABETS = (_STANDARD, _URL_SAFE)

# the six bits of a character of either alphabet
_BITS = {character: bits for alphabet in _ALPHABETS for bits, character in enumerate(alphabet)}

# The number of the first form in base64. A number is made of the alphabet, the shift, the
# character before the core, the one after it, and the `=` at the end.
_FIRST_BASE64 = 10_000

# Stands for a character at an edge of a core that is not there.
_NO_EDGE = 32

# The number of a character at an edge: four bits of its neighbour, and a bit for the alphabet.
_EDGES = 33

# Characters of a core; shorter ones may stand in any text.
_SHORTEST_CORE = 4

_ESCAPES = re.compile("%[0-9A-F]{2}")


def encode_text(text: str) -> bytes:
    """Return the bytes of a text, in which surrogates stand for bytes or for themselves."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def text_forms(text: str) -> tuple[str, ...]:
    """Return a text as other programs may write it; the index of a form is its number."""
    encoded = encode_text(text)
    in_json = json.dumps(text)[1:-1]
    in_url = quote(encoded, safe="")
    in_form = quote_plus(encoded)
    in_bytes = repr(encoded)[2:-1]

    return (
        text,
        in_json,
        json.dumps(text, ensure_ascii=False)[1:-1],
        repr(text)[1:-1],
        quote(encoded),
        in_url,
        in_form,
        # hexadecimal digits
        encoded.hex(),
        encoded.hex().upper(),
        # `ascii`, and the `repr` of the bytes
        ascii(text)[1:-1],
        in_bytes,
        # HTML and XML, with and without quotes
        _escape_html(text),
        _escape_html(text).replace('"', "&quot;").replace("'", "&#x27;"),
        _escape_html(text).replace('"', "&quot;").replace("'", "&#39;"),
        _escape_html(text).replace('"', "&#34;").replace("'", "&#39;"),
        # `encodeURIComponent` of JavaScript, and digits of other programs
        quote(encoded, safe="!~*'()"),
        _ESCAPES.sub(lambda escape: escape[0].lower(), in_url),
        _ESCAPES.sub(lambda escape: escape[0].lower(), in_form),
        # quotes of the shell, as `shlex.quote` and `set -x` write them
        text.replace("'", "'\"'\"'"),
        text.replace("'", "'\\''"),
        # JSON within JSON, and slashes as PHP writes them
        json.dumps(in_json)[1:-1],
        in_json.replace("/", "\\/"),
        # bytes that are no UTF-8, as they are printed
        encoded.decode("utf-8", "replace"),
        encoded.decode("utf-8", "backslashreplace"),
    )


def _escape_html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Base64Core(NamedTuple):
    """The characters of a base64 text that depend on the bytes of a secret alone.

    The secret may stand anywhere in the bytes that are encoded: in `user:password`, say. Then
    the first and the last of its bytes share a character with their neighbours.

    Attributes:
        text: The characters.
        alphabet: 0 for the standard alphabet, 1 for that of URLs.
        shift: The number of bytes before the secret, modulo 3.
        first: The bits of the secret in the character before the core.
        last: The bits of the secret in the character after the core.
        last_size: The number of these bits: 0, 2 or 4.
    """

    text: str
    alphabet: int
    shift: int
    first: int
    last: int
    last_size: int

    def widen(self, text: str, start: int, end: int) -> tuple[int, int, int]:
        """Return where the secret begins and ends in a text, and the number of its form.

        Args:
            text: The text.
            start: Where the core begins.
            end: Where it ends.
        """
        first = _NO_EDGE
        if self.shift and start:
            first = self._read_first(text[start - 1])
        last = _NO_EDGE
        if self.last_size and end < len(text):
            last = self._read_last(text[end])

        padding = 0
        if first != _NO_EDGE:
            start -= 1
        if last != _NO_EDGE:
            end += 1
            # one `=` after four bits of the last byte, two after two
            equal_signs = text[end : end + 3 - self.last_size // 2]
            padding = len(equal_signs) - len(equal_signs.lstrip("="))
            end += padding

        number = self.alphabet * 3 + self.shift
        number = (number * _EDGES + first) * _EDGES + last
        return start, end, _FIRST_BASE64 + number * 3 + padding

    def _read_first(self, character: str) -> int:
        """Return the number of the character before the core, if it belongs to the secret."""
        bits = _BITS.get(character, -1)
        size = 6 - 2 * self.shift
        if bits < 0 or bits & ((1 << size) - 1) != self.first:
            return _NO_EDGE
        return bits >> size | self._is_url_safe(character) << 4

    def _read_last(self, character: str) -> int:
        """Return the number of the character after the core, if it belongs to the secret."""
        bits = _BITS.get(character, -1)
        size = 6 - self.last_size
        if bits < 0 or bits >> size != self.last:
            return _NO_EDGE
        return bits & ((1 << size) - 1) | self._is_url_safe(character) << 4

    @staticmethod
    def _is_url_safe(character: str) -> bool:
        return character in "-_"

    def write(self, first: int, last: int, padding: int) -> str:
        """Return the text of a form, from the numbers at its edges."""
        start = ""
        if first != _NO_EDGE:
            bits = (first & 15) << (6 - 2 * self.shift) | self.first
            start = _ALPHABETS[first >> 4][bits]
        end = ""
        if last != _NO_EDGE:
            bits = self.last << (6 - self.last_size) | last & 15
            end = _ALPHABETS[last >> 4][bits]
        return start + self.text + end + "=" * padding


def base64_cores(text: str) -> list[Base64Core]:
    """Return the cores of a secret in base64, in both alphabets, at each shift."""
    encoded = encode_text(text)
    cores = []
    for alphabet in range(len(_ALPHABETS)):
        for shift in range(3):
            core = _base64_core(encoded, alphabet, shift)
            if len(core.text) >= _SHORTEST_CORE:
                cores.append(core)
    return cores


def _base64_core(encoded: bytes, alphabet: int, shift: int) -> Base64Core:
    standard = binascii.b2a_base64(bytes(shift) + encoded, newline=False).decode()
    size = 8 * (shift + len(encoded))
    end = size // 6
    last_size = size % 6

    first = 0
    start = 0
    if shift:
        start = shift + 1
        first = _BITS[standard[shift]]
    last = 0
    if last_size:
        last = _BITS[standard[end]] >> (6 - last_size)

    text = standard[start:end]
    if alphabet:
        text = text.replace("+", "-").replace("/", "_")
    return Base64Core(text, alphabet, shift, first, last, last_size)


def read_form(text: str, number: int) -> str | None:
    """Return a form of a text by its number; None if there is no such form."""
    if number >= _FIRST_BASE64:
        number, padding = divmod(number - _FIRST_BASE64, 3)
        number, last = divmod(number, _EDGES)
        number, first = divmod(number, _EDGES)
        alphabet, shift = divmod(number, 3)
        if alphabet >= len(_ALPHABETS):
            return None
        return _base64_core(encode_text(text), alphabet, shift).write(first, last, padding)

    forms = text_forms(text)
    if 0 <= number < len(forms):
        return forms[number]
    return None

"""Masking of secrets, so that their texts are never shown.

Masking is best effort by design: a secret that was encoded, cut or computed with is not
recognised.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["MASKED", "Mask", "SecretText", "is_secret_schema"]

MASKED = "***"

# Characters; a shorter secret is masked only if it is the whole value.
_SHORTEST = 4

# Levels of nesting of a value.
_DEEPEST = 100

# The form of a secret that is a number.
_NUMBER = -1


SecretName = tuple[str, int, int]
"""A text of a secret: the secret's dotted name, the number of the piece, the number of the form."""

Part = str | SecretName
"""A part of a text: plain text, or a text of a secret."""


class SecretText(str):
    """A string with `***` in place of its secrets, which keeps the names of these secrets.

    Attributes:
        parts: The parts of the text, in order.
    """

    __slots__ = ("parts",)
    parts: tuple[Part, ...]

    # Two different secrets are two keys of an object, although both read `***`.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and other.parts == self.parts

    def __hash__(self) -> int:
        return hash(self.parts)

    @classmethod
    def from_parts(cls, parts: Iterable[Part]) -> SecretText:
        """Return the text that consists of some parts."""
        parts = tuple(parts)
        shown = [part if isinstance(part, str) else MASKED for part in parts]
        text = cls("".join(shown))
        text.parts = parts
        return text


class Mask:
    """Replaces the texts of secrets by `***`.

    Args:
        secrets: Values that must not be shown; the strings and numbers in them are masked.
        names: The names of these values.
    """

    __slots__ = ("_names", "_pattern", "_values")

    def __init__(self, *secrets: Any, names: Sequence[str] = ("keystore", "parameters")) -> None:
        self._values: dict[str, Any] = {}
        for name, secret in zip(names, secrets, strict=False):
            self._values |= _leaves(name, secret, _DEEPEST)
        self._find_forms()

    def _find_forms(self) -> None:
        """Find the forms in which the secrets may stand in a text."""
        # By each form of each piece of a secret.
        self._names: dict[str, SecretName] = {}
        for name, leaf in self._values.items():
            for piece_number, piece in enumerate(_pieces(leaf)):
                for form_number, form in enumerate(_forms(piece)):
                    self._names.setdefault(form, (name, piece_number, form_number))

        # The longest first, so that a secret which contains another is replaced as a whole.
        forms = [form for form in self._names if len(form) >= _SHORTEST]
        forms.sort(key=len)
        forms.reverse()
        self._pattern: re.Pattern[str] | None = None
        if forms:
            self._pattern = re.compile("|".join(map(re.escape, forms)))

    def with_secret(self, name: str, secret: Any) -> Mask:
        """Return a mask that hides one more secret, which has this name."""
        mask = Mask()
        mask._values = self._values | _leaves(name, secret, _DEEPEST)
        mask._find_forms()
        return mask

    def __bool__(self) -> bool:
        return bool(self._names)

    def __repr__(self) -> str:
        return f"Mask({len(self._names)} secrets)"

    def text(self, text: str) -> str:
        """Return a text with every secret replaced by `***`."""
        if text in self._names:
            return MASKED
        if self._pattern is None:
            return text
        return self._pattern.sub(MASKED, text)

    def value(self, value: Any) -> Any:
        """Return a value with every text masked; the same object if it holds no secret."""
        if not self._names:
            return value
        return self._mask_value(value, _DEEPEST, self.text)

    def named_value(self, value: Any) -> Any:
        """Return the same as `value`, with a `SecretText` for each text that was masked."""
        if not self._names:
            return value
        return self._mask_value(value, _DEEPEST, self._secret_text)

    def resolve(self, parts: Sequence[Any]) -> Any:
        """Return the value that a `SecretText` stands for, with `***` for unknown secrets."""
        if len(parts) == 1 and parts[0][-1] == _NUMBER:
            name, piece_number, _ = parts[0]
            text = self._form(name, piece_number, 0)
            if text == MASKED:
                return MASKED
            return json.loads(text)

        texts = [part if isinstance(part, str) else self._form(*part) for part in parts]
        return "".join(texts)

    def _form(self, name: str, piece_number: int, form_number: int) -> str:
        pieces = _pieces(self._values.get(name))
        if piece_number >= len(pieces):
            return MASKED
        return _forms(pieces[piece_number])[form_number]

    def _secret_text(self, text: str) -> str:
        if text in self._names:
            return SecretText.from_parts([self._names[text]])
        if self._pattern is None:
            return text

        parts: list[Part] = []
        end = 0
        for secret in self._pattern.finditer(text):
            parts.append(text[end : secret.start()])
            parts.append(self._names[secret[0]])
            end = secret.end()
        if not parts:
            return text

        parts.append(text[end:])
        return SecretText.from_parts(parts)

    def _mask_number(self, value: float, hide: Callable[[str], str]) -> str:
        text = hide(str(value))
        if isinstance(text, SecretText):
            name, piece_number, _ = self._names[str(value)]
            text.parts = ((name, piece_number, _NUMBER),)
        return text

    def _mask_value(self, value: Any, depth: int, hide: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return hide(value)
        if depth == 0:
            return MASKED

        if isinstance(value, dict):
            masked: Any = {}
            for key, part in value.items():
                masked_key = self._mask_value(key, depth - 1, hide)
                masked[masked_key] = self._mask_value(part, depth - 1, hide)
            return value if masked == value else masked

        if isinstance(value, list | tuple):
            masked = [self._mask_value(part, depth - 1, hide) for part in value]
            if masked == list(value):
                return value
            return tuple(masked) if isinstance(value, tuple) else masked

        if isinstance(value, frozenset):
            return frozenset(self._mask_value(part, depth - 1, hide) for part in value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float) and str(value) in self._names:
            return self._mask_number(value, hide)
        return value


def is_secret_schema(schema: Mapping[str, Any]) -> bool:
    """Return whether values of a JSON Schema must not be shown."""
    return (
        schema.get("format") == "password"
        or schema.get("writeOnly") is True
        or schema.get("secret") is True
    )


def _forms(text: str) -> tuple[str, ...]:
    """Return a secret as it is written in a message, in JSON, in a `repr` and in a URL."""
    encoded = text.encode("utf-8", "replace")
    return (
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        repr(text)[1:-1],
        quote(encoded),
        quote(encoded, safe=""),
        quote_plus(encoded),
    )


def _leaves(name: str, secret: Any, depth: int) -> dict[str, Any]:
    """Return the strings and numbers in a secret by their dotted names."""
    leaves: dict[str, Any] = {}

    if depth and isinstance(secret, dict):
        for key, part in secret.items():
            leaves |= _leaves(f"{name}.{key}", part, depth - 1)
    elif depth and isinstance(secret, list | tuple):
        for index, part in enumerate(secret):
            leaves |= _leaves(f"{name}.{index}", part, depth - 1)
    elif isinstance(secret, bytes):
        leaves[name] = secret.decode(errors="replace")
    elif isinstance(secret, str | int | float) and not isinstance(secret, bool):
        leaves[name] = secret

    return leaves


def _pieces(leaf: Any) -> list[str]:
    """Return the texts by which a secret is recognised: the whole secret, and each line."""
    if leaf is None:
        return []

    text = str(leaf)
    lines = [line.strip() for line in text.splitlines()]
    distinct = dict.fromkeys([text, text.strip(), *lines])
    return [piece for piece in distinct if piece]

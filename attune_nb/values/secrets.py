"""Secrets by their text, so that none is ever shown.

Best effort by design: a secret that was encoded, cut or computed with is no longer found.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["MASKED", "Mask", "SecretText"]

MASKED = "***"
_SHORTEST = 4  # characters; a shorter secret is masked only where it is the whole value
_DEEPEST = 100
_NUMBER = -1  # the form of a secret that is a number


Part = str | tuple[str, int, int]
"""Of a text: what stands in it, or a secret: its name, which text of it, and in which form."""


class SecretText(str):
    """A text with `***` for its secrets, that knows by name which stood where.

    Attributes:
        parts: What the whole text is made of.
    """

    __slots__ = ("parts",)
    parts: tuple[Part, ...]

    def __eq__(self, other: object) -> bool:  # two secrets are two keys of a map
        return isinstance(other, SecretText) and other.parts == self.parts

    def __hash__(self) -> int:
        return hash(self.parts)

    @classmethod
    def from_parts(cls, parts: Iterable[Part]) -> SecretText:
        """Make one of its parts."""
        made = [*parts]
        text = cls("".join(each if isinstance(each, str) else MASKED for each in made))
        text.parts = tuple(made)
        return text


class Mask:
    """Knows the texts of secrets, and replaces them by `***`.

    Args:
        secrets: Values that must not be shown; the texts and numbers in them count.
        names: What to call each of them.
    """

    __slots__ = ("_named", "_pattern", "_values")

    def __init__(self, *secrets: Any, names: Sequence[str] = ("keystore", "parameters")) -> None:
        self._values: dict[str, Any] = {}
        for name, each in zip(names, secrets, strict=False):
            self._values |= _leaves(name, each, _DEEPEST)
        self._named: dict[str, tuple[str, int, int]] = {}  # each form -> whose it is
        for name, leaf in self._values.items():
            for piece, text in enumerate(_pieces(leaf)):
                for form, shown in enumerate(_forms(text)):
                    self._named.setdefault(shown, (name, piece, form))
        # The longest first, so that a secret which contains another is replaced as a whole.
        long = sorted((each for each in self._named if len(each) >= _SHORTEST), key=len)
        self._pattern = re.compile("|".join(map(re.escape, reversed(long)))) if long else None

    def __bool__(self) -> bool:
        return bool(self._named)

    def __repr__(self) -> str:
        return f"Mask({len(self._named)} secrets)"

    def text(self, text: str) -> str:
        """Give a text in which every secret is `***`."""
        if text in self._named:
            return MASKED
        return self._pattern.sub(MASKED, text) if self._pattern is not None else text

    def value(self, value: Any) -> Any:
        """Give a value with every text masked; the very object where there is nothing to mask."""
        return self._value(value, _DEEPEST, self.text) if self._named else value

    def named_value(self, value: Any) -> Any:
        """Give the same, with a `SecretText` wherever something was masked."""
        return self._value(value, _DEEPEST, self._named_text) if self._named else value

    def resolve(self, parts: Sequence[Any]) -> Any:
        """Give the value that a `SecretText` stood for; `***` for a secret that is not known."""
        if len(parts) == 1 and parts[0][-1] == _NUMBER:
            name, piece, _ = parts[0]
            text = self._form(name, piece, 0)
            return text if text == MASKED else json.loads(text)
        return "".join(each if isinstance(each, str) else self._form(*each) for each in parts)

    def _form(self, name: str, piece: int, form: int) -> str:
        pieces = _pieces(self._values.get(name))
        return _forms(pieces[piece])[form] if piece < len(pieces) else MASKED

    def _named_text(self, text: str) -> str:
        if text in self._named:
            return SecretText.from_parts([self._named[text]])
        if self._pattern is None:
            return text
        parts: list[Part] = []
        at = 0
        for found in self._pattern.finditer(text):
            parts += [text[at : found.start()], self._named[found[0]]]
            at = found.end()
        return SecretText.from_parts([*parts, text[at:]]) if parts else text

    def _number(self, value: float, hide: Callable[[str], str]) -> str:
        text = hide(str(value))
        if isinstance(text, SecretText):
            name, piece, _ = self._named[str(value)]
            text.parts = ((name, piece, _NUMBER),)
        return text

    def _value(self, value: Any, depth: int, hide: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return hide(value)
        if depth == 0:
            return MASKED
        if isinstance(value, dict):
            masked: Any = {
                self._value(key, depth - 1, hide): self._value(each, depth - 1, hide)
                for key, each in value.items()
            }
            return value if masked == value else masked
        if isinstance(value, list | tuple):
            masked = [self._value(each, depth - 1, hide) for each in value]
            if masked == list(value):
                return value
            return tuple(masked) if isinstance(value, tuple) else masked
        if isinstance(value, frozenset):
            return frozenset(self._value(each, depth - 1, hide) for each in value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return self._number(value, hide) if str(value) in self._named else value
        return value


def _forms(text: str) -> tuple[str, ...]:
    """Give a secret as it stands in a message, in JSON, in a repr and in a URL."""
    safe = text.encode("utf-8", "replace")
    escaped = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]
    return (text, *escaped, quote(safe), quote(safe, safe=""), quote_plus(safe))


def _leaves(name: str, secret: Any, depth: int) -> dict[str, Any]:
    """Give the texts and numbers in a secret, each by its dotted name."""
    found: dict[str, Any] = {}
    if depth and isinstance(secret, dict):
        for key, each in secret.items():
            found |= _leaves(f"{name}.{key}", each, depth - 1)
    elif depth and isinstance(secret, list | tuple):
        for at, each in enumerate(secret):
            found |= _leaves(f"{name}.{at}", each, depth - 1)
    elif isinstance(secret, bytes):
        found[name] = secret.decode(errors="replace")
    elif isinstance(secret, str | int | float) and not isinstance(secret, bool):
        found[name] = secret
    return found


def _pieces(leaf: Any) -> list[str]:
    """Give the texts by which a secret would be recognised: whole, and line by line."""
    if leaf is None:
        return []
    text = str(leaf)
    lines = [line.strip() for line in text.splitlines()]
    return [each for each in dict.fromkeys([text, text.strip(), *lines]) if each]

"""Secrets by their text, so that none is ever shown.

Best effort by design: a secret that was encoded, cut or computed with is no longer found.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, quote_plus

__all__ = ["MASKED", "Mask"]

MASKED = "***"
_SHORTEST = 4  # characters; a shorter secret is masked only where it is the whole value
_DEEPEST = 100


class Mask:
    """Knows the texts of secrets, and replaces them by `***`.

    Args:
        secrets: Values that must not be shown; the texts and numbers in them count.
    """

    __slots__ = ("_pattern", "_whole")

    def __init__(self, *secrets: Any) -> None:
        plain = {text for secret in secrets for text in _texts(secret, _DEEPEST)}
        texts = {form for text in plain for form in _forms(text)}
        self._whole = frozenset(texts)
        # The longest first, so that a secret which contains another is replaced as a whole.
        parts = sorted((each for each in texts if len(each) >= _SHORTEST), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, parts))) if parts else None

    def __bool__(self) -> bool:
        return bool(self._whole)

    def __repr__(self) -> str:
        return f"Mask({len(self._whole)} secrets)"

    def text(self, text: str) -> str:
        """Give a text in which every secret is `***`."""
        if text in self._whole:
            return MASKED
        return self._pattern.sub(MASKED, text) if self._pattern is not None else text

    def value(self, value: Any) -> Any:
        """Give a value with every text masked; the very object where there is nothing to mask."""
        if not self._whole:
            return value
        return self._value(value, _DEEPEST)

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if depth == 0:
            return MASKED
        if isinstance(value, dict):
            masked: Any = {
                self._value(key, depth - 1): self._value(each, depth - 1)
                for key, each in value.items()
            }
            return value if masked == value else masked
        if isinstance(value, list | tuple):
            masked = [self._value(each, depth - 1) for each in value]
            if masked == list(value):
                return value
            return tuple(masked) if isinstance(value, tuple) else masked
        if isinstance(value, frozenset):
            return frozenset(self._value(each, depth - 1) for each in value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return MASKED if str(value) in self._whole else value
        return value


def _forms(text: str) -> tuple[str, ...]:
    """Give a secret as it stands in a message, in JSON, in a repr and in a URL."""
    safe = text.encode("utf-8", "replace")
    escaped = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]
    return (text, *escaped, quote(safe), quote(safe, safe=""), quote_plus(safe))


def _texts(secret: Any, depth: int) -> list[str]:
    """Give the texts by which a secret would be recognised."""
    if isinstance(secret, str):
        lines = [line.strip() for line in secret.splitlines()]
        return [each for each in {secret, secret.strip(), *lines} if each]
    if isinstance(secret, bool) or secret is None or depth == 0:
        return []
    if isinstance(secret, int | float):
        return [str(secret)]
    if isinstance(secret, bytes):
        return [secret.decode(errors="replace")] if secret else []
    if isinstance(secret, dict):
        return [text for each in secret.values() for text in _texts(each, depth - 1)]
    if isinstance(secret, list | tuple):
        return [text for each in secret for text in _texts(each, depth - 1)]
    return []

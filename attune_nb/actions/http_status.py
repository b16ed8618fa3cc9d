"""The statuses of responses that a request expects: `expect_status` of `core.http_request`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DEFAULT_STATUSES", "STATUS_WORDS", "are_status_patterns", "is_expected_status"]

DEFAULT_STATUSES = "2xx,3xx"
STATUS_WORDS = (
    "a status (404), a class of statuses (`4xx`), several of them (`2xx,404` or an array), or `any`"
)

_ANY = "any"
_PATTERN = re.compile(r"[1-5](xx|\d\d)", re.IGNORECASE)
_LOWEST_STATUS = 100
_SUCCESSES = 200
_CLIENT_ERRORS = 400
_HIGHEST_STATUS = 599


def are_status_patterns(value: Any) -> bool:
    """Return whether a value can be an `expect_status`."""
    if isinstance(value, list | tuple):
        return bool(value) and all(_is_pattern(part) for part in value)
    if isinstance(value, str):
        return value.strip().lower() == _ANY or all(map(_is_pattern, value.split(",")))
    return _is_pattern(value)


def _is_pattern(value: Any) -> bool:
    if isinstance(value, str):
        return _PATTERN.fullmatch(value.strip()) is not None
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return _LOWEST_STATUS <= value <= _HIGHEST_STATUS


def is_expected_status(status: int, expected: int | str | Sequence[int | str]) -> bool:
    """Return whether a status is among those expected.

    Args:
        status: The status of a response.
        expected: A valid `expect_status`, see `are_status_patterns`.
    """
    if expected == DEFAULT_STATUSES:
        return _SUCCESSES <= status < _CLIENT_ERRORS

    patterns: Sequence[int | str]
    if isinstance(expected, int):
        patterns = [expected]
    elif isinstance(expected, str):
        patterns = expected.split(",")
    else:
        patterns = expected

    for pattern in patterns:
        text = str(pattern).strip().lower()
        if text in (_ANY, str(status), f"{status // 100}xx"):
            return True
    return False

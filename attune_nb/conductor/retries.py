"""Whether a failed attempt is made again, and after what wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.templates.library.to_text import compile_pattern

if TYPE_CHECKING:
    from attune_nb.events import ErrorInfo
    from attune_nb.language.model import Retry

__all__ = ["wait_before"]

_SEARCHED = 10_000  # characters of an error's message
_SECONDS = 0.1  # for one pattern


def wait_before(retry: Retry | None, attempt: int, error: ErrorInfo | None) -> float | None:
    """Give the seconds to wait after failed attempt number `attempt`, or None: no retry.

    Before retry k the wait is `delay`, `delay*k` or `delay*2^(k-1)`, capped by `max_delay`.
    """
    if retry is None or attempt > retry.count:
        return None
    if error is not None and not (error.retryable and _matches(retry, error)):
        return None
    factor: int = {"constant": 1, "linear": attempt, "exponential": 2 ** (attempt - 1)}[
        retry.backoff
    ]
    wait: float = retry.delay * factor
    return wait if retry.max_delay is None else min(wait, retry.max_delay)


def _matches(retry: Retry, error: ErrorInfo) -> bool:
    if not retry.on_error:
        return True
    told = (error.type, error.message[:_SEARCHED])
    return any(_found(pattern, text) for pattern in retry.on_error for text in told)


def _found(pattern: str, text: str) -> bool:
    try:
        return compile_pattern(pattern).search(text, timeout=_SECONDS) is not None
    except TimeoutError:  # such a pattern is no reason to try again
        return False

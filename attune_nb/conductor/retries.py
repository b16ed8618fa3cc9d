"""Whether a failed attempt is repeated, and after which wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.templates.library.to_text import compile_pattern

if TYPE_CHECKING:
    from attune_nb.events import ErrorInfo
    from attune_nb.language.model import Retry

__all__ = ["retry_delay"]

# Characters of an error's message that a pattern of `on_error` is searched in.
_SEARCHED_CHARACTERS = 10_000
# Seconds that the search for one pattern may take.
_SEARCH_SECONDS = 0.1


def retry_delay(retry: Retry | None, attempt: int, error: ErrorInfo | None) -> float | None:
    """Return the seconds to wait after failed attempt number `attempt`, or None for no retry.

    Before retry k the wait is `delay`, `delay*k` or `delay*2^(k-1)`, capped by `max_delay`.
    """
    if retry is None or attempt > retry.count:
        return None
    if error is not None and not (error.retryable and _matches(retry, error)):
        return None

    wait: float = retry.delay
    if retry.backoff == "linear":
        wait *= attempt
    elif retry.backoff == "exponential":
        wait *= 2 ** (attempt - 1)

    if retry.max_delay is not None:
        wait = min(wait, retry.max_delay)
    return wait


def _matches(retry: Retry, error: ErrorInfo) -> bool:
    """Return whether `on_error` allows a retry after an error.

    A pattern is searched in the name of the error's type, in those of its base classes, and in
    the message.
    """
    if not retry.on_error:
        return True

    message = error.message[:_SEARCHED_CHARACTERS]
    texts = (error.type, *error.bases, message)
    return any(_is_found(pattern, text) for pattern in retry.on_error for text in texts)


def _is_found(pattern: str, text: str) -> bool:
    try:
        return compile_pattern(pattern).search(text, timeout=_SEARCH_SECONDS) is not None
    except TimeoutError:
        # a pattern that takes too long gives no reason for a retry
        return False

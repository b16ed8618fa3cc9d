"""Whether a failed attempt is made again, and after what wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attune_nb.events import ErrorInfo
    from attune_nb.language.model import Retry

__all__ = ["wait_before"]


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
    text = f"{error.type}: {error.message}"
    return any(pattern in text for pattern in retry.on_error)

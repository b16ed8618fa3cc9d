"""The fixed settings of a job."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.backends.attempt.attempt import THREAD_TIMEOUT_EFFECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.backends.attempt.attempt import Call
    from attune_nb.capture.collector import LineCollector
    from attune_nb.events import ErrorInfo, Key

__all__ = ["JobSpec"]


class JobSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The fixed settings of a job. Any thread may read them.

    Attributes:
        key: The task and its visit.
        call: The action, its input template and the context.
        total: How many items there are; None if that is not known yet, or for a task without items.
        concurrency: How many attempts may run at once.
        clock: Returns the seconds since the start of the run.
        retries: Whether a failed item may be attempted again.
        timeout: Seconds for one attempt; None for no limit.
        timeout_effect: What happens to a plain function at its timeout, for the error's message.
        announce: Called with task, index and attempt before each attempt that must not run twice.
        selector: What a worker must offer, on backends whose workers differ.
        keep_results: Whether results stay on the workers, if the workers are on a cluster.
        gathers: Whether attempts are collected less often, the longer the run takes. A run over
            very many items then has few batches.
        drops_results: Whether nothing keeps or reads the results, so that attempts drop them.
        max_failures: How many items may fail until no more items begin; None for any number.
        will_retry: Returns whether an attempt that failed, by its number and its error, is
            repeated. It is only read beside `max_failures`.
        interval: Seconds from the start of one attempt to the start of the next; 0 for no limit.
        report_every: How many attempts may have begun and not be on record, for each that may run
            at once; None for any number.
        lines: Collects the lines of the attempts; None if nothing is captured.
    """

    key: Key
    call: Call
    total: int | None
    concurrency: int
    clock: Callable[[], float]
    retries: bool
    timeout: float | None = None
    timeout_effect: str = THREAD_TIMEOUT_EFFECT
    announce: Callable[[Key, int, int], None] | None = None
    selector: Mapping[str, Any] = MappingProxyType({})
    keep_results: bool = False
    gathers: bool = False
    drops_results: bool = False
    max_failures: int | None = None
    will_retry: Callable[[int, ErrorInfo | None], bool] = lambda _attempt, _error: False
    interval: float = 0.0
    report_every: int | None = None
    lines: LineCollector | None = None

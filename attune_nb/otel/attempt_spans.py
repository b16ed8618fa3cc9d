"""Spans and span events of single attempts, for those who ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind, Status, StatusCode

from attune_nb.events import FAILED, NO_WORKER, STATUS_CODES, TIMED_OUT
from attune_nb.otel.attributes import ERROR_TYPE, shorten_message
from attune_nb.otel.span_ids import span_id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span

    from attune_nb.events import Batch, Key
    from attune_nb.otel.settings import SpanSettings
    from attune_nb.otel.span_ids import SpanMaker
    from attune_nb.results.timeline import TaskExecution

__all__ = ["AttemptSpans"]

# the events of a span about attempts that failed
_MAX_FAILED = 100


class AttemptSpans:
    """Makes the spans, or the span events, of the attempts of a run.

    Args:
        maker: Starts spans.
        settings: The settings, which say of which attempts.
        run_id: The id of the run.
        hide: Replaces the secrets of the run in a text.
    """

    def __init__(
        self, maker: SpanMaker, settings: SpanSettings, run_id: str, hide: Callable[[str], str]
    ) -> None:
        self._maker = maker
        self._settings = settings
        self._run_id = run_id
        self._hide = hide
        # the attempts that the span of an execution has events of
        self._failed_counts: dict[Key, int] = {}

    def add(self, span: Span, execution: TaskExecution, batch: Batch, epoch: float) -> None:
        """Take the attempts of a batch.

        Args:
            span: The span of their task.
            execution: The execution of the task.
            batch: The attempts.
            epoch: When the time of the run begins, in seconds since the epoch.
        """
        if self._settings.items == "none" or not span.is_recording():
            return
        if self._settings.items == "failed":
            self._add_events(span, execution.key, batch, epoch)
            return

        if self._settings.items == "sample" and not execution.with_items:
            return

        step = self._step_of(execution)
        limit = self._settings.sample_size * step
        for row, index in enumerate(batch.index):
            is_chosen = step == 0 or (index % step == 0 and index < limit)
            if is_chosen and batch.worker[row] != NO_WORKER:
                self._add_span(span, execution, batch, row, epoch)

    def forget(self, key: Key) -> None:
        """Forget an execution that has ended."""
        self._failed_counts.pop(key, None)

    def _step_of(self, execution: TaskExecution) -> int:
        """Return the distance from one item of the sample to the next; 0 for all items."""
        if self._settings.items == "all":
            return 0
        if execution.total is None:
            return 1
        return max(1, -(-execution.total // self._settings.sample_size))

    def _add_events(self, span: Span, key: Key, batch: Batch, epoch: float) -> None:
        """Add an event for each attempt that failed, as long as the span has not too many."""
        count = self._failed_counts.get(key, 0)
        for row, error in sorted(batch.errors.items()):
            if count >= _MAX_FAILED:
                break
            if batch.status[row] not in (FAILED, TIMED_OUT):
                continue

            count += 1
            end = epoch + batch.start[row] + batch.duration[row]
            attributes: dict[str, str | int] = {
                "attune.item.index": batch.index[row],
                "attune.item.attempt": batch.attempt[row],
                ERROR_TYPE: shorten_message(error.type, self._hide),
                "error.message": shorten_message(error.message, self._hide),
            }
            span.add_event("attempt failed", attributes, round(end * 1e9))

        if count:
            self._failed_counts[key] = count

    def _add_span(
        self, span: Span, execution: TaskExecution, batch: Batch, row: int, epoch: float
    ) -> None:
        """Make the span of one attempt."""
        index = batch.index[row]
        attempt = batch.attempt[row]
        start = epoch + batch.start[row]

        attempt_span = self._maker.start(
            f"attempt {execution.task}",
            span_id_of(self._run_id, *execution.key, index, attempt),
            span.get_span_context(),
            kind=SpanKind.INTERNAL,
            start_time=round(start * 1e9),
            attributes={
                "attune.task.name": execution.task,
                "attune.item.index": index,
                "attune.item.attempt": attempt,
                "attune.item.status": STATUS_CODES[batch.status[row]],
            },
        )

        error = batch.errors.get(row)
        if error is not None and batch.status[row] in (FAILED, TIMED_OUT):
            message = shorten_message(error.message, self._hide)
            attempt_span.set_status(Status(StatusCode.ERROR, message))
            attempt_span.set_attribute(ERROR_TYPE, shorten_message(error.type, self._hide))

        attempt_span.end(round((start + batch.duration[row]) * 1e9))

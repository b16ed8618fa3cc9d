"""Ids of traces and spans that follow from the id of a run.

A run that is resumed by another process then has the same trace, and the spans of its tasks have
the same parent. The SDK asks an id generator for each new span; the one here answers with the ids
that were chosen. A tracer without such a generator makes ids of its own: the trace is then given
by a parent that does not exist.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.trace import Link, Span, SpanKind, Tracer

__all__ = ["SpanMaker", "make_context", "span_id_of", "trace_id_of"]

_TRACE_BYTES = 16
_SPAN_BYTES = 8


def trace_id_of(run_id: str) -> int:
    """Return the id of the trace of an outermost run."""
    return _digest(f"trace {run_id}", _TRACE_BYTES)


def span_id_of(run_id: str, *parts: object) -> int:
    """Return the id of the span of a run, or of a part of it: task, visit, index, attempt."""
    return _digest(" ".join(map(str, ("span", run_id, *parts))), _SPAN_BYTES)


def make_context(trace_id: int, span_id: int, *, sampled: bool = True) -> SpanContext:
    """Return the context of a span that was, or will be, made with these ids."""
    flags = TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))


def _digest(text: str, size: int) -> int:
    digest = hashlib.sha256(text.encode()).digest()
    # an id of zero is no id
    return max(1, int.from_bytes(digest[:size], "big"))


class _ChosenIds:
    """An id generator of the SDK that gives ids which were chosen; else those of another one."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator
        self._chosen = threading.local()

    @contextlib.contextmanager
    def choose(self, trace_id: int, span_id: int) -> Iterator[None]:
        """Give these ids to a span that this thread starts."""
        self._chosen.ids = (trace_id, span_id)
        try:
            yield
        finally:
            self._chosen.ids = None

    def generate_trace_id(self) -> int:
        """Return the id of a new trace."""
        ids: tuple[int, int] | None = getattr(self._chosen, "ids", None)
        if ids is None:
            return int(self._generator.generate_trace_id())
        return ids[0]

    def generate_span_id(self) -> int:
        """Return the id of a new span."""
        ids: tuple[int, int] | None = getattr(self._chosen, "ids", None)
        if ids is None:
            return int(self._generator.generate_span_id())
        return ids[1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)


class SpanMaker:
    """Starts the spans of one trace, with ids that follow from the run.

    Args:
        tracer: The tracer.
        trace_id: The id of the trace.
    """

    def __init__(self, tracer: Tracer, trace_id: int) -> None:
        self._tracer = tracer
        self._trace_id = trace_id
        self._ids = _choosing_ids(tracer)

    def start(
        self,
        name: str,
        span_id: int,
        parent: SpanContext | None,
        *,
        kind: SpanKind,
        start_time: int,
        links: Sequence[Link] = (),
        attributes: Any = None,
    ) -> Span:
        """Start a span.

        Args:
            name: Its name.
            span_id: The id that it gets, if the tracer lets it be chosen.
            parent: The span that it is part of; None for the first span of the trace.
            kind: Its kind.
            start_time: When it started, in nanoseconds since the epoch.
            links: Spans that it follows from.
            attributes: Its first attributes.
        """
        if parent is None and self._ids is None:
            parent = make_context(self._trace_id, span_id)

        # an empty context: the current span of this thread is not its parent
        context = Context()
        if parent is not None:
            context = set_span_in_context(NonRecordingSpan(parent), context)

        with contextlib.ExitStack() as stack:
            if self._ids is not None:
                stack.enter_context(self._ids.choose(self._trace_id, span_id))
            return self._tracer.start_span(
                name,
                context,
                kind=kind,
                attributes=attributes,
                links=links,
                start_time=start_time,
            )


def _choosing_ids(tracer: Any) -> _ChosenIds | None:
    """Let the ids of the spans of a tracer be chosen; return None if it has no id generator."""
    generator = getattr(tracer, "id_generator", None)
    if generator is None or isinstance(generator, _ChosenIds):
        return generator

    chosen = _ChosenIds(generator)
    try:
        tracer.id_generator = chosen
    except AttributeError:
        return None
    return chosen

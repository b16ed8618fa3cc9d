"""The span of a task as the current span of its attempts, on every backend."""

from __future__ import annotations

import inspect
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.actions.registry import CORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span, SpanContext

    from attune_nb.actions.registry import Action

__all__ = ["call_within"]


def call_within(context: SpanContext, action: Action) -> Action:
    """Return an action whose function is called within a span.

    It can be sent to another process, and calls the function without a span if OpenTelemetry is
    not installed there.
    """
    ids = (context.trace_id, context.span_id, int(context.trace_flags))
    call: Callable[..., Any] = _call
    if action == CORE["core.shell"]:
        call = _call_shell
    elif inspect.iscoroutinefunction(action.function):
        call = _call_coroutine

    function: Any = partial(call, action.function, ids)
    # messages about a function that cannot be sent look at it
    function.__wrapped__ = action.function
    return msgspec.structs.replace(action, function=function)


def _call(
    function: Callable[..., Any], ids: tuple[int, int, int], /, *args: Any, **named: Any
) -> Any:
    span = _span_of(ids)
    if span is None:
        return function(*args, **named)

    from opentelemetry.trace import use_span  # noqa: PLC0415 - slow to import

    with use_span(span, record_exception=False, set_status_on_exception=False):
        return function(*args, **named)


def _call_shell(function: Callable[..., Any], ids: tuple[int, int, int], /, **named: Any) -> Any:
    """Run a command with the span in its environment, as programs with OpenTelemetry expect it."""
    trace_id, span_id, flags = ids
    environment = {"TRACEPARENT": f"00-{trace_id:032x}-{span_id:016x}-{flags & 0xFF:02x}"}
    own_environment = named.pop("env", None)
    if own_environment is not None:
        environment |= own_environment
    return function(env=environment, **named)


async def _call_coroutine(
    function: Callable[..., Any], ids: tuple[int, int, int], /, *args: Any, **named: Any
) -> Any:
    span = _span_of(ids)
    if span is None:
        return await function(*args, **named)

    from opentelemetry.trace import use_span  # noqa: PLC0415 - slow to import

    with use_span(span, record_exception=False, set_status_on_exception=False):
        return await function(*args, **named)


@lru_cache(maxsize=1_000)
def _span_of(ids: tuple[int, int, int]) -> Span | None:
    """Return a span that stands for one of the engine; None without OpenTelemetry."""
    try:
        from opentelemetry.trace import (  # noqa: PLC0415 - slow to import
            NonRecordingSpan,
            SpanContext,
            TraceFlags,
        )
    except ModuleNotFoundError:
        return None

    trace_id, span_id, flags = ids
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return NonRecordingSpan(context)

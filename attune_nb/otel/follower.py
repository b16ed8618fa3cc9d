"""The follower of runs that makes spans of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from opentelemetry import trace

from attune_nb.otel.cicd_metrics import CicdMetrics
from attune_nb.otel.environment import is_disabled
from attune_nb.otel.run_spans import RunSpans
from attune_nb.otel.settings import read_settings
from attune_nb.otel.span_ids import SpanMaker, make_context, span_id_of, trace_id_of
from attune_nb.running.followers import RunFollower

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext, TracerProvider

    from attune_nb.running.followers import FollowedRun

__all__ = ["SCOPE", "SpanFollower"]

SCOPE = "attune_nb"
"""The name of the instrumentation scope of all spans and metrics."""

_log = logging.getLogger("attune_nb")


class SpanFollower(RunFollower):
    """Makes spans of runs, and of the runs within them.

    Args:
        items: As in `attune_nb.otel.reader`, as are the others.
        propagate: Whether the span of a task is the current one of its attempts.
        cicd: Whether there are the attributes and metrics of the conventions for CI/CD.
        tracer_provider: The tracer provider; None for that of the program.
        meter_provider: The meter provider; None for that of the program.

    Raises:
        ParameterError: `items` cannot be used.
    """

    def __init__(
        self,
        *,
        items: str = "none",
        propagate: bool = False,
        cicd: bool = False,
        tracer_provider: TracerProvider | None = None,
        meter_provider: Any = None,
    ) -> None:
        self._settings = read_settings(items, propagate=propagate, cicd=cicd)
        self._provider = tracer_provider
        self._metrics = CicdMetrics(SCOPE, meter_provider) if cicd else None
        self._has_warned = False
        # the runs that have not ended, for the child runs within them
        self._runs: WeakValueDictionary[str, RunSpans] = WeakValueDictionary()
        self.adapts_actions = propagate

    def follow(self, run: FollowedRun) -> RunSpans:
        """Return a reader that makes the spans of a run."""
        provider = self._provider
        if provider is None:
            provider = trace.get_tracer_provider()
            self._warn_without_provider(provider)

        trace_id = trace_id_of(run.root_id)
        maker = SpanMaker(provider.get_tracer(SCOPE), trace_id)
        links = []
        if run.parent_attempt is None:
            # the span that was current where the run was started
            caller = trace.get_current_span().get_span_context()
            if caller.is_valid:
                links.append(trace.Link(caller))

        spans = RunSpans(
            run,
            maker,
            self._settings,
            trace_id=trace_id,
            parent=self._parent_of(run, trace_id),
            links=links,
            metrics=self._metrics,
        )
        self._runs[run.run_id] = spans
        return spans

    def _parent_of(self, run: FollowedRun, trace_id: int) -> SpanContext | None:
        """Return the span of the task whose attempt a run is; None if it is no child run."""
        if run.parent_attempt is None:
            return None

        task, visit, *_ = run.parent_attempt
        parent = self._runs.get(run.parent_id)
        context = None
        if parent is not None:
            context = parent.context_of((task, visit))
        if context is None:
            context = make_context(trace_id, span_id_of(run.parent_id, task, visit))
        return context

    def _warn_without_provider(self, provider: TracerProvider) -> None:
        """Log once that spans go nowhere, if no tracer provider is set."""
        is_missing = isinstance(provider, trace.ProxyTracerProvider) and not is_disabled()
        if self._has_warned or not is_missing:
            return
        self._has_warned = True
        _log.warning(
            "no tracer provider of OpenTelemetry is set, so the spans of runs go nowhere; call "
            "`opentelemetry.trace.set_tracer_provider`, or begin the program by "
            "`opentelemetry-instrument`"
        )

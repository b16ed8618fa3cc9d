"""The spans of one run, made from its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import Link, SpanKind

from attune_nb.events import (
    AskAnswered,
    AskOpened,
    AttemptsEnded,
    CancelRequested,
    PauseRequested,
    ResumeRequested,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskEnded,
    TaskStarted,
)
from attune_nb.otel.attempt_spans import AttemptSpans
from attune_nb.otel.attributes import (
    ERROR_TYPE,
    cicd_result,
    cicd_run_attributes,
    cicd_task_attributes,
    describe_failure,
    run_end_attributes,
    run_start_attributes,
    task_end_attributes,
    task_start_attributes,
)
from attune_nb.otel.propagation import call_within
from attune_nb.otel.span_ids import make_context, span_id_of, trace_id_of
from attune_nb.results.timeline import TaskTimeline
from attune_nb.running.followers import RunReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Span, SpanContext

    from attune_nb.actions.registry import Action
    from attune_nb.events import ErrorInfo, Event, Key
    from attune_nb.otel.cicd_metrics import CicdMetrics
    from attune_nb.otel.settings import SpanSettings
    from attune_nb.otel.span_ids import SpanMaker
    from attune_nb.results.timeline import TaskExecution
    from attune_nb.running.followers import FollowedRun

__all__ = ["RunSpans"]

# links of a span: as many as the SDK keeps
_MAX_LINKS = 128

# the span events of a run, by the type of the run's event
_RUN_MARKS = {
    CancelRequested: "cancel requested",
    PauseRequested: "paused",
    ResumeRequested: "continued",
    RunResumed: "resumed",
}


class RunSpans(RunReader):
    """Makes the spans of one run: one of the run, and one for each execution of a task.

    Of events from before a resume no spans are made, since the process before has sent them. The
    same holds for the results of another run that a fork or a retry reuses. Only the executions
    that have not ended by then get their spans.

    Args:
        run: The run.
        maker: Starts spans.
        settings: The settings.
        trace_id: The id of the trace.
        parent: The span that the run is part of; None for an outermost run.
        links: Spans that the run follows from.
        metrics: Counts runs; None if nothing does.
    """

    def __init__(
        self,
        run: FollowedRun,
        maker: SpanMaker,
        settings: SpanSettings,
        *,
        trace_id: int,
        parent: SpanContext | None,
        links: Sequence[Link] = (),
        metrics: CicdMetrics | None = None,
    ) -> None:
        self._run = run
        self._maker = maker
        self._settings = settings
        self._trace_id = trace_id
        self._parent = parent
        self._links = list(links)
        self._metrics = metrics
        self._timeline = TaskTimeline()
        self._attempts = AttemptSpans(maker, settings, run.run_id, run.hide)

        self._started: RunStarted | None = None
        # seconds since the epoch at which the time of the events begins
        self._epoch = 0.0
        self._span: Span | None = None
        # the executions that have not ended: when they started, in nanoseconds since the epoch
        self._open_tasks: dict[Key, int] = {}
        self._spans: dict[Key, Span] = {}
        self._contexts: dict[Key, SpanContext] = {}
        self._last_error: ErrorInfo | None = None
        self._is_live = not run.past
        for event in run.past:
            self._read_event(event)

    def read(self, events: Sequence[Event]) -> None:
        """Make the spans of new events."""
        for event in events:
            self._read_event(event)

    def adapt_action(self, key: Key, action: Action) -> Action:
        """Return an action that is called within the span of its task."""
        context = self.context_of(key)
        if context is None or not self._settings.propagate:
            return action
        return call_within(context, action)

    def context_of(self, key: Key) -> SpanContext | None:
        """Return the context of the span of an execution; None before its start."""
        return self._contexts.get(key)

    def _read_event(self, event: Event) -> None:
        execution = self._timeline.add(event)
        match event:
            case RunStarted():
                self._start_run(event)
            case RunResumed():
                self._resume_run(event)
            case TaskStarted():
                self._start_task(event)
            case AttemptsEnded():
                span = self._spans.get((event.task, event.visit))
                if span is not None and execution is not None:
                    self._attempts.add(span, execution, event.batch, self._epoch)
            case TaskEnded():
                if execution is not None:
                    self._end_task(event, execution)
            case RunEnded():
                self._end_run(event)
            case _:
                self._mark(event)

    def _start_run(self, event: RunStarted) -> None:
        self._started = event
        self._epoch = event.started_at

        if event.origin:
            # until `RunResumed` come the events of the other run
            self._is_live = False
            if self._parent is None:
                _, _, origin_id = event.origin.rpartition(" ")
                self._links.append(Link(_context_of_run(origin_id)))

        if self._is_live:
            self._open_run_span()

    def _resume_run(self, event: RunResumed) -> None:
        """Take the new time, and make spans from now on."""
        self._epoch = event.started_at
        if self._is_live:
            self._mark(event)
            return

        self._is_live = True
        self._open_run_span()
        if self._run.past:
            self._mark(event)
            earliest = 0
        else:
            # reused results come from the time of another run
            earliest = self._nanoseconds(event.time)

        for key, start in self._open_tasks.items():
            self._open_task_span(self._timeline.executions[key], max(start, earliest))

    def _open_run_span(self) -> None:
        event = self._started
        if event is None or self._span is not None:
            return

        name = f"run {event.workflow}"
        kind = SpanKind.INTERNAL
        attributes = run_start_attributes(event, self._run.parent_id, self._run.backend)
        if self._settings.cicd:
            name = f"RUN {event.workflow}"
            kind = SpanKind.SERVER
            attributes |= cicd_run_attributes(event)

        self._span = self._maker.start(
            name,
            span_id_of(self._run.run_id),
            self._parent,
            kind=kind,
            start_time=round(event.started_at * 1e9),
            links=self._links,
            attributes=attributes,
        )

        if self._metrics is not None:
            self._metrics.count_start(event.workflow)

    def _start_task(self, event: TaskStarted) -> None:
        key = (event.task, event.visit)
        start = self._nanoseconds(event.time)
        self._open_tasks[key] = start
        if self._is_live:
            self._open_task_span(self._timeline.executions[key], start)
        else:
            self._contexts[key] = make_context(self._trace_id, self._task_span_id(key))

    def _open_task_span(self, execution: TaskExecution, start: int) -> Span | None:
        """Start the span of an execution of a task, in that of its run or its parallel task."""
        if self._span is None:
            return None

        key = execution.key
        attributes = task_start_attributes(*key)
        if self._settings.cicd:
            attributes |= cicd_task_attributes(self._run.run_id, *key)

        # reused executions have no span in this trace; a record has arrays for tuples
        causes = [self._contexts.get((task, visit)) for task, visit in execution.causes]
        span = self._maker.start(
            f"task {execution.task}",
            self._task_span_id(key),
            self._parent_of(execution.task),
            kind=SpanKind.INTERNAL,
            start_time=start,
            links=[Link(context) for context in causes[:_MAX_LINKS] if context is not None],
            attributes=attributes,
        )
        self._spans[key] = span
        self._contexts[key] = span.get_span_context()
        return span

    def _parent_of(self, task: str) -> SpanContext | None:
        """Return the span that the span of a task is part of."""
        outer_task = task.rpartition("/")[0]
        if outer_task:
            for key in reversed(self._open_tasks):
                if key[0] == outer_task and key in self._contexts:
                    return self._contexts[key]

        if self._span is None:
            return None
        return self._span.get_span_context()

    def _end_task(self, event: TaskEnded, execution: TaskExecution) -> None:
        key = execution.key
        end = self._nanoseconds(event.time)
        start = self._open_tasks.pop(key, end)

        if event.status in ("failed", "timed_out") and not event.handled:
            self._last_error = event.error
        if not self._is_live and not self._run.past:
            # of a task that a fork reuses, the span is in another trace
            self._contexts.pop(key, None)

        span = self._spans.pop(key, None)
        if span is None and self._is_live:
            # it was skipped, or an expression failed before its start
            span = self._open_task_span(execution, start)
            self._spans.pop(key, None)
        if span is None:
            return

        message = "" if event.error is None else event.error.message
        status, error_attributes = describe_failure(
            event.status, event.error, message, self._run.hide
        )
        if status is not None:
            span.set_status(status)

        if span.is_recording():
            span.set_attributes({**task_end_attributes(event, execution), **error_attributes})
            if self._settings.cicd:
                span.set_attribute("cicd.pipeline.task.run.result", cicd_result(event.status))

        span.end(end)
        self._attempts.forget(key)

    def _end_run(self, event: RunEnded) -> None:
        self._open_run_span()
        span = self._span
        if span is None or self._started is None:
            return

        end = self._nanoseconds(event.time)
        for task_span in self._spans.values():
            # the engine has failed
            task_span.end(end)
        self._spans.clear()

        message = "" if event.error is None else event.error
        # a run that has timed out has not failed by an error of a task
        error = self._last_error if event.status == "failed" else None
        status, error_attributes = describe_failure(event.status, error, message, self._run.hide)
        if status is not None:
            span.set_status(status)
        executions = self._timeline.executions.values()
        span.set_attributes({**run_end_attributes(event, executions), **error_attributes})
        result = cicd_result(event.status)
        if self._settings.cicd:
            span.set_attribute("cicd.pipeline.result", result)
        span.end(end)

        if self._metrics is not None:
            seconds = end / 1e9 - self._started.started_at
            error_type = str(error_attributes.get(ERROR_TYPE, ""))
            self._metrics.count_end(self._started.workflow, result, seconds, error_type)

    def _mark(self, event: Event) -> None:
        """Add an event to a span: a pause of the run, or a question of a task."""
        time = self._nanoseconds(event.time)
        if isinstance(event, AskOpened | AskAnswered):
            span = self._spans.get((event.task, event.visit))
            name = "question opened" if isinstance(event, AskOpened) else "question answered"
            if span is not None:
                span.add_event(name, timestamp=time)
            return

        mark = _RUN_MARKS.get(type(event))
        if mark is not None and self._span is not None:
            self._span.add_event(mark, timestamp=time)

    def _task_span_id(self, key: Key) -> int:
        return span_id_of(self._run.run_id, *key)

    def _nanoseconds(self, time: float) -> int:
        """Return a time of the run, in nanoseconds since the epoch."""
        return round((self._epoch + time) * 1e9)


def _context_of_run(run_id: str) -> SpanContext:
    """Return the span of another outermost run."""
    return make_context(trace_id_of(run_id), span_id_of(run_id))

"""Spans of OpenTelemetry for runs: one for a run, and one for each task.

`workflow.run(readers=[attune_nb.otel.reader()])` sends the spans of a run to the tracer provider
that the program has set up. The extra `attune_nb[otel]` installs the API of OpenTelemetry; an SDK
and an exporter are the user's choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError

if TYPE_CHECKING:
    from os import PathLike

    from attune_nb.otel.follower import SpanFollower
    from attune_nb.running.followers import RunFollower

__all__ = ["reader", "reader_from_environment", "send"]


def reader(
    *,
    items: str = "none",
    propagate: bool = False,
    cicd: bool = False,
    tracer_provider: Any = None,
    meter_provider: Any = None,
) -> RunFollower:
    """Return a reader of runs that makes spans of them: for `readers=` of a run.

    A run is a span `run WORKFLOW`, and each execution of a task is a span `task TASK` in it. A
    child run is a span in that of its task. The ids of a trace and its spans follow from the id
    of the run, so a run that was resumed is one trace. The attributes hold names, statuses and
    counts. They hold no parameters, inputs or results, and of an error its type and 200 characters
    of its message, without secrets.

    Args:
        items: The spans of single attempts. "none"; "failed" adds an event to the span of the
            task for each attempt that failed, 100 at most; "sample:N" makes spans of N items of
            each task; "all" makes spans of all attempts, which takes 0.1 ms for each.
        propagate: Whether the span of a task is the current span of its attempts, so that spans
            that an action makes are part of the trace, on every backend.
        cicd: Whether there are also the attributes and the metrics of the semantic conventions
            for CI/CD (`cicd.pipeline.name`), whose status is "development".
        tracer_provider: By default the one that the program has set.
        meter_provider: The same for the metrics of `cicd`.

    Raises:
        ParameterError: OpenTelemetry is not installed, or `items` is something else.

    Example:
        >>> import attune_nb as attune
        >>> from attune_nb import otel
        >>> workflow = attune.loads("tasks: [{name: greet, action: core.noop}]")
        >>> workflow.run(readers=[otel.reader()]).status
        'succeeded'
    """
    return _make_follower(
        items=items,
        propagate=propagate,
        cicd=cicd,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
    )


def send(
    run_id: str,
    store: str | PathLike[str] | None = None,
    *,
    items: str = "none",
    cicd: bool = False,
    tracer_provider: Any = None,
) -> None:
    """Send the spans of a run that has ended, and of its child runs, from its record.

    They have the ids and the times that `reader` gives them, so a run that was sent before, or a
    part of it, is the same trace.

    Args:
        run_id: The run's id, or the beginning of it.
        store: The SQLite file; by default as in `Workflow.run`.
        items: As in `reader`, as are the others.
        cicd: Whether there are also the attributes of the semantic conventions for CI/CD.
        tracer_provider: By default the one that the program has set.

    Raises:
        ParameterError: As `reader`; or the run has not ended.
        StoreError: There is no such run, or its record is damaged.
    """
    follower = _make_follower(items=items, cicd=cicd, tracer_provider=tracer_provider)

    from attune_nb.otel.record import send_record  # noqa: PLC0415 - see `_make_follower`

    send_record(follower, run_id, store)


def reader_from_environment() -> RunFollower:
    """Return a reader for a program without code of its own for OpenTelemetry.

    Unless a tracer provider is set, the SDK is set up as OpenTelemetry's environment variables
    say: `OTEL_TRACES_EXPORTER=otlp`, `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`.

    Raises:
        ParameterError: OpenTelemetry or its SDK is not installed, or no exporter is named.
    """
    follower = reader()

    from attune_nb.otel.environment import set_up_provider  # noqa: PLC0415 - see `_make_follower`

    set_up_provider()
    return follower


def _make_follower(**options: Any) -> SpanFollower:
    """Return a follower that makes spans.

    Raises:
        ParameterError: OpenTelemetry is not installed, or an option cannot be used.
    """
    try:
        # a third of a second, which only those pay who use it
        from attune_nb.otel.follower import SpanFollower  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ParameterError(
            f"the package `{error.name}` is missing: pip install 'attune_nb[otel]'"
        ) from None
    return SpanFollower(**options)

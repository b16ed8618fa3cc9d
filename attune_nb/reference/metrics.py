"""The metrics of runs, by the system that gets them, and the attributes of spans.

`server.metrics` and `otel` send exactly these.
"""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["METRICS", "SPAN_ATTRIBUTES", "describe_metric"]


def _metric(group: str, name: str, values: str, explanation: str) -> Entry:
    return Entry("metric", name, explanation, values=values, group=group)


def _attribute(span: str, name: str, values: str, explanation: str) -> Entry:
    return Entry("span attribute", name, explanation, values=values, group=span)


METRICS: tuple[Entry, ...] = (
    _metric(
        "run.metrics",
        "workflow.context.clone_count",
        "integer",
        "The number of scopes that were made for items: one for the first attempt of each item.",
    ),
    _metric(
        "run.metrics",
        "workflow.context.size_bytes",
        "integer, in bytes",
        "The size of the context now; of large arrays it is estimated from a sample.",
    ),
    _metric(
        "run.metrics",
        "workflow.with_items.duration_ms",
        "number, in milliseconds",
        "The durations of all executions of tasks with items, added up.",
    ),
    _metric(
        "run.metrics",
        "executor.memory.usage_mb",
        "number, in 10^6 bytes",
        "The most memory that the process of the run was seen to use.",
    ),
    _metric(
        "Prometheus",
        "attune_runs_total",
        "counter; workflow, status",
        "Runs that have ended. A status that no run of a workflow had yet has the value 0.",
    ),
    _metric(
        "Prometheus",
        "attune_runs_active",
        "gauge; workflow, state",
        "Runs that are alive: running, paused, or waiting for an answer.",
    ),
    _metric(
        "Prometheus",
        "attune_runs_interrupted",
        "gauge; workflow",
        "Runs that have not ended, and whose process is gone. `resume` continues one, `forget` "
        "removes it.",
    ),
    _metric(
        "Prometheus",
        "attune_run_duration_seconds",
        "histogram; workflow",
        "Durations of runs that have ended.",
    ),
    _metric(
        "Prometheus",
        "attune_items_total",
        "counter; workflow",
        "Items of tasks that have ended, also of runs that are alive.",
    ),
    _metric(
        "Prometheus",
        "attune_items_failed_total",
        "counter; workflow",
        "Items of tasks that have failed for good.",
    ),
    _metric(
        "Prometheus",
        "attune_task_duration_seconds",
        "histogram; workflow, task, status",
        "Durations of executions of tasks.",
    ),
    _metric(
        "Prometheus",
        "attune_with_items_duration_seconds",
        "histogram; workflow, task",
        "Durations of executions of tasks with items.",
    ),
    _metric(
        "Prometheus",
        "attune_context_scopes_total",
        "counter; workflow",
        "Scopes that runs which have ended made for items.",
    ),
    _metric(
        "Prometheus",
        "attune_context_size_bytes",
        "gauge; workflow",
        "Size of the context at the end of the latest run.",
    ),
    _metric(
        "Prometheus",
        "attune_executor_memory_bytes",
        "gauge; workflow",
        "Memory of the process of a run that is alive on this machine; the largest.",
    ),
    _metric(
        "Prometheus",
        "attune_questions_open",
        "gauge",
        "Questions that wait for an answer.",
    ),
    _metric(
        "Prometheus",
        "attune_store_last_read_timestamp_seconds",
        "gauge",
        "When all stores were last read, in seconds since 1970; 0 if never.",
    ),
    _metric(
        "OpenTelemetry",
        "cicd.pipeline.run.active",
        "up-down counter of runs; cicd.pipeline.name, cicd.pipeline.run.state",
        "The runs that have not ended, by state.",
    ),
    _metric(
        "OpenTelemetry",
        "cicd.pipeline.run.duration",
        "histogram in seconds; cicd.pipeline.name, cicd.pipeline.run.state, "
        "cicd.pipeline.result, error.type",
        "The durations of runs.",
    ),
    _metric(
        "OpenTelemetry",
        "cicd.pipeline.run.errors",
        "counter of errors; cicd.pipeline.name, error.type",
        "The runs that failed, by the type of the error.",
    ),
)
"""The metrics; the group of each is the system that gets it.

The values of one for Prometheus are its kind and its labels.
"""

_RUN_SPAN = "run WORKFLOW"
_TASK_SPAN = "task TASK"
_ATTEMPT_SPAN = "attempt TASK"

SPAN_ATTRIBUTES: tuple[Entry, ...] = (
    _attribute(_RUN_SPAN, "attune.workflow.name", "string", "The name of the workflow."),
    _attribute(_RUN_SPAN, "attune.run.id", "string", "The id of the run."),
    _attribute(
        _RUN_SPAN,
        "attune.run.kind",
        "string",
        "How the run differs from an ordinary one: `dry run`, `mocked`, `retry of RUN`, ...",
    ),
    _attribute(_RUN_SPAN, "attune.run.parent.id", "string", "The run that it is part of, if any."),
    _attribute(_RUN_SPAN, "attune.backend", "string", "Where its attempts run."),
    _attribute(_RUN_SPAN, "attune.run.status", "string", "How it ended."),
    _attribute(_RUN_SPAN, "attune.run.tasks", "integer", "The number of executions of tasks."),
    _attribute(_RUN_SPAN, "attune.run.items", "integer", "The number of items of all its tasks."),
    _attribute(
        _RUN_SPAN, "attune.run.items.failed", "integer", "The number of items that have failed."
    ),
    _attribute(_TASK_SPAN, "attune.task.name", "string", "The path of the task."),
    _attribute(_TASK_SPAN, "attune.task.visit", "integer", "The number of its execution, from 1."),
    _attribute(_TASK_SPAN, "attune.task.status", "string", "How the execution ended."),
    _attribute(_TASK_SPAN, "attune.task.attempts", "integer", "The number of its attempts."),
    _attribute(_TASK_SPAN, "attune.task.concurrency", "integer", "How many items may run at once."),
    _attribute(
        _TASK_SPAN, "attune.task.items", "integer", "The number of its items, with `with_items`."
    ),
    _attribute(
        _TASK_SPAN, "attune.task.items.failed", "integer", "The number of items that have failed."
    ),
    _attribute(
        _TASK_SPAN,
        "attune.task.handled",
        "boolean",
        "Of a failure: whether a transition leads on from it.",
    ),
    _attribute(_ATTEMPT_SPAN, "attune.task.name", "string", "The path of the task."),
    _attribute(_ATTEMPT_SPAN, "attune.item.index", "integer", "The index of the item, from 0."),
    _attribute(
        _ATTEMPT_SPAN, "attune.item.attempt", "integer", "The number of the attempt, from 1."
    ),
    _attribute(_ATTEMPT_SPAN, "attune.item.status", "string", "How the attempt ended."),
    _attribute("any span", "error.type", "string", "The type of the error, if it has failed."),
    _attribute("with `cicd=True`", "cicd.pipeline.name", "string", "The name of the workflow."),
    _attribute("with `cicd=True`", "cicd.pipeline.run.id", "string", "The id of the run."),
    _attribute("with `cicd=True`", "cicd.pipeline.action.name", "string", "Always `RUN`."),
    _attribute(
        "with `cicd=True`",
        "cicd.pipeline.result",
        "string",
        "`success`, `failure`, `timeout`, `cancellation` or `skip`.",
    ),
    _attribute("with `cicd=True`", "cicd.pipeline.task.name", "string", "The path of the task."),
    _attribute(
        "with `cicd=True`",
        "cicd.pipeline.task.run.id",
        "string",
        "The run, the task and the number of its execution, with `/` between them.",
    ),
    _attribute(
        "with `cicd=True`",
        "cicd.pipeline.task.run.result",
        "string",
        "The same words as in `cicd.pipeline.result`.",
    ),
)
"""The attributes of spans; the group of each is the name of the span."""

_EXPLANATIONS = {entry.name: entry.explanation for entry in METRICS}


def describe_metric(name: str) -> str:
    """Return the first sentence about a metric, for the system that gets it."""
    return _EXPLANATIONS[name].partition(". ")[0].rstrip(".") + "."

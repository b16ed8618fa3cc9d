"""Metrics of runs by the semantic conventions for CI/CD."""

from __future__ import annotations

from typing import Any

from opentelemetry import metrics

from attune_nb.reference.metrics import describe_metric

__all__ = ["CicdMetrics"]

_ACTIVE = "cicd.pipeline.run.active"
_DURATION = "cicd.pipeline.run.duration"
_ERRORS = "cicd.pipeline.run.errors"


class CicdMetrics:
    """Counts runs by the conventions for CI/CD: one measurement at a run's start, three at its end.

    Args:
        scope: The name of the instrumentation scope.
        provider: The meter provider; None for that of the program.
    """

    def __init__(self, scope: str, provider: Any = None) -> None:
        meter = metrics.get_meter(scope, meter_provider=provider)
        self._active = meter.create_up_down_counter(_ACTIVE, "{run}", describe_metric(_ACTIVE))
        self._duration = meter.create_histogram(_DURATION, "s", describe_metric(_DURATION))
        self._errors = meter.create_counter(_ERRORS, "{error}", describe_metric(_ERRORS))

    def count_start(self, workflow: str) -> None:
        """Count a run that starts."""
        self._active.add(1, _state_of(workflow))

    def count_end(self, workflow: str, result: str, seconds: float, error_type: str) -> None:
        """Count a run that has ended.

        Args:
            workflow: The name of the workflow.
            result: How it ended, in a word of the conventions.
            seconds: How long it took.
            error_type: The type of its error; empty if it has none.
        """
        state = _state_of(workflow)
        self._active.add(-1, state)

        outcome = {"cicd.pipeline.result": result}
        if error_type:
            error = {"error.type": error_type}
            outcome |= error
            self._errors.add(1, {"cicd.pipeline.name": workflow, **error})

        self._duration.record(seconds, {**state, **outcome})


def _state_of(workflow: str) -> dict[str, str]:
    return {"cicd.pipeline.name": workflow, "cicd.pipeline.run.state": "executing"}

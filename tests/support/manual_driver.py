"""A driver that a test controls: no backend, no threads, no clock."""

from array import array

import attune_nb
from attune_nb.conductor.invariants import violations
from attune_nb.conductor.machine import initial_state, step
from attune_nb.events import (
    STATUS_CODES,
    AlarmRang,
    AskAnswered,
    AttemptsEnded,
    Batch,
    CancelRequested,
    ErrorInfo,
    Event,
    PauseRequested,
    ResumeRequested,
    RunStarted,
    TaskEnded,
    TaskStarted,
)
from attune_nb.values.frozen import freeze

LOST = ErrorInfo(type="WorkerLost", message="the worker died")
BROKEN = ErrorInfo(type="ValueError", message="it broke", data={"half": 1})
LATE = ErrorInfo(type="Timeout", message="no end within 1 s")
STOPPED = ErrorInfo(type="Cancelled", message="the run was cancelled", retryable=False)
ERRORS = {"failed": BROKEN, "timed_out": LATE, "cancelled": STOPPED}


def make_batch(rows, total=None, items=None, begun=None):
    """Return a batch of rows (index, attempt, status, result or error)."""
    results = []
    errors = {}
    for row, (_, _, status, value) in enumerate(rows):
        if status == "succeeded":
            results.append(freeze(value))
        else:
            results.append(None)
            errors[row] = value or ERRORS[status]

    return Batch(
        index=array("q", [row[0] for row in rows]),
        attempt=array("q", [row[1] for row in rows]),
        worker=array("q", [0] * len(rows)),
        start=array("d", [0.5] * len(rows)),
        duration=array("d", [0.25] * len(rows)),
        status=bytes(STATUS_CODES.index(row[2]) for row in rows),
        results=results,
        errors=errors,
        items=items,
        total=total,
        begun=begun,
    )


class ManualDriver:
    """A run whose inputs come from a test. The invariants are checked after each step.

    Attributes:
        initial: The state before the run.
        state: The latest state.
        log: The inputs so far.
        decisions: The decisions of the conductor so far.
    """

    def __init__(self, workflow, parameters=None, **options):
        if isinstance(workflow, str):
            workflow = attune_nb.loads(workflow)

        self.initial = initial_state(workflow, **options)
        self.state = self.initial
        self.now = 0.0
        self.log = []
        self.decisions = []
        self.feed(
            RunStarted,
            run_id="run",
            workflow="by hand",
            started_at=1e9,
            parameters=parameters or {},
        )

    def feed(self, event_type, /, **fields):
        """Feed the conductor with an input, and return its decisions."""
        event = event_type(time=self.now, seed=len(self.log), **fields)
        self.now += 1.0
        self.log.append(event)

        self.state, decisions = step(self.state, event)
        self.decisions += decisions
        assert violations(self.state) == []
        return decisions

    def end(self, task, status="succeeded", result=None, *, visit=1, index=0, attempt=1):
        """End one attempt."""
        rows = [(index, attempt, status, result)]
        return self.feed(AttemptsEnded, task=task, visit=visit, batch=make_batch(rows))

    def ring(self, kind, task="", visit=0, inquiry=0):
        """Ring an alarm."""
        return self.feed(AlarmRang, kind=kind, task=task, visit=visit, inquiry=inquiry)

    def answer(self, task, value, visit=1):
        """Answer a question."""
        return self.feed(AskAnswered, task=task, visit=visit, value=value)

    def cancel(self, *, force=False):
        """Request that the run stops."""
        return self.feed(CancelRequested, force=force)

    def pause(self):
        """Request that the run starts nothing more."""
        return self.feed(PauseRequested)

    def resume(self):
        """Request that the run continues."""
        return self.feed(ResumeRequested)

    def commands(self, kind):
        """Return the decisions of one type."""
        return [decision for decision in self.decisions if isinstance(decision, kind)]

    @property
    def facts(self):
        return self.commands(Event)

    @property
    def started_tasks(self):
        """The paths of the tasks that started, in order."""
        return [event.task for event in self.commands(TaskStarted)]

    @property
    def ended_tasks(self):
        """The path, visit and status of the tasks that ended, in order."""
        return [(event.task, event.visit, event.status) for event in self.commands(TaskEnded)]

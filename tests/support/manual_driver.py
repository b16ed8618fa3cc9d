"""The conductor driven by hand: no backend, no threads, no clock."""

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
CAUSES = {"failed": BROKEN, "timed_out": LATE, "cancelled": STOPPED}


def batch_of(rows, total=None, items=None):
    """Make a batch of rows (index, attempt, status, result or error)."""
    given = [result for _, _, _, result in rows]
    errors = {
        row: given[row] or CAUSES[status]
        for row, (_, _, status, _) in enumerate(rows)
        if status != "succeeded"
    }
    return Batch(
        index=array("q", [row[0] for row in rows]),
        attempt=array("q", [row[1] for row in rows]),
        worker=array("q", [0] * len(rows)),
        start=array("d", [0.5] * len(rows)),
        duration=array("d", [0.25] * len(rows)),
        status=bytes(STATUS_CODES.index(row[2]) for row in rows),
        results=[None if at in errors else freeze(each) for at, each in enumerate(given)],
        errors=errors,
        items=items,
        total=total,
    )


class ByHand:
    """A run whose every event is given by the test; each step is held against the invariants."""

    def __init__(self, workflow, parameters=None, **options):
        if isinstance(workflow, str):
            workflow = attune_nb.loads(workflow)
        self.initial = self.state = initial_state(workflow, **options)
        self.now = 0.0
        self.log = []
        self.decided = []
        self.feed(
            RunStarted,
            run_id="run",
            workflow="by hand",
            started_at=1e9,
            parameters=parameters or {},
        )

    def feed(self, event_type, /, **fields):
        """Let something happen; give what the conductor decided."""
        event = event_type(time=self.now, seed=len(self.log), **fields)
        self.now += 1.0
        self.log.append(event)
        self.state, decided = step(self.state, event)
        self.decided += decided
        assert violations(self.state) == []
        return decided

    def end(self, task, status="succeeded", result=None, *, visit=1, index=0, attempt=1):
        """Let one attempt end."""
        rows = [(index, attempt, status, result)]
        return self.feed(AttemptsEnded, task=task, visit=visit, batch=batch_of(rows))

    def ring(self, kind, task="", visit=0):
        """Let an alarm ring."""
        return self.feed(AlarmRang, kind=kind, task=task, visit=visit)

    def answer(self, task, value, visit=1):
        """Answer a question."""
        return self.feed(AskAnswered, task=task, visit=visit, value=value)

    def cancel(self, *, force=False):
        """Ask the run to stop."""
        return self.feed(CancelRequested, force=force)

    def pause(self):
        """Ask the run to begin nothing more."""
        return self.feed(PauseRequested)

    def resume(self):
        """Ask the run to go on."""
        return self.feed(ResumeRequested)

    @property
    def facts(self):
        return [each for each in self.decided if isinstance(each, Event)]

    def commands(self, kind):
        return [each for each in self.decided if isinstance(each, kind)]

    @property
    def started(self):
        return [each.task for each in self.facts if isinstance(each, TaskStarted)]

    @property
    def ended(self):
        return [(e.task, e.visit, e.status) for e in self.facts if isinstance(e, TaskEnded)]

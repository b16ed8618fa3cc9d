"""The states of runs as the server sends them, and those that `results` reads from events."""

import attune_nb
from attune_nb.results.progress import Progress
from attune_nb.server.live.folding import FoldedRun, difference
from attune_nb.server.live.messages import RunRow, TaskRow, apply_delta
from attune_nb.store.event_rows import row_of
from attune_nb.store.reading import ENDED, runs_in
from support.item_runs import until

__all__ = [
    "Client",
    "fold_events",
    "has_ended",
    "list_row",
    "rows_by_progress",
    "start_asking",
    "state_by_progress",
]

_ASKING = "tasks: [{name: ask, action: core.ask, input: {prompt: go?}}]"


def start_asking(store, text=_ASKING):
    """Start a run that asks a question, and return it once that is on record."""
    run = attune_nb.loads(text).run(store=store, background=True, progress=False)
    until(lambda: _is_on_record(store, run.run_id, lambda stored: stored.questions))
    return run


def has_ended(store, run_id):
    """Return whether the end of a run is on record."""
    return _is_on_record(store, run_id, lambda stored: stored.status in ENDED)


def _is_on_record(store, run_id, condition):
    if not store.exists():
        return False
    return bool(runs_in(store, lambda stored: stored.run_id == run_id and condition(stored)))


def list_row(status="running", **fields):
    """Return a run in the list of runs."""
    values = {"id": "a" * 12, "workflow": "w", "started": 1e9, "duration": 0.0, "steerable": True}
    return RunRow(status=status, **(values | fields))


def fold_events(events, folded=None, start=0):
    """Fold events as the store has them, from a number on."""
    if folded is None:
        folded = FoldedRun()
    for number, event in enumerate(events, start):
        folded.fold(number, row_of(event))
    return folded


class Client:
    """A client that gets a snapshot, and then only changes.

    Attributes:
        state: The state that was concluded from the messages.
        messages: How many messages there were.
    """

    def __init__(self, snapshot):
        self.state = snapshot
        self.messages = 1
        self._sent = snapshot

    def send(self, snapshot):
        """Send the change to a later state, if there is one."""
        delta = difference(self._sent, snapshot)
        if delta is not None:
            self.state = apply_delta(self.state, delta)
            self.messages += 1
        self._sent = snapshot


def state_by_progress(events):
    """Return the status, the clock, the questions, the doubts, and the handled failures."""
    progress = Progress()
    progress.read(events)
    questions = [(ask.task, ask.visit, ask.inquiry) for ask in progress.asks]
    doubts = []
    if progress.status not in ENDED:
        doubts = [(doubt.task, doubt.visit, doubt.index) for doubt in progress.in_doubt]
    return progress.status, progress.now, questions, doubts, progress.handled


def rows_by_progress(events):
    """Return the row of each task, from the executions that `results` reads from all events."""
    progress = Progress()
    progress.read(events)
    executions_of = {}
    for execution in progress.tasks.values():
        executions_of.setdefault(execution.task, []).append(execution)
    return [_row_of(number, executions) for number, executions in enumerate(executions_of.values())]


def _row_of(number, executions):
    open_ones = [execution for execution in executions if execution.ended is None]
    ended = [execution for execution in executions if execution.ended is not None]
    if open_ones:
        shown = max(open_ones, key=lambda execution: execution.visit)
        started = min(execution.started for execution in open_ones)
    else:
        # of two that ended at the same time the one that began later
        shown = max(ended, key=lambda execution: execution.ended)
        started = shown.started
    totals = [execution.total for execution in executions]
    waiting = shown.question_opened if shown.status == "waiting" else None
    return TaskRow(
        task=shown.task,
        number=number,
        visits=len(executions),
        open=len(open_ones),
        failed_visits=sum(visit.status in ("failed", "timed_out") for visit in ended),
        status=shown.status,
        with_items=any(execution.with_items for execution in executions),
        total=None if None in totals else sum(totals),
        done=sum(execution.done for execution in executions),
        failed=sum(execution.failed for execution in executions),
        cancelled=sum(execution.cancelled for execution in executions),
        skipped=sum(execution.skipped for execution in executions),
        retrying=sum(execution.retrying for execution in executions),
        retried=sum(execution.retried for execution in executions),
        attempts=sum(execution.attempts for execution in executions),
        started=started,
        ended=None if open_ones else shown.ended,
        waiting=waiting,
    )

"""Runs in the background that other processes steer, and their records."""

import contextlib
import sqlite3
import threading

import attune_nb
from attune_nb.store.command_file import commands_path
from support.outcomes import wait_until

ASK = """
tasks:
  - name: approve
    action: core.ask
    input: {prompt: "Ship it?", response_schema: {type: boolean}}
    next: [{do: ship}]
  - {name: ship, action: core.noop}
"""
HELD = """
tasks:
  - {name: first, action: hold, next: [{do: second}]}
  - {name: second, action: core.noop}
"""


class HeldRun:
    """A background run whose first action waits until the test releases it.

    Attributes:
        run: The run.
        recorded: The same run, opened from its record.
    """

    def __init__(self, store, **options):
        self._released = threading.Event()
        self._has_begun = threading.Event()
        self.run = attune_nb.loads(HELD, "held").run(
            actions={"hold": self._hold}, store=store, background=True, progress=False, **options
        )
        assert self._has_begun.wait(60)
        self.recorded = open_recorded(self.run)

    def _hold(self):
        self._has_begun.set()
        self._released.wait(60)

    def release(self):
        """Let the first action end."""
        self._released.set()


@contextlib.contextmanager
def held_run(store, **options):
    """Yield a run whose first action is running, and end the run."""
    held = HeldRun(store, **options)
    try:
        yield held
    finally:
        held.release()
        held.run.cancel(force=True)
        assert held.run.wait(60)


@contextlib.contextmanager
def asking_run(store, text=ASK, **options):
    """Yield a background run with an open question, and end the run."""
    run = attune_nb.loads(text, "asking").run(
        store=store, background=True, progress=False, **options
    )
    try:
        wait_until(lambda: run.questions)
        open_recorded(run)
        yield run
    finally:
        run.cancel(force=True)
        assert run.wait(60)


def open_recorded(run):
    """Return a run as another process opens it, once it is on record."""
    wait_until(lambda: run.run_id in set(attune_nb.runs(run.store)["run_id"]))
    return attune_nb.open_run(run.run_id, run.store)


def command_rows(store, columns):
    """Return columns of all commands beside a store."""
    with contextlib.closing(sqlite3.connect(commands_path(store))) as connection:
        return connection.execute(f"SELECT {columns} FROM commands ORDER BY number").fetchall()


def requests_of(run):
    """Return the kinds of requests to a run, and who made them, as its record holds them."""
    recorded = attune_nb.open_run(run.run_id, run.store)
    kinds = ("CancelRequested", "PauseRequested", "ResumeRequested", "AskAnswered")
    return [
        (type(event).__name__, event.by)
        for event in recorded.events
        if type(event).__name__ in kinds
    ]

"""Runs for the charts that were made up: tables like those of a real run, and its events."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from attune_nb.events import TaskStarted

STARTED = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)
TASK_COLUMNS = [
    "task",
    "visit",
    "status",
    "attempts",
    "items",
    "failed_items",
    "start",
    "end",
    "duration_ms",
    "error",
]
ATTEMPT_COLUMNS = ["task", "visit", "index", "attempt", "worker", "start", "duration_ms", "status"]


@dataclasses.dataclass
class FakeRun:
    """A run as a chart reads it."""

    tasks: pd.DataFrame
    attempt_rows: pd.DataFrame
    workflow_name: str = "nightly_report"
    status: str = "succeeded"
    started: dt.datetime = STARTED
    events: list[Any] = dataclasses.field(default_factory=list)
    duration_ms: float = 0.0

    def attempts(self):
        """Return one row for each attempt."""
        return self.attempt_rows


def task_row(name, start=None, end=None, status="succeeded", **columns):
    """Return a row of the table of tasks, with times in seconds since the start of the run."""
    row = {
        "task": name,
        "visit": 1,
        "status": status,
        "attempts": 1,
        "items": 1,
        "failed_items": 0,
        "start": _moment(start),
        "end": _moment(end),
        "duration_ms": None,
        "error": None,
    }
    return row | columns


def _moment(seconds):
    if seconds is None:
        return pd.NaT
    return STARTED + dt.timedelta(seconds=seconds)


def make_run(tasks, attempts, **options):
    """Return a run with rows of tasks and of attempts; times of attempts are in seconds."""
    frame = pd.DataFrame(tasks, columns=TASK_COLUMNS)
    for column in ("start", "end"):
        frame[column] = pd.to_datetime(frame[column], utc=True)

    attempt_rows = pd.DataFrame(attempts, columns=ATTEMPT_COLUMNS)
    since_start = pd.to_timedelta(attempt_rows["start"].astype("float64"), unit="s")
    attempt_rows["start"] = pd.Timestamp(STARTED) + since_start
    attempt_rows["duration_ms"] = attempt_rows["duration_ms"].astype("float64") * 1000
    return FakeRun(frame, attempt_rows, **options)


def five_tasks():
    """Return a failed run of five tasks: retries, items, a skipped task, a second visit."""
    tasks = [
        task_row("extract", 0, 2.1),
        task_row("validate", 2.1, 6.9),
        task_row("load_regions", 2.1, 7.4, items=12),
        task_row("notify", 7.4, 9.0, "failed"),
        task_row("archive", 7.4, 7.4, "skipped"),
        task_row("extract", 9.0, 10.2, visit=2),
        task_row("publish", status="pending"),
    ]
    attempts = [
        ("extract", 1, 0, 1, 0, 0.2, 1.9, "succeeded"),
        ("validate", 1, 0, 1, 1, 2.2, 1.0, "failed"),
        ("validate", 1, 0, 2, 0, 3.7, 1.0, "timed_out"),
        ("validate", 1, 0, 3, 2, 5.4, 1.5, "succeeded"),
        ("notify", 1, 0, 1, 2, 7.9, 1.1, "failed"),
        ("extract", 2, 0, 1, 2, 9.1, 1.1, "succeeded"),
    ]
    for index in range(12):
        status = "failed" if index == 5 else "succeeded"
        start = 2.5 + 1.4 * (index // 4)
        attempts.append(("load_regions", 1, index, 1, index % 4, start, 1.2, status))
    attempts.append(("load_regions", 1, 5, 2, 1, 6.6, 0.7, "succeeded"))
    return make_run(tasks, attempts, status="failed")


def many_items(count=1000, workers=50, *, name="fetch_pages"):
    """Return a run of many items with random durations, of which some are retried."""
    random = np.random.default_rng(7)
    free_at = np.full(workers, 1.5)
    attempts = [("list_pages", 1, 0, 1, 0, 0.1, 1.3, "succeeded")]
    for index in range(count):
        number = 1
        status = ""
        while status != "succeeded" and number <= 3:
            worker = int(free_at.argmin())
            start = float(free_at[worker])
            duration = float(random.gamma(3.0, 0.25))
            failure_rate = 0.35 if 400 < index < 520 else 0.03
            status = "succeeded"
            if random.random() < failure_rate:
                status = random.choice(["failed", "timed_out"], p=[0.7, 0.3])

            attempts.append((name, 1, index, number, worker, start, duration, status))
            free_at[worker] += duration + 0.01
            number += 1

    end = float(free_at.max())
    attempts.append(("summarise", 1, 0, 1, 0, end + 0.3, 0.9, "succeeded"))
    tasks = [
        task_row("list_pages", 0, 1.4),
        task_row(name, 1.4, end, items=count),
        task_row("summarise", end, end + 1.2),
    ]
    return make_run(tasks, attempts, workflow_name="crawl")


def odd_names():
    """Return a run whose names are hard to draw."""
    names = ["$x^{$", "_hidden", "a\x00b\x1b[31m\nc", "%s {0} \\frac", "n" * 200, "größe €"]
    tasks = []
    attempts = []
    for index, name in enumerate(names):
        start = index * 0.01
        tasks.append(task_row(name, start, start + 0.02))
        attempts.append((name, 1, 0, 1, 0, start, 0.02, "cancelled"))
    return make_run(tasks, attempts, workflow_name="$\\bad{$ \x07flow", status="cancelled")


def many_workers():
    """Return a run of 300 items on 30 workers, of which one failed."""
    attempts = []
    for index in range(300):
        status = "failed" if index == 40 else "succeeded"
        start = (index // 30) * 60.0
        attempts.append(("map", 1, index, 1, index % 30, start, 50.0 + index % 9, status))
    return make_run([task_row("map", 0, 600, items=300), task_row("noop", 600, 600)], attempts)


def started_after(name, *causes, visit=1):
    """Return the event that an execution started, with the executions that led to it.

    Args:
        name: The name of the task.
        causes: Names of tasks, whose first visit is meant, or keys.
        visit: The visit of the execution.
    """
    return TaskStarted(
        time=0.0,
        task=name,
        visit=visit,
        total=1,
        with_items=False,
        concurrency=1,
        causes=tuple(_key(cause) for cause in causes),
    )


def _key(cause):
    return (cause, 1) if isinstance(cause, str) else cause

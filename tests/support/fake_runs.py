"""Runs made up for the charts: tables like those of a real run, and events where needed."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from attune_nb.events import TaskStarted

T0 = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)
ATTEMPT = ["task", "visit", "index", "attempt", "worker", "start", "duration", "status"]


@dataclasses.dataclass
class FakeRun:
    tasks: pd.DataFrame
    attempts: pd.DataFrame
    workflow_name: str = "nightly_report"
    status: str = "succeeded"
    started: dt.datetime = T0
    events: list[Any] = dataclasses.field(default_factory=list)


def task(name, start=None, end=None, status="succeeded", **more):
    moments = [pd.NaT if s is None else T0 + dt.timedelta(seconds=s) for s in (start, end)]
    row = {"task": name, "visit": 1, "status": status, "attempts": 1, "items": 1}
    row |= {"failed_items": 0, "start": moments[0], "end": moments[1]}
    return row | {"duration_ms": None, "error": None} | more


def make(tasks, attempts, **more):
    frame = pd.DataFrame(tasks, columns=list(task("x")))
    for column in ("start", "end"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return FakeRun(frame, pd.DataFrame(attempts, columns=ATTEMPT), **more)


def five_tasks():
    tasks = [
        task("extract", 0, 2.1),
        task("validate", 2.1, 6.9),
        task("load_regions", 2.1, 7.4, items=12),
        task("notify", 7.4, 9.0, "failed"),
        task("archive", 7.4, 7.4, "skipped"),
        task("extract", 9.0, 10.2, visit=2),
        task("publish", status="pending"),
    ]
    attempts = [
        ("extract", 1, 0, 1, 0, 0.2, 1.9, "succeeded"),
        ("validate", 1, 0, 1, 1, 2.2, 1.0, "failed"),
        ("validate", 1, 0, 2, 0, 3.7, 1.0, "timed_out"),
        ("validate", 1, 0, 3, 2, 5.4, 1.5, "succeeded"),
        ("notify", 1, 0, 1, 2, 7.9, 1.1, "failed"),
        ("extract", 2, 0, 1, 2, 9.1, 1.1, "succeeded"),
    ]
    for i in range(12):
        status = "failed" if i == 5 else "succeeded"
        attempts.append(("load_regions", 1, i, 1, i % 4, 2.5 + 1.4 * (i // 4), 1.2, status))
    attempts.append(("load_regions", 1, 5, 2, 1, 6.6, 0.7, "succeeded"))
    return make(tasks, attempts, status="failed")


def many_items(count=1000, workers=50, *, name="fetch_pages"):
    luck = np.random.default_rng(7)
    free = np.full(workers, 1.5)
    attempts = [("list_pages", 1, 0, 1, 0, 0.1, 1.3, "succeeded")]
    for i in range(count):
        attempt, status = 1, ""
        while status != "succeeded" and attempt <= 3:
            worker = int(free.argmin())
            long = float(luck.gamma(3.0, 0.25))
            bad = luck.random() < (0.35 if 400 < i < 520 else 0.03)
            status = luck.choice(["failed", "timed_out"], p=[0.7, 0.3]) if bad else "succeeded"
            attempts.append((name, 1, i, attempt, worker, float(free[worker]), long, status))
            free[worker] += long + 0.01
            attempt += 1
    end = float(free.max())
    attempts.append(("summarise", 1, 0, 1, 0, end + 0.3, 0.9, "succeeded"))
    tasks = [
        task("list_pages", 0, 1.4),
        task(name, 1.4, end, items=count),
        task("summarise", end, end + 1.2),
    ]
    return make(tasks, attempts, workflow_name="crawl")


def weird():
    names = ["$x^{$", "_hidden", "a\x00b\x1b[31m\nc", "%s {0} \\frac", "n" * 200, "größe €"]
    tasks = [task(n, i * 0.01, i * 0.01 + 0.02) for i, n in enumerate(names)]
    attempts = [(n, 1, 0, 1, 0, i * 0.01, 0.02, "cancelled") for i, n in enumerate(names)]
    return make(tasks, attempts, workflow_name="$\\bad{$ \x07flow", status="cancelled")


def wide():
    rows = [
        ("map", 1, i, 1, i % 30, (i // 30) * 60.0, 50.0 + i % 9, "succeeded") for i in range(300)
    ]
    rows[40] = (*rows[40][:-1], "failed")
    return make([task("map", 0, 600, items=300), task("noop", 600, 600)], rows)


def handed_out(name, *causes, visit=1):
    """Give the event that tells what led to an execution: the names of tasks on first visit."""
    keys = tuple((cause, 1) if isinstance(cause, str) else cause for cause in causes)
    return TaskStarted(
        time=0.0, task=name, visit=visit, total=1, with_items=False, concurrency=1, causes=keys
    )

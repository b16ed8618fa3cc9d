"""Runs of all sizes for the pictures of charts: few and many tasks, visits and items."""

from __future__ import annotations

import numpy as np

from support.fake_runs import make_run, started_after, task_row

__all__ = ["TIMELINE_RUNS", "items_at_once", "tasks_in_layers", "visits_of_a_page"]

LANES = 6
"""The tasks of a layer."""


def tasks_in_layers(count):
    """Return a run of tasks in layers, of which every forty-first fails and some are retried."""
    random = np.random.default_rng(count)
    tasks = []
    attempts = []
    events = []
    start = 0.0
    for first in range(0, count, LANES):
        layer = range(first, min(first + LANES, count))
        durations = random.gamma(2.0, 1.0, len(layer)) + 0.2
        causes = [f"task_{number}" for number in range(max(first - LANES, 0), first)]

        for number, duration in zip(layer, durations, strict=True):
            name = f"task_{number}"
            status = "failed" if number % 41 == 1 else "succeeded"
            tasks.append(task_row(name, start, start + duration, status))
            events.append(started_after(name, *causes))

            first_status = "failed" if number % 7 == 3 else status
            is_retried = first_status != status
            length = duration * 0.4 if is_retried else duration - 0.05
            attempts.append((name, 1, 0, 1, 0, start + 0.05, length, first_status))
            if is_retried:
                attempts.append((name, 1, 0, 2, 0, start + duration * 0.5, duration * 0.5, status))

        start += float(durations.max())
    return make_run(tasks, attempts, events=events, status="failed", workflow_name="nightly")


def visits_of_a_page(count):
    """Return a run of a loop: a page that is read many times, three times in vain."""
    random = np.random.default_rng(3)
    tasks = [task_row("open_catalogue", 0, 0.4)]
    attempts = [("open_catalogue", 1, 0, 1, 0, 0.1, 0.3, "succeeded")]
    events = [started_after("open_catalogue")]

    start = 0.4
    for visit in range(1, count + 1):
        duration = float(random.gamma(3.0, 0.02))
        if visit == count // 3:
            duration *= 30

        status = "failed" if visit in (count // 2, count - 30, count - 10) else "succeeded"
        tasks.append(task_row("page", start, start + duration, status, visit=visit))
        attempts.append(("page", visit, 0, 1, 0, start, duration, status))
        cause = "open_catalogue" if visit == 1 else ("page", visit - 1)
        events.append(started_after("page", cause, visit=visit))
        start += duration

    tasks.append(task_row("store_pages", start, start + 1))
    attempts.append(("store_pages", 1, 0, 1, 0, start + 0.1, 0.9, "succeeded"))
    events.append(started_after("store_pages", ("page", count)))
    return make_run(tasks, attempts, events=events, workflow_name="crawl")


def items_at_once(count, workers, failing, retried_share=0.0):
    """Return a run of items, of which some fail for good and a share is retried."""
    random = np.random.default_rng(11)
    durations = random.gamma(3.0, 0.02, count)
    starts = np.zeros(count)
    workers_of_items = np.arange(count) % workers
    for worker in range(workers):
        own = workers_of_items == worker
        starts[own] = 0.5 + np.concatenate([[0.0], np.cumsum(durations[own])[:-1]])

    is_retried = random.random(count) < retried_share
    attempts = []
    rows = zip(starts.tolist(), durations.tolist(), is_retried.tolist(), strict=True)
    for index, (start, duration, retried) in enumerate(rows):
        worker = index % workers
        status = "failed" if index in failing else "succeeded"
        if retried:
            half = duration / 2
            attempts.append(("check", 1, index, 1, worker, start, half, "failed"))
            attempts.append(("check", 1, index, 2, worker, start + half, half, status))
        else:
            attempts.append(("check", 1, index, 1, worker, start, duration, status))

    end = float((starts + durations).max())
    tasks = [
        task_row("list_servers", 0, 0.5),
        task_row("check", 0.5, end, "failed", items=count, failed_items=len(failing)),
        task_row("report", end, end + 0.6),
    ]
    attempts.append(("list_servers", 1, 0, 1, 0, 0.05, 0.4, "succeeded"))
    attempts.append(("report", 1, 0, 1, 0, end + 0.1, 0.5, "succeeded"))
    events = [
        started_after("list_servers"),
        started_after("check", "list_servers"),
        started_after("report", "check"),
    ]
    return make_run(tasks, attempts, events=events, workflow_name="health")


TIMELINE_RUNS = {
    "3 tasks": lambda: tasks_in_layers(3),
    "30 tasks": lambda: tasks_in_layers(30),
    "150 tasks": lambda: tasks_in_layers(150),
    "1,000 tasks": lambda: tasks_in_layers(1_000),
    "12 visits": lambda: visits_of_a_page(12),
    "1,000 visits": lambda: visits_of_a_page(1_000),
    "1 failed of 1,000 items": lambda: items_at_once(1_000, 8, {431}),
    "100,000 items": lambda: items_at_once(100_000, 16, set(range(0, 100_000, 200)), 0.03),
}
"""The runs by the text that says how large they are."""

"""The statuses of tasks, items and runs."""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["STATUSES"]

_SUCCESS = """
tasks:
  - name: build
    action: core.noop
"""
_FAILURE = """
tasks:
  - name: build
    action: core.fail
    input: {message: disk full}
"""
_TIMEOUT = """
tasks:
  - name: build
    action: core.sleep
    timeout: 0.05
    input: {seconds: 10}
"""
_QUESTION = """
tasks:
  - name: approve
    action: core.ask
    input: {prompt: "Deploy now?", response_schema: {type: boolean}}
"""
_DELAY = """
tasks:
  - name: build
    action: core.noop
    delay: 0.01
"""

_TASK = (
    Entry(
        "task status",
        "pending",
        "The task has not begun, such as during its `delay`.",
        _DELAY,
        related=("delay", "concurrency", "running"),
    ),
    Entry(
        "task status",
        "running",
        "An attempt is in progress.",
        _SUCCESS,
        related=("pending", "retrying"),
    ),
    Entry(
        "task status",
        "retrying",
        "An attempt has failed, and the next one waits for its time. In `run.items` it is the "
        "status of such an item.",
        """
        tasks:
          - name: fetch
            action: core.noop
            retry: {count: 3, delay: 0.5}
        """,
        related=("retry", "backoff"),
    ),
    Entry(
        "task status",
        "waiting",
        "The question of the task has no answer yet.",
        _QUESTION,
        related=("core.ask", "questions"),
    ),
    Entry(
        "task status",
        "paused",
        "The run is paused, and no new attempt of the task begins.",
        "%attune pause",
        related=("pause", "resume"),
    ),
    Entry(
        "task status",
        "succeeded",
        "The task ended well; of a task with items, all items did.",
        _SUCCESS,
        related=("failed", "skipped"),
    ),
    Entry(
        "task status",
        "failed",
        "The last attempt ended with an error; of a task with items, that of at least one item. "
        "The run fails unless a transition handles it.",
        _FAILURE,
        related=("next", "retry", "failures", "noop"),
    ),
    Entry(
        "task status",
        "timed_out",
        "The last attempt exceeded the task's `timeout`.",
        _TIMEOUT,
        related=("timeout", "retry"),
    ),
    Entry(
        "task status",
        "cancelled",
        "The run was cancelled, or its kernel interrupted, before the task or item had ended.",
        "%attune cancel",
        related=("cancellation_policy", "cancel"),
    ),
    Entry(
        "task status",
        "skipped",
        "The task's `when` was false, so its action did not run. An item is skipped if it never "
        "began, because more items had failed than `max_failures`.",
        """
        tasks:
          - name: notify
            action: core.noop
            when: "{{ false }}"
        """,
        related=("when", "max_failures", "succeeded"),
    ),
)

_RUN = (
    Entry(
        "run status",
        "pending",
        "The run has not begun.",
        _SUCCESS,
        related=("running",),
    ),
    Entry(
        "run status",
        "running",
        "Tasks are running, or are about to.",
        _SUCCESS,
        related=("paused", "waiting"),
    ),
    Entry(
        "run status",
        "paused",
        "Attempts in progress go on to their end, and no new one begins until `resume`.",
        "%attune pause",
        related=("resume", "waiting"),
    ),
    Entry(
        "run status",
        "cancelling",
        "The run was cancelled, and attempts in progress are ending.",
        "%attune cancel",
        related=("cancellation_policy", "cancelled"),
    ),
    Entry(
        "run status",
        "interrupted",
        "The process that carried the run is gone. The record holds the results up to then; "
        "`resume` continues it.",
        "%attune resume",
        related=("resume", "records"),
    ),
    Entry(
        "run status",
        "unreadable",
        "The record of the run is damaged. `open_run` says why, and `attune-nb forget` removes it; "
        "other runs can be read.",
        "%attune runs --status unreadable",
        related=("interrupted", "records"),
    ),
    Entry(
        "run status",
        "succeeded",
        "The run ended well: every failure of a task was handled.",
        _SUCCESS,
        related=("failed", "output_map"),
    ),
    Entry(
        "run status",
        "failed",
        "A task failed and no transition handled it, or a transition led to `fail`, or the output "
        "could not be made. `run.error` says why.",
        _FAILURE,
        related=("fail", "next", "retry"),
    ),
    Entry(
        "run status",
        "timed_out",
        "The run exceeded the `timeout` of the workflow.",
        """
        timeout: 0.05
        cancellation_policy: cancel_running
        tasks:
          - name: build
            action: core.sleep
            input: {seconds: 10}
        """,
        related=("timeout", "cancellation_policy"),
    ),
    Entry(
        "run status",
        "cancelled",
        "The run was cancelled, or its kernel interrupted.",
        "%attune cancel",
        related=("cancelling", "retry"),
    ),
)

STATUSES: tuple[Entry, ...] = (*_TASK, *_RUN)
"""The statuses of tasks and items, then those of runs."""

"""Watch the scheduler of a Dask cluster: poll it, and find out when it is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune_nb.backends.dask.connection import TIMEOUT, is_connected
from attune_nb.backends.dask.worker_poll import WorkerPoll

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client

    from attune_nb.backends.dask.worker_poll import WorkerDetails

__all__ = ["POLL_INTERVAL", "SchedulerWatch"]

# seconds between two polls of the scheduler
POLL_INTERVAL = 1.0
# seconds that a connected scheduler may be busy before it counts as lost
SCHEDULER_TIMEOUT = 60.0


class SchedulerWatch:
    """Polls a scheduler for its workers, and decides when it counts as lost.

    Args:
        wake: Called, in another thread, when the scheduler has answered.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._worker_poll = WorkerPoll(wake)
        self._last_poll = 0.0
        self._silent_since: float | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the last poll has failed, or the client is not connected."""
        return self._silent_since is not None

    @property
    def is_pending(self) -> bool:
        """Whether a poll has not been answered yet."""
        return self._worker_poll.is_pending

    def request_poll(self) -> None:
        """Make the next poll due at once."""
        self._last_poll = 0.0

    def start_if_due(self) -> bool:
        """Return whether the next poll is due; if so, the next interval starts now."""
        now = time.monotonic()
        if now - self._last_poll < POLL_INTERVAL:
            return False

        self._last_poll = now
        return True

    def poll(
        self,
        client: Client,
        on_answer: Callable[[WorkerDetails], None],
        *,
        details: bool,
        wait: bool,
    ) -> str:
        """Poll the scheduler, or check for the answer to the last poll.

        Args:
            client: The client of the cluster.
            on_answer: Called with the scheduler's reports of its workers.
            details: Whether more than thread counts is needed: resources and the process.
            wait: Whether to wait a moment for the answer.

        Returns:
            Why the scheduler counts as lost; an empty string if it does not.
        """
        now = time.monotonic()
        problem = self._send(client, on_answer, details=details, wait=wait)
        if not problem:
            self._silent_since = None
            return ""

        if self._silent_since is None:
            self._silent_since = now
            return ""

        is_overdue = now - self._silent_since > self._patience(client)
        if is_overdue or client.status == "closed":
            return f"its scheduler does not answer ({problem})"
        return ""

    def _send(
        self,
        client: Client,
        on_answer: Callable[[WorkerDetails], None],
        *,
        details: bool,
        wait: bool,
    ) -> str:
        """Return why a poll failed, or an empty string."""
        if not is_connected(client):
            return f"its client is {client.status}"

        try:
            reports = self._worker_poll.poll(client, details=details, wait=wait)
            if reports is not None:
                on_answer(reports)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, there is no answer
            message = str(error)
            return message or "it is silent"
        return ""

    def _patience(self, client: Client) -> float:
        """Return the seconds that the scheduler may be silent."""
        if self.is_pending and is_connected(client):
            return SCHEDULER_TIMEOUT
        return TIMEOUT

    def cancel(self) -> None:
        """Cancel the pending poll."""
        self._worker_poll.cancel()
        self._silent_since = None

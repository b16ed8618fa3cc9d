"""Find out whether the messages between a client and its scheduler still arrive.

They have a stream of their own, in either direction. Requests such as a poll use other connections,
so they are answered even if the stream stands still: Dask measures its delays by the wall clock,
and a stream that was about to send when the clock was set back waits for as long.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune_nb.backends.dask.client_requests import run_in_client_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from distributed import Client
    from distributed import Future as DaskFuture

    from attune_nb.backends.chunks.in_flight import InFlightChunk

__all__ = ["StreamWatch"]

# seconds that a chunk may be in flight before the scheduler is asked for it
PATIENCE = 60.0
# seconds from one question to the next
CHECK_INTERVAL = 10.0

# the states of a task that has ended
_ENDED = ("memory", "erred")


class StreamWatch:
    """Compares the client's futures with the scheduler's tasks.

    Args:
        wake: Called, in another thread, when the scheduler has answered.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._answer: Future[dict[str, str | None]] | None = None
        self._checked_at = 0.0
        # the keys of the futures about which the last answer has differed
        self._suspects: set[str] = set()

    def find_problem(
        self, client: Client, in_flight: Iterable[tuple[DaskFuture, InFlightChunk]]
    ) -> str:
        """Return why the stream counts as broken; an empty string if it does not.

        The answers to two questions in a row must have shown it for the same chunk, since a message
        may be on its way.

        Args:
            client: The client.
            in_flight: The futures of the reports that have not arrived, with their chunks.
        """
        if self._answer is None:
            self._ask_if_due(client, in_flight)
            return ""

        if not self._answer.done():
            return ""

        pending = {future.key for future, _ in in_flight if not future.done()}
        return self._read_answer(pending)

    def _ask_if_due(
        self, client: Client, in_flight: Iterable[tuple[DaskFuture, InFlightChunk]]
    ) -> None:
        """Ask the scheduler for the states of old tasks, if the next question is due."""
        now = time.monotonic()
        if now - self._checked_at < CHECK_INTERVAL:
            return

        self._checked_at = now
        keys = [future.key for future, chunk in in_flight if now - chunk.since > PATIENCE]
        if not keys:
            self._suspects = set()
            return

        request = _request_states(client, keys)
        self._answer = run_in_client_loop(client, request, self._wake)

    def _read_answer(self, pending: set[str]) -> str:
        """Return why the stream counts as broken, if this answer and the last one show it."""
        answer = self._answer
        self._answer = None
        try:
            states = {} if answer is None else answer.result(0)
        except Exception:  # noqa: BLE001 - the polls notice a scheduler that does not answer
            return ""

        unsent = {key for key in pending if key in states and states[key] is None}
        ended = {key for key in pending if states.get(key) in _ENDED}
        if self._suspects & unsent:
            problem = "its scheduler has not received what the client has sent"
        elif self._suspects & ended:
            problem = "the client has not received what its scheduler has sent"
        else:
            self._suspects = unsent | ended
            return ""

        return f"{problem} for {PATIENCE:.0f} s, perhaps since the clock was set back"

    def cancel(self) -> None:
        """Cancel the pending question."""
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None
        self._suspects = set()


async def _request_states(client: Client, keys: list[str]) -> dict[str, str | None]:
    states: dict[str, str | None] = await client.scheduler.get_task_status(keys=keys)
    return states

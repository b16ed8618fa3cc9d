"""The contract between the driver and the backends, where attempts run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.events import Batch, Key

__all__ = ["Backend"]


class Backend(Protocol):
    """A place where attempts run. The driver's thread calls every method."""

    def start(self, job: Job) -> None:
        """Begin the attempts of a job."""

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""

    def stop(self, key: Key, *, force: bool) -> None:
        """Begin no more attempts of a job; with `force`, cancel those that run."""

    def set_paused(self, *, paused: bool) -> None:
        """Begin no attempts of any job, also of later jobs, or begin them again."""

    def release(self, key: Key) -> None:
        """Release a job whose task has ended; do nothing if there is no such job."""

    def poll(self, timeout: float) -> None:
        """Make attempts, or wait until some have ended, for about `timeout` seconds."""

    def collect(self) -> list[tuple[Key, Batch]]:
        """Return the attempts that have ended since the last call."""

    def close(self) -> None:
        """Release all jobs, and end all workers of the backend's own."""

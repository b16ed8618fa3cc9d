"""The contract between the driver and the places where attempts run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.events import Batch, Key

__all__ = ["Backend"]


class Backend(Protocol):
    """Where attempts run. Every method is called from the driver's thread."""

    def start(self, job: Job) -> None:
        """Begin to make the attempts of a job."""

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""

    def stop(self, key: Key, *, force: bool) -> None:
        """Start no more attempts of a job; `force` gives up on those under way."""

    def set_paused(self, *, paused: bool) -> None:
        """Begin no attempts of any job, or begin them again."""

    def release(self, key: Key) -> None:
        """Let go of a job whose task has ended; one that is not known is none to let go of."""

    def poll(self, timeout: float) -> None:
        """Let work be done, or wait for some to end, for about `timeout` seconds."""

    def collect(self) -> list[tuple[Key, Batch]]:
        """Give what has ended since the last call."""

    def close(self) -> None:
        """Let go of everything."""

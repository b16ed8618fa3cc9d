"""The lines that attempts write in worker processes, as they arrive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from attune_nb.backends.chunks.messages import LineMessage

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.chunks.in_flight import NumberWorker
    from attune_nb.events import Key

__all__ = ["RemoteLines"]

# the sources of which it is remembered how many lines have arrived: messages come within seconds
_MOST_SOURCES = 10_000

_decoder = msgspec.msgpack.Decoder(LineMessage)


class RemoteLines:
    """Gives each line that arrives to the log of its job, once."""

    def __init__(self) -> None:
        self._jobs: dict[Key, Job] = {}
        # how many lines of a source have arrived
        self._arrived: dict[str, int] = {}

    @property
    def is_used(self) -> bool:
        """Whether lines are captured."""
        return bool(self._jobs)

    def add_job(self, job: Job) -> None:
        """Take the lines of a job from now on."""
        if job.spec.lines is not None:
            self._jobs[job.spec.key] = job

    def receive(self, packed: bytes, number_worker: NumberWorker) -> None:
        """Add the lines of a message that have not arrived before.

        Args:
            packed: The message.
            number_worker: Returns the number of a worker.
        """
        message = _decoder.decode(packed)
        job = self._jobs.get(message.key)
        arrived = self._arrived.get(message.source, 0)
        # lines before these were lost on their way: a report will bring all of them
        if job is None or job.spec.lines is None or message.first > arrived:
            return

        new_lines = message.lines[arrived - message.first :]
        if not new_lines:
            return
        self._note_arrival(message.source, arrived + len(new_lines))

        task, visit = job.own_key
        delay = _delay_of(job, message)
        job.spec.lines.add_remote(
            msgspec.structs.replace(
                line,
                time=max(0.0, line.time + delay),
                task=task,
                visit=visit,
                worker=number_worker(message.thread, line.worker),
            )
            for line in new_lines
        )

    def _note_arrival(self, source: str, count: int) -> None:
        # the sources that have sent nothing for long are dropped
        self._arrived.pop(source, None)
        self._arrived[source] = count
        while len(self._arrived) > _MOST_SOURCES:
            del self._arrived[next(iter(self._arrived))]

    def close(self) -> None:
        """Forget all jobs."""
        self._jobs.clear()
        self._arrived.clear()


def _delay_of(job: Job, message: LineMessage) -> float:
    """Return what to add to the times of lines to get seconds since the start of the run.

    The worker's clock may differ from ours: no line was written after it was sent.
    """
    now = job.spec.clock()
    return now - max(time.time(), message.sent_at)

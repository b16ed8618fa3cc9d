"""The lines that attempts write in worker processes, as they arrive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from attune_nb.backends.chunks.messages import LineMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.chunks.in_flight import NumberWorker
    from attune_nb.capture.collector import LineCollector
    from attune_nb.events import Key

__all__ = ["RemoteLines"]

# the sources of which it is remembered how many lines have arrived: messages come within seconds
_MOST_SOURCES = 10_000

_decoder = msgspec.msgpack.Decoder(LineMessage)


class _JobLog(NamedTuple):
    """The target of the lines of a job. It stays when the job has ended: threads may still print.

    Attributes:
        lines: Collects the lines of the run.
        key: The task and its visit in that run.
        clock: Returns the seconds since the start of that run.
    """

    lines: LineCollector
    key: Key
    clock: Callable[[], float]


class RemoteLines:
    """Gives each line that arrives to the log of its job, once."""

    def __init__(self) -> None:
        self._logs: dict[Key, _JobLog] = {}
        # how many lines of a source have arrived
        self._arrived: dict[str, int] = {}

    @property
    def is_used(self) -> bool:
        """Whether lines are captured."""
        return bool(self._logs)

    def add_job(self, job: Job) -> None:
        """Take the lines of a job from now on."""
        if job.spec.lines is not None:
            self._logs[job.spec.key] = _JobLog(job.spec.lines, job.own_key, job.spec.clock)

    def receive(self, packed: bytes, number_worker: NumberWorker) -> None:
        """Add the lines of a message that have not arrived before.

        Args:
            packed: The message.
            number_worker: Returns the number of a worker.
        """
        message = _decoder.decode(packed)
        log = self._logs.get(message.key)
        arrived = self._arrived.get(message.source, 0)
        # lines before these were lost on their way: a report will bring all of them
        if log is None or message.first > arrived:
            return

        new_lines = message.lines[arrived - message.first :]
        if not new_lines:
            return
        self._note_arrival(message.source, arrived + len(new_lines))

        task, visit = log.key
        delay = _delay_of(log, message)
        log.lines.add_remote(
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
        self._logs.clear()
        self._arrived.clear()


def _delay_of(log: _JobLog, message: LineMessage) -> float:
    """Return the summand that makes the times of lines seconds since the start of the run.

    The worker's clock may differ from ours: no line was written after it was sent.
    """
    now = log.clock()
    return now - max(time.time(), message.sent_at)

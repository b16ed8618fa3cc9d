"""Events to JSON and back. Proposed for attune_nb/events.py, where the store needs it too.

`Batch` itself cannot be decoded into: `array[int]` means something to a type checker only
(before Python 3.12 it cannot even be evaluated), so a batch travels as `_Batch`.
"""

from array import array
from typing import Any

import msgspec

from attune_nb.events import (
    AlarmRang,
    AskAnswered,
    AskOpened,
    AttemptsEnded,
    Batch,
    CancelRequested,
    ErrorInfo,
    PauseRequested,
    ResumeRequested,
    RetriesPlanned,
    RunEnded,
    RunStarted,
    TaskEnded,
    TaskStarted,
)
from attune_nb.frozen import freeze


class _Batch(msgspec.Struct, kw_only=True):
    index: list[int]
    attempt: list[int]
    worker: list[int]
    start: list[float]
    duration: list[float]
    status: bytes
    results: list[Any]
    errors: dict[int, ErrorInfo]
    items: list[Any] | None = None
    total: int | None = None


class _AttemptsEnded(msgspec.Struct, kw_only=True, tag="AttemptsEnded"):
    time: float
    seed: int
    task: str
    visit: int
    batch: _Batch


AnyEvent = (
    RunStarted
    | _AttemptsEnded
    | CancelRequested
    | PauseRequested
    | ResumeRequested
    | AskAnswered
    | AlarmRang
    | AskOpened
    | TaskStarted
    | RetriesPlanned
    | TaskEnded
    | RunEnded
)


def encode(events):
    """Give the JSON of a list of events whose values are plain data (NaN becomes null)."""
    return _ENCODER.encode(events)


def decode(text):
    """Give the events again; what attempts gave is frozen, as it was when it came in."""
    return [
        _attempts_ended(event) if isinstance(event, _AttemptsEnded) else event
        for event in _DECODER.decode(text)
    ]


def _plain(value):
    if isinstance(value, array):
        return value.tolist()
    raise NotImplementedError(type(value))


def _attempts_ended(told):
    batch = told.batch
    columns = {name: array("q", getattr(batch, name)) for name in ("index", "attempt", "worker")}
    columns |= {name: array("d", getattr(batch, name)) for name in ("start", "duration")}
    return AttemptsEnded(
        time=told.time,
        seed=told.seed,
        task=told.task,
        visit=told.visit,
        batch=Batch(
            **columns,
            status=batch.status,
            results=[freeze(each) for each in batch.results],
            errors={
                row: msgspec.structs.replace(each, data=freeze(each.data))
                for row, each in batch.errors.items()
            },
            items=None if batch.items is None else [freeze(each) for each in batch.items],
            total=batch.total,
        ),
    )


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
_DECODER = msgspec.json.Decoder(list[AnyEvent])

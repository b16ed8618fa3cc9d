"""Values on their way to another process and back, so that none of them can stop the others.

Plain data of many items goes as one pickle, which always loads. As soon as there is anything
else among them, each goes by itself (by cloudpickle, which also sends what a notebook has
defined): what cannot be sent, or not be made again on the other side, fails alone.
"""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import io
import pickle
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.backends.chunks.code_pickle import dumps
from attune_nb.errors import NotSendable
from attune_nb.values.frozen import FrozenDict, FrozenList, FrozenTuple, freeze

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NotSent", "PackedValues", "kind_of", "pack", "pack_value", "require_sent", "unpack"]

_PROTOCOL = 5
_FROZEN = (FrozenDict, FrozenList, FrozenTuple)
_KNOWN = frozenset(
    {
        dt.date,
        dt.datetime,
        dt.time,
        dt.timedelta,
        dt.timezone,
        decimal.Decimal,
        fractions.Fraction,
        uuid.UUID,
    }
)


class NotSent(msgspec.Struct, frozen=True):
    """Stands where a value could not be sent, or not be made again on the other side."""

    message: str


class PackedValues(msgspec.Struct, frozen=True):
    """Several values as bytes: all in one, or each alone."""

    together: bytes | None = None
    separately: Sequence[bytes | NotSent] = ()

    def __len__(self) -> int:
        """Give the bytes that it takes."""
        if self.together is not None:
            return len(self.together)
        return sum(len(part) for part in self.separately if isinstance(part, bytes))


def require_sent(value: Any) -> Any:
    """Give a value that was sent.

    Raises:
        NotSendable: It could not be sent, or not be made again here.
    """
    if isinstance(value, NotSent):
        raise NotSendable(value.message)
    return value


class _NotPlainError(Exception):
    """There is something among the values that may not load on the other side."""


class _PlainPickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """Leave plain data to pickle, and refuse all else."""
        known = value is freeze or isinstance(value, _FROZEN) or type(value) in _KNOWN
        if known or (isinstance(value, type) and value in _KNOWN):
            return NotImplemented
        raise _NotPlainError


def pack(values: Sequence[Any]) -> PackedValues:
    """Make bytes of values; where one cannot be sent, a `NotSent` says why."""
    buffer = io.BytesIO()
    try:
        _PlainPickler(buffer, _PROTOCOL).dump(list(values))
    except Exception:  # noqa: BLE001 - a value's own code may raise anything
        return PackedValues(separately=[_alone(each) for each in values])
    return PackedValues(together=buffer.getvalue())


def pack_value(value: Any) -> bytes:
    """Make bytes of one value, whatever it is made of.

    Raises:
        Exception: Any at all, as the value's own code raises it.
    """
    return dumps(value, _PROTOCOL)


def _alone(value: Any) -> bytes | NotSent:
    try:
        return pack_value(value)
    except Exception as error:  # noqa: BLE001 - as above
        return NotSent(_told(kind_of(value), "be sent to another process", error))


def unpack(packed: PackedValues) -> list[Any]:
    """Give the values again; where one could not be sent or made, a `NotSent` says why."""
    if packed.together is not None:
        values: list[Any] = pickle.loads(packed.together)  # noqa: S301 - our own worker's
        return values
    return [each if isinstance(each, NotSent) else _loaded(each) for each in packed.separately]


def _loaded(packed: bytes) -> Any:
    try:
        return pickle.loads(packed)  # noqa: S301 - as above
    except BaseException as error:  # noqa: BLE001 - as above; nothing of it may end a worker
        return NotSent(_told("what was sent", "be made again on the other side", error))


def kind_of(value: Any) -> str:
    """Say of what type a value is."""
    name = type(value).__name__
    return _KINDS.get(type(value), f"an {name}" if name[:1] in "aeiouAEIOU" else f"a {name}")


_KINDS = {
    str: "a text",
    int: "a number",
    FrozenDict: "a map",
    FrozenList: "a list",
    FrozenTuple: "a tuple",
}


def _told(what: str, whereto: str, error: BaseException) -> str:
    try:
        why = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an exception's own `__str__` may raise anything
        why = type(error).__name__
    return (  # the reason comes last: whoever shows it may cut it, once its secrets are masked
        f"{what} cannot {whereto}; give and return plain data (texts, numbers, lists, maps, "
        f"arrays, tables), or run it on the threads backend ({why})"
    )

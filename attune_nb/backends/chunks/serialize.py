"""Values on their way to another process and back.

Small values of JSON's types are MessagePack, all together: nothing else is as fast. Other plain
data of many items is one pickle, which always loads. It holds plain copies of their objects and
arrays, since to pickle a frozen one takes ten times as long. If any value is not plain data, each
value is pickled by itself, by cloudpickle, which can also send what a notebook defines. So a value
that cannot be pickled, or not be unpickled in the other process, fails without the others.
"""

from __future__ import annotations

import contextlib
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
from attune_nb.values.describe import describe, describe_type
from attune_nb.values.frozen import (
    FrozenDict,
    FrozenList,
    FrozenTuple,
    are_json_data,
    freeze,
    thaw_all,
)
from attune_nb.values.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "NotSent",
    "PackedValues",
    "describe_any",
    "pack",
    "pack_value",
    "require_sent",
    "unpack",
]

_PROTOCOL = 5

# values of which the size is looked at, and the bytes of memory of a small one
_SAMPLED = 16
_SMALL = 4_000

_FROZEN_TYPES = (FrozenDict, FrozenList, FrozenTuple)
# types of plain data that pickle stores by a reference to a class of the standard library
_PLAIN_TYPES = frozenset(
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
    """Stands for a value that could not be pickled, or not be unpickled in the other process."""

    message: str


class PackedValues(msgspec.Struct, frozen=True):
    """Several values as bytes: together, as MessagePack or in one pickle, or each separately."""

    message_pack: bytes | None = None
    together: bytes | None = None
    separately: Sequence[bytes | NotSent] = ()

    def __len__(self) -> int:
        """Return the number of bytes."""
        if self.message_pack is not None:
            return len(self.message_pack)
        if self.together is not None:
            return len(self.together)

        return sum(len(part) for part in self.separately if isinstance(part, bytes))


def require_sent(value: Any) -> Any:
    """Return a value that was sent.

    Raises:
        NotSendable: It could not be pickled, or not be unpickled here.
    """
    if isinstance(value, NotSent):
        raise NotSendable(value.message)

    return value


class _NotPlainError(Exception):
    """A value is not plain data, so it may not load in the other process."""


class _PlainPickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """Leave plain data to pickle, and refuse any other value.

        Raises:
            _NotPlainError: The value is not plain data.
        """
        if value is freeze or isinstance(value, _FROZEN_TYPES) or type(value) in _PLAIN_TYPES:
            return NotImplemented

        if isinstance(value, type) and value in _PLAIN_TYPES:
            return NotImplemented

        raise _NotPlainError


def pack(values: Sequence[Any]) -> PackedValues:
    """Return values as bytes, with a `NotSent` in place of each that cannot be pickled."""
    values = list(values)
    if are_json_data(values) and _are_small(values):
        # an integer may have more than 64 bits, a string a surrogate
        with contextlib.suppress(OverflowError, ValueError, RecursionError):
            return PackedValues(message_pack=msgspec.msgpack.encode(values))

    buffer = io.BytesIO()
    try:
        _PlainPickler(buffer, _PROTOCOL).dump(thaw_all(values))
    except Exception:  # noqa: BLE001 - a value's own code may raise anything
        return PackedValues(separately=[_pack_separately(value) for value in values])

    return PackedValues(together=buffer.getvalue())


def _are_small(values: list[Any]) -> bool:
    """Return whether many values are small, as a sample of them shows.

    A pickle holds an object once to which several values refer. For small ones that is no gain.
    """
    step = max(1, len(values) // _SAMPLED)
    sample = values[::step]
    return sum(map(size_of, sample)) <= _SMALL * len(sample)


def pack_value(value: Any) -> bytes:
    """Return any value as bytes.

    Raises:
        Exception: The value cannot be pickled. Its own code may raise anything.
    """
    return dumps(value, _PROTOCOL)


def _pack_separately(value: Any) -> bytes | NotSent:
    try:
        return pack_value(value)
    except Exception as error:  # noqa: BLE001 - a value's own code may raise anything
        return NotSent(_explain(f"{describe_any(value)} cannot be sent to another process", error))


def unpack(packed: PackedValues) -> list[Any]:
    """Return values from bytes, with a `NotSent` in place of each that was not sent or loaded.

    Plain data is frozen again.
    """
    values: list[Any] = []
    if packed.message_pack is not None:
        values = msgspec.msgpack.decode(packed.message_pack)
        return list(freeze(values, more_levels=1))
    if packed.together is not None:
        values = pickle.loads(packed.together)  # noqa: S301 - packed by our own process
        return list(freeze(values, more_levels=1))

    for part in packed.separately:
        value = part if isinstance(part, NotSent) else _unpack_separately(part)
        values.append(value)

    return values


def _unpack_separately(packed: bytes) -> Any:
    try:
        return pickle.loads(packed)  # noqa: S301 - packed by our own process
    except BaseException as error:  # noqa: BLE001 - not even `sys.exit` may end a worker here
        return NotSent(_explain("a value cannot be unpickled in the process it was sent to", error))


def describe_any(value: Any) -> str:
    """Return the kind of a value, even if its own code raises when it is inspected."""
    try:
        return describe(value)
    except Exception:  # noqa: BLE001 - a value's own code may raise anything
        return describe_type(type(value))


def _explain(problem: str, error: BaseException) -> str:
    try:
        reason = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an exception's own `__str__` may raise anything
        reason = type(error).__name__

    # the reason comes last: it may be cut, once its secrets are masked
    return (
        f"{problem}; pass and return plain data (strings, numbers, arrays, objects, NumPy arrays, "
        f"DataFrames), or use the threads backend ({reason})"
    )

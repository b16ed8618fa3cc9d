"""Values on their way to another process and back.

Plain data of many items is one pickle, which always loads. If any value is not plain data, each
value is pickled by itself, by cloudpickle, which can also send what a notebook defines. So a value
that cannot be pickled, or not be unpickled in the other process, fails without the others.
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
from attune_nb.values.describe import describe, describe_type
from attune_nb.values.frozen import FrozenDict, FrozenList, FrozenTuple, freeze

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
    """Several values as bytes: all together in one pickle, or each separately."""

    together: bytes | None = None
    separately: Sequence[bytes | NotSent] = ()

    def __len__(self) -> int:
        """Return the number of bytes."""
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
    buffer = io.BytesIO()
    try:
        _PlainPickler(buffer, _PROTOCOL).dump(list(values))
    except Exception:  # noqa: BLE001 - a value's own code may raise anything
        return PackedValues(separately=[_pack_separately(value) for value in values])

    return PackedValues(together=buffer.getvalue())


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
    """Return values from bytes, with a `NotSent` in place of each that was not sent or loaded."""
    if packed.together is not None:
        values: list[Any] = pickle.loads(packed.together)  # noqa: S301 - packed by our own process
        return values

    values = []
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

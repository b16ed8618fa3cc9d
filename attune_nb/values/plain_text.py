"""The plain text of dates, paths, decimals, fractions, UUIDs, IP addresses and enums.

They are no plain data, but everyone knows their text. An expression cannot look into them.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, time
from decimal import Context, Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING, Any
from uuid import UUID

from attune_nb.values.guard import module_of, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["has_plain_text", "is_ip_address", "simplify", "simplify_all"]

# Bits of the parts of a fraction that is written: Python writes no integer of very many digits.
_MOST_BITS = 10_000


def _write_fraction(value: Fraction) -> Any:
    """Return the text of a fraction; the fraction itself if it is too large to be written."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
        return value
    return str(value)


# By exact type: a subclass may have another text.
_WRITERS: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((date, datetime, time), lambda value: value.isoformat()),
    **dict.fromkeys((PosixPath, PurePosixPath, PureWindowsPath, WindowsPath), str),
    # the text of `str` depends on the context of the thread
    Decimal: Context(capitals=1).to_sci_string,
    Fraction: _write_fraction,
    UUID: str,
}


def has_plain_text(value: Any) -> bool:
    """Return whether a value is one of those that `simplify` turns into plain data."""
    kind = type(value)
    if kind in _WRITERS or issubclass(kind, Enum):
        return True
    return _is_timestamp(kind) or is_ip_address(kind)


def simplify(value: Any) -> Any:
    """Return the text of a date, path, decimal, fraction, UUID or IP address.

    Of a member of an enum the value is returned; any other value is returned as it is.
    """
    kind = type(value)
    write = _WRITERS.get(kind)
    if write is not None:
        return write(value)
    if issubclass(kind, Enum):
        return value._value_
    if _is_timestamp(kind):
        return value.isoformat()
    if is_ip_address(kind):
        return str(value)
    return value


def simplify_all(value: Any) -> Any:
    """Return a value with everything in it simplified, in new arrays and objects."""
    if isinstance(value, dict):
        return {key: simplify_all(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [simplify_all(element) for element in value]
    return simplify(value)


def _is_timestamp(kind: type) -> bool:
    """Return whether a type is that of pandas' dates, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and kind is getattr(pandas, "Timestamp", None)


def is_ip_address(kind: type) -> bool:
    """Return whether a type is one of `ipaddress`, without importing that module."""
    if module_of(kind) != "ipaddress":
        return False
    return kind is getattr(sys.modules["ipaddress"], type_name(kind), None)

"""Types of data that JSON lacks: how the store holds a value, and how it is read again.

The content of a tag is plain data, or data of other types in this table. To read a value runs no
code of a user and imports nothing but pandas: the class of an enum or of a named tuple is taken
only if its module is loaded already. Without it, a member of an enum is read as its value, and a
named tuple as a tuple.
"""

from __future__ import annotations

import base64
import importlib
import sys
from collections import deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from fractions import Fraction
from pathlib import PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from attune_nb.values.describe import is_different
from attune_nb.values.frozen import has_attributes, is_named_tuple
from attune_nb.values.plain_text import is_ip_address

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["READERS", "write_data"]

_PATHS: dict[str, type[PurePath]] = {
    kind.__name__: kind for kind in (PosixPath, WindowsPath, PurePosixPath, PureWindowsPath)
}

# The types of paths that can be made here for those that cannot.
_PURE_PATHS: dict[str, type[PurePath]] = {
    "PosixPath": PurePosixPath,
    "WindowsPath": PureWindowsPath,
}


def write_data(value: Any) -> tuple[str, Any] | None:
    """Return the tag of a value and the content of the tag; None if its type is not in the table.

    Types are compared exactly, since a subclass may hold more than its base.
    """
    kind = type(value)
    entry = _WRITERS.get(kind)
    if entry is not None:
        tag, write = entry
        return tag, write(value)
    if issubclass(kind, Enum):
        return "$enum", [_class_name(kind), value._name_, value._value_]
    if is_named_tuple(kind) and not has_attributes(value):
        return "$named_tuple", [_class_name(kind), list(tuple.__iter__(value))]
    if is_ip_address(kind):
        return "$ip", [kind.__name__, str(value)]
    return _write_pandas(value, kind)


def _class_name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _find_class(name: str) -> type | None:
    """Return a class by its module and name, if the module is loaded and has it."""
    module, _, path = name.partition(":")
    namespace: Any = sys.modules.get(module)
    for part in path.split("."):
        # an attribute may be computed by code: only those are taken that are there
        attributes = getattr(namespace, "__dict__", {})
        namespace = attributes.get(part)
    return namespace if isinstance(namespace, type) else None


def _read_enum(content: Any) -> Any:
    """Return the member of an enum, or its value if no loaded class has such a member."""
    class_name, name, value = content
    kind = _find_class(class_name)
    if kind is None or not issubclass(kind, Enum):
        return value

    member = kind._member_map_.get(name)
    if member is not None and not is_different(member._value_, value):
        return member
    if issubclass(kind, Flag) and type(value) is int:
        return kind(value)
    return value


def _read_named_tuple(content: Any) -> tuple[Any, ...]:
    class_name, elements = content
    kind = _find_class(class_name)
    if kind is None or not is_named_tuple(kind):
        return tuple(elements)
    if len(kind._fields) != len(elements):  # type: ignore[attr-defined]
        return tuple(elements)
    return tuple.__new__(kind, elements)


def _write_path(path: PurePath) -> list[str]:
    return [type(path).__name__, str(path)]


def _read_path(content: Any) -> PurePath:
    name, text = content
    try:
        return _PATHS[name](text)
    except NotImplementedError:
        # a path of another system
        return _PURE_PATHS[name](text)


def _read_ip_address(content: Any) -> Any:
    name, text = content
    kind = getattr(importlib.import_module("ipaddress"), name)
    if not is_ip_address(kind):
        raise KeyError(name)
    return kind(text)


def _write_moment(value: datetime | time) -> Any:
    """Return the text of a date with a time; with its zone or fold, if it has one of these."""
    zone = value.tzinfo
    if not isinstance(zone, ZoneInfo) or zone.key is None:
        if value.fold == 0:
            return value.isoformat()
        return [value.isoformat(), None, value.fold]
    return [value.replace(tzinfo=None).isoformat(), zone.key, value.fold]


def _moment_reader(kind: type[datetime | time]) -> Callable[[Any], datetime | time]:
    def read(content: Any) -> datetime | time:
        if isinstance(content, str):
            return kind.fromisoformat(content)

        text, zone, fold = content
        moment = kind.fromisoformat(text)
        if zone is None:
            return moment.replace(fold=fold)
        return moment.replace(tzinfo=ZoneInfo(zone), fold=fold)

    return read


def _write_pandas(value: Any, kind: type) -> tuple[str, Any] | None:
    """Return tag and content of a date, a duration or a missing value of pandas."""
    pandas = sys.modules.get("pandas")
    # pandas may be about to be imported by another thread
    if pandas is None or not hasattr(pandas, "NaT"):
        return None
    if value is pandas.NaT:
        return "$missing", "NaT"
    if value is pandas.NA:
        return "$missing", "NA"
    if kind is pandas.Timestamp:
        # zones of `zoneinfo` and of `pytz` have a name, an offset has none
        zone = getattr(value.tz, "key", None) or getattr(value.tz, "zone", None)
        return "$timestamp", [value.isoformat(), zone, value.unit]
    if kind is pandas.Timedelta:
        return "$pandas_timedelta", [int(value.asm8.astype("int64")), value.unit]
    return None


def _read_timestamp(content: Any) -> Any:
    pandas = importlib.import_module("pandas")
    text, zone, unit = content
    timestamp = pandas.Timestamp(text)
    if zone is not None:
        timestamp = timestamp.tz_convert(zone)
    return timestamp.as_unit(unit)


def _read_pandas_timedelta(content: Any) -> Any:
    pandas = importlib.import_module("pandas")
    numpy = importlib.import_module("numpy")
    count, unit = content
    return pandas.Timedelta(numpy.timedelta64(count, unit)).as_unit(unit)


def _read_missing(content: Any) -> Any:
    if content not in ("NaT", "NA"):
        raise KeyError(content)
    return getattr(importlib.import_module("pandas"), content)


def _base64(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode()


_WRITERS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    bytes: ("$bytes", _base64),
    bytearray: ("$bytearray", _base64),
    complex: ("$complex", lambda value: [repr(value.real), repr(value.imag)]),
    datetime: ("$datetime", _write_moment),
    date: ("$date", date.isoformat),
    time: ("$time", _write_moment),
    timedelta: ("$timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    Decimal: ("$decimal", str),
    Fraction: ("$fraction", lambda value: [value.numerator, value.denominator]),
    UUID: ("$uuid", str),
    range: ("$range", lambda value: [value.start, value.stop, value.step]),
    deque: ("$deque", lambda value: [list(value), value.maxlen]),
    **dict.fromkeys(_PATHS.values(), ("$path", _write_path)),
}

READERS: dict[str, Callable[[Any], Any]] = {
    "$bytes": base64.b64decode,
    "$bytearray": lambda content: bytearray(base64.b64decode(content)),
    "$complex": lambda content: complex(float(content[0]), float(content[1])),
    "$datetime": _moment_reader(datetime),
    "$date": date.fromisoformat,
    "$time": _moment_reader(time),
    "$timedelta": lambda content: timedelta(*content),
    "$decimal": Decimal,
    "$fraction": lambda content: Fraction(*content),
    "$uuid": UUID,
    "$range": lambda content: range(*content),
    "$deque": lambda content: deque(*content),
    "$path": _read_path,
    "$ip": _read_ip_address,
    "$enum": _read_enum,
    "$named_tuple": _read_named_tuple,
    "$timestamp": _read_timestamp,
    "$pandas_timedelta": _read_pandas_timedelta,
    "$missing": _read_missing,
}
"""By tag: the function that reads the content of the tag, whose parts are read already."""

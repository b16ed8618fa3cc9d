"""Values to JSON and back: what is not JSON travels under a tag, and no code travels at all.

Plain data (texts, finite numbers, booleans, null, lists, maps) is written as it is. Other
values that are nothing but data (a tuple, a date, bytes, NaN) are written as a map with the
single key `$TYPE`. A secret is written by its name. Whatever else an action gave (a DataFrame, an
open file) stays in memory, and the store holds a marker that tells its type: it is never pickled.
"""

from __future__ import annotations

import base64
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from attune_nb.values.frozen import NotStored, freeze
from attune_nb.values.remote import RemoteReference
from attune_nb.values.secrets import Mask, SecretText

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["from_plain", "to_plain"]

_EXACT = frozenset({str, int, bool, type(None)})  # what JSON holds whatever the value
NOBODY = Mask()  # knows no secret
_SURROGATES = "surrogatepass"  # a text of Python's may hold what no UTF-8 can


def to_plain(value: Any, *, texts: bool = False) -> Any:
    """Give a value as JSON can hold it; the very object where it is plain data already.

    Args:
        value: A frozen value.
        texts: Also look at each text, for what no UTF-8 can hold; else encoding it raises
            UnicodeEncodeError, and this is to be called again.
    """
    kind = type(value)
    if kind is str:
        return _text(value) if texts else value
    if kind in _EXACT:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, dict):
        return _map(value, texts=texts)
    if isinstance(value, list):
        return _each(value, texts=texts)
    return _tagged(value, texts=texts)


def _map(value: dict[Any, Any], *, texts: bool) -> Any:
    plain = len(value) != 1 and not texts
    for key, each in value.items() if plain else ():  # a million items give a million such maps
        kind = type(each)
        if type(key) is not str or (kind not in _EXACT and (kind is not float or each - each)):
            break
    else:
        if plain:
            return value
    told = {key: to_plain(each, texts=texts) for key, each in value.items()}
    if not all(type(key) is str and (not texts or _text(key) is key) for key in told) or _is_tag(
        told
    ):
        return {"$map": [[to_plain(key, texts=texts), each] for key, each in told.items()]}
    return value if all(told[key] is value[key] for key in told) else told


def _each(value: list[Any], *, texts: bool) -> list[Any]:
    if not texts and _EXACT.issuperset(map(type, value)):
        return value
    told = [to_plain(each, texts=texts) for each in value]
    same = all(now is before for now, before in zip(told, value, strict=True))
    return value if same else told


def _is_tag(value: dict[Any, Any]) -> bool:
    return len(value) == 1 and str(next(iter(value))).startswith("$")


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"$text": _base64(value.encode("utf-8", _SURROGATES))}
    return value


def _tagged(value: Any, *, texts: bool) -> dict[str, Any]:
    kind = type(value)
    if kind is SecretText:
        return {"$secret": value.parts}
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return {"$tuple": [to_plain(each, texts=texts) for each in value]}
    if kind in (set, frozenset):
        return {"$set": [to_plain(each, texts=texts) for each in value]}
    for tag, (of, write, _) in _DATA.items():
        if kind is of:
            return {tag: write(value)}
    name, rows = f"{kind.__module__}.{kind.__qualname__}", None
    if kind is NotStored:
        name, rows = value.kind, value.rows
    elif isinstance(value, RemoteReference):
        name = value.description
    elif hasattr(value, "columns") and hasattr(value, "iloc"):
        rows = len(value)
    return {"$object": name if rows is None else [name, rows]}


def from_plain(value: Any, mask: Mask = NOBODY) -> Any:
    """Give the frozen value that `to_plain` was given.

    Args:
        value: What it gave.
        mask: Knows the secrets whose names stand in it; one that it does not know is `***`.

    Raises:
        ValueError: A tag holds what it cannot, or is not known.
    """
    return freeze(_read(value, mask))


def _read(value: Any, mask: Mask) -> Any:
    if isinstance(value, list):
        plain = _EXACT.issuperset(map(type, value))
        return value if plain else [_read(each, mask) for each in value]
    if not isinstance(value, dict):
        return value
    if not _is_tag(value):
        return {key: _read(each, mask) for key, each in value.items()}
    ((tag, held),) = value.items()
    try:
        if tag in _DATA:
            return _DATA[tag][2](held)
        return _READERS[tag](held, mask)
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"the store holds `{tag}` in a way that cannot be read") from error


def _member(held: Any, mask: Mask) -> Any:
    value = _read(held, mask)
    return freeze(value) if isinstance(value, dict | list) else value  # as only a frozen one can be


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


_DATA: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "$bytes": (bytes, _base64, base64.b64decode),
    "$complex": (complex, lambda value: [repr(value.real), repr(value.imag)],
                 lambda held: complex(float(held[0]), float(held[1]))),
    "$datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "$date": (date, date.isoformat, date.fromisoformat),
    "$time": (time, time.isoformat, time.fromisoformat),
    "$timedelta": (timedelta, lambda value: [value.days, value.seconds, value.microseconds],
                   lambda held: timedelta(*held)),
    "$decimal": (Decimal, str, Decimal),
    "$uuid": (UUID, str, UUID),
}  # fmt: skip
_READERS: dict[str, Callable[[Any, Mask], Any]] = {
    "$text": lambda held, _: base64.b64decode(held).decode("utf-8", _SURROGATES),
    "$float": lambda held, _: float(held),
    "$tuple": lambda held, mask: tuple(_read(each, mask) for each in held),
    "$set": lambda held, mask: frozenset(_member(each, mask) for each in held),
    "$map": lambda held, mask: {from_plain(key, mask): _read(each, mask) for key, each in held},
    "$object": lambda held, _: NotStored(held) if isinstance(held, str) else NotStored(*held),
    "$secret": lambda held, mask: mask.resolve(held),
}

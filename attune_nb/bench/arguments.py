"""Checks of a measurement's arguments, before anything is measured."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attune_nb.bench.strategies import KINDS
from attune_nb.errors import BackendError, nearest
from attune_nb.values.describe import describe_with_value

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_kind", "read_integer", "read_integers", "read_names", "read_seconds"]


def read_integers(argument: str, values: Any, least: int) -> list[int]:
    """Return an array of integers, none below the least, none twice.

    Args:
        argument: The name of the argument, for the message.
        values: Its value.
        least: The least that an integer may be.

    Raises:
        BackendError: The value is something else.
    """
    elements = _read_array(argument, values)
    integers = [read_integer(argument, element, least) for element in elements]
    _refuse_duplicates(argument, integers)
    return integers


def read_integer(argument: str, value: Any, least: int) -> int:
    """Return an integer that is not below the least; integers of numpy are integers too.

    Raises:
        BackendError: The value is something else.
    """
    try:
        integer = operator.index(value)
    except TypeError:
        integer = None

    if isinstance(value, bool) or integer is None or integer < least:
        actual = describe_with_value(value)
        raise BackendError(f"`{argument}` must be an integer of at least {least}, not {actual}")
    return integer


def read_seconds(argument: str, value: Any) -> float:
    """Return a number of seconds above 0.

    Raises:
        BackendError: The value is something else.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not value > 0:
        actual = describe_with_value(value)
        raise BackendError(f"`{argument}` must be a number of seconds above 0, not {actual}")
    return float(value)


def read_names(argument: str, values: Any, known: Iterable[str], kind: str) -> list[str]:
    """Return an array of known names, none twice; all of them for None.

    Args:
        argument: The name of the argument, for the message.
        values: The names, in the order in which they are measured.
        known: All names.
        kind: The kind of the names, "strategy" or "peer".

    Raises:
        BackendError: The value is something else.
    """
    known_names = list(known)
    if values is None:
        return known_names

    names = _read_array(argument, values)
    for name in names:
        if name not in known_names:
            hint = nearest(name, known_names) if isinstance(name, str) else ""
            raise BackendError(f"`{argument}`: there is no {kind} `{name}`{hint}")

    _refuse_duplicates(argument, names)
    return names


def check_kind(kind: Any) -> None:
    """Check the kind of value that contexts are made of.

    Raises:
        BackendError: There is no such kind.
    """
    # a list, since a value that cannot be hashed may be passed
    if kind not in list(KINDS):
        names = " or ".join(f"`{name}`" for name in KINDS)
        raise BackendError(f"`kind` must be {names}, not {describe_with_value(kind)}")


def _read_array(argument: str, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise BackendError(f"`{argument}` must be an array, not {describe_with_value(values)}")
    return list(values)


def _refuse_duplicates(argument: str, values: Sequence[Any]) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise BackendError(f"`{argument}` has {describe_with_value(value)} twice")

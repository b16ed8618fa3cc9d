"""What a measurement was asked for, checked before anything is measured."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attune_nb.bench.strategies import KINDS
from attune_nb.errors import BackendError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_kind", "names", "number", "numbers", "seconds"]


def numbers(argument: str, given: Any, least: int) -> list[int]:
    """Give a list of whole numbers, none below the least, none twice.

    Raises:
        BackendError: It is something else; the message names the argument.
    """
    return _once(argument, [number(argument, each, least) for each in _listed(argument, given)])


def number(argument: str, given: Any, least: int) -> int:
    """Give a whole number that is not below the least.

    Raises:
        BackendError: It is something else; the message names the argument.
    """
    try:
        found = operator.index(given)  # numpy's whole numbers too
    except TypeError:
        found = least - 1
    if isinstance(given, bool) or found < least:
        raise BackendError(f"`{argument}`: a whole number of at least {least}, not {given!r}")
    return found


def seconds(argument: str, given: Any) -> float:
    """Give a number of seconds above 0.

    Raises:
        BackendError: It is something else; the message names the argument.
    """
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not given > 0:
        raise BackendError(f"`{argument}`: a number of seconds above 0, not {given!r}")
    return float(given)


def names(argument: str, given: Any, known: Iterable[str], what: str) -> list[str]:
    """Give a list of known names, none twice; all of them for None.

    Args:
        argument: What the message is about.
        given: The names, in the order in which they are wanted.
        known: What there is.
        what: What each is called, "strategy" or "peer".

    Raises:
        BackendError: It is something else; the message names the argument.
    """
    every = list(known)
    if given is None:
        return every
    found = _listed(argument, given)
    for each in found:
        if each not in every:
            hint = nearest(each, every) if isinstance(each, str) else ""
            raise BackendError(f"`{argument}`: there is no {what} `{each}`{hint}")
    return _once(argument, found)


def check_kind(given: Any) -> None:
    """Check what contexts are made of.

    Raises:
        BackendError: There is no such kind.
    """
    if given not in list(KINDS):  # a list, since what cannot be hashed may be given
        raise BackendError(f"`kind`: {' or '.join(map(repr, KINDS))}, not {given!r}")


def _listed(argument: str, given: Any) -> list[Any]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise BackendError(f"`{argument}`: a list, not {given!r}")
    return list(given)


def _once(argument: str, found: Sequence[Any]) -> list[Any]:
    twice = next((each for at, each in enumerate(found) if each in found[:at]), None)
    if twice is not None:
        raise BackendError(f"`{argument}`: {twice!r} is there twice")
    return list(found)

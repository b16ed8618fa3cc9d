"""Members of values in an expression, and what is said of one that is missing."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from pyrsistent import PMap

from attune_nb.context import Outcome
from attune_nb.errors import nearest
from attune_nb.templates.sandbox import (
    ARRAYS,
    KEYS,
    MAPS,
    PLAIN,
    RECORD_FIELDS,
    charge,
    refuse_elsewhere,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Missing", "member"]
_LONGEST_NAME = 60  # characters of a name that a message shows, and that may have a near one
_MOST_NAMES = 1_000  # among which a near one is looked for
_ITEM = ("item", "index")
_NOT_ENDED = ": no task of this name has ended yet"
_WHY = {
    "`parameters`": ": it was not given and has no default",
    "`task`": _NOT_ENDED,
    "`tasks`": _NOT_ENDED,
}
"""Why a namespace may lack what the workflow knows: loading has refused all other names."""


class Missing:
    """What an undefined name gives where the expression may ask whether it is defined.

    The message is made only if somebody is to read it: finding the nearest name takes long.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Callable[[], str]) -> None:
        self._text = text

    @property
    def message(self) -> str:
        """What is undefined, and the nearest name."""
        return self._text if isinstance(self._text, str) else self._text()


def member(value: Any, key: Any, whose: str) -> Any:
    """Give `value.key` or `value[key]` as the language defines it, or `Missing`."""
    kind = type(value)
    if kind in MAPS or kind is PMap:
        return _of_map(value, key, whose)
    if kind is Outcome:
        return _of_outcome(value, key, whose)
    if kind is Missing:
        return value
    if (kind in ARRAYS or kind is str) and type(key) in (int, slice):
        return _of_sequence(value, key, whose)
    if kind not in PLAIN:
        refuse_elsewhere(value)
        what = f"{whose} is a {kind.__name__}, which passes only as a whole"
        return Missing(f"{what}; have an action give what is needed of it")
    if value is None:
        return Missing(f"{whose} is null, so it has no {_shown(key)}")
    return Missing(f"{whose} is of type {type_of(value)} and has no {_shown(key)}")


def _shown(key: Any) -> str:
    if type(key) in (str, int):
        return (
            f"`{str(key)[:_LONGEST_NAME]}`"
            if type(key) is str or abs(key) < 10**15
            else "such place"
        )
    return f"key of type {'slice' if type(key) is slice else type_of(key)}"


def _of_map(value: Any, key: Any, whose: str) -> Any:
    if type(key) not in KEYS:
        return Missing(f"{whose} has no key of type {type_of(key)}")
    if key in value:
        return value[key]
    why = _WHY.get(whose, "")
    return Missing(lambda: f"{whose} has no {_shown(key)}{why}{_close(key, value)}")


def _close(key: Any, known: Any) -> str:
    # finding the nearest of a million keys would take longer than the whole evaluation may
    if type(key) is not str or len(key) > _LONGEST_NAME:
        return ""
    some = (each for each in islice(known, _MOST_NAMES) if type(each) is str)
    return nearest(key, some)


def _of_outcome(outcome: Outcome, key: Any, whose: str) -> Any:
    result = outcome.result
    if type(result) in MAPS:
        found = _of_map(result, key, whose)
        if type(found) is not Missing:
            return found
    if type(key) is str and key in RECORD_FIELDS:  # an object as key is not even compared
        return getattr(outcome, key)
    known = [*RECORD_FIELDS, *(result if type(result) in MAPS else ())]
    kind = type_of(result)
    why = "" if type(result) in MAPS else f" (its result is {kind}, not an object)"
    return Missing(lambda: f"{whose} has no {_shown(key)}{why}{_close(key, known)}")


def _of_sequence(value: Any, key: Any, whose: str) -> Any:
    try:
        part = value[key]
    except IndexError:
        count = len(value)
        return Missing(f"{whose} has {count} part{'s' * (count != 1)}, so none at {_shown(key)}")
    if type(key) is slice:
        charge(1 + len(part))
    return part

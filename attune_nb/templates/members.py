"""Members of values in an expression, and the messages about members that do not exist."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from pyrsistent import PMap

from attune_nb.context import (
    ABSENT,
    ENVELOPE_WORDS,
    OUTCOME_FIELDS,
    Outcome,
    TaskRecord,
    envelope_data,
    envelope_word,
)
from attune_nb.errors import nearest
from attune_nb.templates.sandbox import (
    ARRAYS,
    KEYS,
    OBJECTS,
    PLAIN,
    charge,
    charge_key,
    charge_string,
    describe_kind,
    refuse_remote,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "ITEM_NAMES",
    "LONGEST_NAME",
    "Undefined",
    "charge_slice",
    "get_member",
    "get_result_member",
    "nearest_name",
]

# The names that only a task with `with_items` has.
ITEM_NAMES = ("item", "index")

# Characters of a name that a message shows. A longer name gets no suggestion.
LONGEST_NAME = 60

# Names among which the nearest is looked for.
_MOST_NAMES = 1_000

# An index that a message shows is smaller than this.
_LARGEST_SHOWN_INDEX = 10**15

# How often a character of a slice is read, compared with reading a string once.
_SLICE_READINGS = 2

# The lengths of a string and of an array whose slices cost the same, whatever their bounds.
_SHORT_STRING = 128
_SHORT_ARRAY = 16

_NOT_ENDED = ": no task of this name has ended yet"

# Why a namespace may lack a name of the workflow. Other unknown names are refused at loading.
_REASONS = {
    "`parameters`": ": it was not given and has no default",
    "`keystore`": ": pass it with `--secret NAME`, `--keystore FILE` or `keystore=`",
    "`task`": _NOT_ENDED,
    "`tasks`": _NOT_ENDED,
    "`inquiry`": ": no task of this name has waited for an answer yet",
}


class Undefined:
    """The value of an undefined name, until it is known whether the expression tests for it.

    The message is made only when it is needed, because finding the nearest name takes long.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Callable[[], str]) -> None:
        self._text = text

    @property
    def message(self) -> str:
        """The name that is undefined, with the nearest name."""
        if isinstance(self._text, str):
            return self._text
        return self._text()


def get_member(value: Any, key: Any, owner: str) -> Any:
    """Return `value.key` or `value[key]` as the language defines it, or `Undefined`.

    Args:
        value: The value.
        key: A name, an index, a slice, or any value as the key of an object.
        owner: The name of the value in messages.

    Raises:
        TemplateError: The value is a remote reference.
    """
    kind = type(value)
    if kind in OBJECTS or kind is PMap:
        return _object_member(value, key, owner)
    if kind is Outcome:
        return _outcome_member(value, key, owner)
    if kind is TaskRecord:
        return _record_field(value.outcome, key, owner)
    if kind is Undefined:
        return value
    if (kind in ARRAYS or kind is str) and type(key) in (int, slice):
        return _sequence_member(value, key, owner)

    if kind not in PLAIN:
        refuse_remote(value)
    return _no_member(value, key, owner)


def nearest_name(unknown: Any, names: Iterable[Any]) -> str:
    """Return the suggestion of a similar name, or an empty string.

    Only the first names count: to look at a million keys would take longer than an evaluation
    may take.
    """
    if type(unknown) is not str or len(unknown) > LONGEST_NAME:
        return ""

    candidates = [name for name in islice(names, _MOST_NAMES) if type(name) is str]
    return nearest(unknown, candidates)


def _no_member(value: Any, key: Any, owner: str) -> Undefined:
    if type(value) in PLAIN:
        return Undefined(lambda: f"{owner} is {describe_kind(value)} and has no {_format_key(key)}")

    return Undefined(
        f"{owner} is {describe_kind(value)}, which an expression cannot look into; "
        "return the needed part from an action"
    )


def _format_key(key: Any) -> str:
    if type(key) is str:
        return f"`{key[:LONGEST_NAME]}`"
    if type(key) is int:
        return f"`{key}`" if abs(key) < _LARGEST_SHOWN_INDEX else "such index"
    if type(key) is slice:
        return "slices"
    return f"key that is {describe_kind(key)}"


# The messages are made in functions of their own: a variable that a closure reads is slower for
# the whole function, and most members exist.
def _object_member(value: Any, key: Any, owner: str) -> Any:
    if type(key) in KEYS:
        if type(key) is not str or not key:
            charge_key(value, key)
        return value[key] if key in value else _no_key(value, key, owner)
    return Undefined(f"{owner} has no key that is {describe_kind(key)}")


def _no_key(value: Any, key: Any, owner: str) -> Any:
    """Return a key of the data in the result of a pack's action; `Undefined` for other values."""
    data = envelope_data(value)
    if data is not None and type(key) is str and key in data:
        return data[key]

    reason = _REASONS.get(owner, "")
    return Undefined(lambda: f"{owner} has no {_format_key(key)}{reason}{nearest_name(key, value)}")


def _outcome_member(outcome: Outcome, key: Any, owner: str) -> Any:
    result = outcome.result
    if type(result) in OBJECTS:
        value = _object_member(result, key, owner)
        if type(value) is not Undefined:
            return value

    # The type comes first: a value that is not plain must not even be compared.
    if type(key) is str and key in OUTCOME_FIELDS:
        return getattr(outcome, key)
    if type(key) is str and key in ENVELOPE_WORDS:
        # its own keys come first, so it must be known
        refuse_remote(result)
        value = envelope_word(outcome, key)
        if value is not ABSENT:
            return value
    return _no_field(result, key, owner)


def get_result_member(outcome: Outcome, key: str, owner: str) -> Any:
    """Return `result().key`, where the key is a word that all results have, or `Undefined`."""
    value = get_member(outcome.result, key, owner)
    if type(value) is not Undefined:
        return value

    word = envelope_word(outcome, key)
    return value if word is ABSENT else word


def _record_field(outcome: Outcome, key: Any, owner: str) -> Any:
    if type(key) is str and key in OUTCOME_FIELDS:
        return getattr(outcome, key)
    hint = nearest_name(key, OUTCOME_FIELDS)
    return Undefined(lambda: f"{owner} has no {_format_key(key)}{hint}")


def _no_field(result: Any, key: Any, owner: str) -> Undefined:
    return Undefined(lambda: _explain_no_field(result, key, owner))


def _explain_no_field(result: Any, key: Any, owner: str) -> str:
    names = list(OUTCOME_FIELDS)
    reason = ""
    if type(result) in OBJECTS:
        names += result
    else:
        reason = f" (its result is {describe_kind(result)}, not an object)"
    return f"{owner} has no {_format_key(key)}{reason}{nearest_name(key, names)}"


def _sequence_member(value: Any, key: Any, owner: str) -> Any:
    if type(key) is slice:
        charge_slice(value, key)
    try:
        return value[key]
    except IndexError:
        return Undefined(f"{owner} has {_count_parts(value)}, so none at {_format_key(key)}")


def charge_slice(sequence: Any, bounds: slice) -> None:
    """Take the cost of a part of an array or a string, before it is made."""
    length = len(sequence)
    is_string = type(sequence) is str
    if length <= _SHORT_ARRAY and not is_string:
        charge(1 + length)
        return
    if length <= _SHORT_STRING and is_string:
        return

    size = len(range(*bounds.indices(length)))
    if is_string:
        charge_string(_SLICE_READINGS * size, ascii_only=sequence.isascii())
    else:
        charge(1 + size)


def _count_parts(value: Any) -> str:
    count = len(value)
    noun = "element"
    if type(value) is str:
        noun = "character"
    if count != 1:
        noun += "s"
    return f"{count} {noun}"

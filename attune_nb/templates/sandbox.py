"""The limits of an expression: the types that it can look into, and the work that it can do.

Only plain data can be looked into. Any other value, such as an instance of a subclass of `dict`,
a DataFrame, a path or a date, is passed on as it is: it is never read or compared, and only those
with plain text (dates, paths, decimals, UUIDs, enums) are printed. Work is counted in steps (up to
a quarter of a microsecond and some 40 bytes each) against a budget for each evaluation, so the
cost of an expression has a limit that no workflow can change.
"""

from __future__ import annotations

import threading
from typing import Any

from pyrsistent import PMap

from attune_nb.context import OUTCOME_FIELDS, Moment, Outcome, TaskRecord
from attune_nb.errors import TemplateError
from attune_nb.values.describe import describe, describe_type
from attune_nb.values.frozen import FrozenDict, FrozenList, FrozenTuple, freeze
from attune_nb.values.plain_text import has_plain_text
from attune_nb.values.remote import RemoteReference

__all__ = [
    "ARRAYS",
    "CONTAINERS",
    "KEYS",
    "LARGEST_BITS",
    "LONGEST_RANGE",
    "LONGEST_STRING",
    "NEW_CONTAINERS",
    "NUMBERS",
    "OBJECTS",
    "PLAIN",
    "SIZED",
    "STEP_BUDGET",
    "begin_evaluation",
    "charge",
    "charge_bounded_string",
    "charge_case",
    "charge_digits",
    "charge_if_many",
    "charge_integer",
    "charge_key",
    "charge_new_containers",
    "charge_new_string",
    "charge_number_keys",
    "charge_search",
    "charge_string",
    "check_integer",
    "check_number",
    "describe_kind",
    "evaluation_state",
    "is_true",
    "record_to_object",
    "refill_budget",
    "refuse_remote",
    "type_of",
]

# Steps of one evaluation.
STEP_BUDGET = 4_000_000

# Characters.
LONGEST_STRING = 10_000_000

# Numbers that one `range` returns.
LONGEST_RANGE = 100_000

# Bits of an integer in arithmetic.
LARGEST_BITS = 4_096

# Seconds that the patterns of one evaluation may search.
MATCH_SECONDS = 0.3

# The types of plain data, by kind. Subclasses of these types are not plain.
NUMBERS: frozenset[type] = frozenset({int, float})
ARRAYS: frozenset[type] = frozenset({list, tuple, FrozenList, FrozenTuple})
OBJECTS: frozenset[type] = frozenset({dict, FrozenDict})
CONTAINERS: frozenset[type] = ARRAYS | OBJECTS
SIZED: frozenset[type] = CONTAINERS | {str}
PLAIN: frozenset[type] = NUMBERS | SIZED | {bool, type(None)}

# The types of keys that are looked for in an object.
KEYS: frozenset[type] = NUMBERS | {str, bool, type(None)}

# The types of the containers that expressions make.
NEW_CONTAINERS: frozenset[type] = frozenset({list, tuple, dict})

# The names of the types, as the function `type_of` returns them.
_TYPE_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    tuple: "array",
    FrozenList: "array",
    FrozenTuple: "array",
    dict: "object",
    FrozenDict: "object",
}

_CHARACTERS_PER_STEP = 32

# Bits of an integer that one step reads or compares.
_BITS_PER_STEP = 1_024

# An integer below this is not worth counting.
_SMALL = 1 << _BITS_PER_STEP

# The square of the bits that one step writes as decimal digits.
_SQUARE_BITS_PER_STEP = 150_000

# Bits of an integer that can be written: some 4,300 digits, Python's own limit, which can be off.
_MOST_WRITTEN_BITS = 14_284

# Python searches quickly for a long needle in a long string only; below these lengths each
# character of the one may be compared with each of the other.
_SHORT_SEARCHED = 2_500
_LONG_SEARCHED = 30_000
_LONG_NEEDLE = 100

# Keys that one step compares.
_KEYS_PER_STEP = 16

# Characters that one step compares.
_COMPARISONS_PER_STEP = 256

# Python changes the case of a string that is not ASCII within 12 bytes a character.
_BYTES_PER_CASE = 16

# Bytes of a character in a string that is not ASCII, at most.
_BYTES_PER_CHARACTER = 4

# Steps that are too few to be worth counting.
_FEW = 16

# Characters of a string that is not worth counting.
_SHORT = 256


class EvaluationState:
    """The values that some functions keep until the evaluation ends.

    Attributes:
        moment: The time and the seed of the evaluation, once a function has needed them.
        seconds: The seconds that patterns may still search.
    """

    __slots__ = ("moment", "seconds")

    def __init__(self) -> None:
        self.moment: Moment | None = None
        self.seconds = MATCH_SECONDS


class _Meter(threading.local):
    """The budget of the evaluation that runs in this thread.

    Attributes:
        steps: The steps that are left.
        state: The evaluation's state, once a function has needed it.
    """

    steps: int = STEP_BUDGET
    state: EvaluationState | None = None


METER = _Meter()


def begin_evaluation() -> None:
    """Start an evaluation, with a full budget and without a state."""
    METER.steps = STEP_BUDGET
    METER.state = None


def evaluation_state() -> EvaluationState:
    """Return the state of the evaluation that runs in this thread."""
    if METER.state is None:
        METER.state = EvaluationState()
    return METER.state


def refill_budget() -> None:
    """Give a part that computes nothing a budget of its own, within any evaluation."""
    METER.steps = STEP_BUDGET


def charge(steps: int) -> None:
    """Take steps from the budget.

    Raises:
        TemplateError: The budget has fewer steps left.
    """
    remaining = METER.steps = METER.steps - steps
    if remaining < 0:
        raise TemplateError(
            "the expression is too much work for a template; do it in an action, or on fewer values"
        )


def charge_if_many(steps: int) -> None:
    """Take steps from the budget, unless they are so few that counting takes longer.

    Only for work that an expression does as often as its source says, and does not repeat.
    """
    if steps > _FEW:
        charge(steps)


def charge_string(length: int, *, ascii_only: bool = True) -> None:
    """Take the cost of making or searching a string of some length, unless it is short."""
    if length <= _SHORT:
        return
    if not ascii_only:
        length *= _BYTES_PER_CHARACTER
    charge(length // _CHARACTERS_PER_STEP)


def charge_new_string(string: str) -> None:
    """Take the cost of a string that was made for one of many values."""
    length = len(string)
    if length <= _CHARACTERS_PER_STEP:
        return
    if not string.isascii():
        length *= _BYTES_PER_CHARACTER
    charge(length // _CHARACTERS_PER_STEP)


def charge_bounded_string(length: int, *, ascii_only: bool = True) -> None:
    """Take the cost of a string that is about to be made.

    Raises:
        TemplateError: The string would be too long.
    """
    if length > LONGEST_STRING:
        raise TemplateError(f"the string would have more than {LONGEST_STRING:,} characters")
    charge_string(length, ascii_only=ascii_only)


def charge_search(string: str, needle: str) -> None:
    """Take the cost of looking for a string in another one."""
    length = len(string)
    charge_string(length)

    needle_length = len(needle)
    places = length - needle_length + 1
    if places * needle_length < _COMPARISONS_PER_STEP:
        return
    if length < _SHORT_SEARCHED or (needle_length < _LONG_NEEDLE and length < _LONG_SEARCHED):
        charge(places * needle_length // _COMPARISONS_PER_STEP)


def charge_case(string: str) -> None:
    """Take the cost of changing the case of a string, for which Python needs much memory."""
    length = len(string)
    if length > _SHORT:
        charge(length * _BYTES_PER_CASE // _CHARACTERS_PER_STEP)


def charge_integer(number: int) -> None:
    """Take the cost of reading or comparing an integer, unless it is a common one."""
    if not -_SMALL < number < _SMALL:
        charge(number.bit_length() // _BITS_PER_STEP)


def charge_digits(number: int) -> None:
    """Take the cost of writing an integer, which grows with the square of its digits.

    Raises:
        TemplateError: It has too many digits.
    """
    if -_SMALL < number < _SMALL:
        return

    bits = number.bit_length()
    if bits > _MOST_WRITTEN_BITS:
        raise TemplateError("an integer has too many digits to be written")
    charge(bits * bits // _SQUARE_BITS_PER_STEP)


def charge_key(container: Any, key: Any) -> None:
    """Take the cost of looking for a key that is a number in an object.

    All keys of the object may be numbers with one hash, which are compared one after the other.

    Raises:
        TemplateError: The key is an integer with too many digits.
    """
    if type(key) is int:
        check_integer(key)
    # The hash of an empty string is 0, as that of some numbers is.
    if type(key) is not str or not key:
        charge_if_many(len(container) // _KEYS_PER_STEP)


def charge_number_keys(value: dict[Any, Any]) -> None:
    """Take the cost of a copy of an object: all keys that are numbers may have one hash."""
    numbers = sum(type(key) is not str for key in value)
    charge_if_many(numbers * len(value) // _KEYS_PER_STEP)


def check_integer(number: int) -> None:
    """Refuse an integer that is too large for an expression.

    Raises:
        TemplateError: The integer has too many digits.
    """
    if number.bit_length() > LARGEST_BITS:
        raise TemplateError(f"an integer in an expression has at most {LARGEST_BITS:,} bits")


def check_number(number: Any) -> Any:
    """Return a number.

    Raises:
        TemplateError: The number is not finite, or has too many digits.
    """
    if type(number) is int:
        check_integer(number)
    elif number - number != 0:
        raise TemplateError(f"the result is not a finite number ({number})")
    return number


def type_of(value: Any) -> str:
    """Return a value's type as the function `type_of` names it.

    That is null, bool, number, string, array or object, the description of a remote reference,
    or the name of a Python class. A date or a path, as it has plain text, is a string. Messages
    use `describe_kind`.
    """
    kind = type(value)
    if kind in _TYPE_NAMES:
        return _TYPE_NAMES[kind]
    if has_plain_text(value):
        return "string"
    if issubclass(kind, RemoteReference):
        refuse_stored(value)
        return str(value.type_name)
    return kind.__name__


def describe_kind(value: Any) -> str:
    """Return the kind of a value for a message; a value that is not plain by its Python type."""
    if type(value) in PLAIN or isinstance(value, RemoteReference):
        return describe(value)
    return describe_type(type(value))


def is_true(value: Any) -> bool:
    """Return whether a value is true as a condition; a value that is not plain data always is.

    Raises:
        TemplateError: The value is a remote reference.
    """
    if type(value) in PLAIN:
        return bool(value)

    refuse_remote(value)
    return True


def refuse_remote(*values: Any) -> None:
    """Raise an error if a value is a remote reference, which cannot be looked into.

    A table on record is as opaque as a table in memory.

    Raises:
        TemplateError: One of the values is a remote reference.
    """
    for value in values:
        refuse_stored(value)
        if isinstance(value, RemoteReference) and not value.is_opaque:
            raise TemplateError(
                f"a {value.description} cannot be read here, only in the input of a task on the "
                "same cluster; leave out `keep_results`, or return the needed part from a task"
            )


def refuse_stored(value: Any) -> None:
    """Raise an error if a value is plain data on the disk: the expression is evaluated again.

    Raises:
        TemplateError: It is.
    """
    if isinstance(value, RemoteReference) and value.is_readable and not value.is_opaque:
        raise TemplateError(f"a {value.description} is read from the disk first")


def record_to_object(value: Any) -> Any:
    """Return the object that an outcome or a whole namespace stands for; else the value itself."""
    if isinstance(value, TaskRecord):
        value = value.outcome
    if isinstance(value, Outcome):
        return freeze({name: getattr(value, name) for name in OUTCOME_FIELDS})

    if isinstance(value, PMap):
        charge(3 * len(value))
        # In the order of the names: the order of a persistent map differs between processes.
        names = sorted(value, key=str)
        return freeze({name: record_to_object(value[name]) for name in names})

    return value


def charge_new_containers(value: Any) -> None:
    """Take the cost of the containers that an expression made, for each reference to them.

    Freezing the value visits every reference again, so an array of a thousand references to one
    array costs a million parts, although it needs little memory before.
    """
    stack = [value]
    while stack:
        container = stack.pop()
        if type(container) not in NEW_CONTAINERS:
            continue

        charge(3 + len(container))
        if type(container) is dict:
            stack.extend(container.values())
        else:
            stack.extend(container)

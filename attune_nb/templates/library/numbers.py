"""Functions and operators of numbers."""

from __future__ import annotations

import math
import operator
import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library.compare import compare
from attune_nb.templates.sandbox import (
    ARRAYS,
    LARGEST_BITS,
    NUMBERS,
    charge_bounded_string,
    charge_if_many,
    charge_string,
    check_integer,
    check_number,
    describe_kind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "OPERATORS",
    "ceil",
    "floor",
    "make_extreme",
    "negate",
    "plus",
    "round_half_away",
    "sum_numbers",
    "to_int",
    "to_number",
]

# There is one way only to read each text, so the time grows with its length and not faster.
_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)

# More digits than any number in an expression has. Nothing here depends on the context of the
# thread, which the code of a user may have changed.
_EXACT = Context(
    prec=2_000,
    rounding=ROUND_HALF_UP,
    Emin=-10_000,
    Emax=10_000,
    capitals=1,
    clamp=0,
    traps=[InvalidOperation],
)

# Digits of a rounded number.
_MOST_DIGITS = 300

# Characters of a string that a message shows.
_SHOWN_CHARACTERS = 40

# How often a character of a number is read, compared with reading a string once.
_READINGS = 4

_NO_VALUE = object()

# The types that arithmetic takes.
_ARITHMETIC_TYPES = NUMBERS | {bool}


def to_number(value: Any) -> Any:
    """Return a string as a float, and a boolean as 1 or 0; a number stays as it is.

    Raises:
        TemplateError: The string is not a finite number.
    """
    if type(value) is bool:
        return int(value)
    if type(value) is not str:
        return value

    charge_string(_READINGS * len(value))
    text = value.strip()
    if _DECIMAL.fullmatch(text):
        number = float(text)
        if math.isfinite(number):
            return number
    raise TemplateError(f"{_shorten(value)} is not a number")


def to_int(value: Any) -> int:
    """Return a number, or a string as a number, without its decimals.

    Raises:
        TemplateError: The string is not a number, or the number is not finite.
    """
    if type(value) is str:
        charge_string(_READINGS * len(value))
        text = value.strip()
        if _INTEGER.fullmatch(text):
            return _parse_integer(text)

    number = to_number(value)
    if type(number) is int:
        check_integer(number)
    if type(number) is float and not math.isfinite(number):
        raise TemplateError(f"{number} is not a finite number, so it has no integer part")
    return int(number)


def _parse_integer(text: str) -> int:
    if len(text) > LARGEST_BITS // 4:
        raise TemplateError(f"{_shorten(text)} has too many digits")
    return int(text)


def _shorten(text: str) -> str:
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 3] + "..."
    return repr(text)


def round_half_away(value: Any, digits: int = 0) -> Any:
    """Return a number rounded, half away from zero, by its digits as they are written.

    Without decimals the result is an integer, else a float; an integer stays an integer.
    """
    _check_finite(value, "round")
    if abs(digits) > _MOST_DIGITS:
        raise TemplateError(f"`round` takes -{_MOST_DIGITS} to {_MOST_DIGITS} digits")
    if value == int(value) and digits >= 0:
        return value if digits else int(value)

    # The digits of a float as they are written, not those of its exact binary value.
    exact = Decimal(repr(value))
    step = Decimal(1).scaleb(-digits, _EXACT)
    rounded = exact.quantize(step, context=_EXACT)
    if digits > 0:
        return float(rounded)
    return int(rounded)


def _check_finite(value: Any, name: str) -> Any:
    if type(value) is float and not math.isfinite(value):
        raise TemplateError(f"`{name}` takes a finite number, not {value}")
    return check_number(value)


def floor(value: Any) -> int:
    """Return the greatest integer that is not greater than a number."""
    integer: int = math.floor(_check_finite(value, "floor"))
    return integer


def ceil(value: Any) -> int:
    """Return the least integer that is not less than a number."""
    integer: int = math.ceil(_check_finite(value, "ceil"))
    return integer


def make_extreme(name: str, sign: int) -> Callable[..., Any]:
    """Return the function `min` or `max`, of two values or of one array.

    Args:
        name: The function's name, for messages.
        sign: -1 for `min`, 1 for `max`.
    """

    def extreme(a: Any, b: Any = _NO_VALUE) -> Any:
        values: Sequence[Any] = (a, b)
        if b is _NO_VALUE:
            if type(a) not in ARRAYS:
                raise TemplateError(
                    f"`{name}` takes an array or two values, not {describe_kind(a)}"
                )
            values = a
        if not values:
            raise TemplateError(f"`{name}` of an empty array has no value; test its length first")

        charge_if_many(2 * len(values))
        best = values[0]
        # A single value must have an order, too.
        compare(best, best)
        for value in values:
            if compare(value, best) == sign:
                best = value
        return best

    return extreme


def sum_numbers(
    values: Sequence[Any], start: Any = 0, *, name: str = "sum", allow_booleans: bool = False
) -> Any:
    """Return the sum of numbers.

    Args:
        values: The numbers.
        start: The number to which they are added.
        name: The function's name, for messages.
        allow_booleans: Whether true counts as 1 and false as 0.

    Raises:
        TemplateError: A value is not a number.
    """
    charge_if_many(2 * len(values))
    check_number(start)
    allowed = _ARITHMETIC_TYPES if allow_booleans else NUMBERS
    for value in values:
        if type(value) not in allowed:
            raise TemplateError(f"`{name}` adds numbers, not {describe_kind(value)}")
        if type(value) is int:
            check_number(value)

    return check_number(sum(values, start))


def _check_operands(sign: str, left: Any, right: Any) -> None:
    if type(left) in _ARITHMETIC_TYPES and type(right) in _ARITHMETIC_TYPES:
        for operand in (left, right):
            if type(operand) is int:
                check_number(operand)
        return

    hint = ""
    if sign == "+" and str in (type(left), type(right)):
        hint = "; `~` joins strings, `number(...)` reads one"
    raise TemplateError(
        f"`{sign}` does not take {describe_kind(left)} and {describe_kind(right)}{hint}"
    )


def add(left: Any, right: Any) -> Any:
    """Return the sum of two numbers, or two strings or arrays joined."""
    left_type = type(left)
    right_type = type(right)
    if left_type is str and right_type is str:
        ascii_only = left.isascii() and right.isascii()
        charge_bounded_string(len(left) + len(right), ascii_only=ascii_only)
        return left + right
    if left_type in ARRAYS and right_type in ARRAYS:
        charge_if_many(len(left) + len(right))
        return [*left, *right]

    _check_operands("+", left, right)
    return check_number(left + right)


def multiply(left: Any, right: Any) -> Any:
    """Return the product of two numbers, or a string or an array repeated."""
    for sequence, times in ((left, right), (right, left)):
        if type(times) is int and (type(sequence) is str or type(sequence) in ARRAYS):
            return _repeat(sequence, max(times, 0))

    _check_operands("*", left, right)
    return check_number(left * right)


def _repeat(sequence: Any, times: int) -> Any:
    size = len(sequence) * times
    if type(sequence) is str:
        charge_bounded_string(size, ascii_only=sequence.isascii())
        return sequence * times

    charge_if_many(size)
    return list(sequence) * times


def power(left: Any, right: Any) -> Any:
    """Return a number raised to a power.

    Raises:
        TemplateError: The result would be too large, or is not a real number.
    """
    _check_operands("**", left, right)
    is_integer = type(left) is not float and type(right) is not float and right > 0
    if is_integer and (int(left).bit_length() - 1) * right > LARGEST_BITS:
        raise TemplateError(f"the result of `**` would have more than {LARGEST_BITS:,} bits")

    result = left**right
    if type(result) is complex:
        raise TemplateError("a negative number has no real power like this one")
    return check_number(result)


def _arithmetic(sign: str, compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        if sign == "%" and type(left) is str:
            raise TemplateError(
                "`%` takes its format as a string in quotes, as in `'%.2f' % x`; join other "
                "strings with `~`"
            )
        _check_operands(sign, left, right)
        return check_number(compute(left, right))

    return apply


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": _arithmetic("-", operator.sub),
    "*": multiply,
    "/": _arithmetic("/", operator.truediv),
    "//": _arithmetic("//", operator.floordiv),
    "%": _arithmetic("%", operator.mod),
    "**": power,
}


def negate(value: Any) -> Any:
    """Return a number with the other sign."""
    if type(value) not in _ARITHMETIC_TYPES:
        raise TemplateError(f"`-` takes a number, not {describe_kind(value)}")
    if type(value) is int:
        check_integer(value)
    return -value


def plus(value: Any) -> Any:
    """Return a number as it is."""
    if type(value) not in _ARITHMETIC_TYPES:
        raise TemplateError(f"`+` takes a number, not {describe_kind(value)}")
    return +value

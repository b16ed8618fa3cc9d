"""What the language does with numbers: conversions, rounding, extremes, operators."""

from __future__ import annotations

import math
import operator
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library.compare import order
from attune_nb.templates.sandbox import (
    ARRAYS,
    LARGEST_BITS,
    NUMBERS,
    bounded_text,
    charge_many,
    small,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["OPERATORS", "extreme", "round_half_away", "to_int", "to_number", "total"]

_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_EXACT = Context(prec=2_000)  # more digits than any number here has
_MOST_DIGITS = 300
_NOTHING = object()
_ADDABLE = NUMBERS | {bool}


def to_number(value: Any) -> Any:
    """Read a text as a float; a number stays what it is, true is 1 and false 0."""
    if type(value) is bool:
        return int(value)
    if type(value) is not str:
        return value
    text = value.strip()
    number = float(text) if _DECIMAL.fullmatch(text) else math.inf
    if not math.isfinite(number):
        raise TemplateError(f"{_shown(value)} is not a number")
    return number


def to_int(value: Any) -> int:
    """Cut off what stands after the point, of a number or of a text."""
    if type(value) is str:
        text = value.strip()
        if _WHOLE.fullmatch(text):
            return _whole(text)
    number = to_number(value)
    if type(number) is float and not math.isfinite(number):
        raise TemplateError(f"{number} has no whole part")
    return int(number)


def _whole(text: str) -> int:
    if len(text) > LARGEST_BITS // 4:
        raise TemplateError(f"{_shown(text)} has too many digits")
    return int(text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")  # noqa: PLR2004 - half a line


def round_half_away(value: Any, digits: int = 0) -> Any:
    """Round as people do: half away from zero, judged by the digits as they are written.

    Whole where no digits are kept after the point, else a float (a whole number stays whole).
    """
    _finite(value, "round")
    if abs(digits) > _MOST_DIGITS:
        raise TemplateError(f"`round` takes -{_MOST_DIGITS} to {_MOST_DIGITS} digits")
    if value == int(value) and digits >= 0:
        return value if digits else int(value)
    written = Decimal(repr(value) if type(value) is float else value)
    step = Decimal(1).scaleb(-digits)
    rounded = written.quantize(step, ROUND_HALF_UP, _EXACT)
    return float(rounded) if digits > 0 else int(rounded)


def _finite(value: Any, name: str) -> Any:
    if type(value) is float and not math.isfinite(value):
        raise TemplateError(f"`{name}` takes a finite number, not {value}")
    return small(value)


def floor(value: Any) -> int:
    """Give the greatest whole number that is not above."""
    whole: int = math.floor(_finite(value, "floor"))
    return whole


def ceil(value: Any) -> int:
    """Give the least whole number that is not below."""
    whole: int = math.ceil(_finite(value, "ceil"))
    return whole


def extreme(name: str, sign: int) -> Callable[..., Any]:
    """Make `min` (sign -1) or `max` (sign 1): of two values, or of one array."""

    def pick(a: Any, b: Any = _NOTHING) -> Any:
        values: Sequence[Any] = a if b is _NOTHING else (a, b)
        if b is _NOTHING and type(a) not in ARRAYS:
            raise TemplateError(f"`{name}` takes an array or two values, not {type_of(a)}")
        if not values:
            raise TemplateError(f"`{name}` of an empty array is nothing; test its length first")
        charge_many(2 * len(values))
        best = values[0]
        order(best, best)  # a lone value is judged too
        for each in values:
            if order(each, best) == sign:
                best = each
        return best

    return pick


def total(values: Sequence[Any], start: Any = 0, *, name: str = "sum", truths: bool = False) -> Any:
    """Add numbers up."""
    charge_many(len(values))
    allowed = _ADDABLE if truths else NUMBERS
    for each in values:
        if type(each) not in allowed:
            raise TemplateError(f"`{name}` adds numbers, and found {type_of(each)} among them")
        if type(each) is int:
            small(each)
    return small(sum(values, start))


def _numbers(sign: str, left: Any, right: Any) -> None:
    if type(left) in _ADDABLE and type(right) in _ADDABLE:
        for each in (left, right):
            if type(each) is int:
                small(each)
        return
    hint = ""
    if "string" in (type_of(left), type_of(right)):
        hint = "; `~` joins texts, `number(...)` reads one" if sign == "+" else ""
    raise TemplateError(f"`{sign}` does not take {type_of(left)} and {type_of(right)}{hint}")


def add(left: Any, right: Any) -> Any:
    """Add two numbers, two texts or two arrays."""
    kind, other = type(left), type(right)
    if kind is str and other is str:
        ascii_only = left.isascii() and right.isascii()
        bounded_text(len(left) + len(right), ascii_only=ascii_only)
        return left + right
    if kind in ARRAYS and other in ARRAYS:
        charge_many(len(left) + len(right))
        return [*left, *right]
    _numbers("+", left, right)
    return small(left + right)


def multiply(left: Any, right: Any) -> Any:
    """Multiply two numbers, or repeat a text or an array."""
    for many, times in ((left, right), (right, left)):
        if type(times) is int and (type(many) is str or type(many) in ARRAYS):
            return _repeat(many, max(times, 0))
    _numbers("*", left, right)
    return small(left * right)


def _repeat(many: Any, times: int) -> Any:
    if type(many) is str:
        bounded_text(len(many) * times, ascii_only=many.isascii())
        return many * times
    charge_many(len(many) * times)
    return list(many) * times


def power(left: Any, right: Any) -> Any:
    """Raise a number to a power, if the result has a sensible size."""
    _numbers("**", left, right)
    whole = type(left) is not float and type(right) is not float and right > 0
    if whole and (int(left).bit_length() - 1) * right > LARGEST_BITS:
        raise TemplateError(f"`**` would give more than {LARGEST_BITS:,} bits")
    result = left**right
    if type(result) is complex:
        raise TemplateError("a negative number has no real power like this one")
    return small(result)


def _plain(sign: str, compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        if sign == "%" and type(left) is str:
            raise TemplateError("`%` formats no text here; write the values as `{{ ... }}`")
        _numbers(sign, left, right)
        return small(compute(left, right))

    return apply


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": _plain("-", operator.sub),
    "*": multiply,
    "/": _plain("/", operator.truediv),
    "//": _plain("//", operator.floordiv),
    "%": _plain("%", operator.mod),
    "**": power,
}


def negate(value: Any) -> Any:
    """Change a number's sign."""
    if type(value) not in _ADDABLE:
        raise TemplateError(f"`-` takes a number, not {type_of(value)}")
    return -value


def affirm(value: Any) -> Any:
    """Give a number as it is."""
    if type(value) not in _ADDABLE:
        raise TemplateError(f"`+` takes a number, not {type_of(value)}")
    return +value

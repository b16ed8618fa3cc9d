"""Formats: `'%.2f' | format(x)` and `'{:,}'.format(n)`, as far as their output has limits.

A format is a string in quotes, so it is read once, when the workflow is loaded. Its conversions are
the plain ones of Python: no attribute and no index is ever read, no width comes from a value, and
widths and precisions have limits. Values become strings as the language defines it.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from attune_nb.errors import TemplateError
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import (
    LONGEST_STRING,
    NUMBERS,
    charge,
    charge_bounded_string,
    charge_digits,
    check_number,
    describe_kind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    Write = Callable[[Any], str]

__all__ = ["Format", "parse_brace_format", "parse_percent_format", "refuse_computed_format"]

# Characters to which a value is filled, and digits of a number.
_WIDEST = 1_000
_MOST_DIGITS = 100

# Characters of a part of a format that a message shows.
_LONGEST_SHOWN = 40

# Steps of writing one value.
_STEPS = 8

_PERCENT = re.compile(
    r"%(?:\((?P<name>\w+)\))?(?P<flags>[-+ #0]*)(?P<width>\d*)"
    r"(?:\.(?P<digits>\d*))?(?P<kind>[a-zA-Z%]?)",
    re.ASCII,
)
_BRACE_SPEC = re.compile(
    r"(?:.?[<>=^])?[-+ ]?z?#?0?(?P<width>\d*)[,_]?(?:\.(?P<digits>\d+))?(?P<kind>[a-zA-Z%]?)",
    re.ASCII | re.DOTALL,
)

# The conversions of numbers; `s` is that of any value.
_PERCENT_NUMBERS = frozenset("dixXoeEfFgG")
_BRACE_NUMBERS = frozenset("dbxXoeEfFgG%")

# Those that take no number with a fraction.
_PERCENT_INTEGERS = frozenset("xXo")
_BRACE_INTEGERS = frozenset("dbxXo")

_ANY_NUMBER = NUMBERS | {bool}


class Field(NamedTuple):
    """A place of a format in which a value is written.

    Attributes:
        key: The index or the name of the value.
        width: The least number of characters.
        write: Returns the value as it is written.
    """

    key: int | str
    width: int
    write: Write


class Format:
    """A format that has been read.

    Args:
        texts: The texts around the fields: one more than there are fields.
        fields: The fields.
        takes_surplus: Whether there may be more values than fields.
    """

    def __init__(
        self, texts: Sequence[str], fields: Sequence[Field], *, takes_surplus: bool
    ) -> None:
        self._texts = texts
        self._fields = fields
        self._takes_surplus = takes_surplus

    def check(self, count: int, names: Collection[str]) -> None:
        """Check that each field has a value.

        Args:
            count: The number of values by position.
            names: The names of the other values.

        Raises:
            TemplateError: A value is missing, or there is one too many.
        """
        most = 0
        for field in self._fields:
            if isinstance(field.key, str) and field.key not in names:
                raise TemplateError(f"the format has a field `{field.key}`, but no such value")
            if isinstance(field.key, int):
                most = max(most, field.key + 1)

        if most > count or (most < count and not self._takes_surplus):
            noun = "value" if most == 1 else "values"
            raise TemplateError(f"the format takes {most} {noun} by position, not {count}")

    def write(self, values: Sequence[Any], named: Mapping[str, Any]) -> str:
        """Return the format with the values in its fields.

        Raises:
            TemplateError: A value has the wrong type, or the string would be too long.
        """
        pieces = [self._texts[0]]
        length = len(self._texts[0])
        for field, text in zip(self._fields, self._texts[1:], strict=True):
            charge(_STEPS)
            written = field.write(_value_of(field.key, values, named))
            pieces += (written, text)
            length += len(written) + len(text)
            if length > LONGEST_STRING:
                break

        charge_bounded_string(length)
        return "".join(pieces)


def _value_of(key: int | str, values: Sequence[Any], named: Mapping[str, Any]) -> Any:
    if isinstance(key, int):
        return values[key]
    return named[key]


def parse_percent_format(source: str) -> Format:
    """Return a format such as `%s has %.2f`.

    Raises:
        TemplateError: A conversion is not available.
    """
    texts = [""]
    fields: list[Field] = []
    start = 0
    count = 0
    for conversion in _PERCENT.finditer(source):
        texts[-1] += source[start : conversion.start()]
        start = conversion.end()
        kind = conversion["kind"]
        if conversion.group() == "%%":
            texts[-1] += "%"
            continue

        if kind != "s" and kind not in _PERCENT_NUMBERS:
            raise TemplateError(
                f"{_shorten(conversion.group())} is no conversion of a format; "
                "it takes `%s`, `%d`, `%.2f`, `%e`, `%g`, `%x`, `%o`, and `%%` for the sign itself"
            )
        width = _check_limits(conversion["width"], conversion["digits"])
        key: int | str = conversion["name"] or ""
        if not key:
            key = count
            count += 1

        specification = conversion.group().replace(f"({conversion['name']})", "", 1)
        fields.append(Field(key, width, _percent_writer(specification, kind)))
        texts.append("")

    texts[-1] += source[start:]
    return Format(texts, fields, takes_surplus=False)


def _percent_writer(specification: str, kind: str) -> Write:
    if kind == "s":
        return lambda value: specification % to_text(value)

    integer_only = kind in _PERCENT_INTEGERS
    return lambda value: (
        specification % _check_value(value, specification, integer_only=integer_only)
    )


def parse_brace_format(source: str) -> Format:
    """Return a format such as `{} has {:.2f}`.

    Raises:
        TemplateError: A field is not available, or a brace has no counterpart.
    """
    texts = [""]
    fields: list[Field] = []
    keys: list[str] = []
    try:
        parts = list(Formatter().parse(source))
    except ValueError as error:
        raise TemplateError(f"not a format: {error}") from None

    for text, key, specification, conversion in parts:
        texts[-1] += text
        if key is None:
            continue
        if conversion not in (None, "s"):
            raise TemplateError(f"`!{conversion}` is not part of a format here; leave it out")

        # A field without a number has the number of such fields before it.
        fields.append(_brace_field(key, specification or "", keys.count("")))
        keys.append(key)
        texts.append("")

    if "" in keys and any(key.isdecimal() for key in keys):
        raise TemplateError("the fields of a format have numbers, or none has one")
    return Format(texts, fields, takes_surplus=True)


def _brace_field(name: str, specification: str, count: int) -> Field:
    key: int | str = name
    if not name:
        key = count
    elif name.isascii() and name.isdecimal():
        key = int(name[:4])
    elif not name.isidentifier():
        raise TemplateError(
            f"{_shorten(name)} is no field of a format: it is empty, a number, or a name; "
            "give the part of the value as an argument"
        )

    match = _BRACE_SPEC.fullmatch(specification)
    kind = match["kind"] if match else ""
    if match is None or (kind not in ("", "s") and kind not in _BRACE_NUMBERS):
        raise TemplateError(
            f"{_shorten(specification)} is no specification of a format; "
            "write one such as `>10`, `05d`, `,`, `.2f` or `.1%`"
        )
    width = _check_limits(match["width"], match["digits"])
    return Field(key, width, _brace_writer(specification, kind))


def _brace_writer(specification: str, kind: str) -> Write:
    written = f"{{:{specification}}}"
    integer_only = kind in _BRACE_INTEGERS

    def write(value: Any) -> str:
        is_number = type(value) in NUMBERS and specification != "" and kind != "s"
        if kind in _BRACE_NUMBERS or is_number:
            value = _check_value(value, written, integer_only=integer_only)
        else:
            value = to_text(value)

        try:
            return format(value, specification)
        except ValueError as error:
            raise TemplateError(f"`{written}`: {error}") from None

    return write


def _check_limits(width: str, digits: str | None) -> int:
    """Return a width in characters.

    Raises:
        TemplateError: The width or the number of digits is too large.
    """
    if width and int(width[:9]) > _WIDEST:
        raise TemplateError(f"a width in a format is at most {_WIDEST:,} characters")
    if digits and int(digits[:9]) > _MOST_DIGITS:
        raise TemplateError(f"a precision in a format is at most {_MOST_DIGITS} digits")
    return int(width or 0)


def _check_value(value: Any, written: str, *, integer_only: bool) -> Any:
    """Return a value that is written as a number.

    Args:
        value: The value.
        written: The conversion, for messages.
        integer_only: Whether the conversion takes no number with a fraction.

    Raises:
        TemplateError: It is no number, or no integer where one is needed.
    """
    if type(value) not in _ANY_NUMBER:
        raise TemplateError(f"`{written}` takes a number, not {describe_kind(value)}")
    if type(value) is float and integer_only:
        raise TemplateError(f"`{written}` takes an integer; write `int(...)` around the number")
    if type(value) is int:
        charge_digits(value)
    return check_number(value)


def _shorten(text: str) -> str:
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]}..."
    return f"`{text}`"


def refuse_computed_format(*_: Any) -> NoReturn:
    """Refuse a format that is not known when the workflow is loaded.

    Raises:
        TemplateError: Always.
    """
    raise TemplateError(
        "`format` takes its format as a string in quotes, so that its length is known when the "
        "workflow is loaded: `'%.2f' | format(x)`, `'{:,}'.format(n)`; join other strings with `~`"
    )

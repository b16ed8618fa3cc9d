"""Questions to objects of users, whose own code may raise, lie or return anything.

An object is judged by its exact type, which its code cannot change: `__class__` can lie, and so
can a metaclass. An answer that only the object's own code can give is asked for here, and a
failure is answered by a default.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "LONGEST_MESSAGE",
    "LONGEST_RUN_ERROR",
    "MANY_BITS",
    "ask",
    "basic_size_of",
    "call_readers",
    "count_rows",
    "cut_text",
    "error_text",
    "is_table",
    "module_name",
    "module_of",
    "repr_of",
    "type_name",
]

MANY_BITS = 10_000
"""Bits from which an integer is not written in decimal: Python refuses to write 4,300 digits."""

LONGEST_MESSAGE = 64_000
"""Characters of an error's message, or of its traceback, that are kept."""

LONGEST_RUN_ERROR = 65_536
"""Characters of the error of a run, which names tasks before their messages."""

# of a text that is cut: the part of it that is kept of its end, as a divisor
_TAIL_SHARE = 4

# characters beside a cut among which a space is looked for
_WORD = 500

# says in a text that it was cut
_MARK = re.compile(r"\n\[\.\.\. cut: the whole text has [0-9,]{1,30} characters \.\.\.\]\n")

_read_name = type.__dict__["__name__"].__get__
_read_qualified_name = type.__dict__["__qualname__"].__get__
_read_module = type.__dict__["__module__"].__get__
_read_basic_size = type.__dict__["__basicsize__"].__get__
_read_bases = type.__dict__["__mro__"].__get__
_read_namespace = type.__dict__["__dict__"].__get__


def ask(question: Callable[[], Any], default: Any = None) -> Any:
    """Return the answer of an object's own code; a default if it raises.

    Only an interrupt is passed on, as it is the user's.
    """
    try:
        return question()
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - an object's own code may raise anything
        return default


def call_readers(readers: list[Callable[[Any], None]], news: Any) -> list[Exception]:
    """Call readers with news; remove those that fail, and return their errors.

    A reader that fails must not break what it reads.
    """
    errors = []
    for reader in list(readers):
        try:
            reader(news)
        except Exception as error:  # noqa: BLE001 - a reader may raise anything
            readers.remove(reader)
            errors.append(error)
    return errors


def type_name(kind: type) -> str:
    """Return the name of a type, whatever its metaclass says."""
    return str.__str__(_read_name(kind))


def module_name(kind: type) -> str:
    """Return the module and the qualified name of a type, as `module.Name`."""
    module = ask(lambda: _read_module(kind))
    name = str.__str__(_read_qualified_name(kind))
    if type(module) is not str:
        return name
    return f"{module}.{name}"


def module_of(kind: type) -> str:
    """Return the name of the module of a type; an empty string if the type says no text."""
    module = ask(lambda: _read_module(kind))
    if type(module) is not str:
        return ""
    return module


def basic_size_of(kind: type) -> int:
    """Return the bytes of an instance of a type without the objects that it refers to."""
    size: int = _read_basic_size(kind)
    return size


def repr_of(value: Any) -> str:
    """Return the `repr` of a value, or `<Type object>` if its own code fails."""
    text = ask(lambda: repr(value))
    if not isinstance(text, str):
        return f"<{type_name(type(value))} object>"
    # an instance of a subclass has code of its own, too
    return str.__str__(text)


def error_text(error: BaseException) -> str:
    """Return the text of an exception; an empty string if its own code fails or there is none."""
    text = ask(lambda: str(error), "")
    return str.__str__(text)


def is_table(kind: type) -> bool:
    """Return whether a type is that of a DataFrame: of pandas, or one that has its interface.

    The attributes must be the type's own: an instance of `unittest.mock.Mock` has all.
    """
    return all(
        any(name in _read_namespace(base) for base in _read_bases(kind))
        for name in ("columns", "iloc", "__len__")
    )


def count_rows(table: Any) -> int | None:
    """Return the number of rows of a table; None if its own code fails."""
    count = ask(lambda: len(table))
    if type(count) is not int:
        return None
    return count


def cut_text(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Return a text of a limited length: a longer one without its middle, and with its length.

    Words are cut out whole, so that no part of a secret remains that a mask would not find.
    """
    if len(text) <= longest:
        return text

    # a text that was cut before, by a worker or in a nested run, keeps its first length
    earlier_mark = _MARK.search(text[: 8 * longest])
    mark = f"\n[... cut: the whole text has {len(text):,} characters ...]\n"
    if earlier_mark is not None:
        mark = earlier_mark[0]

    tail_length = longest // _TAIL_SHARE
    head = text[: max(0, longest - tail_length - len(mark))]
    tail = text[len(text) - tail_length :]

    last_space = max(head.rfind(" ", -_WORD), head.rfind("\n", -_WORD))
    if last_space > 0:
        head = head[:last_space]
    first_space = tail.find(" ", 0, _WORD)
    if first_space >= 0:
        tail = tail[first_space + 1 :]
    return f"{head}{mark}{tail}"

"""The parts of compiled code that decide its outcome, as text."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from attune_nb.values.guard import MANY_BITS, repr_of, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["code_parts", "constant_text"]


def code_parts(code: CodeType) -> Iterator[str]:
    """Yield the parts of a code object and of the code objects in it."""
    yield code.co_code.hex()
    yield from code.co_names
    yield from code.co_varnames
    yield from code.co_freevars

    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_parts(constant)
        else:
            yield constant_text(constant)


def constant_text(value: Any) -> str:
    """Return a text of a constant that is the same in every process."""
    kind = type(value)
    if issubclass(kind, frozenset):
        elements = sorted(map(constant_text, frozenset.__iter__(value)))
        return f"{{{', '.join(elements)}}}"
    if issubclass(kind, tuple):
        return f"({', '.join(map(constant_text, tuple.__iter__(value)))})"
    if kind is int and value.bit_length() > MANY_BITS:
        return hex(value)
    if issubclass(kind, str | bytes | int | float | complex | type(None) | type(...)):
        return repr_of(value)
    return type_name(kind)

"""The parts of compiled code that decide its outcome, as text."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

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
    if isinstance(value, frozenset):
        elements = sorted(map(constant_text, value))
        return f"{{{', '.join(elements)}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(constant_text, value))})"
    if isinstance(value, str | bytes | int | float | complex | type(None) | type(...)):
        return repr(value)
    return type(value).__name__

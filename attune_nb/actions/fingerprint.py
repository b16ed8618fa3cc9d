"""Fingerprints of the code of actions, the same in every process."""

from __future__ import annotations

import hashlib
import inspect
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.actions.registry import Action

__all__ = ["fingerprints"]


def fingerprints(actions: Mapping[str, Action]) -> dict[str, str]:
    """Return 12 hexadecimal digits for each action, which change with the action's code.

    Only the function itself counts: not the functions that it calls, nor its comments and its
    position in the file. A function without Python code is identified by the action's name.
    Each version of Python compiles in its own way, so fingerprints of two versions cannot be
    compared.
    """
    return {path: _fingerprint(action) for path, action in actions.items()}


def _fingerprint(action: Action) -> str:
    function: Any = inspect.unwrap(action.function)
    code = getattr(function, "__code__", None)

    parts = [action.version]
    if isinstance(code, CodeType):
        parts += _code_parts(code)
        parts.append(_constant_text(function.__defaults__))
    else:
        parts.append(action.name)

    content = "\0".join(parts).encode("utf-8", "replace")
    return hashlib.sha256(content).hexdigest()[:12]


def _code_parts(code: CodeType) -> Iterator[str]:
    """Yield the parts of a code object and of the code objects in it."""
    yield code.co_code.hex()
    yield from code.co_names
    yield from code.co_varnames
    yield from code.co_freevars

    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        else:
            yield _constant_text(constant)


def _constant_text(value: Any) -> str:
    """Return a text of a constant that is the same in every process."""
    if isinstance(value, frozenset):
        elements = sorted(map(_constant_text, value))
        return f"{{{', '.join(elements)}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_constant_text, value))})"
    if isinstance(value, str | bytes | int | float | complex | type(None) | type(...)):
        return repr(value)
    return type(value).__name__

"""Fingerprints of the code of actions, the same in every process."""

from __future__ import annotations

import hashlib
import inspect
from types import CodeType
from typing import TYPE_CHECKING, Any

from attune_nb.actions.registry import is_core

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.actions.registry import Action

__all__ = ["fingerprints", "is_changed"]

_WORKFLOW = "workflow "
_CORE = "core."


def fingerprints(actions: Mapping[str, Action]) -> dict[str, str]:
    """Return a text for each action, which changes with the action's code.

    For a function it is 12 hexadecimal digits. Only the function itself counts: not the
    functions that it calls, nor its comments and its position in the file. A function without
    Python code is identified by the action's name. For a workflow the text is `workflow ` and
    digits, and for a core action its name, whatever the version of this package.
    Each version of Python compiles in its own way, so fingerprints of two versions cannot be
    compared.
    """
    return {path: _fingerprint(action) for path, action in actions.items()}


def is_changed(before: str, now: str) -> bool:
    """Return whether an action has changed between two fingerprints.

    Older records hold digits for workflows and core actions, too. These say nothing: they also
    changed with the code of this package.
    """
    return before != now and _prefix(before) == _prefix(now)


def _prefix(fingerprint: str) -> str:
    for prefix in (_WORKFLOW, _CORE):
        if fingerprint.startswith(prefix):
            return prefix
    return ""


def _fingerprint(action: Action) -> str:
    if is_core(action):
        return action.name
    if action.version:
        return _WORKFLOW + _digest([action.version, action.name])

    function: Any = inspect.unwrap(action.function)
    code = getattr(function, "__code__", None)
    parts: list[str] = [action.version]
    if isinstance(code, CodeType):
        parts += _code_parts(code)
        parts.append(_constant_text(function.__defaults__))
    else:
        parts.append(action.name)
    return _digest(parts)


def _digest(parts: list[str]) -> str:
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

"""What tells one version of an action's code from another, also in another process."""

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
    """Give a short text for each action, another one where its own code is another.

    Only the function itself counts, not what it calls; where a line stands, and what its comments
    say, does not. Of what is no Python function its name is all there is. A version of Python
    compiles in its own way: texts of two versions say nothing.
    """
    return {path: _fingerprint(each) for path, each in actions.items()}


def _fingerprint(action: Action) -> str:
    function: Any = inspect.unwrap(action.function)
    code = getattr(function, "__code__", None)
    parts = [action.version, action.name]
    if isinstance(code, CodeType):
        parts = [action.version, *_parts(code), _plain(function.__defaults__)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:12]


def _parts(code: CodeType) -> Iterator[str]:
    yield from (code.co_code.hex(), *code.co_names, *code.co_varnames, *code.co_freevars)
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _parts(each)
        else:
            yield _plain(each)


def _plain(value: Any) -> str:
    """Give a text of a constant that is the same in every process."""
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(_plain, value)))}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    told = isinstance(value, str | bytes | int | float | complex | type(None) | type(...))
    return repr(value) if told else type(value).__name__

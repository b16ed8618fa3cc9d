"""Fingerprints of the code of actions, the same in every process."""

from __future__ import annotations

import hashlib
import inspect
from types import CodeType
from typing import TYPE_CHECKING, Any

from attune_nb.actions.code_parts import code_parts, constant_text
from attune_nb.actions.registry import is_core
from attune_nb.actions.used_code import digest_used_code
from attune_nb.values.guard import ask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.actions.registry import Action

__all__ = ["digest_actions", "fingerprints", "is_changed", "join_code", "own_code", "used_code"]

_WORKFLOW = "workflow "
_CORE = "core."

# between the digits of a function's own code and those of all that it uses
_USES = "+"


def fingerprints(actions: Mapping[str, Action]) -> dict[str, str]:
    """Return a text for each action, which changes with the action's code.

    For a function it is 12 hexadecimal digits for the function itself, without its comments and
    its position in the file; then `+` and digits for all that it uses, see `used_code`. A
    function without Python code is identified by the action's name. For a workflow the text is
    `workflow ` and digits, with `+` and digits for its actions; and for a core action its name,
    whatever the version of this package.
    Each version of Python compiles in its own way, so fingerprints of two versions cannot be
    compared.
    """
    return {path: _fingerprint(action) for path, action in actions.items()}


def own_code(fingerprint: str) -> str:
    """Return the part of a fingerprint for the action's own code."""
    return fingerprint.partition(_USES)[0]


def digest_actions(actions: Mapping[str, Action]) -> str:
    """Return digits that change with the code of any of the actions."""
    codes = fingerprints(actions)
    return _digest([f"{path} {codes[path]}" for path in sorted(codes)])


def used_code(fingerprint: str) -> str:
    """Return the part of a fingerprint for all that the action uses; it may be empty."""
    return fingerprint.partition(_USES)[2]


def join_code(own: str, used: str) -> str:
    """Return the fingerprint of the two parts, of which the second may be empty."""
    return f"{own}{_USES}{used}" if used else own


def is_changed(before: str, now: str) -> bool:
    """Return whether an action has changed between two fingerprints.

    Older records hold only the digits for the function itself. They also hold digits for
    workflows and core actions, which say nothing: these changed with the code of this package.
    """
    if own_code(before) != own_code(now):
        return _prefix(before) == _prefix(now)

    uses_before = used_code(before)
    uses_now = used_code(now)
    return bool(uses_before and uses_now) and uses_before != uses_now


def _prefix(fingerprint: str) -> str:
    for prefix in (_WORKFLOW, _CORE):
        if fingerprint.startswith(prefix):
            return prefix
    return ""


def _fingerprint(action: Action) -> str:
    if is_core(action):
        return action.name
    if action.version:
        return join_code(_WORKFLOW + _digest([action.version, action.name]), action.uses)

    # the attributes of an object that is called as a function may raise, or be mocks
    function: Any = ask(lambda: inspect.unwrap(action.function), action.function)
    code = ask(lambda: function.__code__)
    parts: list[str] = [action.version]
    if type(code) is CodeType:
        parts += code_parts(code)
        parts.append(constant_text(function.__defaults__))
    else:
        parts.append(action.name)
    return join_code(_digest(parts), digest_used_code(action.function))


def _digest(parts: list[str]) -> str:
    content = "\0".join(parts).encode("utf-8", "replace")
    return hashlib.sha256(content).hexdigest()[:12]

"""Check the arguments of core actions against the annotations of their functions."""

from __future__ import annotations

import functools
import inspect
import re
import threading
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any, NamedTuple, ParamSpec, TypeAlias, TypeVar, cast

from attune_nb.actions.http_status import STATUS_WORDS, are_status_patterns
from attune_nb.errors import ActionError
from attune_nb.templates.compiler.parse import has_braces
from attune_nb.values.describe import describe_with_value

__all__ = [
    "AUTH_TYPES",
    "ArgumentChecker",
    "AuthType",
    "Count",
    "Seconds",
    "StatusPatterns",
    "TimeoutSeconds",
    "check_arguments",
]

P = ParamSpec("P")
R = TypeVar("R")

Seconds: TypeAlias = float
"""A duration, 0 or more."""
TimeoutSeconds: TypeAlias = float
"""A time limit, more than 0."""
Count: TypeAlias = int
"""An integer, 0 or more."""
AuthType: TypeAlias = str
"""One of `AUTH_TYPES`."""
StatusPatterns: TypeAlias = int | str | list[int | str]
"""The statuses that a request expects."""

Mismatch: TypeAlias = tuple[str | None, str]
"""An argument (None: no single one), and the message."""
CheckTogether: TypeAlias = Callable[[Mapping[str, Any]], Mismatch | None]
"""Returns the mismatch of arguments that are valid by themselves but not together."""

AUTH_TYPES = ("none", "basic", "bearer")
MAX_SECONDS = int(threading.TIMEOUT_MAX)

# a socket counts milliseconds in 32 bits
MAX_TIMEOUT_SECONDS = 1_000_000


class _Kind(NamedTuple):
    """The values that an annotation allows.

    Attributes:
        words: Their description; empty for kinds that YAML cannot write.
        fits: Returns whether a value is of the kind.
    """

    words: str
    fits: Callable[[Any], bool]


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and has_braces(value)


_BOOLEAN = "a boolean"
_AUTH_WORDS = f"`{'`, `'.join(AUTH_TYPES[:-1])}` or `{AUTH_TYPES[-1]}`"

_KINDS: dict[str, _Kind] = {
    "None": _Kind("", lambda value: value is None),
    "bool": _Kind(_BOOLEAN, lambda value: isinstance(value, bool)),
    "str": _Kind("a string", lambda value: isinstance(value, str)),
    "bytes": _Kind("", lambda value: isinstance(value, bytes)),
    "PathLike": _Kind("", lambda value: isinstance(value, PathLike)),
    "Mapping": _Kind("an object", lambda value: isinstance(value, Mapping)),
    "Sequence": _Kind("an array", lambda value: isinstance(value, list | tuple)),
    "Count": _Kind("an integer, 0 or more", lambda value: _is_integer(value) and value >= 0),
    "Seconds": _Kind(
        f"a number of seconds, 0 or more (at most {MAX_SECONDS:,})",
        lambda value: _is_number(value) and 0 <= value <= MAX_SECONDS,
    ),
    "TimeoutSeconds": _Kind(
        f"a number of seconds, more than 0 (at most {MAX_TIMEOUT_SECONDS:,}), or null for no limit",
        lambda value: _is_number(value) and 0 < value <= MAX_TIMEOUT_SECONDS,
    ),
    "StatusPatterns": _Kind(STATUS_WORDS, are_status_patterns),
    "AuthType": _Kind(_AUTH_WORDS, lambda value: isinstance(value, str) and value in AUTH_TYPES),
}

# the remedy for a common mistake, by argument and type of the value
_HINTS: dict[tuple[str, type], str] = {
    ("body", Mapping): "; send it with `json_body`",
    ("body", list): "; send it with `json_body`",
    ("cmd", list): "; give a program and its arguments with `argv`",
    ("argv", str): "; give a line for the shell with `cmd`",
}
_BOOLEANS = {"no": "false", "off": "false", "false": "false",
             "yes": "true", "on": "true", "true": "true"}  # fmt: skip


class ArgumentChecker:
    """Checks the arguments of one function by the names of its annotations in `_KINDS`.

    A parameter with any other annotation takes any value.

    Args:
        function: The function; its module must not evaluate its annotations.
        check_together: Checks arguments that are valid by themselves.
    """

    def __init__(
        self, function: Callable[..., Any], check_together: CheckTogether = lambda _: None
    ) -> None:
        parameters = inspect.signature(function).parameters
        self.names = list(parameters)
        self.kinds = {
            name: _allowed_kinds(parameter.annotation) for name, parameter in parameters.items()
        }
        # names of arguments that take any string: most arguments are strings
        self._strings = {name for name, kinds in self.kinds.items() if _KINDS["str"] in kinds}
        self._check_together = check_together

    def describe_kinds(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Return the kinds of values that an argument takes in words, and its only values."""
        kinds = self.kinds.get(name, [])
        words = " or ".join(kind.words for kind in kinds if kind.words)
        if words == _BOOLEAN:
            return words, ("true", "false")
        if words == _AUTH_WORDS:
            return words, AUTH_TYPES
        if not words:
            words = "any value"
        return words, ()

    def mismatches(self, arguments: Mapping[str, Any]) -> list[Mismatch]:
        """Return the mismatches of arguments."""
        mismatches = self._kind_mismatches(arguments)
        if mismatches:
            return mismatches

        mismatch = self._check_together(arguments)
        if mismatch is None:
            return []
        return [mismatch]

    def certain_mismatches(self, written: Mapping[str, Any], *, names_fit: bool) -> list[Mismatch]:
        """Return the mismatches that do not depend on the values of templates.

        Args:
            written: The arguments as the workflow's text has them.
            names_fit: Whether all of them are parameters of the function.
        """
        literals = {name: value for name, value in written.items() if not _is_template(value)}

        mismatches = self._kind_mismatches(literals)
        if names_fit and not mismatches:
            # a mismatch both with the templates and without them does not depend on them
            mismatch = self._check_together(written)
            if mismatch is not None and mismatch == self._check_together(literals):
                mismatches.append(mismatch)
        return mismatches

    def _kind_mismatches(self, arguments: Mapping[str, Any]) -> list[Mismatch]:
        mismatches: list[Mismatch] = []
        for name, value in arguments.items():
            if type(value) is str and name in self._strings:
                continue
            kinds = self.kinds.get(name, [])
            if kinds and not any(kind.fits(value) for kind in kinds):
                mismatches.append((name, _message(name, value, kinds)))
        return mismatches


def check_arguments(
    check_together: CheckTogether = lambda _: None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a core action to raise an `ActionError` for arguments that do not fit."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        checker = ArgumentChecker(function, check_together)

        def check(args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
            arguments = named
            if args:
                arguments = {**dict(zip(checker.names, args, strict=False)), **named}
            mismatches = checker.mismatches(arguments)
            if mismatches:
                raise ActionError("; ".join(message for _, message in mismatches))

        @functools.wraps(function)
        def call(*args: P.args, **named: P.kwargs) -> R:
            check(args, named)
            return function(*args, **named)

        @functools.wraps(function)
        async def call_async(*args: P.args, **named: P.kwargs) -> Any:
            check(args, named)
            return await cast("Any", function)(*args, **named)

        checked: Callable[P, R] = call
        if inspect.iscoroutinefunction(function):
            checked = cast("Callable[P, R]", call_async)
        checked.__attune_checker__ = checker  # type: ignore[attr-defined]
        return checked

    return decorate


def _allowed_kinds(annotation: Any) -> list[_Kind]:
    """Return the kinds that an annotation such as `Mapping[str, Any] | None` allows.

    The list is empty if the annotation allows any value.
    """
    without_brackets = re.sub(r"\[[^\[\]]*\]", "", str(annotation))
    names = [name.strip() for name in without_brackets.split("|")]
    if not all(name in _KINDS for name in names):
        return []
    return [_KINDS[name] for name in names]


def _message(name: str, value: Any, kinds: list[_Kind]) -> str:
    """Return the message for a value that is of none of the allowed kinds."""
    words = " or ".join(kind.words for kind in kinds if kind.words)
    return f"`{name}` must be {words}, not {describe_with_value(value)}{_hint(name, value, words)}"


def _hint(name: str, value: Any, words: str) -> str:
    """Return the remedy for a common mistake, or an empty string."""
    if isinstance(value, str) and words == _BOOLEAN and value.lower() in _BOOLEANS:
        return f"; write {_BOOLEANS[value.lower()]}"
    for (argument, value_type), hint in _HINTS.items():
        if argument == name and isinstance(value, value_type):
            return hint
    return ""

"""Whether the arguments of a core action are what its function says it takes."""

from __future__ import annotations

import functools
import inspect
import re
import threading
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any, NamedTuple, ParamSpec, TypeAlias, TypeVar

from attune_nb.errors import ActionError
from attune_nb.templates.compiler.parse import has_braces

__all__ = [
    "AUTH_TYPES",
    "AuthType",
    "Count",
    "Judge",
    "Patience",
    "Seconds",
    "judged",
]

P = ParamSpec("P")
R = TypeVar("R")

Seconds: TypeAlias = float
"""How long to wait."""
Patience: TypeAlias = float
"""How long to wait for an answer."""
Count: TypeAlias = int
AuthType: TypeAlias = str

Misfit: TypeAlias = tuple[str | None, str]
"""An argument (None: no single one), and what is wrong with it."""
Together: TypeAlias = Callable[[Mapping[str, Any]], Misfit | None]

AUTH_TYPES = ("none", "basic", "bearer")
MOST_SECONDS = int(threading.TIMEOUT_MAX)
MOST_PATIENCE = 1_000_000  # a socket counts milliseconds in 32 bits
_SHOWN = 40  # characters of a wrong text
_LARGEST_SHOWN = 10**20


class _Kind(NamedTuple):
    """What an annotation stands for: in words (none where a text cannot write it), and in code."""

    words: str
    fits: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS: dict[str, _Kind] = {
    "None": _Kind("", lambda value: value is None),
    "bool": _Kind("true or false", lambda value: isinstance(value, bool)),
    "str": _Kind("a text", lambda value: isinstance(value, str)),
    "bytes": _Kind("", lambda value: isinstance(value, bytes)),
    "PathLike": _Kind("", lambda value: isinstance(value, PathLike)),
    "Mapping": _Kind("a map", lambda value: isinstance(value, Mapping)),
    "Sequence": _Kind("a list", lambda value: isinstance(value, list | tuple)),
    "Count": _Kind(
        "a whole number, 0 or more",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    ),
    "Seconds": _Kind(
        f"a number of seconds, 0 or more (at most {MOST_SECONDS:,})",
        lambda value: _is_number(value) and 0 <= value <= MOST_SECONDS,
    ),
    "Patience": _Kind(
        f"a number of seconds, more than 0 (at most {MOST_PATIENCE:,}), or null for no end",
        lambda value: _is_number(value) and 0 < value <= MOST_PATIENCE,
    ),
    "AuthType": _Kind(
        f"`{'`, `'.join(AUTH_TYPES[:-1])}` or `{AUTH_TYPES[-1]}`",
        lambda value: isinstance(value, str) and value in AUTH_TYPES,
    ),
}
_HINTS: dict[tuple[str, type], str] = {
    ("body", Mapping): "; send it with `json_body`",
    ("body", list): "; send it with `json_body`",
    ("cmd", list): "; give a program and its arguments with `argv`",
    ("argv", str): "; give a line for the shell with `cmd`",
}
_BOOLEANS = {"no": "false", "off": "false", "false": "false",
             "yes": "true", "on": "true", "true": "true"}  # fmt: skip


class Judge:
    """Judges the arguments of one function by its annotations, which `_KINDS` knows by name.

    An annotation that is not known there takes anything.

    Args:
        function: The function; its module must not evaluate its annotations.
        together: Says what is wrong with arguments that each are right.
    """

    def __init__(self, function: Callable[..., Any], together: Together = lambda _: None) -> None:
        parameters = inspect.signature(function).parameters
        self.names = list(parameters)
        self.kinds = {name: _kinds(each.annotation) for name, each in parameters.items()}
        self._together = together

    def misfits(self, given: Mapping[str, Any]) -> list[Misfit]:
        """Say what is wrong with arguments."""
        return self._kinds_of(given) or [
            told for told in (self._together(given),) if told is not None
        ]

    def sure_misfits(self, written: Mapping[str, Any], *, names_fit: bool) -> list[Misfit]:
        """Say what is wrong with arguments whatever the templates among them will give.

        Args:
            written: The arguments as a text has them.
            names_fit: Whether each is an argument of the function.
        """
        sure = {
            key: each
            for key, each in written.items()
            if not (isinstance(each, str) and has_braces(each))
        }
        wrong = self._kinds_of(sure)
        if names_fit and not wrong:
            # What holds with the templates there and with them away holds whatever they give.
            told = self._together(written)
            if told is not None and told == self._together(sure):
                wrong.append(told)
        return wrong

    def _kinds_of(self, given: Mapping[str, Any]) -> list[Misfit]:
        return [
            (name, _told(name, value, kinds))
            for name, value in given.items()
            if (kinds := self.kinds.get(name)) and not any(kind.fits(value) for kind in kinds)
        ]


def judged(
    together: Together = lambda _: None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a core action raise an `ActionError` for arguments that it does not take."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        judge = Judge(function, together)

        @functools.wraps(function)
        def call(*args: P.args, **named: P.kwargs) -> R:
            given = {**dict(zip(judge.names, args, strict=False)), **named}
            wrong = judge.misfits(given)
            if wrong:
                raise ActionError("; ".join(message for _, message in wrong))
            return function(*args, **named)

        call.__attune_judge__ = judge  # type: ignore[attr-defined]
        return call

    return decorate


def _kinds(annotation: Any) -> list[_Kind]:
    """Give what an annotation such as `Mapping[str, Any] | None` allows; nothing: anything."""
    names = [each.strip() for each in re.sub(r"\[.*?\]", "", str(annotation)).split("|")]
    return [_KINDS[name] for name in names] if all(name in _KINDS for name in names) else []


def _told(name: str, value: Any, kinds: list[_Kind]) -> str:
    words = " or ".join(kind.words for kind in kinds if kind.words)
    hints = [
        each for (key, kind), each in _HINTS.items() if key == name and isinstance(value, kind)
    ]
    hint = hints[0] if hints else ""
    if isinstance(value, str) and value.lower() in _BOOLEANS and words == "true or false":
        hint = f"; write {_BOOLEANS[value.lower()]}"
    return f"`{name}` is {words}, not {_what(value)}{hint}"


def _what(value: Any) -> str:
    """Say what a value is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {value[:_SHOWN]!r}"
    if isinstance(value, int):
        return str(value) if abs(value) < _LARGEST_SHOWN else "so large a number"
    if isinstance(value, float):
        return str(value)
    names = ((Mapping, "a map"), (list | tuple, "a list"))
    return next((word for kind, word in names if isinstance(value, kind)), type(value).__name__)

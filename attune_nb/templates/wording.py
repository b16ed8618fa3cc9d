"""Texts with values in them, and errors that know where the text stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.generated import text_function
from attune_nb.templates.sandbox import FRESH, LONGEST_TEXT, begin, refuel, weigh
from attune_nb.templates.text import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune_nb.errors import Position
    from attune_nb.templates.generated import Path

    Evaluate = Callable[[Any], Any]

__all__ = ["Guard", "joined"]

_LINE = 120  # characters of a text that a message shows
_PLAIN_WORDS: dict[type[Exception], str] = {
    ZeroDivisionError: "a number is divided by zero",
    OverflowError: "a number is too large",
    RecursionError: "the value or the expression is nested too deeply",
    MemoryError: "the value takes too much memory",
}


class Guard:
    """Turns whatever goes wrong in a text into a `TemplateError` that says where."""

    __slots__ = ("_position", "_shown")

    def __init__(self, source: str, position: Position | None) -> None:
        line = " ".join(source[: 4 * _LINE].split())
        self._shown = line if len(line) <= _LINE else line[: _LINE - 3] + "..."
        self._position = position

    def located(self, error: Exception) -> TemplateError:
        """Give the error with its text and position."""
        if isinstance(error, TemplateError):
            if error.position is not None or error.expression:
                return error
            return TemplateError(error.message, self._shown, self._position)
        words = _PLAIN_WORDS.get(type(error)) or f"{type(error).__name__}: {error}"
        return TemplateError(words, self._shown, self._position)

    def around(self, evaluate: Evaluate) -> Evaluate:
        """Guard an evaluation."""

        def guarded(scope: Any) -> Any:
            try:
                return evaluate(scope)
            except Exception as error:  # noqa: BLE001 - a user's object may raise anything
                raise self.located(error) from None

        return guarded

    def counting(self, evaluate: Evaluate, *, whole: bool) -> Evaluate:
        """Guard an evaluation that works against a budget: `whole`, or a part of a larger one."""

        def counted(scope: Any) -> Any:
            if whole:
                begin()
            try:
                value = evaluate(scope)
                if type(value) in FRESH:
                    weigh(value)
            except Exception as error:  # noqa: BLE001 - as above
                raise self.located(error) from None
            return value

        return counted


def joined(
    parts: Sequence[str | Evaluate], paths: Sequence[str | Path | None], guard: Guard
) -> tuple[Evaluate, bool]:
    """Join what stands as it is with the texts of values.

    Args:
        parts: The texts that stay, and how the values between them are had.
        paths: The same texts, and the values' paths where they are plain ones.
        guard: What says where the text stands.

    Returns:
        The text's evaluation, and whether it works against a budget.
    """
    slots = [(at, part) for at, part in enumerate(parts) if not isinstance(part, str)]
    fixed = [part if isinstance(part, str) else "" for part in parts]

    def text(scope: Any) -> str:
        made = fixed.copy()
        length = 0
        for at, get in slots:
            value = get(scope)
            made[at] = written = value if type(value) is str else text_of(value)
            length += len(written)
            if length > LONGEST_TEXT:
                raise TemplateError(f"the text would have more than {LONGEST_TEXT:,} characters")
        return "".join(made)

    general = guard.around(text)
    short = text_function(paths, _fuelled(general))
    return (short, False) if short else (general, True)


def _fuelled(evaluate: Evaluate) -> Evaluate:
    def whole(scope: Any) -> Any:
        refuel()
        return evaluate(scope)

    return whole

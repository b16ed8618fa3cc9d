"""Texts with values in them, and errors that know where the text stands."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.compiler.codegen import text_function
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import FRESH, LONGEST_TEXT, begin_evaluation, refuel, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attune_nb.errors import Position
    from attune_nb.templates.compiler.codegen import Path
    from attune_nb.templates.compiler.parse import Part

    Evaluate = Callable[[Any], Any]
    Compiled = tuple[Evaluate | None, Path | None]
    """How a part's value is had, and its path if it is a plain one; both None for mere text."""

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

    __slots__ = ("_is_long", "_position", "_source")

    def __init__(self, source: str, position: Position | None) -> None:
        self._source = source[: 4 * _LINE]
        self._is_long = len(source) > _LINE or "\n" in source.strip()
        self._position = position

    def located(
        self, error: Exception, fragment: str = "", parts: Sequence[Part] = ()
    ) -> TemplateError:
        """Give the error with its text and position: those of the fragment, if that is known.

        Args:
            error: What went wrong.
            fragment: The part of the text that it went wrong in, as written.
            parts: All of them, where the first line of the fragment may also stand in another.
        """
        if not isinstance(error, TemplateError):
            words = _PLAIN_WORDS.get(type(error)) or f"{type(error).__name__}: {error}"
            error = TemplateError(words)
        if error.position is not None:
            return error
        fragment = error.expression or fragment
        shown = _shortened(fragment if fragment and self._is_long else self._source)
        first = fragment.strip().partition("\n")[0]
        earlier = sum(part.text.count(first) for part in parts[:-1])
        position = self._position and self._position.of(fragment, earlier)
        return TemplateError(error.message, shown, position)

    @contextmanager
    def placing(self, fragment: str = "") -> Iterator[None]:
        """Locate whatever goes wrong while a part of the text is compiled."""
        try:
            yield
        except RecursionError:
            nested = TemplateError("the expression is nested too deeply")
            raise self.located(nested, fragment) from None
        except (TemplateError, ArithmeticError) as error:
            raise self.located(error, fragment) from None

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
                begin_evaluation()
            try:
                value = evaluate(scope)
                if type(value) in FRESH:
                    weigh(value)
            except Exception as error:  # noqa: BLE001 - as above
                raise self.located(error) from None
            return value

        return counted


def joined(
    parts: Sequence[Part], compiled: Sequence[Compiled], guard: Guard
) -> tuple[Evaluate, bool]:
    """Join what stands as it is with the texts of values.

    Args:
        parts: The pieces of the text.
        compiled: How the values between them are had, and their paths where they are plain ones.
        guard: What says where the text stands.

    Returns:
        The text's evaluation, and whether it works against a budget.
    """
    slots = [(at, get) for at, (get, _) in enumerate(compiled) if get is not None]
    fixed = [part.text if part.inner is None else "" for part in parts]

    def text(scope: Any) -> str:
        made = fixed.copy()
        length = 0
        for at, get in slots:
            try:
                value = get(scope)
                made[at] = written = value if type(value) is str else to_text(value)
            except Exception as error:  # noqa: BLE001 - as above
                raise guard.located(error, parts[at].text) from None
            length += len(written)
            if length > LONGEST_TEXT:
                raise TemplateError(f"the text would have more than {LONGEST_TEXT:,} characters")
        return "".join(made)

    general = guard.around(text)
    paths = [
        part.text if part.inner is None else path
        for part, (_, path) in zip(parts, compiled, strict=True)
    ]
    short = text_function(paths, _fuelled(general))
    return (short, False) if short else (general, True)


def _fuelled(evaluate: Evaluate) -> Evaluate:
    def whole(scope: Any) -> Any:
        refuel()
        return evaluate(scope)

    return whole


def _shortened(text: str) -> str:
    line = " ".join(text[: 4 * _LINE].split())
    return line if len(line) <= _LINE else line[: _LINE - 3] + "..."

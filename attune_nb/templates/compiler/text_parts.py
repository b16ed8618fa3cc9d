"""Templates that are strings with values in them, and errors with the position of the template."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.compiler.codegen import string_function
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import (
    LONGEST_STRING,
    NEW_CONTAINERS,
    begin_evaluation,
    charge_new_containers,
    refill_budget,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attune_nb.errors import Position
    from attune_nb.templates.compiler.codegen import Path
    from attune_nb.templates.compiler.parse import Part

    Evaluate = Callable[[Any], Any]
    CompiledPart = tuple[Evaluate | None, Path | None]
    """The evaluation of a part, and its path if it is a plain one; both None for plain text."""

__all__ = ["ErrorLocator", "compile_string"]

# Characters of a template that a message shows.
_SHOWN_CHARACTERS = 120

_MESSAGES: dict[type[Exception], str] = {
    ZeroDivisionError: "a number is divided by zero",
    OverflowError: "a number is too large",
    RecursionError: "the value or the expression is nested too deeply",
    MemoryError: "the value takes too much memory",
}


class ErrorLocator:
    """Turns any error of a template into a `TemplateError` with its text and position."""

    __slots__ = ("_is_long", "_position", "_source")

    def __init__(self, source: str, position: Position | None) -> None:
        self._source = source[: 4 * _SHOWN_CHARACTERS]
        self._is_long = len(source) > _SHOWN_CHARACTERS or "\n" in source.strip()
        self._position = position

    def locate(
        self, error: Exception, fragment: str = "", parts: Sequence[Part] = ()
    ) -> TemplateError:
        """Return the error with the text and the position of the fragment, or of the template.

        Args:
            error: The error.
            fragment: The part of the template that has the error, as it is written.
            parts: The parts up to this one, in case one before has the fragment's first line.
        """
        if not isinstance(error, TemplateError):
            message = _MESSAGES.get(type(error), f"{type(error).__name__}: {error}")
            error = TemplateError(message)
        if error.position is not None:
            return error

        if error.expression:
            fragment = error.expression
        shown = self._source
        if fragment and self._is_long:
            shown = fragment
        first_line = fragment.strip().partition("\n")[0]
        earlier = sum(part.text.count(first_line) for part in parts[:-1])
        position = self._position
        if position is not None:
            position = position.of(fragment, earlier)
        return TemplateError(error.message, _shorten(shown), position)

    @contextmanager
    def locate_errors(self, fragment: str = "") -> Iterator[None]:
        """Locate the errors of the compilation of a part of the template."""
        try:
            yield
        except RecursionError:
            error = TemplateError("the expression is nested too deeply")
            raise self.locate(error, fragment) from None
        except (TemplateError, ArithmeticError) as error:
            raise self.locate(error, fragment) from None

    def guard(self, evaluate: Evaluate) -> Evaluate:
        """Return an evaluation whose errors are located."""

        def guarded(scope: Any) -> Any:
            try:
                return evaluate(scope)
            except Exception as error:  # noqa: BLE001 - an object of the user may raise anything
                raise self.locate(error) from None

        return guarded

    def guard_costly(self, evaluate: Evaluate, *, is_whole: bool) -> Evaluate:
        """Return an evaluation against a budget, whose errors are located.

        Args:
            evaluate: The evaluation.
            is_whole: Whether it has a budget of its own, or is a part of a larger evaluation.
        """

        def guarded(scope: Any) -> Any:
            if is_whole:
                begin_evaluation()

            try:
                value = evaluate(scope)
                if type(value) in NEW_CONTAINERS:
                    charge_new_containers(value)
            except Exception as error:  # noqa: BLE001 - an object of the user may raise anything
                raise self.locate(error) from None
            return value

        return guarded


def compile_string(
    parts: Sequence[Part], compiled: Sequence[CompiledPart], locator: ErrorLocator
) -> tuple[Evaluate, bool]:
    """Compile a template that is a string with values in it.

    Args:
        parts: The parts of the template.
        compiled: The evaluation of each part.
        locator: Locates the template's errors.

    Returns:
        The evaluation, and whether it works against a budget.
    """
    texts: list[str] = []
    slots: list[tuple[int, Evaluate]] = []
    pieces: list[str | Path | None] = []
    for index, (evaluate, path) in enumerate(compiled):
        if evaluate is None:
            texts.append(parts[index].text)
            pieces.append(parts[index].text)
        else:
            texts.append("")
            pieces.append(path)
            slots.append((index, evaluate))

    def join_parts(scope: Any) -> str:
        strings = texts.copy()
        length = 0
        for index, evaluate in slots:
            try:
                value = evaluate(scope)
                strings[index] = string = value if type(value) is str else to_text(value)
            except Exception as error:  # noqa: BLE001 - an object of the user may raise anything
                raise locator.locate(error, parts[index].text) from None

            length += len(string)
            if length > LONGEST_STRING:
                raise TemplateError(
                    f"the string would have more than {LONGEST_STRING:,} characters"
                )
        return "".join(strings)

    general = locator.guard(join_parts)
    fast = string_function(pieces, _with_own_budget(general))
    if fast is not None:
        return fast, False
    return general, True


def _with_own_budget(evaluate: Evaluate) -> Evaluate:
    def refilled(scope: Any) -> Any:
        refill_budget()
        return evaluate(scope)

    return refilled


def _shorten(text: str) -> str:
    line = " ".join(text[: 4 * _SHOWN_CHARACTERS].split())
    if len(line) <= _SHOWN_CHARACTERS:
        return line
    return f"{line[: _SHOWN_CHARACTERS - 3]}..."

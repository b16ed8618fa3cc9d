"""`Template`: a value that holds `{{ expressions }}`, compiled once and rendered often.

A string that is one expression and nothing else gives the value itself, the very object. Any
other string with expressions gives text; a space beside the braces is enough. Maps and lists
render their parts; the keys of maps stay as they are.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attune_nb.context import ABSENT, ItemScope, WorkflowContext
from attune_nb.errors import Position, TemplateError
from attune_nb.templates.compiler.codegen import path_function
from attune_nb.templates.compiler.expression import new_build
from attune_nb.templates.compiler.name_lookup import path_of
from attune_nb.templates.compiler.parse import Part, has_braces, parse, split, unbraced
from attune_nb.templates.compiler.references import called, references
from attune_nb.templates.compiler.text_parts import Guard, joined
from attune_nb.templates.sandbox import begin_evaluation, truth
from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.templates.compiler.build import Build
    from attune_nb.templates.compiler.text_parts import Compiled

    Path = tuple[str | int, ...]
    Locate = Callable[[Path], Position | None]
    Where = Callable[[], Position | None]
    Evaluate = Callable[[Any], Any]

__all__ = ["Template"]


class Template:
    """A compiled value of a workflow.

    Args:
        source: Any JSON-like value; its strings may hold `{{ expressions }}`.
        locate: Gives the position of a part of the source, for errors.
        condition: Judge the source as one expression, written with or without braces: it
            gives true or false.

    Attributes:
        evaluate: Takes a scope and gives the value; what `render` calls.
        is_constant: Whether there is no expression in it.
        references: The dotted names that it reads outright, each with what tells its position.
        tested_names: The dotted names that it asks after: they may well be undefined.
        calls: The functions that it calls, with their positions.

    Raises:
        TemplateError: An expression cannot be compiled.
    """

    __slots__ = (
        "_condition",
        "_costly",
        "calls",
        "evaluate",
        "is_constant",
        "references",
        "source",
        "tested_names",
    )

    def __init__(
        self, source: Any, locate: Locate = lambda _: None, *, condition: bool = False
    ) -> None:
        if condition and isinstance(source, str):
            source = source.strip()
        bare = condition and isinstance(source, str) and _is_bare(source)
        # a condition's canonical form, so that equal ones are equal
        self.source = f"{{{{ {source} }}}}" if bare else source
        self.references: list[tuple[tuple[str, ...], Where]] = []
        self.tested_names: list[tuple[str, ...]] = []
        self.calls: list[tuple[str, Where]] = []
        self._condition = condition
        self._costly = False
        try:
            if bare:
                self.is_constant, evaluate = self._compile_text(source, locate(()), (), bare=True)
            else:
                self.is_constant, evaluate = self._compile(source, locate, ())
        except RecursionError:
            raise TemplateError("the value is nested too deeply, or contains itself") from None
        if condition:
            evaluate = _judged(evaluate)
        self.evaluate: Evaluate = _begun(evaluate) if self._costly else evaluate

    def render(self, scope: Any = None) -> Any:
        """Give the value in a scope or a context.

        Raises:
            TemplateError: Something is undefined, or of the wrong type.
        """
        if scope is None:
            scope = WorkflowContext.create()
        if isinstance(scope, WorkflowContext):
            scope = ItemScope(scope, ABSENT, ABSENT)
        return self.evaluate(scope)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Template):
            return NotImplemented
        return self._condition == other._condition and bool(self.source == other.source)

    def __hash__(self) -> int:
        return hash(repr(self.source))

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.source, self._condition)

    def _compile(self, value: Any, locate: Locate, path: Path) -> tuple[bool, Evaluate]:
        if isinstance(value, dict):
            keys, parts = list(value), list(value.items())
        elif isinstance(value, list | tuple):
            keys, parts = None, list(enumerate(value))
        elif isinstance(value, str) and has_braces(value):
            return self._compile_text(value, locate(path), path)
        else:
            return _always(value, locate(path))
        compiled = [self._compile(each, locate, (*path, key)) for key, each in parts]
        if all(constant for constant, _ in compiled):
            return _always(value, locate(path))
        calls = [call for _, call in compiled]
        return False, _list_of(calls) if keys is None else _map_of(keys, calls)

    def _compile_text(
        self, source: str, position: Position | None, path: Path, *, bare: bool = False
    ) -> tuple[bool, Evaluate]:
        guard = Guard(source, position)
        where = f"{position.line}:{position.column}" if position else ""
        build = new_build(f"{where}:{path}")
        parts: list[Part] = []
        compiled: list[Compiled] = []
        with guard.placing():
            parts = [unbraced(source)] if bare else split(source)
        for part in parts:
            if part.problem:
                raise guard.located(TemplateError(part.problem), part.text, parts)
            with guard.placing(part.text):
                compiled.append(self._compile_part(part, build, position))
        if self._condition and (len(parts) > 1 or parts[0].inner is None):
            message = "a condition is one expression; put all of it within one pair of braces"
            raise guard.located(TemplateError(message))
        alone, found = compiled[0]
        if len(parts) == 1 and alone is not None:
            evaluate, counts = _alone(alone, found, build, guard, whole=not path)
        else:
            evaluate, counts = joined(parts, compiled, guard)
        self._costly = self._costly or counts
        return False, evaluate

    def _compile_part(self, part: Part, build: Build, position: Position | None) -> Compiled:
        if part.inner is None:
            return None, None
        node = parse(part.inner)
        where = partial(position.of, part.text) if position else _nowhere
        read, asked = references(node)
        self.references += [(names, where) for names in read]
        self.tested_names += asked
        self.calls += [(name, where) for name in called(node)] if "(" in part.inner else []
        return build.value(node), path_of(node)


def _nowhere() -> None:
    """Tell the position of what came from no text."""


def _again(source: Any, condition: bool) -> Template:
    return Template(source, condition=condition)


def _is_bare(source: str) -> bool:
    """Tell whether a condition is written without braces."""
    return bool(source) and not has_braces(source)


def _begun(evaluate: Evaluate) -> Evaluate:
    def whole(scope: Any) -> Any:
        begin_evaluation()
        return evaluate(scope)

    return whole


def _judged(evaluate: Evaluate) -> Evaluate:
    return lambda scope: truth(evaluate(scope))


def _always(value: Any, position: Position | None) -> tuple[bool, Evaluate]:
    try:
        frozen = freeze(value)
    except ValueError as error:
        raise TemplateError(str(error), position=position) from None
    return True, lambda _: frozen


def _list_of(calls: list[Evaluate]) -> Evaluate:
    return lambda scope: [call(scope) for call in calls]


def _map_of(keys: list[Any], calls: list[Evaluate]) -> Evaluate:
    pairs = list(zip(keys, calls, strict=True))
    return lambda scope: {key: call(scope) for key, call in pairs}


def _alone(
    inner: Evaluate, found: Any, build: Build, guard: Guard, *, whole: bool
) -> tuple[Evaluate, bool]:
    if build.costly:
        return guard.counting(inner, whole=whole), not whole
    general = guard.around(inner)
    # a plain path that is found needs no guard at all
    return (found and path_function(found, general)) or general, False

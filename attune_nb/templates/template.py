"""`Template`: a value with `{{ expressions }}` in it, compiled once and rendered often.

A string that is one expression and nothing else gives the value of the expression, the same
object; white space around it does not count. Any other string with expressions gives a string. The
elements of arrays and the values of objects are rendered; the keys of objects stay as they are.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attune_nb.context import ABSENT, ItemScope, WorkflowContext
from attune_nb.errors import Position, TemplateError
from attune_nb.templates.compiler.codegen import Member, object_function, path_function
from attune_nb.templates.compiler.expression import new_build_state
from attune_nb.templates.compiler.name_lookup import path_of
from attune_nb.templates.compiler.parse import (
    Part,
    condition_part,
    has_braces,
    parse_expression,
    split_template,
)
from attune_nb.templates.compiler.references import called_functions, find_references
from attune_nb.templates.compiler.text_parts import ErrorLocator, compile_string
from attune_nb.templates.sandbox import begin_evaluation, is_true
from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.templates.compiler.build import BuildState
    from attune_nb.templates.compiler.text_parts import CompiledPart

    Path = tuple[str | int, ...]
    Locate = Callable[[Path], Position | None]
    FindPosition = Callable[[], Position | None]
    Evaluate = Callable[[Any], Any]
    Compiled = tuple[bool, Evaluate]
    """Whether a value is constant, and its evaluation."""

__all__ = ["Template"]


class Template:
    """A compiled value of a workflow.

    Args:
        source: Any JSON-like value; its strings may hold `{{ expressions }}`.
        locate: Returns the position of a part of the source, for errors.
        condition: Whether the source is a condition: one expression, with or without braces,
            whose value is true or false.

    Attributes:
        evaluate: Takes a scope and returns the value; `render` calls it.
        is_constant: Whether it holds no expression.
        references: The dotted names that it reads, each with a function that finds its position.
        tested_names: The dotted names that it only tests, so that they may be undefined.
        calls: The functions that it calls, each with a function that finds its position.

    Raises:
        TemplateError: An expression cannot be compiled.

    Example:
        >>> from attune_nb import Template, WorkflowContext
        >>> context = WorkflowContext.create(vars={"name": "web-1", "ports": [80, 443]})
        >>> Template("{{ name }}:{{ ports[0] }}").render(context)
        'web-1:80'
        >>> Template("{{ ports }}").render(context)
        [80, 443]
    """

    __slots__ = (
        "_fast",
        "_is_costly",
        "_members",
        "_plain_paths",
        "calls",
        "evaluate",
        "is_condition",
        "is_constant",
        "references",
        "source",
        "tested_names",
    )

    def __init__(
        self, source: Any, locate: Locate = lambda _: None, *, condition: bool = False
    ) -> None:
        is_bare = False
        if condition and isinstance(source, str):
            source = source.strip()
            is_bare = bool(source) and not has_braces(source)

        self.source = source
        if is_bare:
            # A condition is kept with its braces, so that equal conditions are equal.
            self.source = f"{{{{ {source} }}}}"
        self.references: list[tuple[tuple[str, ...], FindPosition]] = []
        self.tested_names: list[tuple[str, ...]] = []
        self.calls: list[tuple[str, FindPosition]] = []
        self.is_condition = condition
        self._is_costly = False
        # of an object: the evaluations of its values
        self._members: dict[Any, Member] | None = None
        # the evaluations of plain paths, while the template is compiled
        self._plain_paths: dict[Evaluate, Any] = {}
        self._fast: Evaluate | None = None
        try:
            if is_bare:
                compiled = self._compile_bare_condition(source, locate(()))
            else:
                compiled = self._compile(source, locate, ())
        except RecursionError:
            raise TemplateError("the value is nested too deeply, or contains itself") from None

        self.is_constant, evaluate = compiled
        if condition:
            evaluate = _as_condition(evaluate)
        if self._is_costly:
            evaluate = _with_budget(evaluate)
        self.evaluate: Evaluate = evaluate
        self._plain_paths.clear()

    def compile_fast(self) -> Evaluate:
        """Return the fastest evaluation, for a template that is rendered very often.

        An object becomes one function, which takes a third of a millisecond to compile. The
        values and the errors are those of `evaluate`.
        """
        if self._fast is None:
            self._fast = self.evaluate
            if self._members is not None and not self._is_costly:
                self._fast = object_function(self._members, self.evaluate)
        return self._fast

    @property
    def paths(self) -> list[tuple[str, ...]]:
        """The dotted names that it may read: also one that it tests, as one with a `default`."""
        return [*(path for path, _ in self.references), *self.tested_names]

    def render(self, scope: Any = None) -> Any:
        """Return the value in a scope or a context; without any, in an empty context.

        Raises:
            TemplateError: A name is undefined, or a value has the wrong type.
        """
        if scope is None:
            scope = WorkflowContext.create()
        if isinstance(scope, WorkflowContext):
            scope = ItemScope(scope, ABSENT, ABSENT)
        return self.evaluate(scope)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Template):
            return NotImplemented
        return self.is_condition == other.is_condition and bool(self.source == other.source)

    def __hash__(self) -> int:
        return hash(repr(self.source))

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _compile_again, (self.source, self.is_condition)

    def _compile(self, value: Any, locate: Locate, path: Path) -> Compiled:
        if isinstance(value, str) and has_braces(value):
            return self._compile_text(value, locate(path), path)

        keys: list[Any]
        if isinstance(value, dict):
            keys = list(value)
        elif isinstance(value, list | tuple):
            keys = list(range(len(value)))
        else:
            return _constant(value, locate(path))

        compiled = [self._compile(value[key], locate, (*path, key)) for key in keys]
        if all(is_constant for is_constant, _ in compiled):
            return _constant(value, locate(path))

        evaluations = [evaluate for _, evaluate in compiled]
        if isinstance(value, dict) and not path:
            self._members = {}
            for key, (is_constant, evaluate) in zip(keys, compiled, strict=True):
                plain_path = self._plain_paths.get(evaluate)
                self._members[key] = Member(evaluate, plain_path, is_constant)
        if isinstance(value, dict):
            return False, _evaluate_object(keys, evaluations)
        return False, _evaluate_array(evaluations)

    def _compile_bare_condition(self, source: str, position: Position | None) -> Compiled:
        locator = ErrorLocator(source, position)
        with locator.locate_errors():
            part = condition_part(source)
        return self._compile_parts([part], locator, position, ())

    def _compile_text(self, source: str, position: Position | None, path: Path) -> Compiled:
        locator = ErrorLocator(source, position)
        with locator.locate_errors():
            parts = split_template(source)
        return self._compile_parts(parts, locator, position, path)

    def _compile_parts(
        self,
        parts: list[Part],
        locator: ErrorLocator,
        position: Position | None,
        path: Path,
    ) -> Compiled:
        place = ""
        if position is not None:
            place = f"{position.line}:{position.column}"
        build = new_build_state(f"{place}:{path}")
        compiled: list[CompiledPart] = []
        for part in parts:
            if part.problem:
                raise locator.locate(TemplateError(part.problem), part.text, parts)
            with locator.locate_errors(part.text):
                compiled.append(self._compile_part(part, build, position))

        is_one_expression = len(parts) == 1 and parts[0].expression is not None
        if self.is_condition and not is_one_expression:
            message = "a condition is one expression; put all of it within one pair of braces"
            raise locator.locate(TemplateError(message))

        inner, inner_path = compiled[0]
        if len(parts) == 1 and inner is not None:
            evaluate, is_costly = _single_expression(
                inner, inner_path, build, locator, is_whole=not path
            )
            if inner_path is not None and not is_costly:
                self._plain_paths[evaluate] = inner_path
        else:
            evaluate, is_costly = compile_string(parts, compiled, locator)
        if is_costly:
            self._is_costly = True
        return False, evaluate

    def _compile_part(
        self, part: Part, build: BuildState, position: Position | None
    ) -> CompiledPart:
        if part.expression is None:
            return None, None

        written = part.text if part.text.startswith("{{") else ""
        node = parse_expression(part.expression, written)
        find_position: FindPosition = _no_position
        if position is not None:
            find_position = partial(position.of, part.text)
        read_names, tested_names = find_references(node)
        self.references += [(name, find_position) for name in read_names]
        self.tested_names += tested_names
        if "(" in part.expression:
            self.calls += [(name, find_position) for name in called_functions(node)]
        return build.compile_value(node), path_of(node)


def _no_position() -> None:
    """Return the position of an expression that comes from no file."""


def _compile_again(source: Any, is_condition: bool) -> Template:
    return Template(source, condition=is_condition)


def _with_budget(evaluate: Evaluate) -> Evaluate:
    def evaluate_with_budget(scope: Any) -> Any:
        begin_evaluation()
        return evaluate(scope)

    return evaluate_with_budget


def _as_condition(evaluate: Evaluate) -> Evaluate:
    return lambda scope: is_true(evaluate(scope))


def _constant(value: Any, position: Position | None) -> Compiled:
    try:
        frozen = freeze(value)
    except ValueError as error:
        raise TemplateError(str(error), position=position) from None
    return True, lambda _: frozen


def _evaluate_array(evaluations: list[Evaluate]) -> Evaluate:
    return lambda scope: [evaluate(scope) for evaluate in evaluations]


def _evaluate_object(keys: list[Any], evaluations: list[Evaluate]) -> Evaluate:
    pairs = list(zip(keys, evaluations, strict=True))
    return lambda scope: {key: evaluate(scope) for key, evaluate in pairs}


def _single_expression(
    inner: Evaluate, path: Any, build: BuildState, locator: ErrorLocator, *, is_whole: bool
) -> tuple[Evaluate, bool]:
    """Return the evaluation of a template that is one expression, and whether it is costly.

    Args:
        inner: The evaluation of the expression.
        path: The path, if the expression is a plain one.
        build: The compilation of the template.
        locator: Locates the template's errors.
        is_whole: Whether the template is a whole value, not a part of an array or an object.
    """
    if build.is_costly:
        return locator.guard_costly(inner, is_whole=is_whole), not is_whole

    evaluate = locator.guard(inner)
    if path is not None:
        # A plain path that exists raises no error, so it needs no guard.
        evaluate = path_function(path, evaluate)
    return evaluate, False

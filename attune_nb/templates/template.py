"""`Template`: a value that holds `{{ expressions }}`, compiled once and rendered often.

A string that is one expression and nothing else gives the value itself, the very object.
Any other string with expressions gives text. Maps and lists render their parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError, nodes

from attune_nb.context import ABSENT, ItemScope, WorkflowContext, freeze
from attune_nb.errors import Position, TemplateError
from attune_nb.templates.expression import compile_expression
from attune_nb.templates.functions import text_of
from attune_nb.templates.sandbox import LONGEST, environment

if TYPE_CHECKING:
    from collections.abc import Callable

    Path = tuple[str | int, ...]
    Locate = Callable[[Path], Position | None]

__all__ = ["Template"]

_LONGEST_SOURCE = 100_000


class Template:
    """A compiled value of a workflow.

    Args:
        source: Any JSON-like value; its strings may hold `{{ expressions }}`.
        locate: Gives the position of a part of the source, for errors.
        condition: Judge the source as an expression, written with or without braces.

    Raises:
        TemplateError: An expression cannot be compiled.
    """

    __slots__ = ("evaluate", "is_constant", "references", "source")

    def __init__(
        self, source: Any, locate: Locate = lambda _: None, *, condition: bool = False
    ) -> None:
        self.source = source
        self.references: list[tuple[tuple[str, ...], Position | None]] = []
        if condition and isinstance(source, str) and "{{" not in source:
            source = "{{ " + source + " }}"
        constant, evaluate = self._compile(source, locate, ())
        self.is_constant = constant
        self.evaluate: Callable[[Any], Any] = evaluate

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
        return isinstance(other, Template) and self.source == other.source

    def __hash__(self) -> int:
        return hash(repr(self.source))

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Template, (self.source,)

    def _compile(self, value: Any, locate: Locate, path: Path) -> tuple[bool, Callable[[Any], Any]]:
        if isinstance(value, dict):
            return self._compile_map(value, locate, path)
        if isinstance(value, list):
            parts = [self._compile(each, locate, (*path, at)) for at, each in enumerate(value)]
            if all(constant for constant, _ in parts):
                return _always(value)
            calls = [call for _, call in parts]
            return False, lambda scope: [call(scope) for call in calls]
        if isinstance(value, str) and ("{{" in value or "{%" in value):
            return self._compile_text(value, locate(path))
        return _always(value)

    def _compile_map(
        self, value: dict[str, Any], locate: Locate, path: Path
    ) -> tuple[bool, Callable[[Any], Any]]:
        parts = {key: self._compile(each, locate, (*path, key)) for key, each in value.items()}
        if all(constant for constant, _ in parts.values()):
            return _always(value)
        calls = [(key, call) for key, (_, call) in parts.items()]
        return False, lambda scope: {key: call(scope) for key, call in calls}

    def _compile_text(
        self, source: str, position: Position | None
    ) -> tuple[bool, Callable[[Any], Any]]:
        try:
            body = _parse(source)
            place = str(position or "") + source[:80]
            self.references += [(path, position) for each in body for path in _references(each)]
            parts = [_part(each, place) for each in body]
        except TemplateError as error:
            raise TemplateError(error.message, _short(source), position) from None
        except RecursionError:
            message = "the expression is nested too deeply"
            raise TemplateError(message, _short(source), position) from None
        if not any(not isinstance(each, nodes.TemplateData) for each in body):
            return _always("".join(each.data for each in body))
        evaluate = parts[0] if len(parts) == 1 else _joined(parts)
        return False, _located(evaluate, source, position)


def _always(value: Any) -> tuple[bool, Callable[[Any], Any]]:
    frozen = freeze(value)
    return True, lambda _: frozen


def _parse(source: str) -> list[Any]:
    if len(source) > _LONGEST_SOURCE:
        raise TemplateError(f"an expression has at most {_LONGEST_SOURCE:,} characters")
    try:
        tree = environment().parse(source)
    except TemplateSyntaxError as error:
        raise TemplateError(f"not an expression: {error.message}") from None
    except (RecursionError, ValueError, MemoryError):
        raise TemplateError("the expression is nested too deeply") from None
    parts: list[Any] = []
    for each in tree.body:
        if not isinstance(each, nodes.Output):
            raise TemplateError("statements (`{% %}`) are not part of the language; use `{{ }}`")
        parts += each.nodes
    return parts


def _part(node: Any, place: str) -> Callable[[Any], Any]:
    if isinstance(node, nodes.TemplateData):
        data = node.data
        return lambda _: data
    return compile_expression(node, place)


def _joined(parts: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def text(scope: Any) -> str:
        joined = "".join([text_of(part(scope)) for part in parts])
        if len(joined) > LONGEST:
            raise TemplateError(f"the text has more than {LONGEST:,} characters")
        return joined

    return text


def _located(
    evaluate: Callable[[Any], Any], source: str, position: Position | None
) -> Callable[[Any], Any]:
    def located(scope: Any) -> Any:
        try:
            return evaluate(scope)
        except TemplateError as error:
            if error.position is not None or error.expression:
                raise
            raise TemplateError(error.message, _short(source), position) from None
        except Exception as error:  # noqa: BLE001 - whatever an operator or a filter raises
            message = f"{error}" or type(error).__name__
            raise TemplateError(message, _short(source), position) from None

    return located


_LINE = 120  # characters of an expression that a message shows


def _short(source: str) -> str:
    line = " ".join(source.split())
    return line if len(line) <= _LINE else line[: _LINE - 3] + "..."


def _references(node: Any) -> list[tuple[str, ...]]:
    """Give the dotted names that an expression reads outright (not those it tests for)."""
    found: list[tuple[str, ...]] = []
    stack = [node]
    while stack:
        each = stack.pop()
        path = _path(each)
        if path:
            found.append(path)
            continue
        tolerant = isinstance(each, nodes.Filter) and each.name in ("default", "d")
        if isinstance(each, nodes.Test) and each.name in ("defined", "undefined"):
            continue
        if isinstance(each, nodes.Call) and isinstance(each.node, nodes.Name):
            stack += [*each.args, *(pair.value for pair in each.kwargs)]
            continue
        if isinstance(each, nodes.Call) and isinstance(each.node, nodes.Getattr):
            stack += [each.node.node, *each.args]
            continue
        stack += each.args if tolerant else each.iter_child_nodes()
    return found


def _path(node: Any) -> tuple[str, ...]:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        inner = _path(node.node)
        return (*inner, node.attr) if inner else ()
    return ()

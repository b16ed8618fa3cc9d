"""The state that the parts of the compiler share while one text is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from pyrsistent import PMap

from attune_nb.context import Outcome, TaskRecord
from attune_nb.errors import TemplateError
from attune_nb.templates.compiler.codegen import path_function
from attune_nb.templates.compiler.name_lookup import is_task_call, look_up, path_of
from attune_nb.templates.members import Undefined
from attune_nb.templates.sandbox import record_to_object

if TYPE_CHECKING:
    from collections.abc import Callable

    Evaluate = Callable[[Any], Any]
    CompileNode = Callable[[Any, "BuildState"], Evaluate]

__all__ = ["BuildState"]

# The filters that may return `Undefined`.
_LENIENT_FILTERS = ("first", "last", "min", "max", "default", "d")

# The types of values that stand for an object.
_RECORDS: frozenset[type] = frozenset({Outcome, PMap, TaskRecord})


class BuildState:
    """The compilation of one text.

    Args:
        place: The position of the text; two calls of `uuid()` differ by their place.
        compilers: The compiler of each kind of node.
        lenient_nodes: The kinds of nodes that may evaluate to `Undefined` or to a record.

    Attributes:
        is_costly: Whether the text works against the budget of an evaluation.
        numbers: The values of the parts that are constant numbers.
    """

    __slots__ = ("_compilers", "_lenient_nodes", "_places", "is_costly", "numbers", "place")

    def __init__(
        self,
        place: str,
        compilers: dict[type[nodes.Node], CompileNode],
        lenient_nodes: tuple[type[nodes.Node], ...],
    ) -> None:
        self.place = place
        self.is_costly = False
        self.numbers: dict[Evaluate, int | float] = {}
        self._compilers = compilers
        self._lenient_nodes = lenient_nodes
        self._places = 0

    def next_place(self) -> str:
        """Return a place that no other call of `uuid()` has."""
        self._places += 1
        return f"{self.place}:{self._places}"

    def compile_lenient(self, node: nodes.Node) -> Evaluate:
        """Compile a node that may evaluate to `Undefined` or to a record."""
        compile_node = self._compilers.get(type(node))
        if compile_node is None:
            raise TemplateError(f"`{type(node).__name__}` is not part of an expression")
        return compile_node(node, self)

    def compile_value(self, node: nodes.Node) -> Evaluate:
        """Compile a node; an undefined name in it raises `TemplateError` when it is evaluated."""
        lenient = self.compile_lenient(node)
        if is_task_call(node):
            return _strict(lenient)
        if not isinstance(node, self._lenient_nodes):
            return lenient
        if isinstance(node, nodes.Filter) and node.name not in _LENIENT_FILTERS:
            return lenient

        path = path_of(node)
        if path is None:
            return _strict(lenient)
        return path_function(path, _strict(look_up(*path)))

    def compile_values(self, values: list[Any]) -> list[Evaluate]:
        """Compile several nodes."""
        return [self.compile_value(node) for node in values]


def _strict(lenient: Evaluate) -> Evaluate:
    def strict(scope: Any) -> Any:
        value = lenient(scope)
        kind = type(value)
        if kind is Undefined:
            raise TemplateError(value.message)
        return record_to_object(value) if kind in _RECORDS else value

    return strict

"""What the parts of the compiler share while one text is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from pyrsistent import PMap

from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.templates.compiler.codegen import path_function
from attune_nb.templates.compiler.name_lookup import look_up, path_of
from attune_nb.templates.members import Missing
from attune_nb.templates.sandbox import record_to_map

if TYPE_CHECKING:
    from collections.abc import Callable

    Evaluate = Callable[[Any], Any]
    Compiler = Callable[[Any, "Build"], Evaluate]

__all__ = ["Build"]

_EMPTY_HANDED = ("first", "last", "min", "max", "default", "d")  # filters that may give nothing
_RECORDS: frozenset[type] = frozenset({Outcome, PMap})


class Build:
    """The compilation of one text.

    Args:
        place: Where the text stands; two calls of `uuid()` differ by their place.
        compilers: How each kind of node is compiled.
        may_miss: The kinds of node that may give `Missing` or a record.

    Attributes:
        costly: Whether something in it works against the budget of an evaluation.
        numbers: The parts that are a number, whatever the context.
    """

    __slots__ = ("_compilers", "_may_miss", "_uuids", "costly", "numbers", "place")

    def __init__(
        self,
        place: str,
        compilers: dict[type[nodes.Node], Compiler],
        may_miss: tuple[type[nodes.Node], ...],
    ) -> None:
        self.place = place
        self.costly = False
        self.numbers: dict[Evaluate, int | float] = {}
        self._compilers = compilers
        self._may_miss = may_miss
        self._uuids = 0

    def next_place(self) -> str:
        """Give a place of its own to each `uuid()`."""
        self._uuids += 1
        return f"{self.place}:{self._uuids}"

    def lenient(self, node: nodes.Node) -> Evaluate:
        """Compile a node; what it gives may be `Missing`, or a record."""
        compiler = self._compilers.get(type(node))
        if compiler is None:
            raise TemplateError(f"`{type(node).__name__}` is not part of an expression")
        return compiler(node, self)

    def value(self, node: nodes.Node) -> Evaluate:
        """Compile a node; an undefined name in it raises `TemplateError`."""
        lenient = self.lenient(node)
        if not isinstance(node, self._may_miss) or (
            isinstance(node, nodes.Filter) and node.name not in _EMPTY_HANDED
        ):
            return lenient
        path = path_of(node)
        if path is None:
            return _strict(lenient)
        general = _strict(look_up(*path))
        return path_function(path, general) or general

    def values(self, many: list[Any]) -> list[Evaluate]:
        """Compile several nodes."""
        return [self.value(each) for each in many]


def _strict(lenient: Evaluate) -> Evaluate:
    def strict(scope: Any) -> Any:
        value = lenient(scope)
        kind = type(value)
        if kind is Missing:
            raise TemplateError(value.message)
        return record_to_map(value) if kind in _RECORDS else value

    return strict

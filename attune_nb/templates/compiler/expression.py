"""The compilers of all kinds of nodes in an expression.

A Jinja2 expression becomes closures that take a scope and return a value. Names are looked up when
they are reached, so the cost of an evaluation depends on the names that it reads and not on the
number of names in the context. Jinja2 only parses: it evaluates nothing, and folds no constants.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.context import ENVELOPE_WORDS
from attune_nb.errors import TemplateError
from attune_nb.templates.compiler import calls, operators
from attune_nb.templates.compiler.build import BuildState
from attune_nb.templates.compiler.codegen import path_function
from attune_nb.templates.compiler.name_lookup import describe_node, look_up, path_of
from attune_nb.templates.members import get_member, get_result_member
from attune_nb.templates.sandbox import charge_key, check_number, describe_kind

if TYPE_CHECKING:
    from attune_nb.templates.compiler.build import CompileNode, Evaluate

__all__ = ["new_build_state"]

_LENIENT_NODES = (nodes.Name, nodes.Getattr, nodes.Getitem, nodes.CondExpr, nodes.Filter)


def new_build_state(place: str = "") -> BuildState:
    """Return the state for compiling the expressions of one text.

    Args:
        place: The position of the text; two calls of `uuid()` differ by their place.
    """
    return BuildState(place, _COMPILERS, _LENIENT_NODES)


def _compile_constant(node: Any, build: BuildState) -> Evaluate:
    value = node.value
    if type(value) is float and not math.isfinite(value):
        raise TemplateError("a number is too large to be written like this")
    if type(value) is int:
        check_number(value)

    def constant(_: Any) -> Any:
        return value

    if type(value) in (int, float):
        build.numbers[constant] = value
    return constant


def _compile_path(node: Any, build: BuildState) -> Evaluate:
    path = path_of(node)
    if path is None:
        return _compile_member(node, build)
    return path_function(path, look_up(*path))


def _compile_member(node: Any, build: BuildState) -> Evaluate:
    inner = build.compile_lenient(node.node)
    owner = describe_node(node.node)
    if isinstance(node, nodes.Getattr):
        name = node.attr
        if name in ENVELOPE_WORDS and owner == "`result()`":
            return _compile_result_member(inner, name, owner)
        return lambda scope: get_member(inner(scope), name, owner)
    if isinstance(node.arg, nodes.Slice):
        return _compile_slice(node, build)

    key = build.compile_value(node.arg)
    return lambda scope: get_member(inner(scope), key(scope), owner)


def _compile_result_member(result: Evaluate, word: str, owner: str) -> Evaluate:
    """Compile `result().data` and its like."""

    def read(scope: Any) -> Any:
        # refuses the call if no task has just ended
        result(scope)
        return get_result_member(scope.outcome, word, owner)

    return read


def _compile_slice(node: Any, build: BuildState) -> Evaluate:
    build.is_costly = True
    inner = build.compile_lenient(node.node)
    owner = describe_node(node.node)
    bounds: list[Evaluate] = []
    for bound in (node.arg.start, node.arg.stop, node.arg.step):
        if bound is None:
            bounds.append(_no_bound)
        else:
            bounds.append(build.compile_value(bound))

    def cut(scope: Any) -> Any:
        value = inner(scope)

        numbers = [bound(scope) for bound in bounds]
        for number in numbers:
            if number is not None and type(number) is not int:
                raise TemplateError(f"a slice takes integers, not {describe_kind(number)}")
        if numbers[2] == 0:
            raise TemplateError("a slice takes a step that is not 0")

        return get_member(value, slice(*numbers), owner)

    return cut


def _no_bound(_: Any) -> None:
    """Return the bound of a slice that is not written."""


def _compile_array(node: Any, build: BuildState) -> Evaluate:
    parts = build.compile_values(node.items)
    return lambda scope: [part(scope) for part in parts]


def _compile_object(node: Any, build: BuildState) -> Evaluate:
    pairs = [
        (build.compile_value(pair.key), build.compile_value(pair.value)) for pair in node.items
    ]

    def make_object(scope: Any) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key, value in pairs:
            name = key(scope)
            if type(name) is not str:
                if type(name) not in (int, float, bool):
                    raise TemplateError(f"an object's key is a string, not {describe_kind(name)}")
                charge_key(result, name)
            result[name] = value(scope)
        return result

    return make_object


_COMPILERS: dict[type[nodes.Node], CompileNode] = {
    nodes.Const: _compile_constant,
    nodes.Name: _compile_path,
    nodes.Getattr: _compile_path,
    nodes.Getitem: _compile_path,
    nodes.Call: calls.compile_call,
    nodes.Filter: calls.compile_filter,
    nodes.Test: calls.compile_test,
    nodes.And: operators.compile_logic,
    nodes.Or: operators.compile_logic,
    nodes.Not: operators.compile_unary,
    nodes.Neg: operators.compile_unary,
    nodes.Pos: operators.compile_unary,
    nodes.Add: operators.compile_binary,
    nodes.Sub: operators.compile_binary,
    nodes.Mul: operators.compile_binary,
    nodes.Div: operators.compile_binary,
    nodes.FloorDiv: operators.compile_binary,
    nodes.Mod: operators.compile_binary,
    nodes.Pow: operators.compile_binary,
    nodes.Compare: operators.compile_comparison,
    nodes.CondExpr: operators.compile_conditional,
    nodes.Concat: operators.compile_concatenation,
    nodes.List: _compile_array,
    nodes.Tuple: _compile_array,
    nodes.Dict: _compile_object,
}

"""A Jinja2 expression, compiled to closures that take a scope and give a value.

Names are looked up when they are reached, so evaluating costs what the expression touches,
whatever the number of names in the context. Jinja2 only parses: it evaluates nothing, and
folds no constants.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.errors import TemplateError
from attune_nb.templates.compiler import calls, operators
from attune_nb.templates.compiler.build import Build
from attune_nb.templates.compiler.codegen import path_function
from attune_nb.templates.compiler.name_lookup import look_up, path_of, said
from attune_nb.templates.members import Missing, member
from attune_nb.templates.sandbox import begin_evaluation, small, type_of, weigh

if TYPE_CHECKING:
    from attune_nb.templates.compiler.build import Compiler, Evaluate

__all__ = ["Missing", "compile_expression", "new_build", "weighed"]

_MAY_MISS = (nodes.Name, nodes.Getattr, nodes.Getitem, nodes.CondExpr, nodes.Filter)


def new_build(place: str = "") -> Build:
    """Start compiling the expressions of one text."""
    return Build(place, _COMPILERS, _MAY_MISS)


def compile_expression(node: nodes.Node, place: str = "") -> Evaluate:
    """Compile one expression to be evaluated by itself.

    Args:
        node: What Jinja2 has parsed.
        place: Where it stands; it makes `uuid()` here differ from those elsewhere.

    Raises:
        TemplateError: Something in it is not part of the language. Evaluating raises it for
            what is undefined or of the wrong type.
    """
    build = new_build(place)
    inner = build.value(node)
    evaluate = weighed(inner) if build.costly else inner

    def whole(scope: Any) -> Any:
        begin_evaluation()
        return evaluate(scope)

    return whole if build.costly else evaluate


def weighed(evaluate: Evaluate) -> Evaluate:
    """Charge for what an expression has made, when it leaves."""

    def leave(scope: Any) -> Any:
        value = evaluate(scope)
        kind = type(value)
        if kind is list or kind is dict or kind is tuple:
            weigh(value)
        return value

    return leave


def _constant(node: Any, build: Build) -> Evaluate:
    value = node.value
    if type(value) is float and not math.isfinite(value):
        raise TemplateError("a number is too large to be written like this")
    if type(value) is int:
        small(value)

    def constant(_: Any) -> Any:
        return value

    if type(value) in (int, float):
        build.numbers[constant] = value
    return constant


def _path(node: Any, build: Build) -> Evaluate:
    path = path_of(node)
    if path is None:
        return _attribute(node, build)
    general = look_up(*path)
    return path_function(path, general) or general


def _attribute(node: Any, build: Build) -> Evaluate:
    inner, whose = build.lenient(node.node), said(node.node)
    if isinstance(node, nodes.Getattr):
        attribute = node.attr
        return lambda scope: member(inner(scope), attribute, whose)
    if isinstance(node.arg, nodes.Slice):
        return _slice(node, build)
    key = build.value(node.arg)
    return lambda scope: member(inner(scope), key(scope), whose)


def _slice(node: Any, build: Build) -> Evaluate:
    build.costly = True
    inner, whose = build.lenient(node.node), said(node.node)
    bounds = (node.arg.start, node.arg.stop, node.arg.step)
    parts = [build.value(each) if each else (lambda _: None) for each in bounds]

    def cut(scope: Any) -> Any:
        value = inner(scope)
        given = [part(scope) for part in parts]
        for each in given:
            if each is not None and type(each) is not int:
                raise TemplateError(f"a slice takes whole numbers, not {type_of(each)}")
        if given[2] == 0:
            raise TemplateError("a slice takes a step that is not 0")
        return member(value, slice(*given), whose)

    return cut


def _sequence(node: Any, build: Build) -> Evaluate:
    parts = build.values(node.items)
    return lambda scope: [part(scope) for part in parts]


def _mapping(node: Any, build: Build) -> Evaluate:
    pairs = [(build.value(each.key), build.value(each.value)) for each in node.items]

    def make(scope: Any) -> dict[Any, Any]:
        made = {}
        for key, value in pairs:
            name = key(scope)
            if type(name) not in (str, int, float, bool):
                raise TemplateError(f"an object's key is a string, not {type_of(name)}")
            made[name] = value(scope)
        return made

    return make


_COMPILERS: dict[type[nodes.Node], Compiler] = {
    nodes.Const: _constant,
    **dict.fromkeys((nodes.Name, nodes.Getattr, nodes.Getitem), _path),
    nodes.Call: calls.call,
    nodes.Filter: calls.filtered,
    nodes.Test: calls.tested,
    **dict.fromkeys((nodes.And, nodes.Or), operators.logic),
    **dict.fromkeys((nodes.Not, nodes.Neg, nodes.Pos), operators.unary),
    **dict.fromkeys(
        (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow),
        operators.binary,
    ),
    nodes.Compare: operators.compare,
    nodes.CondExpr: operators.condition,
    nodes.Concat: operators.concat,
    **dict.fromkeys((nodes.List, nodes.Tuple), _sequence),
    nodes.Dict: _mapping,
}

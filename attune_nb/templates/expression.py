"""A Jinja2 expression, compiled to closures that take a scope and give a value.

Names are looked up when they are reached, so evaluating costs what the expression touches,
whatever the number of names in the context.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from pyrsistent import PMap

from attune_nb.context import ABSENT, Outcome
from attune_nb.errors import TemplateError, nearest
from attune_nb.templates import functions
from attune_nb.templates.sandbox import METHODS, bounded, environment, is_plain, operate

if TYPE_CHECKING:
    from collections.abc import Callable

    Evaluate = Callable[[Any], Any]

__all__ = ["NAMESPACES", "Missing", "compile_expression"]

NAMESPACES = {
    "parameters": "parameters",
    "workflow": "variables",
    "vars": "variables",
    "variables": "variables",
    "task": "tasks",
    "tasks": "tasks",
    "config": "config",
    "keystore": "keystore",
    "system": "system",
}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda a, b: a in b,
    "notin": lambda a, b: a not in b,
}


class Missing:
    """What an undefined name gives where the expression asks whether it is defined."""

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        self.message = message


def compile_expression(node: nodes.Node, place: str = "") -> Evaluate:
    """Compile one expression; an undefined name in it raises `TemplateError`."""
    lenient = _compile(node, place)
    if not isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem | nodes.CondExpr):
        return lenient

    def strict(scope: Any) -> Any:
        value = lenient(scope)
        if type(value) is Missing:
            raise TemplateError(value.message)
        return value

    return strict


def _compile(node: nodes.Node, place: str) -> Evaluate:
    for kind in type(node).__mro__:
        if kind in _COMPILERS:
            return _COMPILERS[kind](node, place)
    raise TemplateError(f"`{type(node).__name__}` is not part of an expression")


def _constant(node: Any, _place: str) -> Evaluate:
    value = node.value
    return lambda _: value


def _name(node: Any, _place: str) -> Evaluate:
    name: str = node.name
    if name in ("item", "index"):
        get = operator.attrgetter(name)

        def of_item(scope: Any) -> Any:
            value = get(scope)
            if value is ABSENT:
                return Missing(f"`{name}` exists only in a task with `with_items`")
            return value

        return of_item
    if name in NAMESPACES:
        return operator.attrgetter(f"context.{NAMESPACES[name]}")

    def variable(scope: Any) -> Any:
        variables = scope.context.variables
        if name in variables:
            return variables[name]
        known = [*variables, *NAMESPACES, "item", "index"]
        return Missing(f"`{name}` is undefined{nearest(name, known)}")

    return variable


def member(value: Any, key: Any, said: str) -> Any:
    """Give `value.key` or `value[key]` as the language defines it, or `Missing`."""
    if type(value) is Missing:
        return value
    if isinstance(value, Outcome):
        return _of_outcome(value, key, said)
    if isinstance(value, PMap) or (is_plain(value) and isinstance(value, dict)):
        if key in value:
            return value[key]
        return Missing(f"{said} has no `{key}`{nearest(str(key), map(str, value))}")
    if not is_plain(value):
        raise TemplateError(f"{said} is a {type(value).__name__}, which passes only as a whole")
    if isinstance(value, list | tuple | str) and isinstance(key, int | slice):
        try:
            return value[key]
        except IndexError:
            return Missing(f"{said} has {len(value)} parts, so none at {key}")
    return Missing(f"{said} is {functions.type_of(value)} and has no `{key}`")


def _of_outcome(outcome: Outcome, key: Any, said: str) -> Any:
    if isinstance(outcome.result, dict) and key in outcome.result:
        return outcome.result[key]
    fields = (*outcome.__struct_fields__, "succeeded")
    if key in fields:
        return getattr(outcome, key)
    known = [*(outcome.result if isinstance(outcome.result, dict) else ()), *fields]
    return Missing(f"{said} has no `{key}`{nearest(str(key), map(str, known))}")


def _attribute(node: Any, place: str) -> Evaluate:
    inner, key, said = _compile(node.node, place), node.attr, f"`{_said(node.node)}`"
    return lambda scope: member(inner(scope), key, said)


def _subscript(node: Any, place: str) -> Evaluate:
    inner, said = _compile(node.node, place), f"`{_said(node.node)}`"
    if isinstance(node.arg, nodes.Slice):
        parts = [
            compile_expression(part, place) if part else (lambda _: None)
            for part in (node.arg.start, node.arg.stop, node.arg.step)
        ]
        return lambda scope: member(inner(scope), slice(*(part(scope) for part in parts)), said)
    key = compile_expression(node.arg, place)
    return lambda scope: member(inner(scope), key(scope), said)


def _said(node: Any) -> str:
    if isinstance(node, nodes.Name):
        return str(node.name)
    if isinstance(node, nodes.Getattr):
        return f"{_said(node.node)}.{node.attr}"
    return "the value" if not isinstance(node, nodes.Call) else f"{_said(node.node)}()"


def _call(node: Any, place: str) -> Evaluate:
    arguments = [compile_expression(each, place) for each in node.args]
    named = {pair.key: compile_expression(pair.value, place) for pair in node.kwargs}
    if node.dyn_args or node.dyn_kwargs:
        raise TemplateError("`*` and `**` are not part of a call here")
    if isinstance(node.node, nodes.Getattr):
        return _method(node, arguments, place)
    name = getattr(node.node, "name", None)
    if name in functions.OUTCOME_FUNCTIONS and not arguments:
        return _outcome_function(name)
    if name == "now" and not arguments:
        return lambda scope: functions.now_text(_moment(scope, name).time)
    if name == "uuid" and not arguments:
        spot = place or f"{place}:{node.lineno}:{id(node)}"
        return lambda scope: functions.moment_uuid(_moment(scope, name).seed, spot)
    if name not in functions.FUNCTIONS:
        known = [*functions.FUNCTIONS, *functions.OUTCOME_FUNCTIONS, "now", "uuid"]
        raise TemplateError(f"there is no function `{name}`{nearest(str(name), known)}")
    function = functions.FUNCTIONS[name]

    def call(scope: Any) -> Any:
        given = [each(scope) for each in arguments]
        return bounded(function(*given, **{key: each(scope) for key, each in named.items()}))

    return call


def _outcome_function(name: str) -> Evaluate:
    function = functions.OUTCOME_FUNCTIONS[name]

    def of_outcome(scope: Any) -> Any:
        if scope.outcome is None:
            raise TemplateError(f"`{name}()` can be asked only in a task's `next`")
        return function(scope.outcome)

    return of_outcome


def _moment(scope: Any, name: str) -> Any:
    if scope.context.moments is None:
        raise TemplateError(f"`{name}()` can be asked only within a run")
    return scope.context.moments()


def _method(node: Any, arguments: list[Evaluate], place: str) -> Evaluate:
    target, name = compile_expression(node.node.node, place), node.node.attr

    def call(scope: Any) -> Any:
        value = target(scope)
        for kind, allowed in METHODS.items():
            if is_plain(value) and isinstance(value, kind) and name in allowed:
                given = [each(scope) for each in arguments]
                result = getattr(kind, name)(value, *given)
                return bounded(result if is_plain(result) else list(result))
        raise TemplateError(f"`.{name}()` cannot be called on {functions.type_of(value)}")

    return call


def _filter(node: Any, place: str) -> Evaluate:
    env = environment()
    if node.name not in env.filters:
        raise TemplateError(f"there is no filter `{node.name}`{nearest(node.name, env.filters)}")
    inner = _compile(node.node, place)
    if node.name in ("default", "d"):
        return _default(inner, node, place)
    strict = compile_expression(node.node, place)
    arguments = [compile_expression(each, place) for each in node.args]
    named = {pair.key: compile_expression(pair.value, place) for pair in node.kwargs}
    if node.name == "tojson":
        return lambda scope: functions.to_json(strict(scope))

    def apply(scope: Any) -> Any:
        value = strict(scope)
        if not is_plain(value):
            raise TemplateError(f"`{node.name}` cannot look into a {type(value).__name__}")
        given = [each(scope) for each in arguments]
        keyed = {key: each(scope) for key, each in named.items()}
        return _plain_result(env.call_filter(node.name, value, given, keyed))

    return apply


def _plain_result(value: Any) -> Any:
    if is_plain(value):
        return bounded(value)
    if isinstance(value, str):  # Markup, which Jinja2's own filters give
        return bounded(str.__str__(value)[:])
    return [_plain_result(each) for each in value]


def _default(inner: Evaluate, node: Any, place: str) -> Evaluate:
    fallback = compile_expression(node.args[0], place) if node.args else (lambda _: "")
    falsy = compile_expression(node.args[1], place) if len(node.args) > 1 else (lambda _: False)

    def choose(scope: Any) -> Any:
        value = inner(scope)
        empty = type(value) is Missing or (falsy(scope) and not value)
        return fallback(scope) if empty else value

    return choose


def _test(node: Any, place: str) -> Evaluate:
    env = environment()
    if node.name not in env.tests:
        raise TemplateError(f"there is no test `{node.name}`{nearest(node.name, env.tests)}")
    lenient = _compile(node.node, place)
    if node.name == "defined":
        return lambda scope: type(lenient(scope)) is not Missing
    if node.name == "undefined":
        return lambda scope: type(lenient(scope)) is Missing
    strict = compile_expression(node.node, place)
    arguments = [compile_expression(each, place) for each in node.args]
    return lambda scope: env.call_test(
        node.name, strict(scope), [each(scope) for each in arguments]
    )


def _binary(node: Any, place: str) -> Evaluate:
    left, right = compile_expression(node.left, place), compile_expression(node.right, place)
    sign, compute = node.operator, _BINARY[node.operator]
    return lambda scope: operate(sign, left(scope), right(scope), compute)


def _logic(node: Any, place: str) -> Evaluate:
    left, right = compile_expression(node.left, place), compile_expression(node.right, place)
    if isinstance(node, nodes.And):
        return lambda scope: left(scope) and right(scope)
    return lambda scope: left(scope) or right(scope)


def _unary(node: Any, place: str) -> Evaluate:
    inner = compile_expression(node.node, place)
    signs: dict[str, Callable[[Any], Any]]
    signs = {"not": operator.not_, "-": operator.neg, "+": operator.pos}
    compute = signs[node.operator]
    return lambda scope: compute(inner(scope))


def _compare(node: Any, place: str) -> Evaluate:
    first = compile_expression(node.expr, place)
    rest = [(_COMPARE[each.op], compile_expression(each.expr, place)) for each in node.ops]

    def compare(scope: Any) -> Any:
        left = first(scope)
        for compute, right in rest:
            value = right(scope)
            if not compute(left, value):
                return False
            left = value
        return True

    return compare


def _condition(node: Any, place: str) -> Evaluate:
    test, yes = compile_expression(node.test, place), _compile(node.expr1, place)
    no = _compile(node.expr2, place) if node.expr2 else (lambda _: "")
    return lambda scope: yes(scope) if test(scope) else no(scope)


def _sequence(node: Any, place: str) -> Evaluate:
    parts = [compile_expression(each, place) for each in node.items]
    return lambda scope: [part(scope) for part in parts]


def _mapping(node: Any, place: str) -> Evaluate:
    pairs = [
        (compile_expression(each.key, place), compile_expression(each.value, place))
        for each in node.items
    ]
    return lambda scope: {key(scope): value(scope) for key, value in pairs}


def _concat(node: Any, place: str) -> Evaluate:
    parts = [compile_expression(each, place) for each in node.nodes]
    return lambda scope: bounded("".join(functions.text_of(part(scope)) for part in parts))


_COMPILERS: dict[type, Callable[[Any, str], Evaluate]] = {
    nodes.Const: _constant,
    nodes.Name: _name,
    nodes.Getattr: _attribute,
    nodes.Getitem: _subscript,
    nodes.Call: _call,
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.And: _logic,
    nodes.Or: _logic,
    nodes.BinExpr: _binary,
    nodes.UnaryExpr: _unary,
    nodes.Compare: _compare,
    nodes.CondExpr: _condition,
    nodes.List: _sequence,
    nodes.Tuple: _sequence,
    nodes.Dict: _mapping,
    nodes.Concat: _concat,
}

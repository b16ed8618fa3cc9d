"""Calls of functions and methods, filters and tests, compiled.

Names and counts of arguments are checked here, once; types where the values are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.errors import TemplateError, nearest
from attune_nb.templates.compiler.map_select import EACH, map_each, select_each
from attune_nb.templates.library.filters import FILTERS, LEFT_OUT_FILTERS
from attune_nb.templates.library.filters_sequence import SEQUENCE_FILTERS
from attune_nb.templates.library.functions import (
    FUNCTIONS,
    LEFT_OUT_FUNCTIONS,
    SCOPE_FUNCTIONS,
    scoped_uuid,
)
from attune_nb.templates.library.jinja_tests import ASK_DEFINED, TESTS
from attune_nb.templates.library.methods import KNOWN_METHODS, method_of, no_method
from attune_nb.templates.library.to_text import compile_pattern
from attune_nb.templates.members import Missing
from attune_nb.templates.sandbox import truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.templates.compiler.build import Build, Evaluate
    from attune_nb.templates.library.signature import Callee

    Prepare = Callable[[Any], Callable[[Any], Any]]

__all__ = ["call", "filtered", "tested"]

_FILTERS = {**FILTERS, **SEQUENCE_FILTERS}
_DEFAULT = ("default", "d")
_KNOWN_FILTERS = {*_FILTERS, *_DEFAULT, *EACH, "map"}


def call(node: Any, build: Build) -> Evaluate:
    """Compile `name(...)` or `value.name(...)`."""
    build.costly = True
    if node.dyn_args or node.dyn_kwargs:
        raise TemplateError("`*` and `**` are not part of a call here; write each argument")
    if isinstance(node.node, nodes.Getattr):
        return _method(node, build)
    name = getattr(node.node, "name", None)
    if name is None:
        raise TemplateError("only a function or a method can be called, not a value")
    if name in SCOPE_FUNCTIONS or name == "uuid":
        return _scoped(name, node, build)
    if name not in FUNCTIONS:
        raise TemplateError(_no_function(name))
    return _function(FUNCTIONS[name], node, build)


def _no_function(name: str) -> str:
    if name in LEFT_OUT_FUNCTIONS:
        return f"the function `{name}` is not available here: {LEFT_OUT_FUNCTIONS[name]}"
    hint = nearest(name, [*FUNCTIONS, *SCOPE_FUNCTIONS, "uuid"])
    if not hint and name in _KNOWN_FILTERS:
        hint = f"; it is a filter: write `x|{name}`"
    return f"there is no function `{name}`{hint}"


def _scoped(name: str, node: Any, build: Build) -> Evaluate:
    if node.args or node.kwargs:
        got = len(node.args) + len(node.kwargs)
        raise TemplateError(f"`{name}()` takes no arguments, not {got}")
    if name == "uuid":
        place = build.next_place()
        return lambda scope: scoped_uuid(scope, place)
    return SCOPE_FUNCTIONS[name]


def _function(callee: Callee, node: Any, build: Build) -> Evaluate:
    positional, named = _arguments(callee, node.args, node.kwargs, build)
    function, check = callee.function, callee.check
    if callee.name == "match" and node.args and isinstance(node.args[0], nodes.Const):
        pattern = node.args[0].value
        if type(pattern) is str:
            compile_pattern(pattern)  # so that a wrong one is found when the workflow loads
    if not named:

        def by_position(scope: Any) -> Any:
            given = [each(scope) for each in positional]
            check(given, _NONE)
            return function(*given)

        return by_position

    def by_name(scope: Any) -> Any:
        given = [each(scope) for each in positional]
        keyed = {key: each(scope) for key, each in named.items()}
        check(given, keyed)
        return function(*given, **keyed)

    return by_name


_NONE: dict[str, Any] = {}


def _arguments(
    callee: Callee,
    arguments: list[nodes.Expr],
    keywords: list[nodes.Keyword],
    build: Build,
    *,
    skip: int = 0,
) -> tuple[list[Evaluate], dict[str, Evaluate]]:
    """Bind arguments; those given by name become positional as far as there is no gap."""
    named = {pair.key: build.value(pair.value) for pair in keywords}
    if len(named) < len(keywords):
        raise TemplateError(f"`{callee.name}` is given an argument twice")
    positional = build.values(list(arguments))
    callee.bind(len(positional) + skip, named, skip=skip)
    for each in callee.parameters[len(positional) + skip :]:
        if each.name not in named:
            break
        positional.append(named.pop(each.name))
    return positional, named


def _method(node: Any, build: Build) -> Evaluate:
    name, target = node.node.attr, build.value(node.node.node)
    if name not in KNOWN_METHODS:
        raise no_method(name, KNOWN_METHODS, "a value")
    positional = build.values(node.args)
    named = {pair.key: build.value(pair.value) for pair in node.kwargs}
    count = len(positional) + 1

    def invoke(scope: Any) -> Any:
        value = target(scope)
        callee = method_of(value, name)
        callee.bind(count, named, skip=1)
        given = [value, *(each(scope) for each in positional)]
        keyed = {key: each(scope) for key, each in named.items()}
        for each in callee.parameters[count:]:
            if each.name not in keyed:
                break
            given.append(keyed.pop(each.name))
        callee.check(given, keyed)
        return callee.function(*given, **keyed)

    return invoke


def filtered(node: Any, build: Build) -> Evaluate:
    """Compile `value|name(...)`."""
    build.costly = True
    if node.dyn_args or node.dyn_kwargs:
        raise TemplateError("`*` and `**` are not part of a filter here; write each argument")
    if node.node is None:
        raise TemplateError(f"the filter `{node.name}` needs a value before the `|`")
    if node.name in _DEFAULT:
        return _default(node, build)
    inner = build.value(node.node)
    callee = _FILTERS.get(node.name)
    if callee is not None and not node.args and not node.kwargs:
        callee.bind(1, (), skip=1)
        function, check, typed = callee.function, callee.check, callee.typed

        def alone(scope: Any) -> Any:
            value = inner(scope)
            if typed:
                check((value,), _NONE)
            return function(value)

        return alone
    return _applied(inner, _prepare_filter(node.name, node.args, node.kwargs, build))


def _applied(inner: Evaluate, prepare: Prepare) -> Evaluate:
    """Evaluate what stands on the left first, then the arguments, as the text reads."""

    def apply(scope: Any) -> Any:
        value = inner(scope)
        return prepare(scope)(value)

    return apply


def _prepare_filter(
    name: str, arguments: list[nodes.Expr], named: list[nodes.Keyword], build: Build
) -> Prepare:
    if name == "map":
        return map_each(arguments, named, build, _prepare_filter)
    if name in EACH:
        return select_each(name, arguments, named, build, _prepare_test)
    if name in _DEFAULT:
        fallback, falsy = _fallback(name, arguments, named, build)
        return lambda scope: (
            lambda value: value if truth(value) or not truth(falsy(scope)) else fallback(scope)
        )
    if name not in _FILTERS:
        raise TemplateError(_no_filter(name))
    return _prepared(_FILTERS[name], arguments, named, build)


def _no_filter(name: str) -> str:
    if name in LEFT_OUT_FILTERS:
        return f"the filter `{name}` is not available here: {LEFT_OUT_FILTERS[name]}"
    hint = nearest(name, _KNOWN_FILTERS)
    if name in FUNCTIONS:
        hint = f"; it is a function: write `{FUNCTIONS[name].shown()}`"
    return f"there is no filter `{name}`{hint}"


def _prepared(
    callee: Callee,
    arguments: list[nodes.Expr],
    keywords: list[nodes.Keyword],
    build: Build,
) -> Prepare:
    positional, named = _arguments(callee, arguments, keywords, build, skip=1)
    function, check, typed = callee.function, callee.check, callee.typed

    def prepare(scope: Any) -> Callable[[Any], Any]:
        given = [each(scope) for each in positional]
        keyed = {key: each(scope) for key, each in named.items()}

        def apply(value: Any) -> Any:
            if typed:
                check((value, *given), keyed)
            return function(value, *given, **keyed)

        return apply

    return prepare


def _fallback(
    name: str, arguments: list[nodes.Expr], named: list[nodes.Keyword], build: Build
) -> tuple[Evaluate, Evaluate]:
    given = dict(zip(("default_value", "boolean"), build.values(arguments), strict=False))
    given |= {pair.key: build.value(pair.value) for pair in named}
    if len(arguments) + len(named) != len(given) or not given.keys() <= {
        "default_value",
        "boolean",
    }:
        raise TemplateError(f"`{name}` takes 0 to 2 arguments: `default_value` and `boolean`")
    empty = given.get("default_value", lambda _: "")
    return empty, given.get("boolean", lambda _: False)


def _default(node: Any, build: Build) -> Evaluate:
    inner = build.lenient(node.node)
    fallback, falsy = _fallback(node.name, node.args, node.kwargs, build)

    def choose(scope: Any) -> Any:
        value = inner(scope)
        empty = type(value) is Missing or (truth(falsy(scope)) and not truth(value))
        return fallback(scope) if empty else value

    return choose


def tested(node: Any, build: Build) -> Evaluate:
    """Compile `value is name(...)`."""
    build.costly = True
    if node.dyn_args or node.dyn_kwargs:
        raise TemplateError("`*` and `**` are not part of a test here; write each argument")
    if node.name in ASK_DEFINED and not node.args and not node.kwargs:
        lenient, wanted = build.lenient(node.node), node.name == "undefined"
        return lambda scope: (type(lenient(scope)) is Missing) is wanted
    inner = build.value(node.node)
    return _applied(inner, _prepare_test(node.name, node.args, node.kwargs, build))


def _prepare_test(
    name: str, arguments: list[nodes.Expr], named: list[nodes.Keyword], build: Build
) -> Prepare:
    if name in ("filter", "test"):
        raise TemplateError(f"the test `{name}` is not available here; a wrong name is an error")
    if name not in TESTS:
        raise TemplateError(f"there is no test `{name}`{nearest(name, TESTS)}")
    prepare = _prepared(TESTS[name], arguments, named, build)
    if name in ASK_DEFINED:
        wanted = name == "undefined"
        return lambda _: lambda value: (type(value) is Missing) is wanted

    def known(scope: Any) -> Callable[[Any], Any]:
        apply = prepare(scope)

        def judge(value: Any) -> Any:
            if type(value) is Missing:
                raise TemplateError(value.message)
            return apply(value)

        return judge

    return known

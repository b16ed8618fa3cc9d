"""The compilers of calls: functions, methods, filters and tests.

The names and the number of arguments are checked once, here; their types when the values are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.errors import TemplateError, nearest
from attune_nb.templates.compiler.map_select import SELECT_FILTERS, compile_map, compile_select
from attune_nb.templates.compiler.name_lookup import path_of
from attune_nb.templates.compiler.operators import compile_format, constant_string
from attune_nb.templates.library.filters import FILTERS, LEFT_OUT_FILTERS
from attune_nb.templates.library.filters_sequence import SEQUENCE_FILTERS
from attune_nb.templates.library.foreign_names import (
    explain_foreign_function,
    explain_foreign_name,
)
from attune_nb.templates.library.formats import (
    parse_brace_format,
    parse_percent_format,
    refuse_computed_format,
)
from attune_nb.templates.library.functions import (
    FUNCTIONS,
    LEFT_OUT_FUNCTIONS,
    SCOPE_FUNCTIONS,
    TASK_FUNCTION,
    scoped_uuid,
)
from attune_nb.templates.library.jinja_tests import DEFINED_TESTS, TESTS
from attune_nb.templates.library.methods import METHOD_NAMES, get_method, no_method
from attune_nb.templates.library.outer_names import explain_outer_function
from attune_nb.templates.library.to_text import check_constant_pattern
from attune_nb.templates.members import Undefined
from attune_nb.templates.sandbox import is_true

if TYPE_CHECKING:
    from attune_nb.templates.compiler.build import BuildState, Evaluate
    from attune_nb.templates.compiler.map_select import Apply, Prepare
    from attune_nb.templates.library.formats import Format
    from attune_nb.templates.library.signature import Callee

__all__ = ["FILTER_NAMES", "compile_call", "compile_filter", "compile_test"]

_ALL_FILTERS = {**FILTERS, **SEQUENCE_FILTERS}
_DEFAULT_FILTERS = ("default", "d")
FILTER_NAMES = {*_ALL_FILTERS, *_DEFAULT_FILTERS, *SELECT_FILTERS, "map"}

# The parameters of `default`.
_FALLBACK = "default_value"
_BOOLEAN = "boolean"

# The filter and the method of strings that are compiled with their format.
_FORMAT = "format"

_NO_NAMED: dict[str, Any] = {}


def compile_call(node: Any, build: BuildState) -> Evaluate:
    """Compile `name(...)` or `value.name(...)`."""
    build.is_costly = True
    if node.dyn_args or node.dyn_kwargs:
        raise TemplateError("`*` and `**` are not part of a call here; write each argument")
    if isinstance(node.node, nodes.Getattr):
        if node.node.attr == _FORMAT:
            source = _constant_format(node.node.node)
            return _compile_format(parse_brace_format(source), node, build)
        return _compile_method(node, build)
    if not isinstance(node.node, nodes.Name):
        raise TemplateError("only a function or a method can be called, not a value")

    name = node.node.name
    if name in SCOPE_FUNCTIONS or name == "uuid":
        return _compile_scope_function(name, node, build)
    if name == TASK_FUNCTION.name:
        return _compile_task(node, build)
    if name not in FUNCTIONS:
        raise TemplateError(_no_function(name, node.args))
    return _compile_function(FUNCTIONS[name], node, build)


def _no_function(name: str, arguments: list[nodes.Expr]) -> str:
    if name in LEFT_OUT_FUNCTIONS:
        return f"the function `{name}` is not available here: {LEFT_OUT_FUNCTIONS[name]}"

    hint = explain_outer_function(name)
    if not hint:
        hint = explain_foreign_function(name, _constant_strings(arguments))
    if not hint:
        hint = nearest(name, [*FUNCTIONS, *SCOPE_FUNCTIONS, "uuid", TASK_FUNCTION.name])
    if not hint and name in FILTER_NAMES:
        hint = f"; it is a filter: write `x|{name}`"
    return f"there is no function `{name}`{hint}"


def _constant_strings(arguments: list[nodes.Expr]) -> list[str]:
    values = [argument.value for argument in arguments if isinstance(argument, nodes.Const)]
    return [value for value in values if isinstance(value, str)]


def _compile_scope_function(name: str, node: Any, build: BuildState) -> Evaluate:
    count = len(node.args) + len(node.kwargs)
    if count:
        raise TemplateError(f"`{name}()` takes no arguments, not {count}")

    if name == "uuid":
        place = build.next_place()
        return lambda scope: scoped_uuid(scope, place)
    return SCOPE_FUNCTIONS[name]


def _compile_task(node: Any, build: BuildState) -> Evaluate:
    """Compile `task(name)`, whose value is a record, or `Undefined` if no such task has ended."""
    (name_of_task,), _ = _compile_arguments(TASK_FUNCTION, node.args, node.kwargs, build)

    def find_record(scope: Any) -> Any:
        name = name_of_task(scope)
        TASK_FUNCTION.check((name,), _NO_NAMED)
        return TASK_FUNCTION.function(scope.context, name)

    return find_record


def _compile_function(callee: Callee, node: Any, build: BuildState) -> Evaluate:
    positional, named = _compile_arguments(callee, node.args, node.kwargs, build)
    function = callee.function
    check = callee.check
    if callee.name == "match":
        _check_pattern(node.args)

    if not named:

        def call_by_position(scope: Any) -> Any:
            values = [argument(scope) for argument in positional]
            check(values, _NO_NAMED)
            return function(*values)

        return call_by_position

    def call_by_name(scope: Any) -> Any:
        values = [argument(scope) for argument in positional]
        named_values = {key: argument(scope) for key, argument in named.items()}
        check(values, named_values)
        return function(*values, **named_values)

    return call_by_name


def _check_pattern(arguments: list[nodes.Expr]) -> None:
    """Compile a constant pattern, so that a wrong one is found when the workflow is loaded."""
    if not arguments or not isinstance(arguments[0], nodes.Const):
        return
    pattern = arguments[0].value
    if type(pattern) is str:
        check_constant_pattern(pattern)


def _compile_arguments(
    callee: Callee,
    arguments: list[nodes.Expr],
    keywords: list[nodes.Keyword],
    build: BuildState,
    *,
    skip: int = 0,
) -> tuple[list[Evaluate], dict[str, Evaluate]]:
    """Return the arguments by position and by name.

    Arguments that are written by name become positional, up to the first that is left out.
    """
    named = {pair.key: build.compile_value(pair.value) for pair in keywords}
    if len(named) < len(keywords):
        raise TemplateError(f"`{callee.name}` is given an argument twice")

    positional = build.compile_values(list(arguments))
    count = len(positional) + skip
    callee.check_count(count, named, skip=skip)
    for parameter in callee.parameters[count:]:
        if parameter.name not in named:
            break
        positional.append(named.pop(parameter.name))
    return positional, named


def _compile_method(node: Any, build: BuildState) -> Evaluate:
    name = node.node.attr
    target = build.compile_value(node.node.node)
    if name not in METHOD_NAMES:
        advice = _explain_foreign_method(node)
        if advice:
            raise TemplateError(advice)
        raise no_method(name, METHOD_NAMES, "a value")

    positional = build.compile_values(node.args)
    named = {pair.key: build.compile_value(pair.value) for pair in node.kwargs}
    count = len(positional) + 1

    def call_method(scope: Any) -> Any:
        value = target(scope)
        callee = get_method(value, name)
        callee.check_count(count, named, skip=1)
        values = [value, *(argument(scope) for argument in positional)]
        named_values = {key: argument(scope) for key, argument in named.items()}

        for parameter in callee.parameters[count:]:
            if parameter.name not in named_values:
                break
            values.append(named_values.pop(parameter.name))

        callee.check(values, named_values)
        return callee.function(*values, **named_values)

    return call_method


def _constant_format(node: nodes.Expr) -> str:
    """Return a format that is written in quotes.

    Raises:
        TemplateError: It is a value, which is known later.
    """
    source = constant_string(node)
    if source is None:
        refuse_computed_format()
    return source


def _compile_format(text: Format, node: Any, build: BuildState) -> Evaluate:
    """Compile `'%.2f' | format(x)` or `'{:.2f}'.format(x)`."""
    positional = build.compile_values(node.args)
    named = {pair.key: build.compile_value(pair.value) for pair in node.kwargs}
    if len(named) < len(node.kwargs):
        raise TemplateError("`format` is given an argument twice")
    return compile_format(text, positional, named)


def _explain_foreign_method(node: Any) -> str:
    """Return what to write instead of a call such as `os.getenv('X')`, or an empty string."""
    path = path_of(node.node)
    if path is None:
        return ""

    root, keys = path
    names = [key for key in keys if isinstance(key, str)]
    advice = explain_foreign_name([root, *names[:-1], *_constant_strings(node.args)])
    if not advice:
        return ""
    return f"`{'.'.join([root, *names])}()` is no call of the language{advice}"


def compile_filter(node: Any, build: BuildState) -> Evaluate:
    """Compile `value|name(...)`."""
    build.is_costly = True
    if node.dyn_args or node.dyn_kwargs:
        raise TemplateError("`*` and `**` are not part of a filter here; write each argument")
    if node.node is None:
        raise TemplateError(f"the filter `{node.name}` needs a value before the `|`")
    if node.name in _DEFAULT_FILTERS:
        return _compile_default(node, build)

    if node.name == _FORMAT:
        source = _constant_format(node.node)
        return _compile_format(parse_percent_format(source), node, build)

    inner = build.compile_value(node.node)
    callee = _ALL_FILTERS.get(node.name)
    if callee is not None and not node.args and not node.kwargs:
        return _compile_bare_filter(callee, inner)
    return _apply_to(inner, _prepare_filter(node.name, node.args, node.kwargs, build))


def _compile_bare_filter(callee: Callee, inner: Evaluate) -> Evaluate:
    callee.check_count(1, (), skip=1)
    function = callee.function
    check = callee.check
    is_typed = callee.is_typed

    def filter_value(scope: Any) -> Any:
        value = inner(scope)
        if is_typed:
            check((value,), _NO_NAMED)
        return function(value)

    return filter_value


def _apply_to(inner: Evaluate, prepare: Prepare) -> Evaluate:
    """Return an evaluation of the value on the left first, then of the arguments."""

    def evaluate(scope: Any) -> Any:
        value = inner(scope)
        return prepare(scope)(value)

    return evaluate


def _prepare_filter(
    name: str, arguments: list[nodes.Expr], keywords: list[nodes.Keyword], build: BuildState
) -> Prepare:
    if name == "map":
        return compile_map(arguments, keywords, build, _prepare_filter)
    if name in SELECT_FILTERS:
        return compile_select(name, arguments, keywords, build, _prepare_test)
    if name in _DEFAULT_FILTERS:
        return _prepare_default(name, arguments, keywords, build)
    if name == _FORMAT:
        refuse_computed_format()

    if name not in _ALL_FILTERS:
        raise TemplateError(_no_filter(name))
    return _prepare_callee(_ALL_FILTERS[name], arguments, keywords, build)


def _no_filter(name: str) -> str:
    if name in LEFT_OUT_FILTERS:
        return f"the filter `{name}` is not available here: {LEFT_OUT_FILTERS[name]}"

    hint = nearest(name, FILTER_NAMES)
    if name in FUNCTIONS:
        hint = f"; it is a function: write `{FUNCTIONS[name].format_call()}`"
    return f"there is no filter `{name}`{hint}"


def _prepare_callee(
    callee: Callee,
    arguments: list[nodes.Expr],
    keywords: list[nodes.Keyword],
    build: BuildState,
) -> Prepare:
    positional, named = _compile_arguments(callee, arguments, keywords, build, skip=1)
    function = callee.function
    check = callee.check
    is_typed = callee.is_typed

    def prepare(scope: Any) -> Apply:
        values = [argument(scope) for argument in positional]
        named_values = {key: argument(scope) for key, argument in named.items()}

        def apply(value: Any) -> Any:
            if is_typed:
                check((value, *values), named_values)
            return function(value, *values, **named_values)

        return apply

    return prepare


def _compile_fallback(
    name: str, arguments: list[nodes.Expr], keywords: list[nodes.Keyword], build: BuildState
) -> tuple[Evaluate, Evaluate]:
    """Return the fallback of `default`, and whether it also replaces false values."""
    named = dict(zip((_FALLBACK, _BOOLEAN), build.compile_values(arguments), strict=False))
    named |= {pair.key: build.compile_value(pair.value) for pair in keywords}
    is_twice = len(arguments) + len(keywords) != len(named)
    if is_twice or not named.keys() <= {_FALLBACK, _BOOLEAN}:
        raise TemplateError(f"`{name}` takes 0 to 2 arguments: `default_value` and `boolean`")

    fallback = named.get(_FALLBACK, lambda _: "")
    replaces_false = named.get(_BOOLEAN, lambda _: False)
    return fallback, replaces_false


def _compile_default(node: Any, build: BuildState) -> Evaluate:
    inner = build.compile_lenient(node.node)
    fallback, replaces_false = _compile_fallback(node.name, node.args, node.kwargs, build)

    def choose(scope: Any) -> Any:
        value = inner(scope)
        if type(value) is Undefined:
            return fallback(scope)
        if is_true(replaces_false(scope)) and not is_true(value):
            return fallback(scope)
        return value

    return choose


def _prepare_default(
    name: str, arguments: list[nodes.Expr], keywords: list[nodes.Keyword], build: BuildState
) -> Prepare:
    fallback, replaces_false = _compile_fallback(name, arguments, keywords, build)

    def prepare(scope: Any) -> Apply:
        def choose(value: Any) -> Any:
            if is_true(value) or not is_true(replaces_false(scope)):
                return value
            return fallback(scope)

        return choose

    return prepare


def compile_test(node: Any, build: BuildState) -> Evaluate:
    """Compile `value is name(...)`."""
    build.is_costly = True
    if node.dyn_args or node.dyn_kwargs:
        raise TemplateError("`*` and `**` are not part of a test here; write each argument")

    if node.name in DEFINED_TESTS and not node.args and not node.kwargs:
        lenient = build.compile_lenient(node.node)
        expected = node.name == "undefined"
        return lambda scope: (type(lenient(scope)) is Undefined) is expected

    inner = build.compile_value(node.node)
    return _apply_to(inner, _prepare_test(node.name, node.args, node.kwargs, build))


def _prepare_test(
    name: str, arguments: list[nodes.Expr], keywords: list[nodes.Keyword], build: BuildState
) -> Prepare:
    if name in ("filter", "test"):
        raise TemplateError(f"the test `{name}` is not available here; a wrong name is an error")
    if name not in TESTS:
        raise TemplateError(f"there is no test `{name}`{nearest(name, TESTS)}")

    prepare_callee = _prepare_callee(TESTS[name], arguments, keywords, build)
    if name in DEFINED_TESTS:
        expected = name == "undefined"
        return lambda _: lambda value: (type(value) is Undefined) is expected

    def prepare(scope: Any) -> Apply:
        apply = prepare_callee(scope)

        def test(value: Any) -> Any:
            if type(value) is Undefined:
                raise TemplateError(value.message)
            return apply(value)

        return test

    return prepare

"""The compilers of Jinja2's filters that apply another filter or a test to each element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.errors import TemplateError
from attune_nb.templates.library import arrays
from attune_nb.templates.library.filters import FILTERS
from attune_nb.templates.library.filters_sequence import attribute_getter
from attune_nb.templates.members import Undefined
from attune_nb.templates.sandbox import charge, charge_new_string, is_true

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.templates.compiler.build import BuildState, Evaluate

    Apply = Callable[[Any], Any]
    Prepare = Callable[[Any], Apply]
    """Evaluates the arguments in a scope, and returns the function to apply to a value."""

    CompileNested = Callable[[str, list[nodes.Expr], list[nodes.Keyword], BuildState], Prepare]

__all__ = ["SELECT_FILTERS", "compile_map", "compile_select"]

# Steps for each element: of a filter of one value, and of a filter of many values.
_STEPS = 3
_SEQUENCE_FILTER_STEPS = 20

# Whether the elements that pass are kept, and whether an attribute is tested.
SELECT_FILTERS = {
    "select": (True, False),
    "reject": (False, False),
    "selectattr": (True, True),
    "rejectattr": (False, True),
}


def compile_map(
    arguments: list[nodes.Expr],
    keywords: list[nodes.Keyword],
    build: BuildState,
    compile_nested: CompileNested,
) -> Prepare:
    """Compile `map('upper')` or `map(attribute='a.b'[, default=x])`.

    Args:
        arguments: The positional arguments.
        keywords: The arguments by name.
        build: The compilation of the text.
        compile_nested: Compiles the filter that is applied to each element.
    """
    named = {pair.key: build.compile_value(pair.value) for pair in keywords}
    if not arguments and "attribute" in named:
        return _compile_attribute_map(named)

    name = _nested_name(arguments, "map", "filter")
    inner = compile_nested(name, arguments[1:], keywords, build)
    steps = _STEPS if name in FILTERS else _SEQUENCE_FILTER_STEPS
    return lambda scope: _mapper(inner(scope), steps)


def _compile_attribute_map(named: dict[str, Evaluate]) -> Prepare:
    unknown = named.keys() - {"attribute", "default"}
    if unknown:
        raise TemplateError(f"`map` takes `attribute` and `default`, not `{min(unknown)}`")

    def prepare(scope: Any) -> Apply:
        values = {key: evaluate(scope) for key, evaluate in named.items()}
        path = values.pop("attribute")
        return _mapper(attribute_getter(path, **values), _STEPS)

    return prepare


def _nested_name(arguments: list[nodes.Expr], owner: str, noun: str) -> str:
    if arguments and isinstance(arguments[0], nodes.Const):
        name = arguments[0].value
        if type(name) is str:
            return name

    example = f"{owner}('odd')"
    if noun == "filter":
        example = f"{owner}('upper')"
    raise TemplateError(f"`{owner}` takes the name of a {noun} in quotes first, as in `{example}`")


def _mapper(apply: Apply, steps: int) -> Apply:
    def map_elements(value: Any) -> list[Any]:
        elements = arrays.elements(value, "map")
        charge(steps * len(elements))

        results = []
        for element in elements:
            result = apply(element)
            if type(result) is Undefined:
                raise TemplateError(f"an element: {result.message}")
            if type(result) is str:
                charge_new_string(result)
            results.append(result)

        return results

    return map_elements


def compile_select(
    name: str,
    arguments: list[nodes.Expr],
    keywords: list[nodes.Keyword],
    build: BuildState,
    compile_nested: CompileNested,
) -> Prepare:
    """Compile `select`, `reject`, `selectattr` or `rejectattr`.

    Args:
        name: The filter's name.
        arguments: The positional arguments.
        keywords: The arguments by name.
        build: The compilation of the text.
        compile_nested: Compiles the test that selects the elements.
    """
    keep, by_attribute = SELECT_FILTERS[name]
    path: Evaluate | None = None
    if by_attribute:
        if not arguments:
            raise TemplateError(f"`{name}` takes an attribute first, as in `{name}('active')`")
        path = build.compile_value(arguments[0])
        arguments = arguments[1:]

    if not arguments:
        if keywords:
            raise TemplateError(f"`{name}` takes no `{keywords[0].key}`")
        return lambda scope: _selector(name, _make_getter(path, scope), _is_true, keep=keep)

    nested = _nested_name(arguments, name, "test")
    prepare = compile_nested(nested, arguments[1:], keywords, build)
    return lambda scope: _selector(name, _make_getter(path, scope), prepare(scope), keep=keep)


def _make_getter(path: Evaluate | None, scope: Any) -> Apply:
    if path is None:
        return lambda element: element
    return attribute_getter(path(scope), lenient=True)


def _is_true(value: Any) -> bool:
    if type(value) is Undefined:
        raise TemplateError(value.message)
    return is_true(value)


def _selector(name: str, get: Apply, passes: Apply, *, keep: bool) -> Apply:
    def select_elements(value: Any) -> list[Any]:
        elements = arrays.elements(value, name)
        charge(3 * len(elements))
        return [element for element in elements if bool(passes(get(element))) is keep]

    return select_elements

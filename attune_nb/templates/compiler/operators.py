"""Arithmetic, comparison, logic and `~`, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.templates.library.jinja_tests import COMPARISONS
from attune_nb.templates.library.numbers import OPERATORS, affirm, negate
from attune_nb.templates.library.strings import join
from attune_nb.templates.members import Missing
from attune_nb.templates.sandbox import truth

if TYPE_CHECKING:
    from attune_nb.templates.compiler.build import Build, Evaluate

__all__ = ["binary", "compare", "concat", "condition", "logic", "unary"]


def binary(node: Any, build: Build) -> Evaluate:
    """Compile `a + b` and its like; what numbers alone give is known, or refused, at once.

    The operators are ours and bounded, so `9**(9**9)` takes no time here.
    """
    left, right = build.value(node.left), build.value(node.right)
    compute = OPERATORS[node.operator]
    numbers = build.numbers
    if left in numbers and right in numbers:
        number = compute(numbers[left], numbers[right])

        def known(_: Any) -> Any:
            return number

        numbers[known] = number
        return known
    build.costly = True
    return lambda scope: compute(left(scope), right(scope))


def unary(node: Any, build: Build) -> Evaluate:
    """Compile `not a`, `-a` and `+a`."""
    inner = build.value(node.node)
    if node.operator == "not":
        return lambda scope: not truth(inner(scope))
    compute = negate if node.operator == "-" else affirm
    return lambda scope: compute(inner(scope))


def logic(node: Any, build: Build) -> Evaluate:
    """Compile `a and b`, `a or b`: the value that decided, as in Python."""
    left, right = build.value(node.left), build.value(node.right)
    stop = isinstance(node, nodes.Or)

    def either(scope: Any) -> Any:
        value = left(scope)
        return value if truth(value) is stop else right(scope)

    return either


def compare(node: Any, build: Build) -> Evaluate:
    """Compile `a < b`, and chains such as `a < b <= c`."""
    build.costly = True
    first = build.value(node.expr)
    rest = [(COMPARISONS[each.op], build.value(each.expr)) for each in node.ops]
    if len(rest) == 1:
        judge, second = rest[0]
        return lambda scope: judge(first(scope), second(scope))

    def chain(scope: Any) -> bool:
        left = first(scope)
        for judged, evaluate in rest:
            right = evaluate(scope)
            if not judged(left, right):
                return False
            left = right
        return True

    return chain


def condition(node: Any, build: Build) -> Evaluate:
    """Compile `a if b else c`; without `else` it is undefined where `b` is false."""
    test, yes = build.value(node.test), build.lenient(node.expr1)
    if node.expr2 is None:
        missing = Missing("the condition is false, and there is no `else`")
        return lambda scope: yes(scope) if truth(test(scope)) else missing
    no = build.lenient(node.expr2)
    return lambda scope: yes(scope) if truth(test(scope)) else no(scope)


def concat(node: Any, build: Build) -> Evaluate:
    """Compile `a ~ b ~ c`: the values as they stand in a text."""
    build.costly = True
    parts = build.values(node.nodes)
    return lambda scope: join([part(scope) for part in parts], "")

"""The compilers of arithmetic, comparison, logic and `~`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.templates.library.formats import parse_percent_format
from attune_nb.templates.library.jinja_tests import COMPARISONS
from attune_nb.templates.library.numbers import OPERATORS, negate, plus
from attune_nb.templates.library.strings import join
from attune_nb.templates.members import Undefined
from attune_nb.templates.sandbox import is_true

if TYPE_CHECKING:
    from attune_nb.templates.compiler.build import BuildState, Evaluate
    from attune_nb.templates.library.formats import Format

__all__ = [
    "compile_binary",
    "compile_comparison",
    "compile_concatenation",
    "compile_conditional",
    "compile_format",
    "compile_logic",
    "compile_unary",
    "constant_string",
]


def compile_binary(node: Any, build: BuildState) -> Evaluate:
    """Compile `a + b` and the like; an operation on constant numbers is computed at once.

    The operators are bounded, so `9**(9**9)` is refused and takes no time here.
    """
    source = constant_string(node.left)
    if isinstance(node, nodes.Mod) and source is not None:
        return _compile_percent(source, node.right, build)

    left = build.compile_value(node.left)
    right = build.compile_value(node.right)
    compute = OPERATORS[node.operator]

    numbers = build.numbers
    if left in numbers and right in numbers:
        number = compute(numbers[left], numbers[right])

        def constant(_: Any) -> Any:
            return number

        numbers[constant] = number
        return constant

    build.is_costly = True
    return lambda scope: compute(left(scope), right(scope))


def _compile_percent(source: str, right: nodes.Expr, build: BuildState) -> Evaluate:
    """Compile `'%s has %d' % (a, b)`."""
    build.is_costly = True
    values = [right]
    if isinstance(right, nodes.Tuple):
        values = right.items
    return compile_format(parse_percent_format(source), build.compile_values(values), {})


def compile_format(
    text: Format, positional: list[Evaluate], named: dict[str, Evaluate]
) -> Evaluate:
    """Compile a format with its values.

    Args:
        text: The format.
        positional: The values by position.
        named: The values by name.

    Raises:
        TemplateError: A field has no value, or a value has no field.
    """
    text.check(len(positional), named)

    def write(scope: Any) -> str:
        values = [value(scope) for value in positional]
        return text.write(values, {name: value(scope) for name, value in named.items()})

    return write


def constant_string(node: Any) -> str | None:
    """Return the string that a node writes in quotes; None for any other node."""
    if isinstance(node, nodes.Const) and type(node.value) is str:
        return node.value
    return None


def compile_unary(node: Any, build: BuildState) -> Evaluate:
    """Compile `not a`, `-a` and `+a`."""
    inner = build.compile_value(node.node)
    if node.operator == "not":
        return lambda scope: not is_true(inner(scope))

    compute = negate if node.operator == "-" else plus
    return lambda scope: compute(inner(scope))


def compile_logic(node: Any, build: BuildState) -> Evaluate:
    """Compile `a and b` and `a or b`; like in Python, the result is the value that decided."""
    left = build.compile_value(node.left)
    right = build.compile_value(node.right)
    decisive = isinstance(node, nodes.Or)

    def evaluate(scope: Any) -> Any:
        value = left(scope)
        return value if is_true(value) is decisive else right(scope)

    return evaluate


def compile_comparison(node: Any, build: BuildState) -> Evaluate:
    """Compile `a < b`, and chains such as `a < b <= c`."""
    build.is_costly = True
    first = build.compile_value(node.expr)
    operands = [
        (COMPARISONS[operand.op], build.compile_value(operand.expr)) for operand in node.ops
    ]
    if len(operands) == 1:
        compare_once, second = operands[0]
        return lambda scope: compare_once(first(scope), second(scope))

    def chain(scope: Any) -> bool:
        left = first(scope)
        for compare, evaluate in operands:
            right = evaluate(scope)
            if not compare(left, right):
                return False
            left = right
        return True

    return chain


def compile_conditional(node: Any, build: BuildState) -> Evaluate:
    """Compile `a if b else c`; without `else` it is undefined if `b` is false."""
    test = build.compile_value(node.test)
    if_true = build.compile_lenient(node.expr1)
    if node.expr2 is None:
        undefined = Undefined("the condition is false, and there is no `else`")
        return lambda scope: if_true(scope) if is_true(test(scope)) else undefined

    if_false = build.compile_lenient(node.expr2)
    return lambda scope: if_true(scope) if is_true(test(scope)) else if_false(scope)


def compile_concatenation(node: Any, build: BuildState) -> Evaluate:
    """Compile `a ~ b ~ c`: the values as strings, joined."""
    build.is_costly = True
    parts = build.compile_values(node.nodes)
    return lambda scope: join([part(scope) for part in parts], "")

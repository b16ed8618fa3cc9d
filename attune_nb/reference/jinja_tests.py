"""The tests of expressions: `value is name`, `select('name')`. They are those of Jinja2."""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["TESTS"]


def _test(name: str, explanation: str, expression: str, result: str, *related: str) -> Entry:
    """Return the entry of a test.

    Args:
        name: The test.
        explanation: Its meaning.
        expression: An expression with it.
        result: The value of the expression, as JSON.
        related: Further words to look up.
    """
    return Entry("test", name, explanation, expression, result=result, related=related)


def _kind(name: str, noun: str, example: str) -> Entry:
    return _test(name, f"True for {noun}.", f"{example} is {name}", "true", "type_of")


def _comparison(name: str, meaning: str, other: str, result: str) -> Entry:
    """Return the entry of a comparison, whose place is mostly in `select`."""
    return _test(
        name,
        f"True if the value is {meaning} the argument.",
        f"[1, 2, 3]|select('{name}', {other})",
        result,
        "select",
        "reject",
    )


TESTS: tuple[Entry, ...] = (
    _test("defined", "True if the name or key exists.", "{'a': 1}.a is defined", "true",
          "undefined", "default"),
    _test("undefined", "True if the name or key does not exist.", "{'a': 1}.b is undefined",
          "true", "defined", "default"),
    _kind("none", "null", "null"),
    _kind("boolean", "true and false", "false"),
    _kind("true", "true itself, not for other values that count as true", "true"),
    _kind("false", "false itself, not for other values that count as false", "false"),
    _kind("integer", "integers", "3"),
    _kind("float", "numbers with a fraction", "1.5"),
    _kind("number", "numbers and booleans", "1.5"),
    _kind("string", "strings", "'a'"),
    _kind("mapping", "objects", "{'a': 1}"),
    _kind("sequence", "strings, arrays and objects", "[1]"),
    _kind("iterable", "strings, arrays and objects", "[1]"),
    _test("callable", "False: no value here is a function.", "3 is callable", "false"),
    _test("escaped", "False: text is escaped only where a filter does it.", "'a' is escaped",
          "false", "escape"),
    _test("even", "True for even numbers.", "4 is even", "true", "odd", "divisibleby"),
    _test("odd", "True for odd numbers.", "3 is odd", "true", "even", "divisibleby"),
    _test("divisibleby", "True if the number is a multiple of the argument.",
          "9 is divisibleby(3)", "true", "even", "odd"),
    _test("lower", "True for text in lower case.", "'ab' is lower", "true", "upper"),
    _test("upper", "True for text in upper case.", "'AB' is upper", "true", "lower"),
    _test("sameas", "True if both are the very same value in memory; `eq` compares values.",
          "true is sameas(true)", "true", "eq"),
    _test("in", "True if the argument contains the value.", "2 is in([1, 2])", "true", "contains"),
    _comparison("eq", "equal to", "2", "[2]"),
    _comparison("equalto", "equal to", "2", "[2]"),
    _comparison("==", "equal to", "2", "[2]"),
    _comparison("ne", "not equal to", "2", "[1, 3]"),
    _comparison("!=", "not equal to", "2", "[1, 3]"),
    _comparison("lt", "less than", "2", "[1]"),
    _comparison("lessthan", "less than", "2", "[1]"),
    _comparison("<", "less than", "2", "[1]"),
    _comparison("le", "less than or equal to", "2", "[1, 2]"),
    _comparison("<=", "less than or equal to", "2", "[1, 2]"),
    _comparison("gt", "greater than", "2", "[3]"),
    _comparison("greaterthan", "greater than", "2", "[3]"),
    _comparison(">", "greater than", "2", "[3]"),
    _comparison("ge", "greater than or equal to", "2", "[2, 3]"),
    _comparison(">=", "greater than or equal to", "2", "[2, 3]"),
)  # fmt: skip
"""All tests, those of one purpose together."""

"""The words for kinds of values that every message uses."""

from pathlib import Path

import pytest

from attune_nb.values.describe import describe, describe_with_value

KINDS = [
    (None, "null", "null"),
    (True, "a boolean", "the boolean `true`"),
    (3, "an integer", "the integer `3`"),
    (-(10**100), "an integer", "an integer"),
    (1.5, "a number", "the number `1.5`"),
    ("abc", "a string", "the string `abc`"),
    ("", "a string", "an empty string"),
    ("x" * 90, "a string", f"the string `{'x' * 40}`"),
    ([1], "an array", "an array"),
    ((), "an array", "an array"),
    ({"a": 1}, "an object", "an object"),
    (Path(), "a value of type `PosixPath`", "a value of type `PosixPath`"),
]


@pytest.mark.parametrize(
    ("value", "kind", "kind_and_value"), KINDS, ids=lambda case: str(case)[:20]
)
def test_values_are_described_in_json_words(value, kind, kind_and_value):
    assert describe(value) == kind
    assert describe_with_value(value) == kind_and_value

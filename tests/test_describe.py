"""The words for kinds of values that every message uses."""

from pathlib import Path

import pandas as pd
import pytest

from attune_nb.values.describe import describe, describe_with_value, is_different, preview
from attune_nb.values.remote import RemoteReference

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


class Kept(RemoteReference):
    """A reference to a value that cannot be fetched."""

    description = "result on the cluster"

    def get(self, gathered=None):
        raise AssertionError("it is fetched")

    @classmethod
    def gather(cls, references):
        raise AssertionError("it is fetched")


def test_a_remote_reference_is_described_by_its_own_noun():
    assert describe(Kept()) == "a result on the cluster"
    assert describe_with_value(Kept()) == "a result on the cluster"


PREVIEWS = [
    ({"name": 1, "log": 2}, "an object of 2: name, log"),
    (dict.fromkeys("abcde", 1), "an object of 5: a, b, c, d, …"),
    ({"x" * 30: 1}, f"an object of 1: {'x' * 20}"),
    ([0] * 10_000, "an array of 10,000"),
    ((1, 2, 3, 4), "an array of 4"),
    ([1, "a", {"b": 1}], "[1, 'a', an object of 1: b]"),
    ([], "[]"),
    ({}, "{}"),
    ("x" * 100, f"'{'x' * 78}…"),
    (b"abc", "b'abc'"),
    (None, "None"),
]


@pytest.mark.parametrize(("value", "text"), PREVIEWS, ids=lambda case: str(case)[:20])
def test_a_preview_is_short_for_any_value(value, text):
    assert preview(value) == text


def test_values_that_cannot_be_compared_are_different():
    series = pd.Series([1, 2])
    assert not is_different([series], [series])
    assert is_different([series], [series.copy()])


def test_tables_and_arrays_are_compared_by_their_values():
    frame = pd.DataFrame({"a": [1, 2]})
    assert not is_different(frame, frame.copy())
    assert is_different(frame, frame + 1)
    assert not is_different([1], [1.0])
    assert is_different([1], [2])

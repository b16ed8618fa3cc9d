"""Searches, sets of characters and keys give the same as Python's, whatever way they take."""

import decimal
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb import Template, WorkflowContext
from attune_nb.errors import TemplateError

LETTERS = st.text(alphabet="abé😀 ", max_size=60)
LONG = st.text(alphabet="ab", min_size=17, max_size=20)


def value(expression, **values):
    return Template("{{ " + expression + " }}").render(WorkflowContext.create(vars=values))


@given(LETTERS, LONG, LETTERS)
def test_a_long_string_is_found_from_the_right(before, needle, after):
    text = before + needle + after + needle[:9]
    assert value("t.rfind(n)", t=text, n=needle) == text.rfind(needle)
    assert value("t.rfind(n ~ 'x')", t=text, n=needle) == -1
    assert value("t.rsplit(n)", t=text, n=needle) == text.rsplit(needle)
    assert value("t.rsplit(n, 1)", t=text * 3, n=needle) == (text * 3).rsplit(needle, 1)


def test_an_overlapping_string_is_split_from_the_right():
    needle = "a" * 20
    assert value("t.rsplit(n)", t="a" * 50, n=needle) == ("a" * 50).rsplit(needle)
    assert value("t.rfind(n)", t="a" * 50, n=needle) == 30


@given(LETTERS, st.text(alphabet="abé😀 xyz", max_size=40))
def test_many_characters_are_stripped(text, chars):
    for method in ("strip", "lstrip", "rstrip"):
        assert value(f"t.{method}(c)", t=text, c=chars) == getattr(text, method)(chars)


EQUAL = [
    (1, 1.0),
    (2**70, float(2**70)),
    (-(2**20), -float(2**20)),
    (0, -0.0),
    ([1, "a"], [1.0, "a"]),
    ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1.0}),
    ({1: "x"}, {1.0: "x"}),
    ({1: "x"}, {True: "x"}),
]
DIFFERENT = [
    (1, True),
    (0, None),
    (1, "1"),
    (2**70, 2**70 + 1),
    (0.1, 0.1 + 1e-16 * 2),
    (["a", "b"], ["ab"]),
    (["a,b"], ["a", "b"]),
    ([[1], 2], [[1, 2]]),
    ([1, 23], [12, 3]),
    ([True], [1]),
    ([None], ["None,"]),
    ({"a": 1}, {"a": 2}),
    ({"1": "x"}, {1: "x"}),
    ([255], ["ff,"]),
    (math.inf, -math.inf),
]


@pytest.mark.parametrize(("first", "second"), EQUAL)
def test_equal_values_are_one_in_unique(first, second):
    assert value("a == b", a=first, b=second) is True
    assert value("unique([a, b])", a=first, b=second) == [first]
    assert value("unique([[a], [b]])", a=first, b=second) == [[first]]


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_values_that_differ_are_two_in_unique(first, second):
    assert value("a == b", a=first, b=second) is False
    assert len(value("unique([a, b])", a=first, b=second)) == 2
    assert len(value("unique([[a], [b]])", a=first, b=second)) == 2


def test_numbers_do_not_depend_on_the_decimal_context():
    with decimal.localcontext() as context:
        context.prec = 1
        context.Emax = 1
        context.Emin = -1
        context.capitals = 0
        context.traps[decimal.Inexact] = True
        assert value("[round(2.345, 2), round(1234, -2), round(-0.5)]") == [2.35, 1200, -1]
        assert value("d ~ ''", d=decimal.Decimal("1E+5")) == "1E+5"


REFERENCES = [
    ("&#" + "9" * 5_000 + ";", "\ufffd"),
    ("&#x" + "F" * 9 + ";", "\ufffd"),
    ("&#" + "0" * 5_000 + "65;", "A"),
    ("&#65;&lt;&amp;", "A<&"),
]


@pytest.mark.parametrize(("text", "result"), REFERENCES, ids=["long", "hex", "zeros", "common"])
def test_references_to_characters_become_characters(text, result):
    assert value("t | striptags", t=text) == result


def test_long_integers_stay_refused_without_the_limit_of_python():
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        for expression in ("n ~ ''", "to_json([n])", "from_json(t)", "int(t)"):
            with pytest.raises(TemplateError, match="digits"):
                value(expression, n=10**5_000, t="9" * 5_000)
        assert value("t | int(-1, 36)", t="z" * 5_000) == -1
    finally:
        sys.set_int_max_str_digits(limit)

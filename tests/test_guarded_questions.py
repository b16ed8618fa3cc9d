"""Questions to objects whose own code raises: each has an answer."""

import unittest.mock

import pandas as pd
import pytest

from attune_nb.display.panel import View
from attune_nb.html import Markup
from attune_nb.values.describe import describe, preview
from attune_nb.values.guard import cut_text, error_text, is_table, module_name, repr_of, type_name


class Refusing(type):
    """A type that does not say its name."""

    @property
    def __name__(cls):
        raise RuntimeError

    @property
    def __module__(cls):
        raise RuntimeError


class Refused(metaclass=Refusing):
    def __repr__(self):
        raise RuntimeError


def test_a_type_that_hides_its_name_has_one():
    assert type_name(Refused) == "Refused"
    assert module_name(Refused).endswith("Refused")
    assert describe(Refused()) == "a value of type `Refused`"


def test_an_object_without_a_text_is_shown_by_its_type():
    assert repr_of(Refused()) == "<Refused object>"
    assert preview(Refused()) == "<Refused object>"
    assert preview({"a": Refused()}) == "an object of 1: a"
    assert error_text(ValueError(Refused())) == ""


def test_an_integer_of_many_digits_is_shown_by_its_bits():
    assert preview(2**20_000) == "an integer of 20,001 bits"


def test_an_interrupt_is_not_taken_for_an_answer():
    class Interrupting:
        def __repr__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repr_of(Interrupting())


def test_only_the_type_makes_a_table():
    assert is_table(pd.DataFrame)
    assert not is_table(unittest.mock.Mock)
    assert not is_table(list)


@pytest.mark.parametrize("length", [0, 99, 100])
def test_a_short_text_is_not_cut(length):
    text = "x" * length
    assert cut_text(text, 100) is text


@pytest.mark.parametrize("word", ["x", "word ", "line\n", "a much longer word than others "])
def test_a_long_text_keeps_both_ends_and_its_length(word):
    text = "begin " + word * 10_000 + " end"

    cut = cut_text(text, 1_000)

    assert len(cut) <= 1_000
    assert cut.startswith("begin ")
    assert cut.endswith("end")
    assert f"{len(text):,} characters" in cut


def test_a_text_that_was_cut_keeps_its_first_length():
    text = "x" * 50_000
    assert "50,000 characters" in cut_text(cut_text(text, 2_000), 1_000)


def test_no_part_of_a_word_is_left_at_a_cut():
    text = " ".join(["secret-of-many-letters"] * 1_000)
    cut = cut_text(text, 1_000)
    head, tail = cut.split("\n[... cut:")[0], cut.split("...]\n")[1]
    assert {*head.split(), *tail.split()} == {"secret-of-many-letters"}


def test_the_text_of_a_panel_can_be_sent_to_a_page():
    view = View(Markup("<b>asks</b>"), "a: asks: caf\udce9")
    assert repr(view).encode() == b"a: asks: caf?"

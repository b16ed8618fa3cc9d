"""The entries of a form as a page shows them, and the values made of a person's input."""

import msgspec
import pytest

from attune_nb.forms.entries import entries_of, form_of_question, read_answer, read_entries
from attune_nb.forms.fields import field_of


def field(**schema):
    return field_of("size", schema, is_required=schema.pop("required", False))


def as_sent(struct):
    return msgspec.json.decode(msgspec.json.encode(struct))


@pytest.mark.parametrize(
    ("schema", "entered", "value"),
    [
        ({"type": "integer"}, "12", 12),
        ({"type": "integer"}, "9007199254740993", 9007199254740993),
        ({"type": "string"}, "12", "12"),
        ({"enum": ["a", 9007199254740993]}, 1, 9007199254740993),
        ({"type": "boolean"}, False, False),
        ({"type": "boolean", "secret": True}, "true", True),
        ({"type": "array"}, "- 1\n- 2", [1, 2]),
    ],
    ids=str,
)
def test_a_value_is_made_of_what_is_entered(schema, entered, value):
    """A large integer is the same after its way through a page, whose numbers are floats."""
    assert read_entries([field(**schema)], {"size": entered}) == ({"size": value}, {})


def test_an_empty_entry_is_left_out():
    assert read_entries([field(type="integer")], {"size": ""}) == ({}, {})
    assert read_entries([field(type="boolean")], {"size": None}) == ({}, {})


@pytest.mark.parametrize(
    ("schema", "entered", "problem"),
    [
        ({"type": "integer"}, "many", "`size` must be an integer, not `many`"),
        ({"type": "integer"}, 3, "`size` is a text as a person enters it, not an integer"),
        ({"type": "boolean"}, 1, "`size` is true or false, not an integer"),
        ({"enum": ["a", "b"]}, 2, "`size` is the index of a choice, 0 to 1, not an integer"),
        ({"enum": ["a"]}, True, "`size` is the index of a choice, 0 to 0, not a boolean"),
        ({"type": "string", "required": True}, "", "`size` needs a value"),
    ],
    ids=str,
)
def test_an_entry_that_makes_no_value_says_why(schema, entered, problem):
    assert read_entries([field(**schema)], {"size": entered}) == ({}, {"size": problem})


def test_an_entry_without_a_field_is_a_problem():
    assert read_entries([], {"siez": "3"})[1] == {"siez": "there is no field `siez`"}


def test_a_page_gets_texts_and_no_secret():
    entries = entries_of(
        [
            field(enum=["a", 2], default=2),
            field(type="array", default=[1]),
            field(type="string", secret=True, default="hunter2"),
        ]
    )
    choice, array, secret = as_sent(entries)

    assert (choice["choices"], choice["chosen"]) == (["a", "2"], 1)
    assert (array["text"], array["lines"]) == ("[1]", 2)
    assert secret["is_secret"]
    assert "hunter2" not in str(secret)


def test_few_answers_have_buttons():
    assert form_of_question({"type": "boolean", "default": False}).buttons == ("Yes", "No")
    form = form_of_question({"enum": ["dev", "prod"], "default": "prod"})
    assert (form.buttons, form.inputs, form.preferred) == (("dev", "prod"), (0, 1), 1)
    assert form_of_question(None).buttons == ()


def test_an_answer_is_made_of_its_fields():
    schema = {
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "token": {"type": "string", "secret": True, "default": "t"},
        },
    }
    assert read_answer(schema, {"count": "3"}) == ({"count": 3, "token": "t"}, {})
    assert read_answer({"type": "boolean"}, {"answer": True}) == (True, {})
    assert read_answer(None, {"answer": "[1, 2"})[1].keys() == {"answer"}

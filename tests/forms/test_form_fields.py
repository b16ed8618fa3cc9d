"""The fields of a form, described from the declared parameters as plain data."""

import msgspec
import pytest

import attune_nb
from attune_nb.errors import ParameterError
from attune_nb.forms.fields import field_of, fields_of_parameters
from attune_nb.forms.reading import (
    NO_CHOICE,
    OMITTED,
    describe_field,
    format_value,
    read_value,
)


def field(is_required=False, **schema):
    return field_of("size", schema, is_required=is_required)


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": "integer"}, "integer"),
        ({"type": ["number", "null"]}, "number"),
        ({"type": "boolean"}, "boolean"),
        ({"enum": [1, 2]}, "choice"),
        ({"const": "on"}, "choice"),
        ({"type": "array"}, "yaml"),
        ({"type": ["string", "integer"]}, "yaml"),
        ({"type": "any"}, "yaml"),
        ({"$ref": "#/$defs/size"}, "yaml"),
        ({"secret": True}, "text"),
        ({"secret": True, "enum": ["a", "b"]}, "text"),
    ],
    ids=str,
)
def test_the_schema_decides_what_is_entered(schema, kind):
    assert field_of("size", schema, is_required=False).kind == kind


def test_fields_are_plain_data_in_the_order_of_the_text():
    """A page can be made from them in another language."""
    workflow = attune_nb.loads("""
parameters:
  region: {enum: [eu, us], required: true, title: Region}
  servers: {type: integer, minimum: 1, maximum: 10, default: 3, description: how many}
  token: {type: string, secret: true, default: none}
tasks: [{name: a, action: core.noop}]
""")
    fields = msgspec.json.decode(msgspec.json.encode(fields_of_parameters(workflow.parameters)))

    assert [item["name"] for item in fields] == ["region", "servers", "token"]
    region, servers, token = fields
    assert (region["label"], region["choices"]) == ("Region", ["eu", "us"])
    assert region["is_required"]
    assert (servers["hint"], servers["default"]) == ("how many", 3)
    assert servers["limits"] == {"minimum": 1, "maximum": 10}
    # the default of a secret is no part of a page
    assert (token["is_secret"], token["has_default"], token["default"]) == (True, True, None)


def test_an_object_schema_has_the_same_fields():
    declared = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": "string"}, "b": {"type": "integer", "position": 1}},
    }
    # `position` is the platform's place in a form
    assert [(item.name, item.is_required) for item in fields_of_parameters(declared)] == [
        ("b", False),
        ("a", True),
    ]


@pytest.mark.parametrize(
    ("schema", "description"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 10}, "an integer, 1 to 10"),
        ({"type": "number", "exclusiveMinimum": 0}, "a number, more than 0"),
        ({"type": "string", "minLength": 3}, "at least 3 characters"),
        ({"type": "array", "maxItems": 2}, "an array, as YAML, at most 2 elements"),
        ({"type": "object", "properties": {"port": {}}}, "an object of port, as YAML"),
        ({"type": "string"}, ""),
    ],
    ids=str,
)
def test_a_description_says_what_a_field_takes(schema, description):
    assert describe_field(field(**schema)) == description


@pytest.mark.parametrize(
    ("schema", "entered", "value"),
    [
        ({"type": "string"}, "12", "12"),
        ({"type": "integer"}, " 12 ", 12),
        ({"type": "number"}, "12", 12),
        ({"type": "number"}, "0.5", 0.5),
        ({"type": "boolean"}, False, False),
        ({"enum": ["a", None, 3]}, 1, None),
        ({"type": "array"}, "- a\n- {b: 1}", ["a", {"b": 1}]),
        ({"type": "object"}, '{"a": [1.5]}', {"a": [1.5]}),
        ({"type": "any"}, "null", None),
        ({"type": "integer"}, "", OMITTED),
        ({"type": "string"}, "", OMITTED),
        ({"type": "string", "default": "a"}, "", ""),
        ({"type": ["integer", "null"], "default": 3}, "", None),
        ({"enum": ["a"]}, NO_CHOICE, OMITTED),
        ({"type": "string", "secret": True, "default": "a"}, None, OMITTED),
    ],
    # the address of an object differs between the processes that run the tests
    ids=lambda value: "omitted" if value is OMITTED else str(value),
)
def test_an_entered_text_is_read_as_its_kind(schema, entered, value):
    read = read_value(field(**schema), entered)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("schema", "entered", "message"),
    [
        ({"type": "integer"}, "3.5", "`size` must be an integer, not `3.5`"),
        ({"type": "integer", "default": 3}, "", "`size` must be an integer, and it is empty"),
        ({"type": "number"}, "nan", "`size` must be a number, not `nan`"),
        (
            {"type": "array"},
            "a: 1\na: 2",
            "`size` must be YAML; line 2, column 1: `a` stands twice: lines 1 and 2",
        ),
        (
            {"type": "integer", "secret": True},
            "s3cret",
            "`size` must be an integer (it is secret, so it is not shown)",
        ),
    ],
    ids=["fraction", "removed default", "no number", "YAML", "secret"],
)
def test_a_wrong_text_gives_one_message(schema, entered, message):
    with pytest.raises(ParameterError) as error_info:
        read_value(field(**schema), entered)
    assert str(error_info.value) == message


@pytest.mark.parametrize(
    "schema", [{"type": "string"}, {"enum": ["a"]}, {"type": "array"}], ids=str
)
def test_a_required_field_cannot_be_left_empty(schema):
    with pytest.raises(ParameterError, match="`size` needs a value"):
        read_value(field(is_required=True, **schema), "")


@pytest.mark.parametrize(
    "value",
    ["abc", "yes", "3", "a: b", "x\ny", "", "{{ x }}", [1, 2], {"a": [1] * 40}, 3, None, True, []],
    ids=repr,
)
def test_a_default_is_read_as_it_was_filled_in(value):
    any_field = field()
    assert read_value(any_field, format_value(any_field, value)) == value

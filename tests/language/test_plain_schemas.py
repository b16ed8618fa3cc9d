"""A schema that is taken for valid at sight is valid by the schema of schemas."""

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune_nb.language.validation.plain_schemas import is_plain_schema

_META_SCHEMA = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)

_KEYS = st.sampled_from(
    [
        "type", "title", "description", "format", "deprecated", "uniqueItems", "enum", "examples",
        "minimum", "exclusiveMaximum", "minLength", "maxItems", "required", "default", "const",
        "items", "additionalProperties", "properties", "label", "pattern", "allOf", "$ref", "x-a",
    ]
)  # fmt: skip
_SCALARS = st.sampled_from(
    ["string", "object", "any", "", 0, -1, 2, 1.5, True, False, None, [], ["a"], ["a", "a"], {}]
)
_SCHEMAS = st.recursive(
    st.dictionaries(_KEYS, _SCALARS, max_size=4),
    lambda inner: st.dictionaries(
        _KEYS, _SCALARS | inner | st.dictionaries(st.sampled_from("ab"), inner), max_size=4
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(_SCHEMAS)
def test_a_plain_schema_is_valid(schema):
    if is_plain_schema(schema):
        assert _META_SCHEMA.is_valid(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "description": "a host", "default": "a"},
        {"type": "array", "items": {"type": "integer", "minimum": 0}, "uniqueItems": True},
        {"type": "object", "required": ["a"], "properties": {"a": {"enum": [1, None]}}},
        {},
    ],
)
def test_usual_declarations_are_plain(schema):
    assert is_plain_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "any"},
        {"type": ["string", "null"]},
        {"minimum": True},
        {"minLength": -1},
        {"required": ["a", "a"]},
        {"items": {"pattern": "("}},
        {"properties": {"a": 3}},
        [],
    ],
)
def test_other_schemas_are_left_to_the_schema_of_schemas(schema):
    assert not is_plain_schema(schema)

"""Values that the compiled validator accepts are those that `jsonschema` accepts."""

import decimal
import enum
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attune_nb.language.validation import validate
from attune_nb.language.validation.plain_values import MAX_LEVELS, fits_surely
from attune_nb.values.frozen import freeze_guarded

NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -0.0, 2**53, 2**53 + 1, 2**70, 1e300])
TEXTS = st.sampled_from(["", "a", "ab", "1", "\n", "a\n", "é", "𝄞", "A"])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
CONTAINERS = st.lists(VALUES, max_size=4) | st.dictionaries(TEXTS, VALUES, max_size=4)
TYPES = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])
COUNTS = st.integers(0, 3)
PATTERNS = st.sampled_from(["a", "^a$", "(?<=a)b", r"\d", "[[:alpha:]]", r"\p{Lu}", "", "(?i)A"])


def extend(inner):
    """Return schemas whose parts are schemas of the strategy `inner`."""
    lists = st.lists(inner, min_size=1, max_size=2)
    maps = st.dictionaries(TEXTS, inner, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, unique=True),
            "properties": maps,
            "required": st.lists(TEXTS, max_size=2, unique=True),
            "additionalProperties": inner | st.booleans(),
            "propertyNames": inner,
            "patternProperties": st.dictionaries(PATTERNS, inner, max_size=1),
            "dependentRequired": st.dictionaries(TEXTS, st.lists(TEXTS, unique=True), max_size=2),
            "dependentSchemas": maps,
            "minProperties": COUNTS,
            "maxProperties": COUNTS,
            "unevaluatedProperties": inner | st.booleans(),
            "items": inner,
            "prefixItems": lists,
            "contains": inner,
            "minContains": COUNTS,
            "maxContains": COUNTS,
            "minItems": COUNTS,
            "maxItems": COUNTS,
            "uniqueItems": st.booleans(),
            "unevaluatedItems": inner | st.booleans(),
            "allOf": lists,
            "anyOf": lists,
            "oneOf": lists,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "minimum": NUMBERS,
            "maximum": NUMBERS,
            "exclusiveMinimum": NUMBERS,
            "exclusiveMaximum": NUMBERS,
            "multipleOf": NUMBERS.filter(lambda number: number > 0),
            "minLength": COUNTS,
            "maxLength": COUNTS,
            "pattern": PATTERNS,
            "format": st.sampled_from(["date", "email", "uuid", "regex"]),
            "contentEncoding": st.just("base64"),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "$ref": st.just("#/$defs/name"),
        },
    )


SCHEMAS = st.recursive(extend(st.just({})), extend, max_leaves=6)


def explain_slowly(value, schema, monkeypatch):
    """Return the misfit that `jsonschema` alone finds, or None."""
    with monkeypatch.context() as patch:
        patch.setattr(validate, "fits_surely", lambda *_: False)
        return validate.SchemaValidator().explain_misfit(value, schema)


def accept(value, schema):
    """Return whether the compiled validator accepts a value."""
    return fits_surely(value, schema, validate.SchemaValidator().matches)


@settings(max_examples=100)
@given(CONTAINERS, SCHEMAS, VALUES)
@example([0.3], {"items": {"multipleOf": 0.1}}, None)
@example([2**70], {"items": {"maximum": 2**70 - 1}}, None)
@example([1.0], {"items": {"const": True}}, None)
def test_an_accepted_value_fits(value, schema, definition):
    schema["$defs"] = {"name": {"const": definition}}
    with pytest.MonkeyPatch.context() as monkeypatch:
        if accept(freeze_guarded(value), schema):
            assert explain_slowly(value, schema, monkeypatch) is None


RECORD = {"url": "http://a/1", "count": 3, "rate": 0.5, "tags": ["a", "b"], "on": True, "by": None}
RECORD_SCHEMA = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "pattern": "^http", "minLength": 3},
        "count": {"type": "integer", "minimum": 0},
        "rate": {"type": "number"},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True},
        "on": {"type": "boolean"},
        "by": {"type": ["string", "null"]},
    },
    "required": ["url"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("wrap", [list, tuple, freeze_guarded])
def test_plain_records_are_accepted_without_jsonschema(wrap):
    assert accept(wrap([RECORD] * 3), {"type": "array", "items": RECORD_SCHEMA})


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (Colour.RED, {"enum": ["red"]}),
        (decimal.Decimal(2), {"type": "number"}),
        (Level.LOW, {}),
        (float("nan"), {"type": "number"}),
        ({1: "a"}, {"additionalProperties": True, "propertyNames": {"minLength": 1}}),
        ("ab", {"pattern": "(a+)+$"}),
        (0.3, {"multipleOf": 0.1}),
        (1, {"$ref": "http://127.0.0.1:9/schema"}),
    ],
    ids=["enum", "Decimal", "IntEnum", "nan", "key", "pattern", "multiple", "reference"],
)
def test_a_value_that_the_libraries_may_differ_on_is_left_to_jsonschema(value, schema):
    assert not accept([value], {"items": schema})


def test_a_value_is_left_to_jsonschema_if_it_is_nested_deeply():
    value = []
    for _ in range(MAX_LEVELS):
        value = [value]
    schema = {"type": "array", "items": {"$ref": "#"}}
    assert not accept(value, schema)
    assert accept(value[0], schema)


@pytest.mark.parametrize("limits", [{"type": "integer"}, {"type": "number", "minimum": 0}])
def test_a_range_is_checked_by_its_ends(limits):
    schema = {"type": "array", "items": limits}
    assert validate.SchemaValidator().explain_misfit(range(10**12), schema) is None


def test_the_misfit_of_a_range_is_explained():
    schema = {"type": "array", "items": {"type": "integer", "exclusiveMinimum": 0}}
    misfit = validate.SchemaValidator().explain_misfit(range(3), schema)
    assert misfit == "does not fit at [0]: 0 is less than or equal to the minimum of 0"


def test_the_misfit_among_many_records_is_explained_by_its_position():
    rows = [RECORD] * 500 + [RECORD | {"count": -1}]
    misfit = validate.SchemaValidator().explain_misfit(
        rows, {"type": "array", "items": RECORD_SCHEMA}
    )
    assert misfit == "does not fit at [500]['count']: -1 is less than the minimum of 0"


def test_patterns_over_many_records_share_half_a_second():
    rows = ["a" * 60 + "b"] * 100
    schema = {"type": "array", "items": {"type": "string", "pattern": "^(a|aa)+$"}}
    misfit = validate.SchemaValidator().explain_misfit(rows, schema)
    # versions of `regex` differ in how many records they get through
    assert re.fullmatch(
        r"does not fit at \[\d\d?\]: the pattern '\^\(a\|aa\)\+\$' takes too long over this text",
        misfit,
    )

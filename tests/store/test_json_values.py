"""Values to JSON and back: the same value of the same type, or a marker; never code."""

import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb.store.json_values import from_plain, to_plain
from attune_nb.values.frozen import NotStored, freeze


class Point(NamedTuple):
    x: int


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs"]), max_size=3)
    | st.binary()
    | st.complex_numbers()
    | st.datetimes(timezones=st.none() | st.just(UTC)).map(lambda moment: moment.replace(fold=0))
    | st.dates()
    | st.times().map(lambda moment: moment.replace(fold=0))
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
)
KEYS = st.text() | st.sampled_from(["$map", "$tuple", "$int", "$object"]) | st.integers()
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.frozensets(st.integers() | st.text() | st.tuples(st.integers()))
    ),
    max_leaves=20,
)


def encode(value):
    try:
        return msgspec.json.encode(to_plain(value))
    except UnicodeEncodeError:
        return msgspec.json.encode(to_plain(value, check_strings=True))


def read_back(value):
    return from_plain(json.loads(encode(value)))


def with_types(value):
    """Return a value with all its types, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return type(value), [
            (with_types(key), with_types(element)) for key, element in value.items()
        ]
    if isinstance(value, list | tuple):
        return type(value), [with_types(element) for element in value]
    if isinstance(value, frozenset):
        return type(value), sorted(map(repr, map(with_types, value)))
    return type(value), repr(value)


@given(VALUES)
def test_data_is_read_back_with_its_types(value):
    frozen = freeze(value)
    assert with_types(read_back(frozen)) == with_types(frozen)


@given(VALUES)
def test_the_stored_text_is_strict_json(value):
    json.loads(encode(freeze(value)), parse_constant=pytest.fail)


def test_plain_data_is_not_copied():
    value = freeze({"url": "http://a", "ok": True, "ms": [1, 2.5, None]})
    assert to_plain(value) is value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, 2), '{"$tuple":[1,2]}'),
        (math.nan, '{"$float":"nan"}'),
        (b"\xff", '{"$bytes":"/w=="}'),
        (date(2026, 1, 2), '{"$date":"2026-01-02"}'),
        (datetime(2026, 1, 2, tzinfo=UTC), '{"$datetime":"2026-01-02T00:00:00+00:00"}'),
        (time(1, 2), '{"$time":"01:02:00"}'),
        (timedelta(1, 2), '{"$timedelta":[1,2,0]}'),
        (Decimal("1.10"), '{"$decimal":"1.10"}'),
        (UUID(int=1), '{"$uuid":"00000000-0000-0000-0000-000000000001"}'),
        ({1: "a"}, '{"$map":[[1,"a"]]}'),
        ({"$tuple": [1]}, '{"$map":[["$tuple",[1]]]}'),
    ],
)
def test_other_data_is_tagged(value, text):
    assert msgspec.json.encode(to_plain(freeze(value))).decode() == text


@pytest.mark.parametrize("value", [object(), len, Point(1), ValueError("x")])
def test_an_object_becomes_a_marker_with_its_type(value):
    marker = read_back(freeze([value]))[0]
    kind = type(value)
    assert marker == NotStored(f"{kind.__module__}.{kind.__qualname__}")
    assert "which the store does not hold" in repr(marker)
    assert read_back(marker) == marker


@pytest.mark.parametrize("content", [{"$no": 1}, {"$date": 3}, {"$map": [1]}, {"$bytes": None}])
def test_an_unreadable_tag_is_refused(content):
    with pytest.raises(ValueError, match=r"`\$\w+`|base|x"):
        from_plain(content)

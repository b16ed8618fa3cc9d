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
    | st.datetimes(timezones=st.none() | st.just(UTC)).map(lambda each: each.replace(fold=0))
    | st.dates()
    | st.times().map(lambda each: each.replace(fold=0))
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


def encoded(value):
    try:
        return msgspec.json.encode(to_plain(value))
    except UnicodeEncodeError:
        return msgspec.json.encode(to_plain(value, check_strings=True))


def stored(value):
    return from_plain(json.loads(encoded(value)))


def form(value):
    """Give a value with all its types, so that what only compares equal differs."""
    if isinstance(value, dict):
        return type(value), [(form(key), form(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [form(each) for each in value]
    if isinstance(value, frozenset):
        return type(value), sorted(map(repr, map(form, value)))
    return type(value), repr(value)


@given(VALUES)
def test_what_is_data_comes_back_as_it_was(value):
    frozen = freeze(value)
    assert form(stored(frozen)) == form(frozen)


@given(VALUES)
def test_what_is_stored_is_json_and_nothing_else(value):
    json.loads(encoded(freeze(value)), parse_constant=pytest.fail)


def test_plain_data_is_written_as_a_person_would_and_not_copied():
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
def test_other_data_travels_under_its_tag(value, text):
    assert msgspec.json.encode(to_plain(freeze(value))).decode() == text


@pytest.mark.parametrize("value", [object(), len, Point(1), ValueError("x")])
def test_an_object_leaves_a_marker_that_tells_its_type(value):
    kept = stored(freeze([value]))[0]
    kind = type(value)
    assert kept == NotStored(f"{kind.__module__}.{kind.__qualname__}")
    assert "which the store does not hold" in repr(kept)
    assert stored(kept) == kept


@pytest.mark.parametrize("held", [{"$no": 1}, {"$date": 3}, {"$map": [1]}, {"$bytes": None}])
def test_a_tag_that_cannot_be_read_is_told(held):
    with pytest.raises(ValueError, match=r"`\$\w+`|base|x"):
        from_plain(held)

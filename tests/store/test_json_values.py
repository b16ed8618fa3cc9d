"""Values to JSON and back: the same value of the same type, or a marker; never code."""

import json
import math
import sys
from collections import deque
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from fractions import Fraction
from pathlib import PosixPath, PurePosixPath, PureWindowsPath
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb.store.json_values import from_plain, to_json, to_plain
from attune_nb.values.frozen import NotStored, freeze, freeze_list


class Point(NamedTuple):
    x: int


class Color(Enum):
    RED = ("r", 1)


class Level(IntEnum):
    HIGH = 3


class Right(Flag):
    READ = 1
    WRITE = 2


ZONE = ZoneInfo("Europe/Berlin")
# values of types of their own; each comes back equal and of its type
TYPED = [
    PosixPath("/a b"),
    PurePosixPath("caf\udce9"),
    PureWindowsPath("C:/x"),
    Point([1, Point(2)]),
    Color.RED,
    Level.HIGH,
    Right.READ | Right.WRITE,
    Right(0),
    range(1, 9, 2),
    Fraction(1, 3),
    bytearray(b"\xff"),
    deque([1, PosixPath("a")], 3),
    datetime(2024, 10, 27, 2, 30, tzinfo=ZONE, fold=1),
    datetime(2024, 10, 27, 2, 30, fold=1),  # noqa: DTZ001 - a time without a zone has a fold
    time(1, 2, tzinfo=ZONE),
    pd.Timestamp("2024-01-02T03:04:05.123456789", tz="Europe/Berlin"),
    pd.Timestamp("2024-10-27 02:30+01:00").tz_convert("Europe/Berlin"),
    pd.Timestamp("2024-01-02T03:04+02:00"),
    pd.Timestamp("2024-01-02").as_unit("s"),
    pd.Timedelta(1, "ns"),
    pd.Timedelta(days=3).as_unit("s"),
    pd.NaT,
    pd.NA,
]


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


def encode_exactly(value):
    """Return the JSON of a value that was looked at part by part."""
    return msgspec.json.encode(to_plain(value))


@given(st.lists(VALUES, max_size=40))
def test_values_are_encoded_together_as_part_by_part(values):
    values = list(freeze(values))
    try:
        expected = encode_exactly(values)
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            msgspec.json.encode(to_json(values))
        return
    assert msgspec.json.encode(to_json(values)) == expected
    assert msgspec.json.encode(to_json({"all": freeze(values)})) == encode_exactly({"all": values})


RECORD = {"url": "http://host/1", "size": 1, "rate": 0.5, "tags": [1, 2], "of": {"ok": True}}


@pytest.mark.parametrize("more", [{}, {"x": None}, {"x": "$5"}, {"x": {"$a": 1, "b": 2}}])
def test_records_of_the_types_of_json_are_encoded_at_once(more):
    records = list(freeze([RECORD | more] * 20))
    assert type(to_json(records)) is msgspec.Raw
    assert msgspec.json.encode(to_json(records)) == encode_exactly(records)


@pytest.mark.parametrize(
    "odd", [math.nan, -math.inf, (1,), b"x", 1j, {1: 2}, {"$int": 1}, date(2026, 1, 1)], ids=repr
)
@pytest.mark.parametrize("depth", range(3))
def test_one_odd_value_among_records_is_tagged(odd, depth):
    value = odd
    for _ in range(depth):
        value = {"part": [value]}
    records = list(freeze([RECORD] * 20 + [RECORD | {"x": value}]))
    text = msgspec.json.encode(to_json(records))
    assert text == encode_exactly(records)
    assert repr(from_plain(msgspec.json.decode(text))) == repr(records)


@given(st.lists(VALUES, min_size=16, max_size=40))
def test_many_values_are_written_as_one_by_one(values):
    values = freeze(values)
    assert repr(to_plain(values)) == repr([to_plain(value) for value in values])


@pytest.mark.parametrize(
    "odd",
    [math.nan, -math.inf, {"$float": "1"}, {"$x": 1}, {1: 2}, (1,), b"a", [[math.inf]], {"a": {1}}],
    ids=repr,
)
def test_one_odd_value_among_many_is_tagged(odd):
    for odd_record in (odd, {"x": odd}, [odd]):
        values = freeze([{"x": 1.5, "y": [1, {"z": None}]}] * 20 + [odd_record])
        plain = to_plain(values)
        assert plain[-1] == to_plain(values[-1])
        assert plain[-1] is not values[-1]
        assert plain[0] is values[0]


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


@pytest.mark.parametrize("value", TYPED, ids=repr)
def test_a_value_of_another_type_comes_back_as_it_was(value):
    restored = read_back(freeze([value, {"key": value}]))

    for copy in (restored[0], restored[1]["key"]):
        assert type(copy) is type(value)
        # the text shows the zone, the fold and the unit, which equality does not
        assert repr(copy) == repr(freeze(value))
        assert getattr(copy, "unit", None) == getattr(value, "unit", None)


def test_a_key_of_another_type_comes_back_as_it_was():
    value = {Level.HIGH: 1, PosixPath("a"): 2, Point(1): 3}
    assert with_types(read_back(freeze(value))) == with_types(freeze(value))


def test_a_class_that_is_gone_leaves_the_plain_value(monkeypatch):
    text = encode(freeze([Color.RED, Level.HIGH, Point(1)]))
    monkeypatch.delitem(sys.modules, __name__)

    restored = from_plain(json.loads(text))

    assert with_types(restored) == with_types(freeze([("r", 1), 3, (1,)]))


@pytest.mark.parametrize(
    "name", ["antigravity:x", "json:loads", "os:path.join", ":", "", "builtins:int"]
)
def test_a_class_of_a_store_is_never_imported_or_called(name):
    loaded = set(sys.modules)
    assert from_plain({"$enum": [name, "a", 1]}) == 1
    assert with_types(from_plain({"$named_tuple": [name, [1]]})) == with_types(freeze((1,)))
    assert "antigravity" not in set(sys.modules) - loaded


def test_a_member_whose_value_has_changed_is_read_as_its_value():
    assert from_plain({"$enum": [f"{__name__}:Level", "HIGH", 4]}) == 4


@pytest.mark.parametrize("value", [object(), len, ValueError("x")])
def test_an_object_becomes_a_marker_with_its_type(value):
    marker = read_back(freeze([value]))[0]
    kind = type(value)
    assert marker == NotStored(f"{kind.__module__}.{kind.__qualname__}")
    assert "which the store does not hold" in repr(marker)
    assert read_back(marker) == marker


@pytest.mark.parametrize(
    "content",
    [
        {"$no": 1},
        {"$date": 3},
        {"$map": [1]},
        {"$bytes": None},
        {"$path": ["os", "a"]},
        {"$range": 1},
        {"$fraction": [1, 0]},
        {"$missing": "x"},
        {"$timestamp": ["a", None, "s"]},
        {"$enum": [1, "a", 1]},
        {"$deque": [[1], -1]},
    ],
)
def test_an_unreadable_tag_is_refused(content):
    with pytest.raises(ValueError, match=r"`\$\w+`"):
        from_plain(content)


class Unequal:
    """An object that cannot be compared."""

    def __eq__(self, _):
        raise RuntimeError

    __hash__ = object.__hash__


class Single(Enum):
    ONLY = Unequal()


def test_a_member_that_cannot_be_compared_is_a_marker():
    assert type(read_back(Single.ONLY)) is NotStored


def test_an_endless_list_in_a_deque_is_a_marker():
    class Endless(list):
        def __iter__(self):
            while True:
                yield 1

    assert type(read_back(deque([Endless()]))[0]) is NotStored


@pytest.mark.parametrize(
    "value",
    [2**64, -(10**5_000), [10**5_000], {"a": 2**40_000}],
    ids=["long", "negative", "array", "object"],
)
def test_an_integer_of_any_size_is_read_back(value):
    content = msgspec.json.encode(to_plain(freeze(value), check_strings=True))
    assert from_plain(msgspec.json.decode(content)) == value


def test_a_value_of_the_most_levels_is_read_within_others():
    value = []
    for _ in range(199):
        value = [value]
    assert read_back(freeze_list([freeze(value)])) == [value]

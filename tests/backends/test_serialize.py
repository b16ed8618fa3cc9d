"""Values on their way to another process: one that fails does not stop the others."""

import datetime as dt
import decimal
import math
import pickle
import threading
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb.backends.chunks.serialize import NotSent, pack, pack_value, unpack
from attune_nb.values.frozen import FrozenDict, freeze

_leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_values = st.recursive(
    _leaves | st.binary() | st.dates() | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


def types_in(value):
    """Return a value with the type of each of its parts."""
    if isinstance(value, dict):
        return type(value), [(key, types_in(part)) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [*map(types_in, value)]
    return type(value), repr(value)


@given(st.lists(_values))
def test_plain_data_is_sent_all_together(values):
    frozen = [freeze(value) for value in values]
    packed = pack(frozen)
    assert packed.message_pack is not None or packed.together is not None
    assert [*map(types_in, unpack(packed))] == [*map(types_in, frozen)]


@pytest.mark.parametrize("number", [1, 2**64, 0.5, math.nan, -math.inf], ids=repr)
@pytest.mark.parametrize("text", ["é", "\udce9"], ids=ascii)
def test_records_come_back_as_they_were(number, text):
    records = [freeze({"id": index, "x": [{text: number}]}) for index in range(100)]
    unpacked = unpack(pack(records))
    assert [*map(types_in, unpacked)] == [*map(types_in, records)]


def test_small_records_are_no_pickle():
    records = [freeze({"id": index, "tags": ["a"]}) for index in range(100)]
    assert pack(records).message_pack is not None


@pytest.mark.parametrize("shared", [["x" * 1000] * 1000, "x" * 100_000], ids=["array", "string"])
def test_a_value_of_many_items_is_sent_once(shared):
    shared = freeze(shared)
    items = [freeze({"id": index, "shared": shared}) for index in range(100)]
    packed = pack(items)
    assert len(packed) < 150_000
    assert unpack(packed) == items


def test_frozen_values_stay_frozen():
    (value,) = unpack(pack([freeze({"a": [1, {"b": 2}]})]))
    assert isinstance(value, FrozenDict)
    with pytest.raises(TypeError, match="read-only"):
        value["a"][1]["b"] = 3


class FailsToPickle:
    def __reduce__(self):
        raise RuntimeError("not me")


class ExitsWhenUnpickled:
    def __reduce__(self):
        return exit, (3,)


def test_values_that_cannot_be_sent_fail_separately():
    frame = pd.DataFrame({"a": [1, 2]})
    array = np.arange(3)
    values = [
        1,
        FailsToPickle(),
        "x",
        threading.Lock(),
        ExitsWhenUnpickled(),
        lambda x: x + 1,
        array,
        frame,
    ]
    unpacked = unpack(pack(values))
    assert (unpacked[0], unpacked[2], unpacked[5](1), list(unpacked[6])) == (1, "x", 2, [0, 1, 2])
    assert unpacked[7].equals(frame)

    reasons = {1: "not me", 3: "a value of type `lock`", 4: "SystemExit"}
    for position, reason in reasons.items():
        value = unpacked[position]
        assert isinstance(value, NotSent)
        assert reason in value.message
        assert "threads backend" in value.message


@pytest.mark.parametrize(
    "value",
    [dt.datetime(2026, 1, 2, tzinfo=dt.UTC), decimal.Decimal("1.5"), uuid.UUID(int=7), 2**200],
    ids=str,
)
def test_dates_and_exact_numbers_are_plain_data(value):
    packed = pack([value, {"x": value}])
    assert packed.together is not None
    assert unpack(packed) == [value, {"x": value}]


class Doubling(list):
    """A list that gives every element twice."""

    def __iter__(self):
        for element in super().__iter__():
            yield element
            yield element


class Counted:
    """An object that says itself how to make it again."""

    def __init__(self, elements):
        self.elements = elements

    def append(self, element):
        self.elements.append(element)

    def __reduce__(self):
        return Counted, ([],), None, iter(self.elements)


def test_a_container_that_iterates_in_its_own_way_is_sent():
    assert list.__len__(pickle.loads(pack_value(Doubling([1, 2])))) == 4
    assert pickle.loads(pack_value(Counted([1, 2]))).elements == [1, 2]

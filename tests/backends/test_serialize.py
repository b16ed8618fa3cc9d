"""Values on their way to another process: none of them stops the others."""

import datetime as dt
import decimal
import threading
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb.backends.chunks.serialize import NotSent, pack, unpack
from attune_nb.values.frozen import FrozenDict, freeze

_leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_values = st.recursive(
    _leaves | st.binary() | st.dates() | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(st.lists(_values))
def test_plain_data_goes_as_one_and_comes_as_it_was(values):
    frozen = [freeze(each) for each in values]
    packed = pack(frozen)
    assert packed.together is not None
    found = unpack(packed)
    assert found == frozen
    assert [type(each) for each in found] == [type(each) for each in frozen]


def test_what_is_frozen_stays_so():
    (found,) = unpack(pack([freeze({"a": [1, {"b": 2}]})]))
    assert isinstance(found, FrozenDict)
    with pytest.raises(TypeError, match="read-only"):
        found["a"][1]["b"] = 3


class Broken:
    def __reduce__(self):
        raise RuntimeError("not me")


class Ends:
    def __reduce__(self):
        return exit, (3,)


def test_each_that_cannot_go_or_come_is_told_of_by_itself():
    frame = pd.DataFrame({"a": [1, 2]})
    values = [1, Broken(), "x", threading.Lock(), Ends(), lambda x: x + 1, np.arange(3), frame]
    one, broken, text, lock, ends, function, array, table = unpack(pack(values))
    assert (one, text, function(1), list(array)) == (1, "x", 2, [0, 1, 2])
    assert table.equals(frame)
    for found, told in ((broken, "not me"), (lock, "a lock"), (ends, "SystemExit")):
        assert isinstance(found, NotSent)
        assert told in found.message
        assert "threads backend" in found.message


@pytest.mark.parametrize(
    "value",
    [dt.datetime(2026, 1, 2, tzinfo=dt.UTC), decimal.Decimal("1.5"), uuid.UUID(int=7), 2**200],
    ids=str,
)
def test_dates_and_exact_numbers_are_plain(value):
    packed = pack([value, {"x": value}])
    assert packed.together is not None
    assert unpack(packed) == [value, {"x": value}]

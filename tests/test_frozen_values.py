"""Values are frozen all together where there are many, with the same result as one by one."""

import datetime as dt
import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune_nb.values.frozen import (
    FrozenDict,
    FrozenList,
    FrozenTuple,
    are_json_data,
    freeze,
    freeze_list,
    is_plain_data,
    thaw,
    thaw_all,
)
from attune_nb.values.sizes import LARGEST_COUNTED, size_of

# an object that is no plain data, and stays as it is
DAY = dt.date(2026, 1, 31)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(b"") | st.just(DAY)
)
NAMES = st.sampled_from("abc") | st.just(1)
VALUES = st.recursive(
    LEAVES,
    lambda parts: (
        st.lists(parts, max_size=4)
        | st.dictionaries(NAMES, parts, max_size=3)
        | st.tuples(parts, parts)
    ),
    max_leaves=12,
)


def all_parts(value):
    """Yield a value and all that it holds."""
    yield value
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for part in value:
        yield from all_parts(part)


def is_json(value):
    """Return whether a value holds nothing but values of JSON's types, by a look at each part."""
    if isinstance(value, dict):
        return all(type(key) is str and is_json(part) for key, part in value.items())
    if isinstance(value, list):
        return all(map(is_json, value))
    return value is None or type(value) in (bool, int, float, str)


def mutate(value):
    """Change every container in a value."""
    for part in list(all_parts(value)):
        if isinstance(part, dict):
            part["changed"] = True
        elif isinstance(part, list):
            part.append("changed")


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=40))
def test_many_values_are_frozen_as_each_by_itself(values):
    together = freeze(values)
    one_by_one = [freeze(value) for value in values]
    assert together == one_by_one
    for value, single in zip(together, one_by_one, strict=True):
        assert [*map(type, all_parts(value))] == [*map(type, all_parts(single))]
        assert [*map(is_plain_data, all_parts(value))] == [*map(is_plain_data, all_parts(single))]
        assert size_of(value) == size_of(single)


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=40))
def test_containers_know_whether_json_has_their_types(values):
    frozen = freeze(values)
    for part in all_parts(frozen):
        assert are_json_data([part]) == is_json(part)
    assert (
        are_json_data(list(frozen)) == are_json_data([freeze_list(list(frozen))]) == is_json(frozen)
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(VALUES, max_size=40))
def test_no_change_of_the_original_is_seen(values):
    before = thaw(freeze(values))
    frozen = freeze(values)
    mutate(values)
    assert thaw(frozen) == before


@settings(max_examples=40, deadline=None)
@given(st.lists(VALUES, max_size=40))
def test_every_container_is_read_only(values):
    for part in all_parts(freeze(values)):
        if isinstance(part, dict | list | tuple):
            assert type(part) in (FrozenDict, FrozenList, FrozenTuple)


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=40))
def test_values_are_thawed_to_equal_ones_of_their_own(values):
    frozen = freeze(values)
    before = thaw(frozen)
    thawed = thaw_all(list(frozen))
    assert thawed == before
    for value in thawed:
        if type(value) in (dict, list):
            value.clear()
    assert thaw(frozen) == before


def test_one_object_in_many_values_is_thawed_once():
    shared = freeze({"tags": ["a"]})
    first, second = thaw_all([freeze({"id": 1, "x": shared}), freeze({"id": 2, "x": shared})])
    assert type(first["x"]) is dict
    assert first["x"] is second["x"]


def test_records_may_differ_in_their_keys_and_types():
    records = [{"id": number, f"key_{number % 3}": [number]} for number in range(60)]
    records[7] = {"id": {"nested": [7]}}
    records[8] = {}
    records[9] = None
    expected = thaw(records)
    frozen = freeze(records)
    mutate(records)
    assert frozen == expected


def test_records_that_are_frozen_already_are_shared():
    first = freeze({"tags": ["a"]})
    frozen = freeze([first] * 100)
    assert all(record is first for record in frozen)


def test_only_containers_of_an_object_are_no_plain_data():
    frozen = freeze([{"day": None, "list": [number]} for number in range(50)] + [{"day": DAY}])
    assert [is_plain_data(record) for record in frozen] == [True] * 50 + [False]
    assert not is_plain_data(frozen)
    assert not is_plain_data(freeze_list(list(frozen)))
    assert is_plain_data(freeze_list(list(frozen[:50])))


@pytest.mark.parametrize("width", [2, 100], ids=["two references", "a hundred references"])
@pytest.mark.parametrize("kind", ["arrays", "objects"])
def test_what_is_referred_to_many_times_is_frozen_once(width, kind):
    """Each level refers to the next one more than once: copies would number 2^150."""
    value = ["end"]
    for _ in range(150):
        value = [value] * width
        if kind == "objects":
            value = dict(enumerate(value))

    frozen = freeze(value)
    for _ in range(150):
        frozen = frozen[width - 1]
    assert frozen == ["end"]


@pytest.mark.parametrize("width", [1, 2, 100])
def test_many_values_that_contain_themselves_are_refused(width):
    value = []
    value += [value] * width
    with pytest.raises(ValueError, match="nested deeper than 200 levels, or contains itself"):
        freeze(value)

    record = {}
    record.update({f"key_{number}": [record] for number in range(width)})
    with pytest.raises(ValueError, match="nested deeper than 200 levels, or contains itself"):
        freeze([record] * width)


def test_the_size_of_very_many_records_is_estimated():
    records = [{"id": number, "name": f"name {number:06}"} for number in range(50_000)]
    frozen = freeze(records)
    exact = size_of(freeze([])) + 8 * len(frozen) + sum(map(size_of, frozen))
    # counted anew, from a sample
    assert size_of(freeze(records)) == pytest.approx(exact, rel=0.01)


def test_up_to_two_thousand_elements_the_size_is_exact():
    texts = [f"{'x' * number}" for number in range(LARGEST_COUNTED)]
    frozen = freeze(texts)
    assert size_of(frozen) == frozen.__sizeof__() + gc_bytes() + sum(map(size_of, frozen))


def gc_bytes():
    """Return the bytes that the garbage collector adds to a container."""
    empty = freeze([])
    assert gc.is_tracked(empty)
    return size_of(empty) - empty.__sizeof__()


def test_the_garbage_collector_does_not_walk_plain_data():
    """Plain data that never changes is in no cycle, so there is nothing to find."""
    frozen = freeze([{"id": number, "name": "x", "tags": [1, 2, 3]} for number in range(50)])
    assert not any(map(gc.is_tracked, [frozen, *frozen, *(record["tags"] for record in frozen)]))

    with_object = freeze({"day": DAY, "id": 1, "name": "x"})
    assert gc.is_tracked(with_object)


class Key:
    """A key that may refer to the object that it is in."""


@pytest.mark.parametrize("count", [1, 50])
def test_objects_with_keys_of_other_types_are_walked(count):
    """They may be in a cycle."""
    key = Key()
    key.objects = freeze([{key: 1, "id": number, "name": "x"} for number in range(count)])
    reference = weakref.ref(key)
    del key
    gc.collect()
    assert reference() is None


def test_untracked_data_is_freed_as_any_other():
    for _ in range(3):
        frozen = freeze([{"id": number, "name": "x", "tags": [[], 2, 3]} for number in range(500)])
        first = frozen[0]
        del frozen
        gc.collect()
        assert first == {"id": 0, "name": "x", "tags": [[], 2, 3]}


def test_the_collector_is_on_again_after_many_values():
    freeze([[number] for number in range(5_000)])
    assert gc.isenabled()
    cycle = []
    cycle.append(cycle)
    with pytest.raises(ValueError, match="contains itself"):
        freeze([cycle] * 5_000)
    assert gc.isenabled()


def test_an_array_of_numpy_is_copied_unless_it_is_read_only():
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    frozen = freeze(array)
    array[0, 0] = 7

    assert frozen[0, 0] == 0
    assert frozen.flags.f_contiguous
    with pytest.raises(ValueError, match="WRITEABLE"):
        frozen.flags.writeable = True
    assert freeze(frozen) is frozen
    assert freeze(window := frozen[:1]) is window


def test_a_read_only_view_of_a_writeable_array_is_copied():
    array = np.zeros(3)
    view = array.view()
    view.flags.writeable = False
    frozen = freeze(view)
    array[:] = 7

    assert frozen.tolist() == [0, 0, 0]


def test_an_array_in_many_records_is_copied_once():
    array = np.zeros(3)
    records = freeze([{"index": index, "array": array} for index in range(1_000)])
    assert len({id(record["array"]) for record in records}) == 1

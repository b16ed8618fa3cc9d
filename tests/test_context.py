"""The context: read-only, persistent, and never copied."""

import copy
import enum
import inspect
import json
import pickle
import sys
import tracemalloc

import numpy as np
import pytest

from attune_nb import WorkflowContext
from attune_nb.context import ItemScope, TaskScope
from attune_nb.values.frozen import FrozenDict, FrozenList, freeze, thaw
from attune_nb.values.sizes import size_of


@pytest.mark.parametrize(
    "change",
    [
        lambda frozen: frozen.__setitem__("a", 1),
        lambda frozen: frozen.__delitem__("a"),
        lambda frozen: frozen.update(a=2),
        lambda frozen: frozen.pop("a"),
        lambda frozen: frozen.popitem(),
        lambda frozen: frozen.clear(),
        lambda frozen: frozen.setdefault("z", 1),
        lambda frozen: frozen.__ior__({"z": 1}),
    ],
)
def test_a_frozen_object_refuses_every_change(change):
    frozen = freeze({"a": 1})
    with pytest.raises(TypeError, match=r"read-only.*dict\(value\).*mutable_input"):
        change(frozen)
    assert frozen == {"a": 1}


@pytest.mark.parametrize(
    "change",
    [
        lambda frozen: frozen.__setitem__(0, 9),
        lambda frozen: frozen.__delitem__(0),
        lambda frozen: frozen.append(1),
        lambda frozen: frozen.extend([1]),
        lambda frozen: frozen.insert(0, 1),
        lambda frozen: frozen.pop(),
        lambda frozen: frozen.remove(2),
        lambda frozen: frozen.clear(),
        lambda frozen: frozen.sort(),
        lambda frozen: frozen.reverse(),
        lambda frozen: frozen.__iadd__([1]),
        lambda frozen: frozen.__imul__(2),
    ],
)
def test_a_frozen_array_refuses_every_change(change):
    frozen = freeze([2, 1])
    with pytest.raises(TypeError, match=r"read-only.*list\(value\)"):
        change(frozen)
    assert frozen == [2, 1]


def test_freeze_freezes_all_levels_and_shares_frozen_values():
    inner = freeze({"k": [1, {"z": 2}]})
    outer = freeze({"a": inner, "b": ([1],)})

    assert outer["a"] is inner
    assert type(outer) is FrozenDict
    assert type(inner["k"]) is FrozenList
    assert type(inner["k"][1]) is FrozenDict
    assert type(outer["b"][0]) is FrozenList
    assert freeze(outer) is outer


def test_freeze_does_not_change_the_original_object():
    original = {"a": [1]}
    frozen = freeze(original)
    original["a"].append(2)

    assert frozen == {"a": [1]}


def test_frozen_values_can_be_encoded_pickled_and_copied():
    frozen = freeze({"a": [1, None]})
    assert json.dumps(frozen) == '{"a": [1, null]}'

    unpickled = pickle.loads(pickle.dumps(frozen))
    assert unpickled == frozen
    assert type(unpickled) is FrozenDict

    for plain in (thaw(frozen), copy.deepcopy(frozen)):
        assert type(plain) is dict
        assert type(plain["a"]) is list


def test_a_value_that_contains_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        freeze(loop)


def test_publish_keeps_the_old_version():
    first = WorkflowContext.create({"p": 1}, vars={"v": [1]})
    second = first.publish("v", [1, 2]).publish("w", 3)

    assert first.lookup("workflow.v") == [1]
    assert "w" not in first.variables
    assert second.lookup("workflow.v") == [1, 2]
    assert second.parameters is first.parameters
    assert second.publish("x", 1).variables["v"] is second.variables["v"]


def test_a_result_keeps_the_old_version():
    first = WorkflowContext.create()
    second = first.with_result("a", {"n": 1})

    assert "a" not in first.tasks
    assert second.lookup("task.a.n") == 1


def test_a_lookup_without_a_value_names_the_path():
    with pytest.raises(KeyError, match=r"workflow\.v\.k"):
        WorkflowContext.create(vars={"v": {}}).lookup("workflow.v.k")


def test_a_scope_is_at_most_48_bytes():
    context = WorkflowContext.create(vars={"big": list(range(1000))})
    assert sys.getsizeof(context.scope({"k": 1}, 7)) <= 48
    assert sys.getsizeof(TaskScope(context)) <= 48


def bytes_per_scope(context, count=2000):
    """Return the bytes that are allocated for one scope."""
    indexes = list(range(count))
    scopes = [None] * count
    # without the allocations of other threads
    context_module = tracemalloc.Filter(
        inclusive=True, filename_pattern=inspect.getfile(WorkflowContext)
    )

    tracemalloc.start()
    try:
        for index in indexes:
            scopes[index] = context.scope(index, index)
        snapshot = tracemalloc.take_snapshot().filter_traces([context_module])
        return sum(trace.size for trace in snapshot.traces) / count
    finally:
        tracemalloc.stop()


def test_the_size_of_a_scope_does_not_depend_on_the_context():
    small = WorkflowContext.create(vars={"v": 1})
    variables = {f"v{number}": list(range(1000)) for number in range(100)}
    big = WorkflowContext.create({"p": "x" * 1_000_000}, vars=variables)
    assert big.size_bytes > 1000 * small.size_bytes

    small_size = bytes_per_scope(small)
    big_size = bytes_per_scope(big)
    assert 16 <= small_size <= 64
    assert 16 <= big_size <= 64
    assert abs(small_size - big_size) <= 2


def test_a_scope_shares_context_and_item():
    context = WorkflowContext.create()
    item = freeze({"k": 1})
    scope = context.scope(item, 0)

    assert isinstance(scope, ItemScope)
    assert scope.context is context
    assert scope.item is item
    with pytest.raises(AttributeError):
        scope.item = 1


def test_special_strings_and_numbers_become_plain_ones():
    class Colour(str, enum.Enum):  # noqa: UP042 - the older way to write it
        RED = "red"

    class Name(str):
        __slots__ = ()

    frozen = freeze([Name("a"), np.str_("x"), np.float64(1.5), np.int64(3), np.bool_(1)])

    assert list(map(type, frozen)) == [str, str, float, int, bool]
    assert frozen == ["a", "x", 1.5, 3, True]
    assert freeze(Colour.RED) is Colour.RED


def test_sets_and_arrays_cannot_be_changed_either():
    numbers = np.zeros(3)
    frozen = freeze({"set": {1, 2}, "array": numbers})

    assert frozen["set"] == {1, 2}
    assert not hasattr(frozen["set"], "add")
    with pytest.raises(ValueError, match="read-only"):
        frozen["array"] += 1

    # a copy: the caller's own array can still be changed
    numbers[0] = 1
    assert frozen["array"][0] == 0


def test_an_object_that_is_no_data_counts_only_itself():
    assert 0 < size_of(number for number in []) < 1000

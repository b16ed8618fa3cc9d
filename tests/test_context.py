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
from attune_nb.values.frozen import FrozenDict, FrozenList, freeze, size_of, thaw


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.__setitem__("a", 1),
        lambda m: m.__delitem__("a"),
        lambda m: m.update(a=2),
        lambda m: m.pop("a"),
        lambda m: m.popitem(),
        lambda m: m.clear(),
        lambda m: m.setdefault("z", 1),
        lambda m: m.__ior__({"z": 1}),
    ],
)
def test_a_frozen_map_refuses_every_change(change):
    frozen = freeze({"a": 1})
    with pytest.raises(TypeError, match=r"read-only.*dict\(value\).*mutable_input"):
        change(frozen)
    assert frozen == {"a": 1}


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.__setitem__(0, 9),
        lambda v: v.__delitem__(0),
        lambda v: v.append(1),
        lambda v: v.extend([1]),
        lambda v: v.insert(0, 1),
        lambda v: v.pop(),
        lambda v: v.remove(2),
        lambda v: v.clear(),
        lambda v: v.sort(),
        lambda v: v.reverse(),
        lambda v: v.__iadd__([1]),
        lambda v: v.__imul__(2),
    ],
)
def test_a_frozen_list_refuses_every_change(change):
    frozen = freeze([2, 1])
    with pytest.raises(TypeError, match=r"read-only.*list\(value\)"):
        change(frozen)
    assert frozen == [2, 1]


def test_freeze_goes_all_the_way_down_and_shares_what_is_frozen():
    inner = freeze({"k": [1, {"z": 2}]})
    outer = freeze({"a": inner, "b": ([1],)})

    assert outer["a"] is inner
    assert type(outer) is FrozenDict
    assert type(inner["k"]) is FrozenList
    assert type(inner["k"][1]) is FrozenDict
    assert type(outer["b"][0]) is FrozenList
    assert freeze(outer) is outer


def test_the_giver_keeps_its_own_object():
    given = {"a": [1]}
    frozen = freeze(given)
    given["a"].append(2)

    assert frozen == {"a": [1]}


def test_frozen_values_go_where_plain_ones_go():
    frozen = freeze({"a": [1, None]})
    assert json.dumps(frozen) == '{"a": [1, null]}'

    again = pickle.loads(pickle.dumps(frozen))
    assert again == frozen
    assert type(again) is FrozenDict

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


def test_lookup_of_nothing_names_the_path():
    with pytest.raises(KeyError, match=r"workflow\.v\.k"):
        WorkflowContext.create(vars={"v": {}}).lookup("workflow.v.k")


def test_a_scope_is_at_most_48_bytes():
    context = WorkflowContext.create(vars={"big": list(range(1000))})
    assert sys.getsizeof(context.scope({"k": 1}, 7)) <= 48
    assert sys.getsizeof(TaskScope(context)) <= 48


def bytes_per_scope(context, count=2000):
    items = list(range(count))
    kept = [None] * count
    tracemalloc.start()
    try:
        for at in items:
            kept[at] = context.scope(at, at)
        mine = tracemalloc.Filter(
            inclusive=True, filename_pattern=inspect.getfile(WorkflowContext)
        )  # not of other threads
        taken = tracemalloc.take_snapshot().filter_traces([mine])
        return sum(each.size for each in taken.traces) / count
    finally:
        tracemalloc.stop()


def test_what_a_scope_takes_does_not_depend_on_the_context():
    small = WorkflowContext.create(vars={"v": 1})
    big = WorkflowContext.create(
        {"p": "x" * 1_000_000}, vars={f"v{n}": list(range(1000)) for n in range(100)}
    )
    assert big.size_bytes > 1000 * small.size_bytes

    sizes = bytes_per_scope(small), bytes_per_scope(big)
    assert 16 <= min(sizes) <= max(sizes) <= 64
    assert abs(sizes[0] - sizes[1]) <= 2


def test_a_scope_shares_context_and_item():
    context, item = WorkflowContext.create(), freeze({"k": 1})
    scope = context.scope(item, 0)

    assert isinstance(scope, ItemScope)
    assert scope.context is context
    assert scope.item is item
    with pytest.raises(AttributeError):
        scope.item = 1


def test_texts_and_numbers_of_other_kinds_become_plain_ones():
    class Colour(str, enum.Enum):  # noqa: UP042 - the older way to write it
        RED = "red"

    frozen = freeze([Colour.RED, np.str_("x"), np.float64(1.5), np.int64(3), np.bool_(1)])

    assert list(map(type, frozen)) == [str, str, float, int, bool]
    assert frozen == ["red", "x", 1.5, 3, True]


def test_sets_and_arrays_cannot_be_changed_either():
    numbers = np.zeros(3)
    frozen = freeze({"set": {1, 2}, "array": numbers})

    assert frozen["set"] == {1, 2}
    assert not hasattr(frozen["set"], "add")
    with pytest.raises(ValueError, match="read-only"):
        frozen["array"] += 1
    assert frozen["array"].base is numbers  # a view: nothing was copied

    numbers[0] = 1  # the caller's own array stays the caller's
    assert frozen["array"][0] == 1


def test_an_object_that_is_no_data_counts_by_itself():
    assert 0 < size_of(each for each in []) < 1000

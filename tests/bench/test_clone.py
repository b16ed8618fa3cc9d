"""The measurement of scopes: its strategies, sizes, counts and arguments."""

import copy
import sys
import time

import numpy as np
import pytest

import attune_nb
from attune_nb import bench
from attune_nb.bench import memory
from attune_nb.bench.strategies import KINDS, STRATEGIES, NaiveThreads, plain_context

COLUMNS = ["bench", "strategy", "kind", "size", "n", "seconds", "bytes", "repeat"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_context_has_results_of_10_kb_each(kind):
    plain = plain_context(1_024_000, kind)
    assert len(plain["tasks"]) == 100
    assert {len(result["data"]) for result in plain["tasks"].values()} == {10_240}
    assert plain_context(0, kind)["tasks"] == {}

    results = plain_context(15_000, kind)["tasks"].values()
    assert [len(result["data"]) for result in results] == [10_240, 4_760]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_gives_an_item_its_context(name):
    scope = STRATEGIES[name](plain_context(20_480))("thing", 7)
    if name == "attune_nb":
        assert (scope.item, scope.index) == ("thing", 7)
        assert scope.context.lookup("task.task_1.data")[-1] == 10_239
        return

    names = scope[0] if isinstance(scope, tuple) else scope
    assert names["item"] == "thing"
    assert names.get("tasks", names)["task_1"]["data"][-1] == 10_239


def test_only_some_strategies_copy():
    plain = plain_context(10_240)
    for name in ("deep copy", "JSON", "pickle"):
        copied = STRATEGIES[name](plain)(1, 1)[0]["tasks"]["task_0"]["data"]
        assert copied is not plain["tasks"]["task_0"]["data"]

    for name in ("shallow copy", "ChainMap.new_child", "pyrsistent set"):
        assert STRATEGIES[name](plain)(1, 1)["task_0"] is plain["tasks"]["task_0"]


def test_a_row_is_one_measurement():
    df = bench.clone([0, 10_240], ["attune_nb", "deep copy"], counts=[10, 100], repeats=2)

    assert list(df.columns) == COLUMNS
    assert len(df) == 2 * 2 * 2 * 2
    assert set(df["n"]) == {10, 100}
    assert (df["seconds"] > 0).all()


def test_a_slow_strategy_makes_fewer_scopes():
    df = bench.clone([512_000], ["deep copy"], counts=[10_000], repeats=1, longest=0.1)
    assert df["n"][0] < 1000


def test_a_hiccup_cuts_no_measurement_short(monkeypatch):
    def hiccups(plain):
        # the first scope takes long
        return lambda item, index: time.sleep(0 if index else 0.02)

    monkeypatch.setitem(STRATEGIES, "hiccups", hiccups)
    df = bench.clone([0], ["hiccups"], counts=[400], repeats=1, longest=2.0)
    assert list(df["n"]) == [400]


def test_only_the_bytes_of_a_copy_grow_with_the_context():
    df = bench.clone([0, 102_400], ["attune_nb", "deep copy"], repeats=1)
    sizes = df.pivot_table(index="size", columns="strategy", values="bytes")

    assert sizes["attune_nb"].max() <= 48
    assert sizes["attune_nb"].min() >= 40
    assert sizes["deep copy"][102_400] > 8 * 102_400


def test_an_unknown_strategy_gets_a_suggestion():
    with pytest.raises(attune_nb.errors.BackendError, match="did you mean `deep copy`"):
        bench.clone([0], ["depe copy"])


NAIVE = """
parameters: {data: {}}
vars: {total: 3}
tasks:
  - {name: first, action: core.noop, input: {data: [1, 2]}, next: [{do: each}]}
  - name: each
    action: core.noop
    with_items: [5, 6, 7]
    input:
      {i: "{{ item }}", t: "{{ total }}", d: "{{ task.first.data }}", h: "{{ parameters.data }}"}
"""


def test_the_naive_engine_copies_for_each_item(monkeypatch):
    """The results are the same as without copies."""
    copies = []
    deepcopy = copy.deepcopy

    def count_copies(value, *args):
        if isinstance(value, dict) and "keystore" in value:
            copies.append(value)
        return deepcopy(value, *args)

    monkeypatch.setattr(copy, "deepcopy", count_copies)
    workflow = attune_nb.loads(NAIVE)
    ours = workflow.run({"data": [9]})
    assert copies == []

    naive = workflow.run({"data": [9]}, backend=NaiveThreads())
    assert len(copies) == 4
    assert naive.result("each") == ours.result("each")
    assert naive.result("each")[2] == {"i": 7, "t": 3, "d": [1, 2], "h": [9]}


WRONG_ARGUMENTS = [
    ({"kind": "nope"}, "`kind` must be `list` or `text`, not the string `nope`"),
    ({"kind": ["list"]}, "`kind` must be .*, not an array"),
    ({"sizes": 5}, "`sizes` must be an array, not the integer `5`"),
    ({"sizes": "12"}, "`sizes` must be an array, not the string `12`"),
    ({"sizes": [1.5]}, r"`sizes` must be an integer of at least 0, not the number `1\.5`"),
    ({"sizes": [-1]}, "`sizes` must be an integer of at least 0, not the integer `-1`"),
    ({"sizes": [True]}, "`sizes` must be an integer of at least 0, not the boolean `true`"),
    ({"sizes": [7, 7]}, "`sizes` has the integer `7` twice"),
    ({"counts": [0]}, "`counts` must be an integer of at least 1, not the integer `0`"),
    ({"counts": [1, 1]}, "`counts` has the integer `1` twice"),
    ({"repeats": 0}, "`repeats` must be an integer of at least 1, not the integer `0`"),
    ({"longest": "x"}, "`longest` must be a number of seconds above 0, not the string `x`"),
    ({"strategies": "JSON"}, "`strategies` must be an array, not the string `JSON`"),
    ({"strategies": [None]}, "`strategies`: there is no strategy `None`"),
    ({"strategies": ["JSON", "JSON"]}, "`strategies` has the string `JSON` twice"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_ARGUMENTS, ids=lambda value: str(value)[:40])
def test_a_wrong_argument_is_refused_first(wrong, message):
    """The message names the argument, and nothing is measured."""
    arguments = {"sizes": [0], "strategies": ["attune_nb"]}
    with pytest.raises(attune_nb.errors.BackendError, match=message):
        bench.clone(**arguments | wrong)


@pytest.mark.parametrize("empty", ["sizes", "strategies", "counts"])
def test_an_empty_array_gives_an_empty_frame(empty):
    arguments = {"sizes": [0], "strategies": ["attune_nb"], "repeats": 1}
    df = bench.clone(**arguments | {empty: []})
    assert list(df.columns) == COLUMNS
    assert df.empty


def test_integers_of_numpy_are_integers_too():
    df = bench.clone(np.array([0, 5]), ["attune_nb"], repeats=1)
    assert set(df["size"]) == {0, 5}


def test_a_frame_names_its_measurement():
    assert set(bench.clone([0], ["attune_nb"], repeats=1)["bench"]) == {"clone"}


def test_cheap_memory_is_measured_in_each_repeat(monkeypatch):
    sizes = iter([40.0, 41.0, 42.0])
    module = sys.modules["attune_nb.bench.clone"]
    monkeypatch.setattr(module, "_scope_bytes", lambda _make: next(sizes))
    df = bench.clone([0], ["attune_nb"], repeats=3, counts=[1])
    assert list(df["bytes"]) == [40.0, 41.0, 42.0]


def test_slow_memory_is_measured_once(monkeypatch):
    monkeypatch.setattr(memory, "_CHEAP", 0.0)
    df = bench.clone([0], ["deep copy"], repeats=3, counts=[1])
    assert list(df["bytes"].isna()) == [False, True, True]


def test_strategies_and_peers_are_exported():
    assert bench.STRATEGIES is STRATEGIES
    assert "for loop" in bench.PEERS

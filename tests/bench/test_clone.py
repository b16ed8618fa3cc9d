"""What is measured is what it says: the ways, the sizes, the counts."""

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
    assert {len(each["data"]) for each in plain["tasks"].values()} == {10_240}
    assert plain_context(0, kind)["tasks"] == {}
    assert [len(each["data"]) for each in plain_context(15_000, kind)["tasks"].values()] == [
        10_240,
        4_760,
    ]


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_way_gives_an_item_what_it_is_to_see(name):
    scope = STRATEGIES[name](plain_context(20_480))("thing", 7)
    if name == "attune_nb":
        assert (scope.item, scope.index) == ("thing", 7)
        assert scope.context.lookup("task.task_1.data")[-1] == 10_239
        return
    seen = scope[0] if isinstance(scope, tuple) else scope
    assert seen["item"] == "thing"
    assert seen.get("tasks", seen)["task_1"]["data"][-1] == 10_239


def test_a_copy_is_a_copy_and_a_reference_is_none():
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


def test_what_would_take_too_long_is_made_fewer_times_and_says_so():
    df = bench.clone([512_000], ["deep copy"], counts=[10_000], repeats=1, longest=0.1)
    assert df["n"][0] < 1000


def test_a_hiccup_of_the_machine_cuts_nothing_short(monkeypatch):
    def hiccups(plain):
        return lambda item, index: time.sleep(0 if index else 0.02)  # as the first is made

    monkeypatch.setitem(STRATEGIES, "hiccups", hiccups)
    df = bench.clone([0], ["hiccups"], counts=[400], repeats=1, longest=2.0)
    assert list(df["n"]) == [400]


def test_the_bytes_of_a_scope_do_not_depend_on_the_context_and_those_of_a_copy_do():
    held = bench.clone([0, 102_400], ["attune_nb", "deep copy"], repeats=1).pivot_table(
        index="size", columns="strategy", values="bytes"
    )
    assert held["attune_nb"].max() <= 48
    assert held["attune_nb"].min() >= 40
    assert held["deep copy"][102_400] > 8 * 102_400


def test_an_unknown_way_is_told_with_the_nearest():
    with pytest.raises(attune_nb.errors.BackendError, match="did you mean `deep copy`"):
        bench.clone([0], ["depe copy"])


NAIVE = """
parameters: {held: {}}
vars: {total: 3}
tasks:
  - {name: first, action: core.noop, input: {data: [1, 2]}, next: [{do: each}]}
  - name: each
    action: core.noop
    with_items: [5, 6, 7]
    input:
      {i: "{{ item }}", t: "{{ total }}", d: "{{ task.first.data }}", h: "{{ parameters.held }}"}
"""


def test_the_naive_engine_copies_for_each_item_and_gives_the_same(monkeypatch):
    made = []
    real = copy.deepcopy

    def counted(value, *rest):
        made.extend([1] if isinstance(value, dict) and "keystore" in value else [])
        return real(value, *rest)

    monkeypatch.setattr(copy, "deepcopy", counted)
    workflow = attune_nb.loads(NAIVE)
    ours = workflow.run({"held": [9]})
    assert made == []
    naive = workflow.run({"held": [9]}, backend=NaiveThreads())
    assert len(made) == 4
    assert naive.result("each") == ours.result("each")
    assert naive.result("each")[2] == {"i": 7, "t": 3, "d": [1, 2], "h": [9]}


WRONG = [
    ({"kind": "nope"}, "`kind`: 'list' or 'text', not 'nope'"),
    ({"kind": ["list"]}, r"`kind`: .*not \['list'\]"),
    ({"sizes": 5}, "`sizes`: a list, not 5"),
    ({"sizes": "12"}, "`sizes`: a list, not '12'"),
    ({"sizes": [1.5]}, "`sizes`: a whole number of at least 0, not 1.5"),
    ({"sizes": [-1]}, "`sizes`: a whole number of at least 0, not -1"),
    ({"sizes": [True]}, "`sizes`: a whole number of at least 0, not True"),
    ({"sizes": [7, 7]}, "`sizes`: 7 is there twice"),
    ({"counts": [0]}, "`counts`: a whole number of at least 1, not 0"),
    ({"counts": [1, 1]}, "`counts`: 1 is there twice"),
    ({"repeats": 0}, "`repeats`: a whole number of at least 1, not 0"),
    ({"longest": "x"}, "`longest`: a number of seconds above 0, not 'x'"),
    ({"strategies": "JSON"}, "`strategies`: a list, not 'JSON'"),
    ({"strategies": [None]}, "`strategies`: there is no strategy `None`"),
    ({"strategies": ["JSON", "JSON"]}, "`strategies`: 'JSON' is there twice"),
]


@pytest.mark.parametrize(("given", "told"), WRONG, ids=lambda each: str(each)[:40])
def test_a_wrong_argument_is_named_before_anything_is_measured(given, told):
    with pytest.raises(attune_nb.errors.BackendError, match=told):
        bench.clone(**{"sizes": [0], "strategies": ["attune_nb"], **given})


@pytest.mark.parametrize("empty", ["sizes", "strategies", "counts"])
def test_an_empty_list_gives_an_empty_frame_with_the_columns(empty):
    df = bench.clone(**{"sizes": [0], "strategies": ["attune_nb"], "repeats": 1, empty: []})
    assert list(df.columns) == COLUMNS
    assert df.empty


def test_numbers_of_numpy_are_whole_numbers_too():
    assert set(bench.clone(np.array([0, 5]), ["attune_nb"], repeats=1)["size"]) == {0, 5}


def test_a_frame_says_which_measurement_it_is_of():
    assert set(bench.clone([0], ["attune_nb"], repeats=1)["bench"]) == {"clone"}


def test_what_is_quickly_weighed_is_weighed_in_each_repeat(monkeypatch):
    weights = iter([40.0, 41.0, 42.0])
    monkeypatch.setattr(sys.modules["attune_nb.bench.clone"], "_bytes", lambda _make: next(weights))
    df = bench.clone([0], ["attune_nb"], repeats=3, counts=[1])
    assert list(df["bytes"]) == [40.0, 41.0, 42.0]


def test_what_takes_long_to_weigh_is_weighed_once_and_the_others_have_no_figure(monkeypatch):
    monkeypatch.setattr(memory, "_CHEAP", 0.0)
    df = bench.clone([0], ["deep copy"], repeats=3, counts=[1])
    assert list(df["bytes"].isna()) == [False, True, True]


def test_the_ways_and_the_peers_are_exported():
    assert bench.STRATEGIES is STRATEGIES
    assert "for loop" in bench.PEERS

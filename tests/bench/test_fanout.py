"""Peers do the same work, and what is not installed is left out."""

import sys

import pytest

import attune_nb
from attune_nb import bench
from attune_nb.bench import peers
from attune_nb.bench.fanout import COLUMNS

fanout = sys.modules["attune_nb.bench.fanout"]  # its name in the package is the function's

HERE = ["attune_nb", "naive context", "for loop", "concurrent.futures"]


def test_every_peer_that_is_here_gives_all_results():
    df = bench.fanout([10, 100], [10_240], HERE, repeats=2)
    assert list(df.columns) == COLUMNS
    assert len(df) == 2 * len(HERE) * 2
    assert (df.loc[df["repeat"] == 0, "bytes"] > 0).all()  # later ones only where it is cheap


def test_what_is_not_installed_is_left_out_and_told(monkeypatch, caplog):
    monkeypatch.setitem(peers.PEERS, "joblib", (peers.PEERS["joblib"][0], "no_such_module"))
    df = bench.fanout([10], [0], ["attune_nb", "joblib"], repeats=1)
    assert set(df["strategy"]) == {"attune_nb"}
    assert "joblib is not installed: it is left out" in caplog.text


def test_what_would_take_too_long_is_left_out_and_not_estimated():
    df = bench.fanout([10, 5_000], [102_400], ["attune_nb", "naive context"], kind="list",
                      repeats=1, longest=2.0)  # fmt: skip
    assert set(df[df["strategy"] == "naive context"]["n"]) <= {10}
    assert set(df[df["strategy"] == "attune_nb"]["n"]) == {10, 5_000}


def test_an_unknown_peer_is_told_with_the_nearest():
    with pytest.raises(attune_nb.errors.BackendError, match="did you mean `joblib`"):
        bench.fanout([10], [0], ["joblob"])


def slow(monkeypatch, name, times):
    """Have a peer seem to take so many seconds for so many items."""
    monkeypatch.setattr(fanout, "timed", lambda call: (times(found := call()), found))
    return [name]


@pytest.mark.parametrize("name", ["attune_nb", "for loop"])
def test_the_two_that_others_are_held_against_are_never_left_out(name, monkeypatch):
    slow(monkeypatch, name, lambda found: 100.0 * len(found))
    df = bench.fanout([50], [0], [name], repeats=1, longest=0.1)
    assert list(df["strategy"]) == [name]


def test_one_who_is_left_out_is_told_once_for_each_number_of_items(monkeypatch, caplog):
    peers = slow(monkeypatch, "concurrent.futures", lambda found: 0.01 * len(found))
    df = bench.fanout([10, 5_000, 50_000], [0], peers, repeats=1, longest=1.0)
    assert set(df["n"]) == {10}
    told = "concurrent.futures is left out at {} items, 0 in the context: it would take longer"
    for count in ("5,000", "50,000"):
        assert caplog.text.count(told.format(count)) == 1
    assert told.format("10") not in caplog.text


@pytest.mark.parametrize("hiccup", range(7))
def test_one_hiccup_of_the_machine_leaves_nobody_out(hiccup, monkeypatch):
    seen = []

    def times(found):
        seen.append(1)
        return 1e-5 * len(found) + 0.05 * (len(seen) - 1 == hiccup)

    peers = slow(monkeypatch, "concurrent.futures", times)
    df = bench.fanout([10_000], [0], peers, repeats=1, longest=1.0)
    assert len(df) == 1


@pytest.mark.parametrize("hiccup", range(14))
def test_one_hiccup_of_the_machine_lets_nobody_in(hiccup, monkeypatch):
    seen = []

    def times(found):
        seen.append(1)
        return 1e-3 * len(found) + 0.05 * (len(seen) - 1 == hiccup)

    peers = slow(monkeypatch, "concurrent.futures", times)
    assert bench.fanout([10_000], [0], peers, repeats=1, longest=2.0).empty


def test_no_items_are_a_measurement_too():
    df = bench.fanout([0], [0], HERE, repeats=1)
    assert list(df["n"]) == [0] * len(HERE)


WRONG = [
    ({"kind": "nope"}, "`kind`: 'list' or 'text', not 'nope'"),
    ({"items": 5}, "`items`: a list, not 5"),
    ({"items": [-1]}, "`items`: a whole number of at least 0, not -1"),
    ({"items": ["5"]}, "`items`: a whole number of at least 0, not '5'"),
    ({"items": [5, 5]}, "`items`: 5 is there twice"),
    ({"context_bytes": [0.5]}, "`context_bytes`: a whole number of at least 0, not 0.5"),
    ({"repeats": 0}, "`repeats`: a whole number of at least 1, not 0"),
    ({"longest": 0}, "`longest`: a number of seconds above 0, not 0"),
    ({"peers": "joblib"}, "`peers`: a list, not 'joblib'"),
    ({"peers": ["for loop", "for loop"]}, "`peers`: 'for loop' is there twice"),
]


@pytest.mark.parametrize(("given", "told"), WRONG, ids=lambda each: str(each)[:40])
def test_a_wrong_argument_is_named_before_anything_is_measured(given, told):
    with pytest.raises(attune_nb.errors.BackendError, match=told):
        bench.fanout(**{"items": [1], "context_bytes": [0], "peers": ["for loop"], **given})


@pytest.mark.parametrize("empty", ["items", "context_bytes", "peers"])
def test_an_empty_list_gives_an_empty_frame_with_the_columns(empty):
    given = {"items": [1], "context_bytes": [0], "peers": ["for loop"], "repeats": 1}
    df = bench.fanout(**given | {empty: []})
    assert list(df.columns) == COLUMNS
    assert df.empty


def test_a_frame_says_which_measurement_it_is_of():
    assert set(bench.fanout([1], [0], ["for loop"], repeats=1)["bench"]) == {"fanout"}


def test_what_is_quickly_weighed_is_weighed_in_each_repeat(monkeypatch):
    weights = iter([70, 71, 72])
    monkeypatch.setattr(fanout, "_peak", lambda *_: next(weights))
    assert list(bench.fanout([1], [0], ["for loop"], repeats=3)["bytes"]) == [70, 71, 72]

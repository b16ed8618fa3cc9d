"""The measurement of fan-outs: peers, those that are left out, and arguments."""

import itertools
import sys

import pytest

import attune_nb
from attune_nb import bench
from attune_nb.bench import peers
from attune_nb.bench.fanout import COLUMNS

# in the package this name is the function's
fanout = sys.modules["attune_nb.bench.fanout"]

INSTALLED = ["attune_nb", "naive context", "for loop", "concurrent.futures"]


def test_every_installed_peer_returns_all_results():
    df = bench.fanout([10, 100], [10_240], INSTALLED, repeats=2)

    assert list(df.columns) == COLUMNS
    assert len(df) == 2 * len(INSTALLED) * 2
    # in later repeats only cheap memory is measured
    assert (df.loc[df["repeat"] == 0, "bytes"] > 0).all()


def test_a_missing_peer_is_left_out_with_a_warning(monkeypatch, caplog):
    missing = peers.PEERS["joblib"]._replace(module="no_such_module")
    monkeypatch.setitem(peers.PEERS, "joblib", missing)
    df = bench.fanout([10], [0], ["attune_nb", "joblib"], repeats=1)

    assert set(df["strategy"]) == {"attune_nb"}
    assert "joblib is not installed: it is left out" in caplog.text


def test_a_slow_peer_is_left_out_and_not_estimated():
    df = bench.fanout(
        [10, 5_000],
        [102_400],
        ["attune_nb", "naive context"],
        kind="list",
        repeats=1,
        longest=2.0,
    )

    assert set(df[df["strategy"] == "naive context"]["n"]) <= {10}
    assert set(df[df["strategy"] == "attune_nb"]["n"]) == {10, 5_000}


def test_an_unknown_peer_gets_a_suggestion():
    with pytest.raises(attune_nb.errors.BackendError, match="did you mean `joblib`"):
        bench.fanout([10], [0], ["joblob"])


def fake_times(monkeypatch, seconds_for):
    """Make a fan-out seem to take the seconds that a function returns for its results."""

    def time_call(call):
        results = call()
        return seconds_for(results), results

    monkeypatch.setattr(fanout, "time_call", time_call)


@pytest.mark.parametrize("name", ["attune_nb", "for loop"])
def test_the_peers_to_compare_with_are_never_left_out(name, monkeypatch):
    fake_times(monkeypatch, lambda results: 100.0 * len(results))
    df = bench.fanout([50], [0], [name], repeats=1, longest=0.1)
    assert list(df["strategy"]) == [name]


def test_a_slow_peer_gets_one_warning_for_each_count(monkeypatch, caplog):
    fake_times(monkeypatch, lambda results: 0.01 * len(results))
    df = bench.fanout([10, 5_000, 50_000], [0], ["concurrent.futures"], repeats=1, longest=1.0)
    assert set(df["n"]) == {10}

    warning = "concurrent.futures is left out at {} items, 0 in the context: it would take longer"
    for count in ("5,000", "50,000"):
        assert caplog.text.count(warning.format(count)) == 1
    assert warning.format("10") not in caplog.text


def times_with_hiccup(seconds_per_item, hiccup):
    """Return a function for `fake_times` with one call, of that number, that takes 50 ms more."""
    calls = itertools.count()

    def seconds_for(results):
        is_hiccup = next(calls) == hiccup
        return seconds_per_item * len(results) + 0.05 * is_hiccup

    return seconds_for


@pytest.mark.parametrize("hiccup", range(7))
def test_one_hiccup_leaves_no_fast_peer_out(hiccup, monkeypatch):
    fake_times(monkeypatch, times_with_hiccup(1e-5, hiccup))
    df = bench.fanout([10_000], [0], ["concurrent.futures"], repeats=1, longest=1.0)
    assert len(df) == 1


@pytest.mark.parametrize("hiccup", range(14))
def test_one_hiccup_lets_no_slow_peer_in(hiccup, monkeypatch):
    fake_times(monkeypatch, times_with_hiccup(1e-3, hiccup))
    df = bench.fanout([10_000], [0], ["concurrent.futures"], repeats=1, longest=2.0)
    assert df.empty


def test_no_items_can_be_measured_too():
    df = bench.fanout([0], [0], INSTALLED, repeats=1)
    assert list(df["n"]) == [0] * len(INSTALLED)


WRONG_ARGUMENTS = [
    ({"kind": "nope"}, "`kind` must be `list` or `text`, not the string `nope`"),
    ({"items": 5}, "`items` must be an array, not the integer `5`"),
    ({"items": [-1]}, "`items` must be an integer of at least 0, not the integer `-1`"),
    ({"items": ["5"]}, "`items` must be an integer of at least 0, not the string `5`"),
    ({"items": [5, 5]}, "`items` has the integer `5` twice"),
    (
        {"context_bytes": [0.5]},
        r"`context_bytes` must be an integer of at least 0, not the number `0\.5`",
    ),
    ({"repeats": 0}, "`repeats` must be an integer of at least 1, not the integer `0`"),
    ({"longest": 0}, "`longest` must be a number of seconds above 0, not the integer `0`"),
    ({"peers": "joblib"}, "`peers` must be an array, not the string `joblib`"),
    ({"peers": ["for loop", "for loop"]}, "`peers` has the string `for loop` twice"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_ARGUMENTS, ids=lambda value: str(value)[:40])
def test_a_wrong_argument_is_refused_first(wrong, message):
    """The message names the argument, and nothing is measured."""
    arguments = {"items": [1], "context_bytes": [0], "peers": ["for loop"]}
    with pytest.raises(attune_nb.errors.BackendError, match=message):
        bench.fanout(**arguments | wrong)


@pytest.mark.parametrize("empty", ["items", "context_bytes", "peers"])
def test_an_empty_array_gives_an_empty_frame(empty):
    arguments = {"items": [1], "context_bytes": [0], "peers": ["for loop"], "repeats": 1}
    df = bench.fanout(**arguments | {empty: []})
    assert list(df.columns) == COLUMNS
    assert df.empty


def test_a_frame_names_its_measurement():
    assert set(bench.fanout([1], [0], ["for loop"], repeats=1)["bench"]) == {"fanout"}


def test_cheap_memory_is_measured_in_each_repeat(monkeypatch):
    peaks = iter([70, 71, 72])
    monkeypatch.setattr(fanout, "_measure_peak", lambda *_: next(peaks))
    assert list(bench.fanout([1], [0], ["for loop"], repeats=3)["bytes"]) == [70, 71, 72]

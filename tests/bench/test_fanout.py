"""Peers do the same work, and what is not installed is left out."""

import pytest

import attune_nb
from attune_nb import bench
from attune_nb.bench import peers

HERE = ["attune_nb", "naive context", "for loop", "concurrent.futures"]


def test_every_peer_that_is_here_gives_all_results():
    df = bench.fanout([10, 100], [10_240], HERE, repeats=2)
    assert list(df.columns) == ["strategy", "kind", "size", "n", "seconds", "bytes", "repeat"]
    assert len(df) == 2 * len(HERE) * 2
    assert (df["bytes"] > 0).all()


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

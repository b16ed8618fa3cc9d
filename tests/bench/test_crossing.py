"""Bytes on the wire for one more item, measured the same way for each side."""

import dask
import pytest

from attune_nb.bench import crossing, wire_bytes
from attune_nb.bench.crossing import local_client

SIZE = 5_000_000


@pytest.fixture(scope="module")
def found():
    """What was measured on a cluster that removes spare copies whenever it can."""
    manager = "distributed.scheduler.active-memory-manager"
    tidy = {f"{manager}.start": True, f"{manager}.interval": "5ms"}
    with dask.config.set(tidy), local_client() as client:
        df = crossing([SIZE], repeats=1, client=client)
        assert client.amm.running()  # again
    return df.set_index("strategy")


def test_a_captured_context_crosses_once_for_each_further_item(found):
    assert found.loc["client.map, captured", "n"] > 2
    assert 1.0 <= found.loc["client.map, captured", "bytes"] / SIZE < 1.01


def test_one_that_was_scattered_and_ours_do_not_cross_again(found):
    assert 1_000 < found.loc["client.map, scattered", "bytes"] < 4_000
    assert 50 < found.loc["attune_nb", "bytes"] < 200


class Cluster:
    """Stands for one worker, whose counters are told at each look."""

    def __init__(self, *told):
        self.told = [(0, 0), (0, 0), *told]  # it is still at first

    def run(self, function):
        if function() is None:  # it asks to count, not for the counters
            return {}
        return {"worker": self.told.pop(0) if len(self.told) > 1 else self.told[0]}


@pytest.mark.parametrize(
    "late",
    [
        [(0, 1), (0, 1), (100_000_000, 0)],  # a large message is counted after it was pickled
        [(0, 0), (100_000_000, 0)],  # it begins a little later
        [(50_000_000, 0), (100_000_000, 0)],  # they come one by one
    ],
)
def test_what_is_under_way_is_counted_in_the_lap_in_which_it_began(monkeypatch, late):
    monkeypatch.setattr(wire_bytes, "_PAUSE", 0.0)
    counter = wire_bytes.WireCount(Cluster(*late, (100_000_000, 0), (100_000_100, 0)))
    assert counter.lap() == pytest.approx(100_000_000, abs=50_000)
    assert counter.lap() == pytest.approx(0, abs=50_000)

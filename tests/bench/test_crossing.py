"""The bytes on the wire for one more item, measured in the same way for each side."""

import dask
import pytest

from attune_nb.bench import crossing, wire_bytes
from attune_nb.bench.crossing import local_client
from attune_nb.reference.columns import columns_of

SIZE = 5_000_000


@pytest.fixture(scope="module")
def measured():
    """The measurement on a cluster that removes spare copies whenever it can."""
    manager = "distributed.scheduler.active-memory-manager"
    settings = {f"{manager}.start": True, f"{manager}.interval": "5ms"}
    with dask.config.set(settings), local_client() as client:
        df = crossing([SIZE], repeats=1, client=client)
        assert client.amm.running(), "it is started again"
    return df.set_index("strategy")


def test_every_column_is_described(measured):
    described = [entry.name for entry in columns_of("bench.crossing")]

    assert sorted([*measured.columns, "strategy"]) == sorted(described)


def test_a_captured_context_crosses_for_each_further_item(measured):
    assert measured.loc["client.map, captured", "n"] > 2
    assert 1.0 <= measured.loc["client.map, captured", "bytes"] / SIZE < 1.01


def test_a_scattered_context_and_ours_cross_once(measured):
    assert 1_000 < measured.loc["client.map, scattered", "bytes"] < 4_000
    assert 50 < measured.loc["attune_nb", "bytes"] < 200


class FakeCluster:
    """A client of one worker, whose counters are read in turn; the last ones stay."""

    def __init__(self, *counts):
        # the wire is quiet at first
        self.counts = [(0, 0), (0, 0), *counts]

    def run(self, function):
        # a request to count returns nothing
        if function() is None:
            return {}
        if len(self.counts) > 1:
            return {"worker": self.counts.pop(0)}
        return {"worker": self.counts[0]}


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param([(0, 1), (0, 1), (100_000_000, 0)], id="counted after it was pickled"),
        pytest.param([(0, 0), (100_000_000, 0)], id="begins a little later"),
        pytest.param([(50_000_000, 0), (100_000_000, 0)], id="two messages"),
    ],
)
def test_a_message_counts_in_the_lap_where_it_began(monkeypatch, counts):
    monkeypatch.setattr(wire_bytes, "_PAUSE", 0.0)
    # a cluster of another test may send a heartbeat from this process at any moment
    monkeypatch.setattr(wire_bytes, "_read_counts", lambda: (0, 0))
    cluster = FakeCluster(*counts, (100_000_000, 0), (100_000_100, 0))
    counter = wire_bytes.WireCounter(cluster)

    assert counter.lap() == pytest.approx(100_000_000, abs=50_000)
    assert counter.lap() == pytest.approx(0, abs=50_000)

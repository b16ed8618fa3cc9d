"""Bytes on the wire for one more item, measured the same way for each side."""

import pytest

from attune_nb.bench import crossing
from attune_nb.bench.crossing import local_client

SIZE = 5_000_000


@pytest.fixture(scope="module")
def found():
    with local_client() as client:
        df = crossing([SIZE], repeats=1, client=client)
    return df.set_index("strategy")


def test_a_captured_context_crosses_once_for_each_further_item(found):
    assert found.loc["client.map, captured", "n"] > 2
    assert 1.0 <= found.loc["client.map, captured", "bytes"] / SIZE < 1.01


def test_one_that_was_scattered_and_ours_do_not_cross_again(found):
    assert 1_000 < found.loc["client.map, scattered", "bytes"] < 4_000
    assert 50 < found.loc["attune_nb", "bytes"] < 200

"""The items of a job, pulled from a source by several threads."""

import pytest

from attune_nb.backends.attempt.item_source import ItemSource


def test_an_error_is_counted_before_the_end_is_seen():
    """Else the number of items would be reported without the one that failed."""

    def broken_items():
        yield "a"
        raise OSError("the disk is gone")

    source = ItemSource(broken_items())
    assert source.pull() == (0, "a")
    with pytest.raises(OSError, match="the disk is gone"):
        source.pull()

    assert source.pull() is None  # as another thread does
    assert source.exhausted
    assert source.started == 2
    assert source.failed_index() == 1


def test_a_closed_source_gives_no_more_items():
    source = ItemSource(iter("abc"))
    assert source.pull() == (0, "a")
    source.close()
    assert source.pull() is None
    assert source.started == 1

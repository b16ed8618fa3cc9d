"""The events themselves: what a batch of attempts can do."""

from array import array

from attune_nb.events import Batch, ErrorInfo


def make_batch(items=None):
    return Batch(
        index=array("q", [4, 5, 6]),
        attempt=array("q", [1, 2, 1]),
        worker=array("q", [0, 1, 0]),
        start=array("d", [0.0, 0.25, 0.5]),
        duration=array("d", [0.1, 0.2, 0.3]),
        status=bytes([0, 1, 1]),
        results=["four", None, None],
        errors={
            1: ErrorInfo(type="ValueError", message="five"),
            2: ErrorInfo(type="ValueError", message="six"),
        },
        items=items,
        total=7,
    )


def test_take_selects_rows_of_every_column():
    batch = make_batch(items=["d", "e", "f"]).take([0, 2])

    assert batch == Batch(
        index=array("q", [4, 6]),
        attempt=array("q", [1, 1]),
        worker=array("q", [0, 0]),
        start=array("d", [0.0, 0.5]),
        duration=array("d", [0.1, 0.3]),
        status=bytes([0, 1]),
        results=["four", None],
        errors={1: ErrorInfo(type="ValueError", message="six")},
        items=["d", "f"],
        total=7,
    )


def test_take_of_all_rows_returns_the_same_batch():
    batch = make_batch()

    assert batch.take([0, 1, 2]) is batch


def test_take_of_no_rows_keeps_the_total():
    batch = make_batch().take([])

    assert len(batch) == 0
    assert batch.items is None
    assert batch.errors == {}
    assert batch.total == 7

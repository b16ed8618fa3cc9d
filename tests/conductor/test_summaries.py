"""A batch without results has the same effect on a run as the batch that it was made of."""

import zlib
from array import array
from base64 import b64encode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb.conductor.items import is_complete, make_outcome, record_batch
from attune_nb.conductor.state import Execution, Token
from attune_nb.conductor.summaries import MOST_FAILURES, summarize
from attune_nb.context import WorkflowContext
from attune_nb.errors import Source, StoreError
from attune_nb.events import (
    CANCELLED,
    FAILED,
    NO_WORKER,
    STATUS_CODES,
    SUCCEEDED,
    AttemptsEnded,
    Batch,
    ErrorInfo,
)
from attune_nb.language.model import Retry
from attune_nb.store.event_rows import drop_values, event_of, row_of
from attune_nb.values.index_ranges import find_ranges, pack_ranges, unpack_ranges

RETRY = Retry(count=2, delay=1.5, backoff="linear", on_error=("again",))
STATUSES = {"succeeded": SUCCEEDED, "failed": FAILED, "again": FAILED, "cancelled": CANCELLED}

# a few bytes that unpack to a hundred million
BOMB = zlib.compress(bytes(100_000_000))

# item, number of the attempt, how it ended
_ATTEMPTS = st.tuples(st.integers(0, 30), st.integers(1, 3), st.sampled_from([*STATUSES]))


def execution_of(total, *, keeps_results):
    return Execution(
        task="a",
        visit=1,
        token=Token(),
        context=WorkflowContext.create(),
        started=0.0,
        items=iter(()),
        planned=total,
        total=total,
        counts=None if keeps_results else (0,) * len(STATUS_CODES),
    )


def marks_of(execution):
    """Return the number of each item's last attempt, up to the last item that has one."""
    return bytes(execution.last_attempts).rstrip(b"\0")


def batch_of(attempts, **fields):
    """Return a batch of attempts: item, number, how it ended."""
    errors = {
        row: ErrorInfo(type="ValueError", message=f"{end} {index}")
        for row, (index, _, end) in enumerate(attempts)
        if end != "succeeded"
    }
    count = len(attempts)
    return Batch(
        index=array("q", [index for index, _, _ in attempts]),
        attempt=array("q", [attempt for _, attempt, _ in attempts]),
        worker=array("q", [3] * count),
        start=array("d", map(float, range(count))),
        duration=array("d", [1.0] * count),
        status=bytes(STATUSES[end] for _, _, end in attempts),
        results=[index if end == "succeeded" else None for index, _, end in attempts],
        errors=errors,
        items=[f"item {index}" for index, _, _ in attempts],
        **fields,
    )


@given(
    st.lists(st.lists(_ATTEMPTS, max_size=20, unique_by=lambda attempt: attempt[0]), max_size=8),
    st.sampled_from([None, 12, 31]),
    st.sampled_from([None, RETRY]),
)
def test_groups_have_the_effect_of_their_rows(batches, total, retry):
    stored = execution_of(total, keeps_results=True)
    counted = execution_of(total, keeps_results=False)
    for attempts in batches:
        batch = batch_of(attempts)
        stored, retries = record_batch(stored, retry, batch)
        counted, retries_of_counted = record_batch(counted, retry, summarize(counted, retry, batch))

        assert sorted(retries_of_counted, key=repr) == sorted(retries, key=repr)
        assert marks_of(counted) == marks_of(stored)
        for name in ("attempts", "done", "failed", "status", "total", "planned"):
            assert getattr(counted, name) == getattr(stored, name), name
        assert is_complete(counted) == is_complete(stored)


@given(st.lists(_ATTEMPTS, max_size=31, unique_by=lambda attempt: attempt[0]))
def test_outcomes_differ_in_their_results_alone(attempts):
    batch = batch_of([(index, 1, end) for index, _, end in attempts])
    ends = {index for index, _, _ in attempts}
    missing = batch_of([(index, 1, "succeeded") for index in range(31) if index not in ends])
    outcomes = []
    for keeps_results in (True, False):
        execution = execution_of(31, keeps_results=keeps_results)
        for part in (batch, missing):
            if not keeps_results:
                part = summarize(execution, None, part)  # noqa: PLW2901 - the same attempts
            execution, _ = record_batch(execution, None, part)
        outcomes.append(make_outcome(execution, 9.0))

    (stored, stored_error), (counted, counted_error) = outcomes
    assert counted_error == stored_error
    assert counted.failures == stored.failures
    assert (counted.result, counted.successes) == (None, None)
    assert msgspec.structs.replace(counted, result=stored.result) == stored


@given(st.lists(_ATTEMPTS, max_size=20, unique_by=lambda attempt: attempt[0]))
def test_groups_come_back_from_the_store(attempts):
    batch = summarize(execution_of(None, keeps_results=False), RETRY, batch_of(attempts))
    event = AttemptsEnded(time=1.0, task="a", visit=1, batch=batch)
    assert event_of(row_of(event), Source("<text>", "")) == event


def stored_groups():
    """Return the row of an event with groups, and its data."""
    ends = [(index, 1, "failed" if index % 3 else "succeeded") for index in range(30)]
    batch = summarize(execution_of(None, keeps_results=False), RETRY, batch_of(ends))
    row = row_of(AttemptsEnded(time=1.0, task="a", visit=1, batch=batch))
    return row, msgspec.json.decode(row.data)


@pytest.mark.parametrize("value", [None, [], "x", -1, 10**20, 1e300, b64encode(BOMB).decode()])
@pytest.mark.parametrize("place", ["attempt", "status", "count", "items", "start", "message"])
def test_a_damaged_group_is_an_error_of_the_store(place, value):
    row, data = stored_groups()
    number = {"attempt": 0, "status": 1, "count": 2, "items": 3, "start": 4, "message": 9}[place]
    possible = {"start": -1, "message": "x"}
    data["batch"]["groups"][0][number] = [value] if value == possible.get(place) else value
    if place == "message" and isinstance(value, str):
        data["batch"]["groups"][0].append(value)
    with pytest.raises(StoreError, match="cannot be read"):
        event_of(row._replace(data=msgspec.json.encode(data)), Source("<text>", ""))


def test_a_group_of_very_many_items_is_not_unpacked():
    row, data = stored_groups()
    data["batch"]["groups"][0][2:4] = [10**15, b64encode(BOMB).decode()]
    with pytest.raises(StoreError, match="the indexes of items are damaged"):
        event_of(row._replace(data=msgspec.json.encode(data)), Source("<text>", ""))


def test_a_row_without_values_has_no_message_of_an_error():
    row, _ = stored_groups()
    event = event_of(row, Source("<text>", ""))
    assert any(group.message for group in event.batch.groups)
    assert not any(group.message for group in drop_values(event).batch.groups)


def test_only_the_first_failures_keep_their_errors():
    execution = execution_of(None, keeps_results=False)
    for start in range(0, 3 * MOST_FAILURES, 500):
        batch = batch_of([(index, 1, "failed") for index in range(start, start + 500)])
        summary = summarize(execution, None, batch)
        execution, _ = record_batch(execution, None, summary)

    assert execution.failed == 3 * MOST_FAILURES
    assert sum(len(batch.errors) for batch in execution.batches) == MOST_FAILURES
    # a display still has the message of the last one
    assert summary.groups[-1].message == f"failed {3 * MOST_FAILURES - 1}"


def test_an_attempt_that_never_began_is_not_counted():
    batch = batch_of([(0, 1, "cancelled"), (1, 1, "succeeded")])
    batch = msgspec.structs.replace(batch, worker=array("q", [NO_WORKER, 0]))
    summary = summarize(execution_of(2, keeps_results=False), None, batch)
    assert (summary.count, summary.made, summary.cancelled, summary.succeeded) == (2, 1, 1, 1)


def test_the_sample_grows_by_as_much_for_each_doubling():
    execution = execution_of(None, keeps_results=False)
    rows = []
    for start in range(0, 64_000, 1_000):
        batch = batch_of([(index, 1, "succeeded") for index in range(start, start + 1_000)])
        summary = summarize(execution, None, batch)
        execution, _ = record_batch(execution, None, summary)
        rows.append(len(summary))
    assert 1_800 < sum(rows[16:32]) < 2_200
    assert 1_800 < sum(rows[32:]) < 2_200


@given(st.sets(st.integers(0, 300)) | st.sets(st.integers(0, 2**32 - 2), max_size=20))
def test_indexes_are_packed_and_unpacked(indexes):
    ranges = find_ranges(indexes)
    unpacked = set()
    for start, stop in ranges:
        unpacked.update(range(start, stop))
    assert unpacked == indexes
    assert sum(stop - start for start, stop in ranges) == len(indexes)
    assert unpack_ranges(pack_ranges(ranges), len(indexes)) == ranges

"""Items handed out in chunks: each comes to one end, whatever happens to the chunks."""

import itertools
import pickle
import random
import threading
import time
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from support.chunk_queues import (
    make_queue,
    number_worker,
    run_once,
    run_to_end,
    sometimes_sleep,
    sometimes_wait,
    statuses_by_index,
    take_chunk,
)

from attune_nb.backends.chunks import quarantine, sizing
from attune_nb.backends.worker import remote_functions
from attune_nb.backends.worker.chunk_runner import ChunkRunner
from attune_nb.events import CANCELLED, FAILED, SUCCEEDED


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 60),
    st.booleans(),
    st.booleans(),
    st.integers(),
    st.sampled_from([sometimes_sleep, sometimes_wait]),
)
def test_each_item_ends_once_whatever_happens_to_its_chunks(  # noqa: C901, PLR0912 - it all does
    count, lazy, idempotent, seed, function
):
    items = iter(range(count)) if lazy else range(count)
    feed, definition = make_queue(items, function, idempotent=idempotent)
    under_way, batches, lost = [], [], Counter()
    luck = random.Random(seed)  # how many chunks there are depends on the time
    stopped = False
    for _ in range(10_000):
        left = not stopped and (feed.is_ready or not feed.job.source.exhausted)
        if left and len(under_way) < 3:
            sent = take_chunk(feed)
            if sent is not None:
                under_way.append(sent)
        if not under_way and not left:
            break
        if under_way:
            sent = under_way.pop(luck.randrange(len(under_way)))
            what = luck.choice(["end"] * 6 + ["lost", "back", "gone", "stop"])
            if what != "end" and (sent.is_remainder or sent.message.merges):
                ChunkRunner.claim()  # it is gone with its worker
            if what == "end":
                left = run_once(feed, definition, sent, can_extend=True)
                under_way += [left] if left is not None else []
            elif what == "lost":
                lost.update(each.index for each in sent.attempts)
                feed.requeue_lost(sent, 0, "a test")
            elif what == "gone":
                lost.update(each.index for each in sent.attempts)
                feed.requeue_interrupted(sent, "a test")
            else:
                feed.put_back(sent)
                if what == "stop" and luck.random() < 0.2 and not stopped:
                    stopped = True
                    force = luck.random() < 0.5
                    feed.stop(force=force, in_flight=under_way)
        batch = feed.job.collect()
        if batch is not None:
            batches.append(batch)
    while ChunkRunner.has_unclaimed():
        ChunkRunner.claim()  # it was given up on
    found = statuses_by_index([*batches, *filter(None, [feed.job.collect()])])
    assert all(len(codes) == 1 for codes in found.values())
    assert set(found) == set(range(feed.job.source.started if stopped else count))
    for index, (code,) in found.items():
        if code == FAILED:
            assert lost[index] >= (quarantine.MAX_DEATHS if idempotent else 1)
        elif code == CANCELLED:
            assert stopped
        else:
            assert code == SUCCEEDED


def test_a_chunk_grows_to_the_time_it_is_to_take_and_shrinks_towards_the_end():
    feed, definition = make_queue(range(3_000))
    sizes = []
    for sent in iter(lambda: take_chunk(feed), None):
        sizes.append(len(sent.attempts))
        run_to_end(feed, definition, sent)
    assert sizes[0] == 1
    assert max(sizes) > 16
    assert all(size <= sizing.MAX_GROWTH * before for before, size in itertools.pairwise(sizes))
    assert sizes[-1] < max(sizes)


def test_what_was_held_goes_out_in_pieces_and_at_last_item_by_item():
    feed, definition = make_queue(range(1_000))
    sizes = []
    run_to_end(feed, definition, take_chunk(feed))
    feed._sizer.seconds_per_item, feed._sizer._size = 1e-9, 1_000  # noqa: SLF001 - as if it had learned that they are quick
    sent = take_chunk(feed)
    held = len(sent.attempts)
    assert held > 100
    feed.requeue_lost(sent, 0, "a test")
    while feed.in_flight or feed._quarantine:  # noqa: SLF001 - what is suspected
        sent = take_chunk(feed)
        sizes.append(len(sent.attempts))
        assert sent.is_quarantined  # nothing waits behind what may end its worker
        run_to_end(feed, definition, sent)
    assert sum(sizes) == held
    assert max(sizes) <= held // quarantine.PIECES + 1


def test_a_large_item_or_result_makes_small_chunks(monkeypatch):
    monkeypatch.setattr(sizing, "MAX_BYTES", 10_000)
    feed, definition = make_queue(range(2_000), lambda x: f"{x:01000d}")
    sizes = []
    for sent in iter(lambda: take_chunk(feed), None):
        sizes.append(len(sent.attempts))
        run_to_end(feed, definition, sent)
    assert max(sizes[2:]) <= 10


def test_work_that_takes_longer_than_its_time_is_given_back():
    feed, definition = make_queue(range(400), lambda x: time.sleep(0.002))
    feed._sizer.seconds_per_item, feed._sizer._size = 1e-9, 400  # noqa: SLF001 - as if they had been quick so far
    sent = take_chunk(feed)
    run_to_end(feed, definition, sent)
    batch = feed.job.collect()
    assert 1 <= len(batch) < len(sent.attempts)
    again = take_chunk(feed)
    assert again.attempts[0].index == len(batch)


def test_times_of_a_worker_are_placed_in_the_run_and_never_before_it_or_after_now():
    feed, definition = make_queue(range(10), lambda x: time.sleep(0.001))
    for sent in iter(lambda: take_chunk(feed), None):
        report = pickle.loads(remote_functions.run_chunk(definition, sent.message))
        # a clock that is an hour fast, or slow
        for off in (3600, -3600):
            told = type(report)(
                **{
                    name: getattr(report, name) + off
                    if name == "started_at"
                    else getattr(report, name)
                    for name in report.__struct_fields__
                }
            )
        feed.handle_report(sent, number_worker, pickle.dumps(told))
    batch = feed.job.collect()
    assert all(
        0 <= start <= start + spent <= feed.job.spec.clock()
        for start, spent in zip(batch.start, batch.duration, strict=True)
    )


_enough = threading.Event()


def held(x):
    """Be quick, but for one item."""
    if x == 20:
        _enough.wait(90)
    return x


def parted(function):
    """Have a chunk made until only that item is left of it; give it, and what was told."""
    _enough.clear()
    feed, definition = make_queue(range(100), function, concurrency=1, target=0.25)
    feed._sizer.seconds_per_item, feed._sizer._size = 1e-9, 100  # noqa: SLF001 - as if they had been quick so far
    sent = take_chunk(feed)
    report = pickle.loads(remote_functions.run_chunk(definition, sent.message))
    assert report.running == [20]
    return feed, definition, sent, report


def test_what_takes_far_longer_than_the_rest_of_its_chunk_is_told_of_apart():
    feed, _, sent, report = parted(held)
    left = feed.handle_report(sent, number_worker, pickle.dumps(report))
    assert [each.index for each in left.attempts] == [20]
    indices = [each.index for each in sent.attempts]
    at = indices.index(20)
    assert [*report.index] == indices[:at]
    assert take_chunk(feed).attempts[0].index == indices[at + 1]
    _enough.set()
    assert feed.handle_report(left, number_worker, remote_functions.continue_chunk()) is None
    assert sorted(statuses_by_index([feed.job.collect()])) == [*range(21)]


def test_nothing_begins_at_a_worker_until_what_goes_on_there_is_asked_for():
    feed, definition, sent, report = parted(held)
    left = feed.handle_report(sent, number_worker, pickle.dumps(report))
    other = take_chunk(feed)
    assert (
        feed.handle_report(
            other, number_worker, remote_functions.run_chunk(definition, other.message)
        )
        is None
    )
    again = take_chunk(feed)
    assert again.attempts[0] == other.attempts[0]
    _enough.set()
    feed.handle_report(left, number_worker, remote_functions.continue_chunk())
    run_to_end(feed, definition, again)
    assert again.attempts[0].index in statuses_by_index([feed.job.collect()])

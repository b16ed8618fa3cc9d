"""Items handed out in chunks: each comes to one end, whatever happens to the chunks."""

import asyncio
import itertools
import pickle
import random
import threading
import time
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from attune_nb.actions.registry import Action
from attune_nb.backends.attempt.attempt import Call
from attune_nb.backends.attempt.context_slice import excerpt
from attune_nb.backends.attempt.job import Job
from attune_nb.backends.chunks import chunk_queue as feeds
from attune_nb.backends.chunks import sizing
from attune_nb.backends.chunks.chunk_queue import Feed
from attune_nb.backends.chunks.task_spec import Definition
from attune_nb.backends.worker import chunk_status, remote_functions
from attune_nb.backends.worker.chunk_runner import ChunkRunner
from attune_nb.context import WorkflowContext
from attune_nb.events import CANCELLED, FAILED, SUCCEEDED
from attune_nb.templates.template import Template

INPUT = Template({"x": "{{ item }}"})


def fed(
    items,
    function=lambda x: x,
    *,
    concurrency=4,
    retries=False,
    idempotent=True,
    total=None,
    target=0.001,
    parts=True,
):
    """Make a feed over items, and the definition that its chunks are made with."""
    action = Action(name="work", function=function, idempotent=idempotent)
    context = WorkflowContext.create()
    zero = time.perf_counter()
    job = Job(
        ("a", 1),
        Call(action, INPUT, context),
        items,
        total,
        concurrency,
        clock=lambda: time.perf_counter() - zero,
        retries=retries,
    )
    definition = Definition(("a", 1), action, INPUT, excerpt(context, INPUT), None, "")
    return Feed(job, 3, target, lambda: None, parts=parts), pickle.loads(pickle.dumps(definition))


def more(feed):
    """Take the next chunk; of a source that is read in a thread, when there is one."""
    while not feed.ready and not feed.job.exhausted:
        time.sleep(0.0001)
    return feed.next(feed.job.concurrency)


def lane(_, number):
    return number


def told(feed, definition, sent, *, more=False):
    """Have a chunk made, or what goes on of one; give what still does."""
    report = (
        remote_functions.continue_chunk()
        if sent.goes_on
        else remote_functions.run_chunk(definition, sent.chunk)
    )
    return feed.received(sent, lane, report, more=more)


def end(feed, definition, sent):
    """Have a chunk made, and all that goes on of it."""
    while sent is not None:
        sent = told(feed, definition, sent)
    assert not chunk_status._runners  # noqa: SLF001 - nothing of it is kept


def ends(batches):
    """Give each item's statuses, from all batches."""
    found = {}
    for batch in batches:
        for index, code in zip(batch.index, batch.status, strict=True):
            found.setdefault(index, []).append(code)
    return found


def slow_now_and_then(x):
    """Take longer than a chunk's time, now and then."""
    if x % 15 == 14:
        time.sleep(0.003)
    return x


async def waits_now_and_then(x):
    await asyncio.sleep(0.01 if x % 15 == 14 else 0)
    return x


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 60),
    st.booleans(),
    st.booleans(),
    st.integers(),
    st.sampled_from([slow_now_and_then, waits_now_and_then]),
)
def test_each_item_ends_once_whatever_happens_to_its_chunks(  # noqa: C901, PLR0912 - it all does
    count, lazy, idempotent, seed, function
):
    items = iter(range(count)) if lazy else range(count)
    feed, definition = fed(items, function, idempotent=idempotent)
    under_way, batches, lost = [], [], Counter()
    luck = random.Random(seed)  # how many chunks there are depends on the time
    stopped = False
    for _ in range(10_000):
        left = not stopped and (feed.ready or not feed.job.exhausted)
        if left and len(under_way) < 3:
            sent = more(feed)
            if sent is not None:
                under_way.append(sent)
        if not under_way and not left:
            break
        if under_way:
            sent = under_way.pop(luck.randrange(len(under_way)))
            what = luck.choice(["end"] * 6 + ["lost", "back", "gone", "stop"])
            if what != "end" and (sent.goes_on or sent.chunk.joins):
                ChunkRunner.claim()  # it is gone with its worker
            if what == "end":
                left = told(feed, definition, sent, more=True)
                under_way += [left] if left is not None else []
            elif what == "lost":
                lost.update(each.index for each in sent.entries)
                feed.lost(sent, 0, "a test")
            elif what == "gone":
                lost.update(each.index for each in sent.entries)
                feed.interrupted(sent, "a test")
            else:
                feed.back(sent)
                if what == "stop" and luck.random() < 0.2 and not stopped:
                    stopped = True
                    force = luck.random() < 0.5
                    feed.stop(force=force, sent=under_way)
        batch = feed.job.drain()
        if batch is not None:
            batches.append(batch)
    while ChunkRunner.has_unclaimed():
        ChunkRunner.claim()  # it was given up on
    found = ends([*batches, *filter(None, [feed.job.drain()])])
    assert all(len(codes) == 1 for codes in found.values())
    assert set(found) == set(range(feed.job.taken if stopped else count))
    for index, (code,) in found.items():
        if code == FAILED:
            assert lost[index] >= (feeds.DEATHS if idempotent else 1)
        elif code == CANCELLED:
            assert stopped
        else:
            assert code == SUCCEEDED


def test_a_chunk_grows_to_the_time_it_is_to_take_and_shrinks_towards_the_end():
    feed, definition = fed(range(3_000))
    sizes = []
    for sent in iter(lambda: more(feed), None):
        sizes.append(len(sent.entries))
        end(feed, definition, sent)
    assert sizes[0] == 1
    assert max(sizes) > 16
    assert all(size <= sizing.GROWTH * before for before, size in itertools.pairwise(sizes))
    assert sizes[-1] < max(sizes)


def test_what_was_held_goes_out_in_pieces_and_at_last_item_by_item():
    feed, definition = fed(range(1_000))
    sizes = []
    end(feed, definition, more(feed))
    feed._pace.each, feed._pace._size = 1e-9, 1_000  # noqa: SLF001 - as if it had learned that they are quick
    sent = more(feed)
    held = len(sent.entries)
    assert held > 100
    feed.lost(sent, 0, "a test")
    while feed.under_way or feed._pieces:  # noqa: SLF001 - what is suspected
        sent = more(feed)
        sizes.append(len(sent.entries))
        assert sent.alone  # nothing waits behind what may end its worker
        end(feed, definition, sent)
    assert sum(sizes) == held
    assert max(sizes) <= held // feeds.PIECES + 1


def test_a_large_item_or_result_makes_small_chunks(monkeypatch):
    monkeypatch.setattr(sizing, "MOST_BYTES", 10_000)
    feed, definition = fed(range(2_000), lambda x: f"{x:01000d}")
    sizes = []
    for sent in iter(lambda: more(feed), None):
        sizes.append(len(sent.entries))
        end(feed, definition, sent)
    assert max(sizes[2:]) <= 10


def test_work_that_takes_longer_than_its_time_is_given_back():
    feed, definition = fed(range(400), lambda x: time.sleep(0.002))
    feed._pace.each, feed._pace._size = 1e-9, 400  # noqa: SLF001 - as if they had been quick so far
    sent = more(feed)
    end(feed, definition, sent)
    batch = feed.job.drain()
    assert 1 <= len(batch) < len(sent.entries)
    again = more(feed)
    assert again.entries[0].index == len(batch)


def test_times_of_a_worker_are_placed_in_the_run_and_never_before_it_or_after_now():
    feed, definition = fed(range(10), lambda x: time.sleep(0.001))
    for sent in iter(lambda: more(feed), None):
        report = pickle.loads(remote_functions.run_chunk(definition, sent.chunk))
        # a clock that is an hour fast, or slow
        for off in (3600, -3600):
            told = type(report)(
                **{
                    name: getattr(report, name) + off if name == "began" else getattr(report, name)
                    for name in report.__struct_fields__
                }
            )
        feed.received(sent, lane, pickle.dumps(told))
    batch = feed.job.drain()
    assert all(
        0 <= start <= start + spent <= feed.job.clock()
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
    feed, definition = fed(range(100), function, concurrency=1, target=0.25)
    feed._pace.each, feed._pace._size = 1e-9, 100  # noqa: SLF001 - as if they had been quick so far
    sent = more(feed)
    report = pickle.loads(remote_functions.run_chunk(definition, sent.chunk))
    assert report.going == [20]
    return feed, definition, sent, report


def test_what_takes_far_longer_than_the_rest_of_its_chunk_is_told_of_apart():
    feed, _, sent, report = parted(held)
    left = feed.received(sent, lane, pickle.dumps(report))
    assert [each.index for each in left.entries] == [20]
    indices = [each.index for each in sent.entries]
    at = indices.index(20)
    assert [*report.index] == indices[:at]
    assert more(feed).entries[0].index == indices[at + 1]
    _enough.set()
    assert feed.received(left, lane, remote_functions.continue_chunk()) is None
    assert sorted(ends([feed.job.drain()])) == [*range(21)]


def test_nothing_begins_at_a_worker_until_what_goes_on_there_is_asked_for():
    feed, definition, sent, report = parted(held)
    left = feed.received(sent, lane, pickle.dumps(report))
    other = more(feed)
    assert feed.received(other, lane, remote_functions.run_chunk(definition, other.chunk)) is None
    again = more(feed)
    assert again.entries[0] == other.entries[0]
    _enough.set()
    feed.received(left, lane, remote_functions.continue_chunk())
    end(feed, definition, again)
    assert again.entries[0].index in ends([feed.job.drain()])

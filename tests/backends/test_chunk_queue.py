"""A queue of chunks: each item ends once, whatever happens to its chunk."""

import itertools
import pickle
import random
import threading
import time
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.chunk_queues import (
    assume_quick_items,
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


class ChaoticWorkers:
    """Workers that end chunks, die with them, give them back, or see the job stopped, by chance."""

    def __init__(self, queue, task_spec, seed):
        self.queue = queue
        self.task_spec = task_spec
        self.random = random.Random(seed)  # how many chunks there are depends on the time
        self.in_flight = []
        self.lost = Counter()
        self.batches = []
        self.is_stopped = False

    @property
    def can_take(self):
        if self.is_stopped:
            return False

        return self.queue.is_ready or not self.queue.job.source.exhausted

    def take(self):
        chunk = take_chunk(self.queue)
        if chunk is not None:
            self.in_flight.append(chunk)

    def let_something_happen(self):
        """Take a chunk that is in flight, and let it end or be lost."""
        chunk = self.in_flight.pop(self.random.randrange(len(self.in_flight)))
        fate = self.random.choice(["end"] * 6 + ["lost", "back", "interrupted", "stop"])
        if fate == "end":
            remainder = run_once(self.queue, self.task_spec, chunk, can_extend=True)
            if remainder is not None:
                self.in_flight.append(remainder)
            return

        if chunk.is_remainder or chunk.message.merges:
            ChunkRunner.claim()  # its worker has died

        if fate in ("lost", "interrupted"):
            self.lost.update(attempt.index for attempt in chunk.attempts)
        if fate == "lost":
            self.queue.requeue_lost(chunk, 0, "a test")
        elif fate == "interrupted":
            self.queue.requeue_interrupted(chunk, "a test")
        else:
            self.queue.put_back(chunk)

        if fate == "stop" and self.random.random() < 0.2 and not self.is_stopped:
            self.is_stopped = True
            self.queue.stop(force=self.random.random() < 0.5, in_flight=self.in_flight)

    def collect(self):
        batch = self.queue.job.collect()
        if batch is not None:
            self.batches.append(batch)


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 60),
    st.booleans(),
    st.booleans(),
    st.integers(),
    st.sampled_from([sometimes_sleep, sometimes_wait]),
)
def test_each_item_ends_once(count, lazy, idempotent, seed, function):
    """Whatever happens to the chunks of the items."""
    items = iter(range(count)) if lazy else range(count)
    queue, task_spec = make_queue(items, function, idempotent=idempotent)
    workers = ChaoticWorkers(queue, task_spec, seed)
    for _ in range(10_000):
        can_take = workers.can_take
        if can_take and len(workers.in_flight) < 3:
            workers.take()
        if not workers.in_flight and not can_take:
            break
        if workers.in_flight:
            workers.let_something_happen()
        workers.collect()

    while ChunkRunner.has_unclaimed():
        ChunkRunner.claim()  # its job was stopped by force
    workers.collect()

    statuses = statuses_by_index(workers.batches)
    assert all(len(codes) == 1 for codes in statuses.values())
    assert set(statuses) == set(range(queue.job.source.started if workers.is_stopped else count))
    for index, (code,) in statuses.items():
        if code == FAILED:
            assert workers.lost[index] >= (quarantine.MAX_DEATHS if idempotent else 1)
        elif code == CANCELLED:
            assert workers.is_stopped
        else:
            assert code == SUCCEEDED


def test_chunks_grow_then_shrink_towards_the_end():
    """They grow to the target time, so that few are sent."""
    queue, task_spec = make_queue(range(3_000))
    sizes = []
    for chunk in iter(lambda: take_chunk(queue), None):
        sizes.append(len(chunk.attempts))
        run_to_end(queue, task_spec, chunk)

    assert sizes[0] == 1
    assert max(sizes) > 16
    assert all(size <= sizing.MAX_GROWTH * before for before, size in itertools.pairwise(sizes))
    assert sizes[-1] < max(sizes)


def test_a_lost_chunk_is_sent_again_in_pieces():
    queue, task_spec = make_queue(range(1_000))
    run_to_end(queue, task_spec, take_chunk(queue))
    assume_quick_items(queue, 1_000)
    chunk = take_chunk(queue)
    lost_count = len(chunk.attempts)
    assert lost_count > 100
    queue.requeue_lost(chunk, 0, "a test")

    sizes = []
    while queue.in_flight or queue._quarantine:  # noqa: SLF001 - the end of the pieces
        chunk = take_chunk(queue)
        sizes.append(len(chunk.attempts))
        assert chunk.is_quarantined  # no chunk waits behind one that may end its worker
        run_to_end(queue, task_spec, chunk)

    assert sum(sizes) == lost_count
    assert max(sizes) <= lost_count // quarantine.PIECES + 1


def test_a_large_item_or_result_makes_small_chunks(monkeypatch):
    monkeypatch.setattr(sizing, "MAX_BYTES", 10_000)
    queue, task_spec = make_queue(range(2_000), lambda x: f"{x:01000d}")
    sizes = []
    for chunk in iter(lambda: take_chunk(queue), None):
        sizes.append(len(chunk.attempts))
        run_to_end(queue, task_spec, chunk)

    assert max(sizes[2:]) <= 10


def test_items_beyond_the_time_of_a_chunk_are_put_back():
    queue, task_spec = make_queue(range(400), lambda x: time.sleep(0.002))
    assume_quick_items(queue, 400)
    chunk = take_chunk(queue)
    run_to_end(queue, task_spec, chunk)
    batch = queue.job.collect()
    assert 1 <= len(batch) < len(chunk.attempts)

    next_chunk = take_chunk(queue)
    assert next_chunk.attempts[0].index == len(batch)


def test_a_workers_times_are_within_the_run():
    """An attempt begins after the run and ends before now, however wrong the worker's clock."""
    queue, task_spec = make_queue(range(10), lambda x: time.sleep(0.001))
    for chunk in iter(lambda: take_chunk(queue), None):
        report = pickle.loads(remote_functions.run_chunk(task_spec, chunk.message))
        # a clock that is an hour fast, or slow
        for offset in (3600, -3600):
            shifted = replace(report, started_at=report.started_at + offset)
        queue.handle_report(chunk, number_worker, pickle.dumps(shifted))

    batch = queue.job.collect()
    assert all(
        0 <= start <= start + duration <= queue.job.spec.clock()
        for start, duration in zip(batch.start, batch.duration, strict=True)
    )


_may_end = threading.Event()


def block_at_20(x):
    """Return at once, but for one item."""
    if x == 20:
        _may_end.wait(90)

    return x


def run_until_20_blocks(function):
    """Run a chunk until only item 20 is running; return its queue, task spec and report."""
    _may_end.clear()
    queue, task_spec = make_queue(range(100), function, concurrency=1, target=0.25)
    assume_quick_items(queue, 100)
    chunk = take_chunk(queue)
    report = pickle.loads(remote_functions.run_chunk(task_spec, chunk.message))
    assert report.running == [20]
    return queue, task_spec, chunk, report


def test_a_slow_item_is_reported_apart_from_its_chunk():
    queue, _, chunk, report = run_until_20_blocks(block_at_20)
    remainder = queue.handle_report(chunk, number_worker, pickle.dumps(report))
    assert [attempt.index for attempt in remainder.attempts] == [20]

    indexes = [attempt.index for attempt in chunk.attempts]
    position = indexes.index(20)
    assert [*report.index] == indexes[:position]
    assert take_chunk(queue).attempts[0].index == indexes[position + 1]

    _may_end.set()
    packed = remote_functions.continue_chunk()
    assert queue.handle_report(remainder, number_worker, packed) is None
    assert sorted(statuses_by_index([queue.job.collect()])) == [*range(21)]


def test_no_chunk_starts_beside_an_unclaimed_one():
    """A worker refuses a chunk until its sender has asked for the items still running there."""
    queue, task_spec, chunk, report = run_until_20_blocks(block_at_20)
    remainder = queue.handle_report(chunk, number_worker, pickle.dumps(report))

    refused = take_chunk(queue)
    packed = remote_functions.run_chunk(task_spec, refused.message)
    assert queue.handle_report(refused, number_worker, packed) is None
    chunk = take_chunk(queue)
    assert chunk.attempts[0] == refused.attempts[0]

    _may_end.set()
    queue.handle_report(remainder, number_worker, remote_functions.continue_chunk())
    run_to_end(queue, task_spec, chunk)
    assert chunk.attempts[0].index in statuses_by_index([queue.job.collect()])

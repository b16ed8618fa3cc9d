"""Status probes about chunks that a worker is running: each item still ends once."""

import asyncio
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.chunk_queues import (
    make_queue,
    number_worker,
    sometimes_sleep,
    sometimes_wait,
    statuses_by_index,
    take_chunk,
)

from attune_nb.backends.chunks.chunk_queue import ChunkQueue
from attune_nb.backends.worker import chunk_status, remote_functions
from attune_nb.backends.worker.chunk_runner import NOT_STARTED
from attune_nb.events import SUCCEEDED


def probe(chunk):
    """Probe for a chunk; return its report, None if it was not started, or empty bytes."""
    message = chunk.message
    chunk.message = replace(message, merges=False)
    merging = message if message.merges else None

    probes = {
        message.name: chunk_status.ChunkProbe(
            acknowledged=chunk.probe_state.sequence, reclaims=True, merging=merging
        )
    }
    answers = asyncio.run(chunk_status.answer_probes(probes))
    return answers.get(message.name, b"")


def probe_until_done(queue, chunk, future, rng):
    """Probe for a chunk until all of it is reported; some of the answers are lost."""
    while not future.done() and chunk is not None:
        report = probe(chunk)
        if report and rng.random() < 0.7:
            chunk = queue.handle_report(chunk, number_worker, report, can_extend=True)
    return chunk


_started = threading.Event()
_may_end = threading.Event()


def wait_for_test(x):
    _started.set()
    _may_end.wait(90)
    return x


def test_a_recall_after_a_probe_is_reported(monkeypatch):
    """Items that are recalled after a first probe are missing from the next answer."""
    monkeypatch.setattr(ChunkQueue, "_next_size", lambda *_: 3)
    queue, task_spec = make_queue(range(3), wait_for_test, partial_reports=False)
    chunk = queue.take_chunk(1)
    chunk.message = replace(chunk.message, name=str(uuid.uuid4()), budget=1.0)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(remote_functions.run_chunk, task_spec, chunk.message)
        _started.wait(60)

        # the worker answers once its chunk is registered; within the budget nothing is recalled
        report = b""
        while not report:
            report = probe(chunk)
        chunk = queue.handle_report(chunk, number_worker, report, can_extend=False)
        assert [attempt.index for attempt in chunk.attempts] == [0, 1, 2]

        # after the budget only the item that has started goes on
        time.sleep(1.5)
        chunk = queue.handle_report(chunk, number_worker, probe(chunk), can_extend=False)
        assert [attempt.index for attempt in chunk.attempts] == [0]

        _may_end.set()
        future.result()


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 60),
    st.booleans(),
    st.integers(0, 2**32),
    st.sampled_from([sometimes_sleep, sometimes_wait]),
)
def test_each_item_ends_once_under_random_probes(count, lazy, seed, function):
    """Each item ends once whenever its chunk is probed, and whichever answers are lost."""
    items = iter(range(count)) if lazy else range(count)
    queue, task_spec = make_queue(items, function, partial_reports=False)
    rng = random.Random(seed)
    number = 0

    with ThreadPoolExecutor(1) as pool:
        while (chunk := take_chunk(queue)) is not None or queue.is_ready:
            if chunk is None:
                continue

            number += 1
            chunk.message = replace(chunk.message, name=f"{uuid.uuid4()} {number}")
            # now and then the chunk is probed before it is started
            if rng.random() < 0.1:
                assert probe(chunk) is None
                queue.put_back(chunk)
                assert remote_functions.run_chunk(task_spec, chunk.message) == NOT_STARTED
                continue

            future = pool.submit(remote_functions.run_chunk, task_spec, chunk.message)
            chunk = probe_until_done(queue, chunk, future, rng)
            if chunk is not None:
                assert queue.handle_report(chunk, number_worker, future.result()) is None

    assert queue.in_flight == 0
    batches = filter(None, [queue.job.collect()])
    assert statuses_by_index(batches) == {index: [SUCCEEDED] for index in range(count)}

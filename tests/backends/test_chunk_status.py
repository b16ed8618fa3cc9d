"""What a worker answers about its chunks while it is at them: each item still ends once."""

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


def asked(sent):
    """Ask about a chunk: give its report, None where it was not begun, else nothing."""
    joining, sent.message = sent.message, replace(sent.message, merges=False)
    joining = joining if joining.merges else None
    about = chunk_status.ChunkProbe(
        acknowledged=sent.probe_state.sequence, reclaims=True, merging=joining
    )
    return asyncio.run(chunk_status.answer_probes({sent.message.name: about})).get(
        sent.message.name, b""
    )


def followed(feed, sent, made, luck):
    """Ask about a chunk until it is over or nothing is left of it; now and then in vain."""
    while not made.done() and sent is not None:
        told = asked(sent)
        if told and luck.random() < 0.7:
            sent = feed.handle_report(sent, number_worker, told, can_extend=True)
    return sent


_begun, _enough = threading.Event(), threading.Event()


def held(x):
    _begun.set()
    _enough.wait(90)
    return x


def test_what_was_not_begun_is_told_though_it_was_asked_before_it_was_taken_back(monkeypatch):
    monkeypatch.setattr(ChunkQueue, "_next_size", lambda *_: 3)
    feed, definition = make_queue(range(3), held, partial_reports=False)
    sent = feed.take_chunk(1)
    sent.message = replace(sent.message, name=str(uuid.uuid4()), budget=1.0)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(remote_functions.run_chunk, definition, sent.message)
        _begun.wait(60)
        report = b""
        while not report:  # the worker answers once its chunk is registered
            report = asked(sent)
        left = feed.handle_report(sent, number_worker, report, can_extend=False)
        assert [each.index for each in left.attempts] == [0, 1, 2]  # its time is not over
        time.sleep(1.5)  # now it is
        left = feed.handle_report(left, number_worker, asked(left), can_extend=False)
        assert [each.index for each in left.attempts] == [0]
        _enough.set()
        made.result()


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 60),
    st.booleans(),
    st.integers(0, 2**32),
    st.sampled_from([sometimes_sleep, sometimes_wait]),
)
def test_each_item_ends_once_whenever_it_is_asked_and_whichever_answers_are_lost(
    count, lazy, seed, function
):
    feed, definition = make_queue(
        iter(range(count)) if lazy else range(count), function, partial_reports=False
    )
    luck, number = random.Random(seed), 0
    with ThreadPoolExecutor(1) as pool:
        while (sent := take_chunk(feed)) is not None or feed.is_ready:
            if sent is None:
                continue
            number += 1
            sent.message = replace(sent.message, name=f"{uuid.uuid4()} {number}")
            if luck.random() < 0.1:
                assert asked(sent) is None  # before it comes to its turn
                feed.put_back(sent)
                assert remote_functions.run_chunk(definition, sent.message) == NOT_STARTED
                continue
            made = pool.submit(remote_functions.run_chunk, definition, sent.message)
            sent = followed(feed, sent, made, luck)
            if sent is not None:
                assert feed.handle_report(sent, number_worker, made.result()) is None
    assert feed.in_flight == 0
    found = statuses_by_index(filter(None, [feed.job.collect()]))
    assert found == {index: [SUCCEEDED] for index in range(count)}

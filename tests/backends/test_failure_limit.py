"""Jobs and chunk queues that stop when too many items have failed."""

import pytest
from support.chunk_queues import assume_quick_items, make_queue, run_once, take_chunk

from attune_nb.backends.attempt.failure_limit import FailureLimit
from attune_nb.events import ErrorInfo

BROKEN = ErrorInfo(type="ValueError", message="it broke")


def never(_attempt, _error):
    return False


def test_one_failure_more_than_allowed_exceeds_it():
    limit = FailureLimit(1, never)
    limit.count_failure(1, BROKEN)
    assert not limit.is_exceeded

    limit.count_failure(1, BROKEN)
    assert limit.is_exceeded


def test_an_item_that_has_begun_may_be_attempted_again():
    limit = FailureLimit(0, never)
    assert limit.try_begin(3)
    limit.count_failure(1, BROKEN)
    assert limit.try_begin(3)
    assert not limit.try_begin(4)
    assert limit.begun == 1


def test_an_item_that_is_given_back_has_not_begun():
    limit = FailureLimit(0, never)
    limit.try_begin(3)
    limit.give_back(3)
    limit.count_failure(1, BROKEN)
    assert limit.begun == 0
    assert not limit.try_begin(3)


def test_a_failure_that_is_retried_does_not_count():
    limit = FailureLimit(0, lambda attempt, error: attempt == 1 and error is BROKEN)
    limit.count_failure(1, BROKEN)
    assert not limit.is_exceeded
    limit.count_failure(2, BROKEN)
    assert limit.is_exceeded


def test_a_resumed_job_counts_what_is_on_record():
    limit = FailureLimit(0, never)
    limit.restore(1, [0, 2])
    assert (limit.is_exceeded, limit.begun) == (True, 2)
    assert limit.try_begin(2)
    assert not limit.try_begin(1)


def make_limited_queue(count, most, function=lambda x: x, in_flight=()):
    """Return a queue over items of which at most some may fail, and its task spec."""
    queue, task_spec = make_queue(
        list(range(count)),
        function,
        concurrency=2,
        total=count,
        max_failures=most,
        list_in_flight=lambda _: list(in_flight),
    )
    assume_quick_items(queue, 1000)
    return queue, task_spec


@pytest.mark.parametrize(("most", "size"), [(0, 1), (1, 1), (20, 10), (1000, 250)])
def test_a_chunk_holds_no_more_items_than_may_fail(most, size):
    """Two workers share the failures that are allowed; the last chunks are small anyway."""
    queue, _ = make_limited_queue(1000, most)
    assert len(queue.take_chunk(1).attempts) == size


def test_items_in_flight_count_as_failures_that_may_come():
    in_flight = []
    queue, _ = make_limited_queue(1000, 20, in_flight=in_flight)
    in_flight.append(queue.take_chunk(1))
    in_flight.append(queue.take_chunk(1))
    assert [len(chunk.attempts) for chunk in in_flight] == [10, 5]

    # 5 failures more are allowed
    queue, _ = make_limited_queue(1000, 15, in_flight=in_flight)
    assert not queue.is_ready
    in_flight.clear()
    assert queue.is_ready


def test_no_chunk_waits_behind_one_of_a_limited_job():
    queue, _ = make_limited_queue(1000, 1000)
    assert queue.is_slow


def test_nothing_is_sent_after_the_last_failure():
    def fail(x):
        raise ValueError(x)

    queue, task_spec = make_limited_queue(10, 1, fail)
    for _ in range(2):
        run_once(queue, task_spec, take_chunk(queue))
    assert not queue.is_ready

    batch = queue.job.collect()
    assert (len(batch), batch.begun, batch.total) == (2, 2, None)


def test_items_that_workers_give_back_do_not_begin():
    def fail(x):
        raise ValueError(x)

    queue, task_spec = make_limited_queue(10, 0, fail)
    returned = queue.take_chunk(1)
    failing = queue.take_chunk(1)
    run_once(queue, task_spec, failing)
    assert queue.job.collect().begun is None

    queue.put_back(returned)
    assert not queue.is_ready
    assert queue.job.collect().begun == 1


def test_the_item_of_a_lost_worker_runs_again():
    def fail(x):
        raise ValueError(x)

    queue, task_spec = make_limited_queue(10, 0, fail)
    lost = queue.take_chunk(1)
    failing = queue.take_chunk(1)
    run_once(queue, task_spec, failing)
    queue.requeue_lost(lost, 0, "exit code 1")
    assert queue.is_ready

    again = queue.take_chunk(1)
    assert [attempt.index for attempt in again.attempts] == [0]


def test_the_items_of_a_lost_chunk_are_skipped():
    """It is not known which of them had begun."""

    def fail(x):
        raise ValueError(x)

    queue, task_spec = make_limited_queue(100, 10, fail)
    lost = queue.take_chunk(1)
    assert len(lost.attempts) == 5
    queue.requeue_lost(lost, 0, "exit code 1")
    while queue.is_ready:
        run_once(queue, task_spec, queue.take_chunk(1))

    batch = queue.job.collect()
    assert (len(batch), batch.begun) == (11, 11)

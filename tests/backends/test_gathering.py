"""Attempts of a run over very many items are collected less often, the longer it takes."""

import pytest
from support.set_clocks import Clock

from attune_nb.backends.attempt import result_columns
from attune_nb.backends.attempt.job import Job
from attune_nb.backends.attempt.job_spec import JobSpec
from attune_nb.events import FAILED, SUCCEEDED, ErrorInfo


@pytest.fixture
def clock():
    return Clock()


def make_job(clock, items=None, **settings):
    defaults = {"total": None, "concurrency": 1, "retries": False, "gathers": True}
    spec = JobSpec(key=("a", 1), call=None, clock=clock, **{**defaults, **settings})
    return Job(spec, iter(range(10**6)) if items is None else items)


def record(job, index, code=SUCCEEDED):
    cause = ErrorInfo(type="ValueError", message="no") if code else None
    job.results.record(index, 1, 0, 0.0, None, code, None, cause)


def collect_until(clock, job, end):
    """Let an item end every second; return how many batches there are."""
    batches = 0
    while clock.now < end:
        clock.now += 1.0
        record(job, int(clock.now))
        batches += job.collect() is not None
    return batches


def test_batches_grow_rarer_with_the_time_of_the_run(clock):
    job = make_job(clock)
    assert collect_until(clock, job, 1_000.0) == 1_000
    # from then on, two seconds and more
    assert collect_until(clock, job, 4_000.0) < 1_400
    clock.now = 100_000.0
    job.collect()
    assert collect_until(clock, job, 100_100.0) == 20


@pytest.fixture
def old_job(clock):
    """Return a job of a run of hours, with two attempts that wait."""
    clock.now = 10_000.0
    job = make_job(clock)
    record(job, 0)
    record(job, 1)
    assert job.collect() is None
    return job


def test_a_failure_does_not_wait(old_job):
    record(old_job, 2, FAILED)
    assert len(old_job.collect()) == 3


def test_many_attempts_do_not_wait(old_job):
    for index in range(2, 5_001):
        record(old_job, index)
    assert len(old_job.collect()) == 5_001


def test_the_last_attempts_do_not_wait(old_job, clock):
    old_job.source.exhausted = True
    assert len(old_job.collect()) == 2

    job = make_job(clock, [7, 8], total=2)
    record(job, 0)
    assert job.collect() is None
    record(job, 1)
    assert len(job.collect()) == 2


def test_a_stopped_job_does_not_wait(old_job):
    old_job.stop()
    assert len(old_job.collect()) == 2


def test_other_jobs_are_collected_at_once(clock):
    clock.now = 10_000.0
    job = make_job(clock, gathers=False)
    for index in range(3):
        record(job, index)
        assert len(job.collect()) == 1


def test_a_worker_that_is_ahead_lets_the_driver_run(clock, monkeypatch):
    waits = []
    monkeypatch.setattr(result_columns.time, "sleep", waits.append)
    # 50,000 rows may wait, so 5 of each worker
    job = make_job(clock, concurrency=10_000)
    for index in range(4):
        record(job, index)
    assert not waits

    record(job, 4)
    record(job, 5)
    assert len(waits) == 2
    clock.now = 1.0
    job.collect()
    record(job, 6)
    assert len(waits) == 2

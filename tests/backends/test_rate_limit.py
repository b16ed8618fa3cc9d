"""`rate_limit`: attempts start no faster, evenly spaced, on every backend and after a resume."""

import signal
import subprocess
import sys
import time
from itertools import pairwise

import cloudpickle
import pytest
from support.item_runs import run_work, until

import attune_nb
from attune_nb.events import AttemptsEnded, RunResumed

cloudpickle.register_pickle_by_value(sys.modules[__name__])

ENGINE = """
import os
import signal
import sys
import attune_nb

engine = os.getpid()

def work(x):
    if x == 100:
        os.kill(engine, signal.SIGKILL)
    return x

attune_nb.loads(sys.argv[1]).run(
    actions={"work": work}, backend=sys.argv[2], workers=2, store=sys.argv[3], progress=False
)
"""
FIFTY = """
tasks:
  - name: a
    action: work
    with_items: "{{ range(200) }}"
    concurrency: 4
    rate_limit: 50/s
    input: {x: "{{ item }}"}
"""


# seconds without a start, at 50 a second or more, that show a busy machine
STALL = 0.1


def work(x):
    return x


async def work_async(x):
    return x


def slow(x):
    import time  # noqa: PLC0415 - the function is sent to workers

    time.sleep(0.2)
    return x


def fail(x):
    raise ValueError(x)


@pytest.fixture(params=["inline", "threads", "processes", "dask"])
def backend(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return request.param


def starts_of(run):
    """Return when the attempts started, in seconds since the first start, in order."""
    starts = sorted(run.attempts()["start"])
    return [(start - starts[0]).total_seconds() for start in starts]


def stalls_of(starts):
    """Return the times between starts that are too long to be made up for.

    A busy machine stops the process, or the worker, for as long.
    """
    gaps = [later - start for start, later in pairwise(starts)]
    return [gap for gap in gaps if gap > STALL]


def run_limited(backend, limit, count, action=work, keys="", **options):
    keys = f"rate_limit: {limit}\n    {keys}"
    return run_work(action, {"n": count}, keys, backend=backend, workers=2, **options)


def test_two_hundred_items_at_fifty_a_second_take_four_seconds(backend):
    run = run_limited(backend, "50/s", 200)
    assert run.status == "succeeded"
    starts = starts_of(run)
    assert 0.95 * 4 <= starts[-1] + 1 / 50 <= 1.1 * 4 + sum(stalls_of(starts))


def test_a_run_that_was_killed_keeps_its_pace(tmp_path, backend):
    store = tmp_path / "runs.db"
    first_backend = "threads" if backend in ("inline", "dask") else backend
    command = [sys.executable, "-c", ENGINE, FIFTY, first_backend, store]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL

    (run_id,) = attune_nb.runs(store)["run_id"]
    run = attune_nb.resume(run_id, store, actions={"work": work}, backend=backend, progress=False)
    assert run.result("a") == list(range(200))

    starts = sorted(start for batch in batches_of(run) for start in batch.start)
    (resumed_at,) = [event.time for event in run.events if isinstance(event, RunResumed)]
    before = [start for start in starts if start <= resumed_at]
    after = starts[len(before) :]
    assert after[0] - before[-1] >= 0.5 / 50
    # the time until the new worker processes have started is left out
    seconds = before[-1] - before[0] + after[-1] - after[0] + 2 / 50
    stalls = [*stalls_of(before), *stalls_of(after)]
    assert 0.95 * 4 <= seconds <= 1.1 * 4 + sum(stalls)


def batches_of(run):
    return [event.batch for event in run.events if isinstance(event, AttemptsEnded)]


@pytest.mark.parametrize("action", [work, work_async])
def test_starts_are_evenly_spaced(action):
    starts = starts_of(run_limited("threads", "40/s", 40, action))
    gaps = [later - start for start, later in pairwise(starts)]
    # those after a start that came late are shorter, but starts in bursts would have hardly a gap
    assert sum(gap < 0.004 for gap in gaps) < len(gaps) / 2
    assert sum(gaps) >= 0.95 * 39 / 40


def test_a_high_rate_is_reached(backend):
    starts = starts_of(run_limited(backend, "5000/s", 5000))
    assert starts[-1] >= 0.95
    # the machine may be slower than the limit
    assert starts[-1] < 4 + sum(stalls_of(starts))


def test_retries_are_starts_too(backend):
    run = run_limited(backend, "20/s", 4, fail, "retry: {count: 2}")
    starts = starts_of(run)
    assert len(starts) == 12
    assert starts[-1] >= 0.85 * 11 / 20


def test_the_concurrency_still_holds(backend):
    run = run_limited(backend, "100/s", 6, slow, concurrency=1)
    gaps = [later - start for start, later in pairwise(starts_of(run))]
    assert min(gaps) >= 0.19


def test_waiting_is_no_part_of_an_attempt(backend):
    run = run_limited(backend, "30/m", 2, keys="timeout: 1.5")
    assert run.status == "succeeded"
    assert run.items("a")["attempt_ms"].max() < 1_500


def test_a_task_without_items_retries_at_the_rate():
    text = """
tasks:
  - name: a
    action: fail
    rate_limit: 20/s
    retry: {count: 3}
    input: {x: 1}
"""
    run = attune_nb.loads(text).run(actions={"fail": fail}, progress=False)
    assert starts_of(run)[-1] >= 0.8 * 3 / 20


@pytest.mark.parametrize("action", [work, work_async])
@pytest.mark.parametrize("force", [False, True])
def test_a_cancel_ends_the_wait(backend, action, force):
    run = run_limited(backend, "1/h", 5, action, background=True)
    until(lambda: len(run.attempts()) == 1)
    run.cancel(force=force)
    assert run.wait(200)
    assert run.status == "cancelled"
    assert run.items("a")["status"].tolist().count("succeeded") == 1


@pytest.mark.parametrize("action", [work, work_async])
def test_a_pause_holds_the_next_start(backend, action):
    run = run_limited(backend, "4/s", 1_000, action, background=True)
    until(lambda: len(run.attempts()) > 0)
    run.pause()
    until(lambda: has_come_to_rest(run))

    count = len(run.attempts())
    run.resume()
    until(lambda: len(run.attempts()) > count)
    run.cancel(force=True)
    assert run.wait(200)


def has_come_to_rest(run):
    """Return whether no attempt ends within the time of two starts; those in flight may end."""
    count = len(run.attempts())
    time.sleep(0.6)
    return len(run.attempts()) == count


def test_the_timeout_of_the_run_ends_the_wait(backend):
    text = f"timeout: 0.5\n{FIFTY.replace('50/s', '1/h')}"
    run = attune_nb.loads(text).run(
        actions={"work": work}, backend=backend, workers=2, progress=False
    )
    assert run.status == "timed_out"


def test_the_engine_sleeps_while_it_waits(backend):
    run = run_limited(backend, "1/h", 2, background=True)
    until(lambda: len(run.attempts()) == 1)
    before = time.process_time()
    time.sleep(1)
    used = time.process_time() - before
    run.cancel(force=True)
    assert run.wait(200)
    # a busy loop would use all of it
    assert used < 0.5


def run_of_generator(rate, read, **options):
    """Run items of a generator, which notes each number it gives."""

    def numbers():
        for number in range(5):
            read.append(number)
            yield number

    text = "parameters: {items: {}}\n" + FIFTY.replace(
        "{{ range(200) }}", "{{ parameters.items }}"
    ).replace("50/s", rate)
    return attune_nb.loads(text).run(
        {"items": numbers()}, actions={"work": work}, progress=False, **options
    )


def test_a_generator_is_read_at_the_pace():
    read = []
    run = run_of_generator("1/h", read, background=True)
    # the next item is due in an hour
    until(lambda: len(run.attempts()) == 1)
    assert len(read) <= 3
    run.cancel(force=True)
    assert run.wait(200)


def test_every_item_of_a_generator_gets_its_turn():
    read = []
    run = run_of_generator("10/s", read)
    assert run.result("a") == [0, 1, 2, 3, 4]
    assert read == [0, 1, 2, 3, 4]


def test_a_failure_ends_the_wait():
    """Items that wait for the pace are skipped as soon as too many others have failed."""
    run = run_limited("threads", "1/h", 5, fail, "max_failures: 0")
    assert run.items("a")["status"].tolist() == ["failed", *["skipped"] * 4]


def test_a_dry_run_does_not_wait_for_the_rate():
    run = attune_nb.loads(FIFTY.replace("50/s", "1/h")).run(dry_run=True, progress=False)
    assert len(run.attempts()) == 200

"""What ends beside an item that takes far longer is told, and nothing waits behind that one."""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import cloudpickle
import pytest
import works
from works import PATH, most_at_once, run_work, until

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(works)

COUNT = 400
SLOW = 150  # long after chunks have grown


def waits(path):
    until(Path(path, "enough").exists)


def work(x, path):
    """Be quick, but for one item, which waits until the test has seen enough."""
    began = time.time()
    with Path(path, "made").open("a") as file:
        file.write(f"{x}\n")
    if x == SLOW:
        Path(path, "pid").write_text(str(os.getpid()))
        waits(path)
    else:
        time.sleep(0.002)
    return [x, began, time.time()]


async def awaited(x, path):
    await asyncio.to_thread(waits, path) if x == SLOW else await asyncio.sleep(0.002)
    return [x, 0, 0]


def begin(path, work=work, **options):
    given = {"n": COUNT, "path": str(path)}
    return run_work(work, given, more=PATH, backend="processes", background=True, **options)


def all_but_one_are_told(run):
    told = run.attempts
    return len(told) == COUNT - 1 and SLOW not in set(told["index"])


@pytest.mark.parametrize("action", [work, awaited])
def test_all_others_are_told_while_it_is_under_way(tmp_path, action):
    run = begin(tmp_path, action)
    until(lambda: all_but_one_are_told(run))
    assert run.status == "running"
    (tmp_path / "enough").touch()
    assert run.wait(30)
    assert run.status == "succeeded"
    assert [x for x, _, _ in run.result("a")] == list(range(COUNT))
    assert list(run.attempts["attempt"].unique()) == [1]
    if action is work:
        assert set(Counter((tmp_path / "made").read_text().split()).values()) == {1}


async def often_awaited(x, path):
    began = time.time()
    await asyncio.to_thread(waits, path) if x % 40 == 39 else await asyncio.sleep(0.002)
    return [began, time.time()]


def test_what_waits_in_a_loop_takes_the_place_of_no_other(tmp_path):
    run = begin(tmp_path, often_awaited, concurrency=2 * COUNT // 40)
    until(lambda: len(run.attempts) == COUNT - COUNT // 40)
    (tmp_path / "enough").touch()
    assert run.wait(30)
    assert run.status == "succeeded"
    assert most_at_once(run.result("a")) <= 2 * COUNT // 40
    assert list(run.attempts["attempt"].unique()) == [1]


def test_no_more_are_under_way_at_once_than_the_concurrency(tmp_path):
    def work(x, path):
        began = time.time()
        time.sleep(0.6 if x in (100, 101, 130, 250) else 0.001)
        return [began, time.time()]

    run = begin(tmp_path, work, concurrency=1)
    assert run.wait(60)
    assert run.status == "succeeded"
    assert most_at_once(run.result("a")) == 1


def test_what_had_ended_is_kept_when_a_run_is_cancelled_at_once(tmp_path):
    run = begin(tmp_path)
    until(lambda: all_but_one_are_told(run))
    run.cancel(force=True)
    assert run.wait(30)
    statuses = run.attempts.set_index("index")["status"]
    assert statuses.pop(SLOW) == "cancelled"
    assert set(statuses) == {"succeeded"}
    (tmp_path / "enough").touch()


def test_an_item_that_takes_too_long_ends_at_its_timeout(tmp_path):
    run = begin(tmp_path, keys="timeout: 1.5")
    assert run.wait(30)
    (tmp_path / "enough").touch()
    statuses = run.attempts.set_index("index")["status"]
    assert statuses.pop(SLOW) == "timed_out"
    assert set(statuses) == {"succeeded"}
    assert run.attempts.set_index("index")["duration"][SLOW] < 10


def test_a_worker_process_that_ends_takes_only_what_was_under_way_along(tmp_path):
    run = begin(tmp_path)
    until(lambda: all_but_one_are_told(run))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    (tmp_path / "enough").touch()
    assert run.wait(60)
    assert run.status == "succeeded"
    times = Counter((tmp_path / "made").read_text().split())
    assert {x for x, many in times.items() if many > 1} == {str(SLOW)}

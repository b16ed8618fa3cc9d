"""Reports of a chunk before all of its items have ended: no item waits behind a slow one."""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import cloudpickle
import pytest
from distributed import Status, get_worker
from support import dask_clusters, item_runs
from support.dask_clusters import temporary_cluster, worker_pids
from support.item_runs import PATH, most_at_once, run_work, until

from attune_nb.backends.chunks.chunk_queue import ChunkQueue
from attune_nb.backends.dask import DaskBackend
from attune_nb.backends.worker import chunk_status

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(dask_clusters)
cloudpickle.register_pickle_by_value(item_runs)

COUNT = 400
# late enough that chunks have grown
SLOW = 150


def wait_for_test(path):
    until(Path(path, "enough").exists)


def let_slow_items_end(folder):
    (folder / "enough").touch()


def work(x, path):
    """End fast, except for one item, which waits for the test."""
    start = time.time()
    with Path(path, "made").open("a") as file:
        file.write(f"{x}\n")

    if x == SLOW:
        Path(path, "pid").write_text(str(os.getpid()))
        wait_for_test(path)
    else:
        time.sleep(0.002)
    return [x, start, time.time()]


async def async_work(x, path):
    if x == SLOW:
        await asyncio.to_thread(wait_for_test, path)
    else:
        await asyncio.sleep(0.002)
    return [x, 0, 0]


@pytest.fixture(params=["processes", "dask"])
def backend(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return request.param


def start_run(path, backend, work=work, **options):
    parameters = {"n": COUNT, "path": str(path)}
    return run_work(work, parameters, more=PATH, backend=backend, background=True, **options)


def all_fast_items_are_reported(run):
    attempts = run.attempts()
    return len(attempts) == COUNT - 1 and SLOW not in set(attempts["index"])


def count_calls(folder):
    """Return how often each item has run, by its number as a string."""
    return Counter((folder / "made").read_text().split())


def items_run_twice(folder):
    return {x for x, count in count_calls(folder).items() if count > 1}


@pytest.mark.parametrize("concurrency", [2, 8])
@pytest.mark.parametrize("action", [work, async_work])
def test_fast_items_are_reported_before_a_slow_one(tmp_path, backend, action, concurrency):
    run = start_run(tmp_path, backend, action, concurrency=concurrency)
    until(lambda: all_fast_items_are_reported(run))
    assert run.status == "running"

    let_slow_items_end(tmp_path)
    assert run.wait(200)
    assert run.status == "succeeded"
    assert [x for x, _, _ in run.result("a")] == list(range(COUNT))
    assert list(run.attempts()["attempt"].unique()) == [1]
    if action is work:
        assert set(count_calls(tmp_path).values()) == {1}


async def often_slow_async_work(x, path):
    start = time.time()
    if x % 40 == 39:
        await asyncio.to_thread(wait_for_test, path)
    else:
        await asyncio.sleep(0.002)
    return [start, time.time()]


def test_waiting_coroutines_make_room_for_others(tmp_path):
    slow_count = COUNT // 40
    run = start_run(tmp_path, "processes", often_slow_async_work, concurrency=2 * slow_count)
    until(lambda: len(run.attempts()) == COUNT - slow_count)

    let_slow_items_end(tmp_path)
    assert run.wait(200)
    assert run.status == "succeeded"
    assert most_at_once(run.result("a")) <= 2 * slow_count
    assert list(run.attempts()["attempt"].unique()) == [1]


def test_partial_reports_respect_the_concurrency(tmp_path, backend):
    def work(x, path):
        start = time.time()
        time.sleep(1.5 if x in (100, 101, 130, 250) else 0.001)
        return [start, time.time()]

    run = start_run(tmp_path, backend, work, concurrency=1)
    assert run.wait(200)
    assert run.status == "succeeded"
    assert most_at_once(run.result("a")) == 1


def test_a_forced_cancel_keeps_finished_items(tmp_path, backend):
    run = start_run(tmp_path, backend)
    until(lambda: all_fast_items_are_reported(run))
    run.cancel(force=True)
    assert run.wait(200)

    statuses = run.attempts().set_index("index")["status"]
    assert statuses.pop(SLOW) == "cancelled"
    assert set(statuses) == {"succeeded"}
    let_slow_items_end(tmp_path)


def test_a_slow_item_ends_at_its_timeout(tmp_path, backend):
    run = start_run(tmp_path, backend, keys="timeout: 1.5")
    assert run.wait(200)
    let_slow_items_end(tmp_path)

    statuses = run.attempts().set_index("index")["status"]
    assert statuses.pop(SLOW) == "timed_out"
    assert set(statuses) == {"succeeded"}


def test_a_lost_dask_worker_loses_only_running_items(tmp_path):
    with temporary_cluster(failures=5, n_workers=2) as client:
        run = start_run(tmp_path, DaskBackend(client))
        until(lambda: all_fast_items_are_reported(run))

        slow_pid = int((tmp_path / "pid").read_text())
        assert slow_pid in worker_pids(client)
        os.kill(slow_pid, signal.SIGKILL)
        let_slow_items_end(tmp_path)
        assert run.wait(200)

    assert run.status == "succeeded"
    assert items_run_twice(tmp_path) == {str(SLOW)}


def test_a_killed_process_loses_only_running_items(tmp_path):
    run = start_run(tmp_path, "processes")
    until(lambda: all_fast_items_are_reported(run))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    let_slow_items_end(tmp_path)
    assert run.wait(200)

    assert run.status == "succeeded"
    assert items_run_twice(tmp_path) == {str(SLOW)}


def test_kept_results_stay_in_their_chunk(tmp_path, cluster):
    """With `keep_results`, a probe brings no results: all are fetched from their chunk's end."""
    run = start_run(tmp_path, "dask", keys="keep_results: cluster")
    until((tmp_path / "pid").exists)
    # long enough for probes
    time.sleep(2)
    let_slow_items_end(tmp_path)
    assert run.wait(200)

    references = list(run.items("a")["result"])
    indexes = [0, SLOW - 1, SLOW, SLOW + 1, COUNT - 1]
    assert [references[index].get()[0] for index in indexes] == indexes


def test_a_paused_worker_gives_back_unstarted_items(tmp_path):
    """A paused worker finishes its running item; the items that it has not started go to others."""

    def work(x, path):
        with Path(path, "made").open("a") as file:
            file.write(f"{x}\n")
        if x == SLOW:
            # as Dask does when a worker is short of memory
            get_worker().status = Status.paused
            time.sleep(3)
        time.sleep(0.002)
        return x

    with temporary_cluster(n_workers=2, memory_limit=0) as client:
        run = start_run(tmp_path, DaskBackend(client), work)
        assert run.wait(200)

    assert run.result("a") == list(range(COUNT))
    assert set(count_calls(tmp_path).values()) == {1}


def test_a_worker_releases_acknowledged_rows(tmp_path, cluster):
    def count_rows():
        return [len(runner._batch) for runner in chunk_status._runners.values()]  # noqa: SLF001

    run = start_run(tmp_path, "dask", async_work)
    until(lambda: all_fast_items_are_reported(run))
    until(lambda: sorted(cluster.run(count_rows).values()) == [[], [0]])
    let_slow_items_end(tmp_path)
    assert run.wait(200)


def test_a_chunk_behind_foreign_tasks_keeps_its_place(monkeypatch):
    calls = []

    def record(*args, put_back=ChunkQueue.put_back):
        calls.append(args)
        put_back(*args)

    monkeypatch.setattr(ChunkQueue, "put_back", record)
    with temporary_cluster(n_workers=1) as client:
        foreign = client.map(time.sleep, [1.5] * 3, pure=False)
        run = run_work(lambda x: x, {"n": 3}, backend=DaskBackend(client))
        assert [future.status for future in foreign] == ["finished"] * 3

    assert run.status == "succeeded"
    assert not calls


def test_a_slow_item_keeps_its_thread_from_other_runs(tmp_path):
    with temporary_cluster(n_workers=1) as client:
        run = start_run(tmp_path, DaskBackend(client), keys="timeout: 3")
        until((tmp_path / "pid").exists)
        second_run = run_work(
            lambda x: time.time(), {"n": 1}, backend=DaskBackend(client), background=True
        )
        assert run.wait(200)
        assert second_run.wait(60)

    let_slow_items_end(tmp_path)
    statuses = run.attempts().set_index("index")["status"]
    assert statuses[SLOW] == "timed_out"
    assert set(statuses) == {"succeeded", "timed_out"}
    assert second_run.result("a")[0] > (tmp_path / "pid").stat().st_mtime + 2

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


@pytest.fixture(params=["processes", "dask"])
def backend(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return request.param


def begin(path, backend, work=work, **options):
    given = {"n": COUNT, "path": str(path)}
    return run_work(work, given, more=PATH, backend=backend, background=True, **options)


def all_but_one_are_told(run):
    told = run.attempts
    return len(told) == COUNT - 1 and SLOW not in set(told["index"])


@pytest.mark.parametrize("concurrency", [2, 8])
@pytest.mark.parametrize("action", [work, awaited])
def test_all_others_are_told_while_it_is_under_way(tmp_path, backend, action, concurrency):
    run = begin(tmp_path, backend, action, concurrency=concurrency)
    until(lambda: all_but_one_are_told(run))
    assert run.status == "running"
    (tmp_path / "enough").touch()
    assert run.wait(60)
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
    run = begin(tmp_path, "processes", often_awaited, concurrency=2 * COUNT // 40)
    until(lambda: len(run.attempts) == COUNT - COUNT // 40)
    (tmp_path / "enough").touch()
    assert run.wait(60)
    assert run.status == "succeeded"
    assert most_at_once(run.result("a")) <= 2 * COUNT // 40
    assert list(run.attempts["attempt"].unique()) == [1]


def test_no_more_are_under_way_at_once_than_the_concurrency(tmp_path, backend):
    def work(x, path):
        began = time.time()
        time.sleep(1.5 if x in (100, 101, 130, 250) else 0.001)
        return [began, time.time()]

    run = begin(tmp_path, backend, work, concurrency=1)
    assert run.wait(60)
    assert run.status == "succeeded"
    assert most_at_once(run.result("a")) == 1


def test_what_had_ended_is_kept_when_a_run_is_cancelled_at_once(tmp_path, backend):
    run = begin(tmp_path, backend)
    until(lambda: all_but_one_are_told(run))
    run.cancel(force=True)
    assert run.wait(60)
    statuses = run.attempts.set_index("index")["status"]
    assert statuses.pop(SLOW) == "cancelled"
    assert set(statuses) == {"succeeded"}
    (tmp_path / "enough").touch()


def test_an_item_that_takes_too_long_ends_at_its_timeout(tmp_path, backend):
    run = begin(tmp_path, backend, keys="timeout: 1.5")
    assert run.wait(60)
    (tmp_path / "enough").touch()
    statuses = run.attempts.set_index("index")["status"]
    assert statuses.pop(SLOW) == "timed_out"
    assert set(statuses) == {"succeeded"}
    assert run.attempts.set_index("index")["duration"][SLOW] < 10


def test_a_worker_that_is_lost_takes_only_what_was_under_way_along(tmp_path):
    with temporary_cluster(failures=5, n_workers=2) as client:
        run = begin(tmp_path, DaskBackend(client))
        until(lambda: all_but_one_are_told(run))
        slow = int((tmp_path / "pid").read_text())
        assert slow in worker_pids(client)
        os.kill(slow, signal.SIGKILL)
        (tmp_path / "enough").touch()
        assert run.wait(60)
    assert run.status == "succeeded"
    times = Counter((tmp_path / "made").read_text().split())
    assert {x for x, many in times.items() if many > 1} == {str(SLOW)}


def test_a_worker_process_that_ends_takes_only_what_was_under_way_along(tmp_path):
    run = begin(tmp_path, "processes")
    until(lambda: all_but_one_are_told(run))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    (tmp_path / "enough").touch()
    assert run.wait(60)
    assert run.status == "succeeded"
    times = Counter((tmp_path / "made").read_text().split())
    assert {x for x, many in times.items() if many > 1} == {str(SLOW)}


def test_results_that_are_kept_on_the_cluster_are_each_where_they_were_made(tmp_path, cluster):
    run = begin(tmp_path, "dask", keys="keep_results: cluster")
    until((tmp_path / "pid").exists)
    time.sleep(2)  # it is asked about, but its results are all where it ends
    (tmp_path / "enough").touch()
    assert run.wait(60)
    kept = list(run.items("a")["result"])
    assert [kept[x].get()[0] for x in (0, SLOW - 1, SLOW, SLOW + 1, COUNT - 1)] == [
        0, SLOW - 1, SLOW, SLOW + 1, COUNT - 1,
    ]  # fmt: skip


def test_what_a_paused_worker_is_at_is_made_once_and_what_it_has_not_begun_by_others(tmp_path):
    def work(x, path):
        with Path(path, "made").open("a") as file:
            file.write(f"{x}\n")
        if x == SLOW:
            get_worker().status = Status.paused  # as where it is short of memory
            time.sleep(3)
        time.sleep(0.002)
        return x

    with temporary_cluster(n_workers=2, memory_limit=0) as client:
        run = begin(tmp_path, DaskBackend(client), work)
        assert run.wait(60)
    assert run.result("a") == list(range(COUNT))
    assert set(Counter((tmp_path / "made").read_text().split()).values()) == {1}


def test_a_worker_lets_go_of_what_it_has_told(tmp_path, cluster):
    def kept():
        return [len(each._batch) for each in chunk_status._runners.values()]  # noqa: SLF001

    run = begin(tmp_path, "dask", awaited)
    until(lambda: all_but_one_are_told(run))
    until(lambda: sorted(cluster.run(kept).values()) == [[], [0]])
    (tmp_path / "enough").touch()
    assert run.wait(60)


def test_what_waits_behind_the_tasks_of_others_keeps_its_turn(monkeypatch):
    back, taken_back = ChunkQueue.put_back, []
    monkeypatch.setattr(
        ChunkQueue, "put_back", lambda *given: taken_back.append(given) or back(*given)
    )
    with temporary_cluster(n_workers=1) as client:
        others = client.map(time.sleep, [1.5] * 3, pure=False)
        run = run_work(lambda x: x, {"n": 3}, backend=DaskBackend(client))
        assert [each.status for each in others] == ["finished"] * 3
    assert run.status == "succeeded"
    assert not taken_back


def test_a_slow_item_holds_its_thread_whatever_else_waits_for_it(tmp_path):
    with temporary_cluster(n_workers=1) as client:
        run = begin(tmp_path, DaskBackend(client), keys="timeout: 3")
        until((tmp_path / "pid").exists)
        other = run_work(
            lambda x: time.time(), {"n": 1}, backend=DaskBackend(client), background=True
        )
        assert run.wait(60)
        assert other.wait(60)
    (tmp_path / "enough").touch()
    told = run.attempts.set_index("index")
    assert told["status"][SLOW] == "timed_out"
    assert set(told["status"]) == {"succeeded", "timed_out"}
    assert other.result("a")[0] > (tmp_path / "pid").stat().st_mtime + 2.9

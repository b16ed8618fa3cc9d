"""What becomes of what is lost on a Dask cluster: workers, a scheduler, results."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import cloudpickle
import psutil
import pytest
from support import item_runs
from support.dask_clusters import (
    assert_not_run_again,
    find_free_port,
    run_on_dask,
    start_appending_run,
    temporary_cluster,
    worker_pids,
)
from support.item_runs import PATH, errors, until

import attune_nb
from attune_nb.backends.dask import DaskBackend, scheduler_watch, worker_poll

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(item_runs)


def test_a_worker_that_is_killed_loses_nothing_that_is_finished(tmp_path):
    path, count = tmp_path / "made", 4_000
    with temporary_cluster(n_workers=2) as client:
        run = start_appending_run(path, count, DaskBackend(client))
        until(lambda: len(run.attempts) > 500)
        os.kill(worker_pids(client)[0], signal.SIGKILL)
        known = set(run.attempts["index"])
        before = Counter(path.read_text().split())
        assert run.wait(60)
    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(count)]
    times = Counter(path.read_text().split())
    assert set(times) == set(map(str, range(count)))
    assert set(times.values()) <= {1, 2}
    assert_not_run_again(path, known, before)


def test_a_worker_that_leaves_in_peace_takes_nothing_along(tmp_path):
    path = tmp_path / "made"
    with temporary_cluster(n_workers=2) as client:
        run = start_appending_run(path, 1_000, DaskBackend(client))
        until(lambda: len(run.attempts) > 100)
        known = set(run.attempts["index"])
        before = Counter(path.read_text().split())
        client.retire_workers([next(iter(client.nthreads()))])
        assert run.wait(60)
    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(1_000)]
    assert_not_run_again(path, known, before)


def test_all_workers_may_be_killed_at_once(tmp_path):
    path = tmp_path / "made"
    with temporary_cluster(n_workers=2) as client:
        run = start_appending_run(path, 2_000, DaskBackend(client))
        until(lambda: len(run.attempts) > 200)
        for each in worker_pids(client):
            os.kill(each, signal.SIGKILL)
        assert run.wait(60)
    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(2_000)]


def test_an_item_that_ends_its_worker_each_time_is_found_and_fails_alone():
    def work(x):
        if x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    with temporary_cluster(n_workers=2) as client:
        run = run_on_dask(work, {"n": 12}, backend=DaskBackend(client))
    assert list(errors(run)) == [3]
    assert run.result("a")[3]["error_type"] == "WorkerLost"
    assert [x for x in run.result("a") if isinstance(x, int)] == [x for x in range(12) if x != 3]


PLAIN = """
parameters: {path: {}}
tasks:
  - {name: a, action: work, input: {x: 3, path: "{{ parameters.path }}"}}
"""


@pytest.mark.parametrize("same", [False, True], ids=["another address", "the same address"])
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "items"])
def test_what_must_not_be_made_twice_is_not_though_the_cluster_would(
    tmp_path, monkeypatch, plain, same
):
    if same:  # nobody looks while there is none
        monkeypatch.setattr(scheduler_watch, "POLL_INTERVAL", 60.0)

    @attune_nb.action("dask.once", idempotent=False)
    def once(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        if x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    given = {"path": str(tmp_path / "made")}
    port = {"worker_port": find_free_port()} if same else {}  # a nanny begins the next one there
    with temporary_cluster(failures=3, n_workers=1, **port) as client:
        if plain:
            run = attune_nb.loads(PLAIN).run(
                given, actions={"work": once}, backend=DaskBackend(client), progress=False
            )
            told = run.error
        else:
            run = run_on_dask(once, {"n": 8, **given}, more=PATH, backend=DaskBackend(client))
            assert list(errors(run)) == [3]
            told = errors(run)[3]
    assert "declared not idempotent" in told
    assert Counter((tmp_path / "made").read_text().split())["3"] == 1


def test_a_plain_task_that_ends_its_worker_each_time_is_given_up(tmp_path):
    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        os.kill(os.getpid(), signal.SIGKILL)

    given = {"path": str(tmp_path / "made")}
    with temporary_cluster(failures=3, n_workers=2) as client:
        run = attune_nb.loads(PLAIN).run(
            given, actions={"work": work}, backend=DaskBackend(client), progress=False
        )
    assert "the worker died 4 times while it ran this item alone" in run.error
    assert (tmp_path / "made").read_text() == "3\n" * 4


TAKING = """
parameters: {kept: {}}
tasks:
  - {name: a, action: same, with_items: "{{ parameters.kept }}", input: {x: "{{ item }}"}}
  - {name: all, action: same, input: {x: "{{ parameters.kept }}"}}
"""


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "items"])
def test_what_is_lost_when_it_was_made_and_not_yet_fetched_is_made_again(
    tmp_path, monkeypatch, plain
):
    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.5)
        return x

    take_in, killed = DaskBackend._handle_notice, []  # noqa: SLF001 - the moment that is meant

    def lose_first(self, what):
        if not killed:
            killed.extend(worker_pids(client))
            for each in killed:
                os.kill(each, signal.SIGKILL)
            until(lambda: not any(psutil.pid_exists(each) for each in killed))
            time.sleep(0.2)
        take_in(self, what)

    monkeypatch.setattr(DaskBackend, "_handle_notice", lose_first)
    given = {"path": str(tmp_path / "made")}
    with temporary_cluster(failures=3, n_workers=1) as client:
        where = DaskBackend(client)
        if plain:
            run = attune_nb.loads(PLAIN).run(
                given, actions={"work": work}, backend=where, progress=False, background=True
            )
        else:
            run = run_on_dask(work, {"n": 2, **given}, more=PATH, backend=where, background=True)
        assert run.wait(30)
    assert run.status == "succeeded"
    assert run.result("a") == (3 if plain else [0, 1])


@pytest.mark.parametrize("same", [False, True], ids=["another address", "the same address"])
def test_a_result_that_is_lost_with_its_worker_is_told_of_and_not_made_again(tmp_path, same):
    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.05)
        return [os.getpid(), x]

    path = tmp_path / "made"
    options = {"n_workers": 1, "worker_port": find_free_port()} if same else {"n_workers": 2}
    with temporary_cluster(**options) as client:
        where = DaskBackend(client)
        keys = "keep_results: cluster"
        run = run_on_dask(work, {"n": 8, "path": str(path)}, more=PATH, keys=keys, backend=where)
        kept = list(run.items("a")["result"])
        worker = [each.get()[0] for each in kept]
        os.kill(worker[0], signal.SIGKILL)
        until(lambda: not psutil.pid_exists(worker[0]))
        taking = attune_nb.loads(TAKING).run(
            {"kept": kept}, actions={"same": lambda x: x}, backend=DaskBackend(client)
        )
        lost = [x for x in range(8) if worker[x] == worker[0]]
        assert list(errors(taking)) == lost
        assert "a result that was kept on the cluster, <" in errors(taking)[0]
        assert "is lost" in errors(taking)[0]
        for x in range(8):
            if x in lost:
                with pytest.raises(
                    attune_nb.BackendError, match=r"kept on the cluster, .*, is lost"
                ):
                    kept[x].get()
            else:
                assert kept[x].get() == [worker[x], x]
    assert set(Counter(path.read_text().split()).values()) == {1}


def test_a_scheduler_that_is_gone_pauses_the_run_and_another_goes_on(
    tmp_path, start_external_cluster
):
    path, count = tmp_path / "made", 1_500
    there = start_external_cluster()
    client = there.client()
    where = DaskBackend(client)
    run = start_appending_run(path, count, where)
    until(lambda: len(run.attempts) > 200)
    began = time.monotonic()
    there.close()
    until(lambda: run.status == "paused")
    assert time.monotonic() - began < 30
    assert "the Dask cluster is gone" in run.pause_reason
    known = set(run.attempts["index"])
    before = Counter(path.read_text().split())
    client.close()

    with start_external_cluster().client() as another:
        where._connection.target = another  # noqa: SLF001 - the current client is the whole session's
        run.resume()
        assert run.wait(60)
        assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(count)]
    assert_not_run_again(path, known, before)
    assert run.pause_reason == ""


def test_a_scheduler_that_ends_while_it_is_asked_something_pauses_the_run(
    tmp_path, start_external_cluster, monkeypatch
):
    async def never(client, details):
        await asyncio.Event().wait()

    there = start_external_cluster()
    client = there.client(timeout=600)  # for which it tries to come back to its scheduler
    where = DaskBackend(client)
    run = start_appending_run(tmp_path / "made", 1_500, where)
    until(lambda: len(run.attempts) > 200)
    there.worker.kill()
    until(lambda: not where._workers)  # noqa: SLF001 - the moment that is meant
    monkeypatch.setattr(worker_poll, "_request_workers", never)
    until(lambda: where._scheduler_watch.is_pending)  # noqa: SLF001 - as above
    there.close()
    until(lambda: run.status == "paused")
    assert client.status == "connecting"
    assert "the Dask cluster is gone" in run.pause_reason
    run.cancel()
    client.close()
    assert run.wait(30)


LOST = """
import attune_nb, distributed, os, sys, time
from attune_nb.backends.dask import DaskBackend

def work(x):
    time.sleep(0.005)
    return x

wf = attune_nb.load(sys.argv[1])
client = distributed.Client(scheduler_file=sys.argv[2])
run = wf.run(actions={"work": work}, backend="dask", store=sys.argv[3], progress=False)
print(run.run_id, run.status, flush=True)
os._exit(0)
"""


def test_what_a_lost_cluster_has_left_is_done_on_another_backend(tmp_path, start_external_cluster):
    there = start_external_cluster()
    workflow, store, script = tmp_path / "w.yaml", tmp_path / "runs.db", tmp_path / "s.py"
    workflow.write_text("""
tasks:
  - {name: a, action: work, with_items: "{{ range(800) }}", concurrency: 2,
     input: {x: "{{ item }}"}}
output_map: {all: "{{ task.a.result }}"}
""")
    script.write_text(LOST)
    begun = subprocess.Popen(
        [sys.executable, script, workflow, there.file, store], stdout=subprocess.PIPE, text=True
    )

    def some_are_on_record():
        if not store.exists():
            return False
        found = attune_nb.runs(store)
        return (
            len(found)
            and found["items"][0]
            and len(attune_nb.open_run(found["run_id"][0], store).attempts) > 50
        )

    until(some_are_on_record)
    there.close()
    told, _ = begun.communicate(timeout=60)
    run_id, status = told.split()
    assert status == "paused"
    made, lock = [], threading.Lock()

    def work(x):
        with lock:
            made.append(x)
        return x

    before = set(attune_nb.open_run(run_id, store).attempts["index"])
    run = attune_nb.resume(run_id, store, backend="threads", actions={"work": work})
    assert run.status == "succeeded"
    assert run.output == {"all": list(range(800))}
    assert sorted(made) == sorted(set(range(800)) - before)
    assert 50 < len(before) < 800

"""What becomes of a run where Dask has paused a worker, as one that is short of memory."""

import sys
import time
from collections import Counter
from pathlib import Path

import cloudpickle
import distributed
from distributed.core import Status
from support import dask_clusters, item_runs
from support.dask_clusters import run_on_dask, start_appending_run, temporary_cluster
from support.item_runs import PATH, until

import attune_nb
from attune_nb.backends.dask import DaskBackend, autoscale, worker_wait

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(dask_clusters)
cloudpickle.register_pickle_by_value(item_runs)

COUNT = 600


async def _set(status, dask_worker):
    dask_worker.status = status


def pause(client, *workers):
    """Pause workers; without a limit of memory Dask itself leaves them so."""
    client.run(_set, Status.paused, workers=[*workers])


def go_on(client, *workers):
    client.run(_set, Status.running, workers=[*workers])


def addresses(client):
    return list(client.ncores())


def test_what_a_paused_worker_has_not_begun_is_done_by_others(tmp_path):
    with temporary_cluster(n_workers=2, memory_limit=0) as client:
        run = start_appending_run(tmp_path / "made", COUNT, DaskBackend(client))
        until(lambda: len(run.attempts) > 100)
        pause(client, addresses(client)[0])
        assert run.wait(60)
    assert run.result("a") == [x * 3 for x in range(COUNT)]
    assert set(Counter((tmp_path / "made").read_text().split()).values()) == {1}


def test_a_worker_that_is_paused_is_given_nothing():
    with temporary_cluster(n_workers=2, memory_limit=0) as client:
        paused, works = addresses(client)
        pause(client, paused)
        run = run_on_dask(where, {"n": 100}, backend=DaskBackend(client))
        assert set(run.result("a")) == {works}


def where(x):
    time.sleep(0.005)
    return distributed.get_worker().address


def test_all_may_be_paused_for_a_while_and_a_person_is_told(tmp_path, monkeypatch):
    told = []  # and not pytest's: clusters silence the handlers of others
    monkeypatch.setattr(autoscale._log, "warning", lambda text, what: told.append(text % what))  # noqa: SLF001
    monkeypatch.setattr(worker_wait, "WARN_AFTER", 1.0)
    with temporary_cluster(n_workers=2, memory_limit=0) as client:
        run = start_appending_run(tmp_path / "made", COUNT, DaskBackend(client))
        until(lambda: len(run.attempts) > 100)
        pause(client, *addresses(client))
        until(lambda: told)
        assert "work waits for a Dask worker (all are paused" in told[0]
        assert run.status == "running"
        go_on(client, *addresses(client))
        assert run.wait(60)
    assert run.result("a") == [x * 3 for x in range(COUNT)]


def test_what_must_not_be_made_twice_waits_for_its_worker(tmp_path):
    @attune_nb.action("backends.once_paused", idempotent=False)
    def once(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.01)
        return x

    path, count = tmp_path / "made", 200
    with temporary_cluster(n_workers=2, memory_limit=0) as client:
        given = {"n": count, "path": str(path)}
        run = run_on_dask(once, given, more=PATH, backend=DaskBackend(client), background=True)
        until(lambda: len(run.attempts) > 20)
        paused = addresses(client)[0]
        pause(client, paused)
        time.sleep(3)
        go_on(client, paused)
        assert run.wait(60)
    assert run.result("a") == list(range(count))
    assert sorted(map(int, path.read_text().split())) == list(range(count))

"""Runs on a Dask cluster whose workers are paused, as Dask does when they are short of memory."""

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
from attune_nb.backends.dask import DaskBackend, worker_wait

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(dask_clusters)
cloudpickle.register_pickle_by_value(item_runs)

COUNT = 600


async def _set_status(status, dask_worker):
    dask_worker.status = status


def pause(client, *addresses):
    """Pause workers; without a memory limit Dask does not change their status again."""
    client.run(_set_status, Status.paused, workers=[*addresses])


def unpause(client, *addresses):
    client.run(_set_status, Status.running, workers=[*addresses])


def worker_addresses(client):
    return list(client.ncores())


def test_unstarted_items_of_a_paused_worker_run_elsewhere(tmp_path):
    with temporary_cluster(n_workers=2, memory_limit=0) as client:
        run = start_appending_run(tmp_path / "made", COUNT, DaskBackend(client))
        until(lambda: len(run.attempts()) > 100)
        pause(client, worker_addresses(client)[0])
        assert run.wait(200)

    assert run.result("a") == [x * 3 for x in range(COUNT)]
    assert set(Counter((tmp_path / "made").read_text().split()).values()) == {1}


def test_a_paused_worker_gets_no_chunks():
    with temporary_cluster(n_workers=2, memory_limit=0) as client:
        paused_address, running_address = worker_addresses(client)
        pause(client, paused_address)
        run = run_on_dask(get_own_address, {"n": 100}, backend=DaskBackend(client))
        assert set(run.result("a")) == {running_address}


def get_own_address(x):
    time.sleep(0.005)
    return distributed.get_worker().address


def test_a_warning_names_paused_workers_and_the_run_waits(tmp_path, monkeypatch):
    # not by pytest's `caplog`: clusters silence all log handlers
    warnings = []
    monkeypatch.setattr(
        worker_wait._log,  # noqa: SLF001
        "warning",
        lambda template, reason: warnings.append(template % reason),
    )
    monkeypatch.setattr(worker_wait, "WARN_AFTER", 1.0)
    with temporary_cluster(n_workers=2, memory_limit=0) as client:
        run = start_appending_run(tmp_path / "made", COUNT, DaskBackend(client))
        until(lambda: len(run.attempts()) > 100)
        pause(client, *worker_addresses(client))
        until(lambda: warnings)
        assert "work waits for a Dask worker (all are paused" in warnings[0]
        assert run.status == "running"

        unpause(client, *worker_addresses(client))
        assert run.wait(200)

    assert run.result("a") == [x * 3 for x in range(COUNT)]


def test_items_that_must_run_once_wait_for_their_worker(tmp_path):
    @attune_nb.action("backends.once_paused", idempotent=False)
    def run_once(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.01)
        return x

    path = tmp_path / "made"
    count = 200
    with temporary_cluster(n_workers=2, memory_limit=0) as client:
        run = run_on_dask(
            run_once,
            {"n": count, "path": str(path)},
            more=PATH,
            backend=DaskBackend(client),
            background=True,
        )
        until(lambda: len(run.attempts()) > 20)
        paused_address = worker_addresses(client)[0]
        pause(client, paused_address)
        time.sleep(3)
        unpause(client, paused_address)
        assert run.wait(200)

    assert run.result("a") == list(range(count))
    assert sorted(map(int, path.read_text().split())) == list(range(count))

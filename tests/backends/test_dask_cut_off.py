"""What becomes of a run whose scheduler or worker is cut off: connected, and silent."""

import contextlib
import os
import signal
import sys
import time
from collections import Counter
from itertools import pairwise

import cloudpickle
import pytest
from support import dask_clusters, item_runs
from support.dask_clusters import (
    assert_not_run_again,
    run_on_dask,
    start_appending_run,
    temporary_cluster,
    worker_pids,
)
from support.item_runs import until

from attune_nb.backends.dask import DaskBackend, fetcher, scatter, scheduler_watch

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(dask_clusters)
cloudpickle.register_pickle_by_value(item_runs)


@contextlib.contextmanager
def stopped(pid):
    """Have a process do nothing for a while; the system keeps its connections."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_scheduler_that_is_cut_off_pauses_the_run_which_goes_on_when_it_is_back(
    tmp_path, start_external_cluster, monkeypatch
):
    monkeypatch.setattr(scheduler_watch, "SCHEDULER_TIMEOUT", 3.0)
    path, count = tmp_path / "made", 1_500
    there = start_external_cluster()
    with there.client() as client:
        run = start_appending_run(path, count, DaskBackend(client))
        until(lambda: len(run.attempts) > 200)
        with stopped(there.scheduler.pid):
            until(lambda: run.status == "paused")
            assert "the Dask cluster is gone: its scheduler does not answer" in run.pause_reason
            known = set(run.attempts["index"])
        before = Counter(path.read_text().split())
        run.resume()
        assert run.wait(60)
    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(count)]
    assert_not_run_again(path, known, before)


@pytest.mark.parametrize("ask", ["pause", "cancel"])
def test_a_scheduler_that_is_cut_off_does_not_hold_up_a_word(tmp_path, start_external_cluster, ask):
    there = start_external_cluster()
    with there.client() as client:
        run = start_appending_run(tmp_path / "made", 3_000, DaskBackend(client))
        until(lambda: len(run.attempts) > 200)
        with stopped(there.scheduler.pid):
            if ask == "pause":
                run.pause()
                until(lambda: run.status == "paused")
                run.cancel(force=True)
            else:
                run.cancel(force=True)
            assert run.wait(30)
    assert run.status == "cancelled"


def test_a_worker_that_is_cut_off_holds_up_no_others(tmp_path):
    count = 1_500
    with temporary_cluster(n_workers=2) as client:
        run = start_appending_run(tmp_path / "made", count, DaskBackend(client))
        until(lambda: len(run.attempts) > 200)
        with stopped(worker_pids(client)[0]):
            until(lambda: len(run.attempts) > count * 2 // 3)
        assert run.wait(60)
    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(count)]


def test_a_worker_that_is_cut_off_before_it_has_what_it_needs_holds_up_no_others(monkeypatch):
    monkeypatch.setattr(scatter, "TRANSFER_TIMEOUT", 0.5)
    with temporary_cluster(n_workers=2) as client, stopped(worker_pids(client)[0]):
        run = run_on_dask(
            lambda x, big: x,
            {"n": 100, "big": "x" * 5_000_000},
            more=', big: "{{ parameters.big }}"',
            backend=DaskBackend(client),
            background=True,
        )
        assert run.wait(30)
    assert run.result("a") == list(range(100))


def test_a_worker_that_gives_nothing_is_asked_again_a_moment_later(monkeypatch):
    asked = []

    async def refused(client, futures):
        asked.append(time.monotonic())
        return {} if len(asked) < 4 else await fetched(client, futures)

    fetched = fetcher._gather  # noqa: SLF001 - where a connection fails at once
    monkeypatch.setattr(fetcher, "_gather", refused)
    with temporary_cluster(n_workers=1) as client:
        run = run_on_dask(lambda x: x, {"n": 1}, backend=DaskBackend(client), background=True)
        assert run.wait(30)
    assert run.result("a") == [0]
    assert len(asked) == 4
    assert all(after - before >= fetcher.RETRY_DELAY for before, after in pairwise(asked))

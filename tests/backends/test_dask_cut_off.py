"""Runs whose scheduler or worker is cut off: still connected, but silent."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import cloudpickle
import distributed
import pytest
from support import dask_clusters, item_runs
from support.dask_clusters import (
    assert_not_run_again,
    run_on_dask,
    start_appending_run,
    temporary_cluster,
    worker_pids,
)
from support.item_runs import PATH, until

from attune_nb.backends.dask import DaskBackend, fetcher, scatter, scheduler_watch, stream_watch

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(dask_clusters)
cloudpickle.register_pickle_by_value(item_runs)


@contextlib.contextmanager
def stop_process(pid):
    """Stop a process for a while; the system keeps its connections."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_silent_scheduler_pauses_the_run_until_resumed(
    tmp_path, start_external_cluster, monkeypatch
):
    monkeypatch.setattr(scheduler_watch, "SCHEDULER_TIMEOUT", 3.0)
    path = tmp_path / "made"
    count = 1_500
    external = start_external_cluster()
    with external.client() as client:
        run = start_appending_run(path, count, DaskBackend(client))
        until(lambda: len(run.attempts()) > 200)
        with stop_process(external.scheduler.pid):
            until(lambda: run.status == "paused")
            assert "the Dask cluster is gone: its scheduler does not answer" in run.pause_reason
            finished = set(run.attempts()["index"])

        before = Counter(path.read_text().split())
        run.resume()
        assert run.wait(200)

    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(count)]
    assert_not_run_again(path, finished, before)


@pytest.mark.parametrize("request_name", ["pause", "cancel"])
def test_a_silent_scheduler_delays_no_pause_or_cancel(
    tmp_path, start_external_cluster, request_name, monkeypatch
):
    monkeypatch.setattr(scheduler_watch, "SCHEDULER_TIMEOUT", 600.0)
    external = start_external_cluster()
    with external.client() as client:
        run = start_appending_run(tmp_path / "made", 3_000, DaskBackend(client))
        until(lambda: len(run.attempts()) > 200)
        with stop_process(external.scheduler.pid):
            if request_name == "pause":
                run.pause()
                until(lambda: run.status == "paused")
            run.cancel(force=True)
            assert run.wait(200)

    assert run.status == "cancelled"


def lose_patience(monkeypatch):
    monkeypatch.setattr(stream_watch, "PATIENCE", 0.5)
    monkeypatch.setattr(stream_watch, "CHECK_INTERVAL", 0.5)


async def stop_streams(streams):
    """Let the next message of each stream wait for an hour.

    A clock that is set back by an hour leaves a stream so if it was about to send.
    """
    # a stream that has just sent forgets its deadline once more
    while any(stream.buffer or stream.next_deadline is not None for stream in streams):  # noqa: ASYNC110 - it is not ours
        await asyncio.sleep(0.01)
    for stream in streams:
        stream.next_deadline = time.time() + 3_600


async def stop_streams_to_clients(dask_scheduler):
    await stop_streams([*dask_scheduler.client_comms.values()])


@pytest.mark.parametrize("direction", ["to the scheduler", "to the client"])
def test_a_stream_that_stands_still_pauses_the_run(tmp_path, monkeypatch, direction):
    """Requests are still answered, so the cluster looks idle and well."""
    path = tmp_path / "made"
    with temporary_cluster(n_workers=1) as client:
        run_on_dask(lambda x: x, {"n": 1}, backend=DaskBackend(client))
        if direction == "to the client":
            client.run_on_scheduler(stop_streams_to_clients)
            expected = "the client has not received what its scheduler has sent"
        else:
            client.sync(stop_streams, [client.scheduler_comm])
            expected = "its scheduler has not received what the client has sent"

        run = start_appending_run(path, 4, DaskBackend(client))
        if direction == "to the client":
            until(path.exists)
        lose_patience(monkeypatch)
        until(lambda: run.status == "paused")
        assert f"the Dask cluster is gone: {expected}" in run.pause_reason

        monkeypatch.undo()
        with distributed.Client(client.scheduler.address):
            run.resume()
            assert run.wait(200)

    assert run.result("a") == [0, 3, 6, 9]


def test_an_item_that_takes_long_is_no_broken_stream(tmp_path, monkeypatch):
    def work(x, path):
        Path(path, "started").touch()
        while not Path(path, "may end").exists():
            time.sleep(0.01)
        return x

    answers = []
    request_states = stream_watch._request_states  # noqa: SLF001

    async def note_states(client, keys):
        answers.append(await request_states(client, keys))
        return answers[-1]

    parameters = {"n": 1, "path": str(tmp_path)}
    with temporary_cluster(n_workers=1) as client:
        run = run_on_dask(work, parameters, more=PATH, backend=DaskBackend(client), background=True)
        until((tmp_path / "started").exists)
        monkeypatch.setattr(stream_watch, "_request_states", note_states)
        lose_patience(monkeypatch)
        until(lambda: len(answers) > 2)
        monkeypatch.undo()

        (tmp_path / "may end").touch()
        assert run.wait(200)

    assert run.result("a") == [0]
    assert {state for states in answers for state in states.values()} == {"processing"}


def test_a_silent_worker_delays_no_others(tmp_path):
    count = 1_500
    with temporary_cluster(n_workers=2) as client:
        run = start_appending_run(tmp_path / "made", count, DaskBackend(client))
        until(lambda: len(run.attempts()) > 200)
        with stop_process(worker_pids(client)[0]):
            until(lambda: len(run.attempts()) > count * 2 // 3)
        assert run.wait(200)

    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(count)]


def test_a_worker_silent_before_its_task_spec_delays_no_others(monkeypatch):
    monkeypatch.setattr(scatter, "TRANSFER_TIMEOUT", 0.5)
    with temporary_cluster(n_workers=2) as client, stop_process(worker_pids(client)[0]):
        run = run_on_dask(
            lambda x, big: x,
            {"n": 100, "big": "x" * 5_000_000},
            more=', big: "{{ parameters.big }}"',
            backend=DaskBackend(client),
            background=True,
        )
        assert run.wait(200)

    assert run.result("a") == list(range(100))


def test_a_failed_fetch_is_repeated_after_a_delay(monkeypatch):
    times = []
    gather = fetcher._gather  # noqa: SLF001

    async def gather_at_fourth_call(client, futures):
        times.append(time.monotonic())
        return {} if len(times) < 4 else await gather(client, futures)

    monkeypatch.setattr(fetcher, "_gather", gather_at_fourth_call)
    with temporary_cluster(n_workers=1) as client:
        run = run_on_dask(lambda x: x, {"n": 1}, backend=DaskBackend(client), background=True)
        assert run.wait(200)

    assert run.result("a") == [0]
    assert len(times) == 4
    assert all(after - before >= fetcher.RETRY_DELAY for before, after in pairwise(times))

"""A Dask cluster that a run starts in a helper process, and that ends with all that it started."""

import _thread
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import cloudpickle
import dask
import psutil
import pytest
from support import item_runs
from support.dask_clusters import run_on_dask
from support.item_runs import PATH, check_a_script_may_end_amid_a_run, until

from attune_nb.backends.dask import DaskBackend, connection, local_cluster

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(item_runs)


SCRIPT = """
import attune_nb, os, psutil, sys

def work(x):
    return os.getpid()

wf = attune_nb.loads('''
tasks:
  - name: a
    action: work
    with_items: "{{ range(200) }}"
    concurrency: 8
    input: {x: "{{ item }}"}
  - {name: listening, action: listening}
''')

def listening():
    import psutil
    engine = psutil.Process(int(os.environ["ENGINE"]))
    addresses = set()
    for process in [engine, *engine.children(recursive=True)]:
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                addresses.add(connection.laddr.ip)
    return sorted(addresses)

os.environ["ENGINE"] = str(os.getpid())
run = wf.run(
    actions={"work": work, "listening": listening}, backend="dask", workers=2,
    progress=False, store="none",
)
leftovers = psutil.Process().children(recursive=True)
print(run.status, len(set(run.result("a"))), run.result("listening"), leftovers)
"""


@pytest.fixture
def no_client(monkeypatch):
    """Hide the user's clients, so that a run starts a cluster of its own."""
    monkeypatch.setattr(connection.Connection, "_find_current_client", lambda _: None)


@pytest.mark.parametrize("stdin", [False, True], ids=["a file", "the standard input"])
def test_a_local_cluster_listens_locally_and_ends(tmp_path, stdin):
    # without a guard: the script is not imported again
    file = tmp_path / "own.py"
    file.write_text(SCRIPT)

    script = file
    standard_input = None
    if stdin:
        script = "-"
        standard_input = SCRIPT
    process = subprocess.run(
        [sys.executable, script],
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (process.stdout, process.returncode) == (
        "succeeded 2 ['127.0.0.1'] []\n",
        0,
    ), process.stderr


@pytest.mark.usefixtures("no_client")
def test_local_workers_ignore_interrupts_and_start_processes():
    def work(x):
        if x % 3 == 0:
            os.kill(os.getpid(), signal.SIGINT)
        if x % 3 == 1:
            _thread.interrupt_main()
        if x == 5:
            with ProcessPoolExecutor(1) as pool:
                return pool.submit(abs, -x).result()
        return x

    run = run_on_dask(work, {"n": 9}, backend=DaskBackend(workers=2))
    assert run.result("a") == list(range(9))


@pytest.mark.usefixtures("no_client")
def test_a_local_cluster_takes_over_plain_settings(monkeypatch):
    """Settings that JSON cannot hold, such as a thread pool, are left out."""
    monkeypatch.setattr(sys, "path", [*sys.path, Path("/nowhere")])
    with (
        ThreadPoolExecutor(1) as pool,
        dask.config.set({"pool": pool, "scheduler-address": None, "mine": {"x": 3}}),
    ):
        run = run_on_dask(
            lambda x: (dask.config.get("mine.x"), dask.config.get("pool", 5)),
            backend=DaskBackend(workers=1),
        )
    assert set(run.result("a")) == {(3, 5)}


def write_slow_python(path, before=""):
    """Write an executable that hangs, to stand for an interpreter that is slow to start."""
    path.write_text(f"#!/bin/sh\n{before}exec sleep 600\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.usefixtures("no_client")
def test_a_slow_start_of_a_cluster_delays_no_cancel(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", write_slow_python(tmp_path / "slow"))
    # the process is killed after that
    monkeypatch.setattr(connection, "TIMEOUT", 0.5)
    run = run_on_dask(lambda x: x, backend=DaskBackend(workers=1), background=True)
    time.sleep(0.2)
    run.cancel()
    assert run.wait(60)
    assert run.status == "cancelled"


@pytest.mark.usefixtures("no_client")
def test_a_cluster_that_does_not_start_pauses_the_run(monkeypatch):
    monkeypatch.setattr(local_cluster, "START_TIMEOUT", 0.0)
    run = run_on_dask(lambda x: x, backend=DaskBackend(workers=1))
    assert run.status == "paused"
    reason = "no Dask cluster could be started on this machine (it did not start within 0 s)"
    assert reason in run.pause_reason

    run.cancel()
    assert run.wait(60)


def test_a_new_client_replaces_a_starting_cluster(cluster, monkeypatch, tmp_path):
    """A client that the user creates before the run's own cluster has started is used instead."""
    started = tmp_path / "begun"
    slow_python = write_slow_python(tmp_path / "slow", before=f"touch {started}\n")
    monkeypatch.setattr(sys, "executable", slow_python)

    def find_client(_):
        return cluster if started.exists() else None

    monkeypatch.setattr(connection.Connection, "_find_current_client", find_client)
    # the starting cluster is killed after that
    monkeypatch.setattr(connection, "TIMEOUT", 0.5)
    backend = DaskBackend()
    run = run_on_dask(lambda x: x, backend=backend, background=True)
    until(lambda: backend._connection.client)  # noqa: SLF001
    assert not backend._connection.owns_cluster  # noqa: SLF001
    assert run.wait(60)
    assert run.status == "succeeded"


async def close_for_good(dask_worker):
    await dask_worker.close(nanny=True)


@pytest.mark.usefixtures("no_client")
def test_a_resumed_run_replaces_a_cluster_without_workers(monkeypatch, tmp_path):
    def work(x, path):
        (Path(path) / str(x)).touch()
        while x == 3 and not (Path(path) / "go on").exists():
            time.sleep(0.01)
        return x

    backend = DaskBackend(workers=1)
    parameters = {"n": 6, "path": str(tmp_path)}
    run = run_on_dask(work, parameters, more=PATH, backend=backend, background=True)
    until((tmp_path / "3").exists)

    monkeypatch.setattr(local_cluster, "START_TIMEOUT", 1.0)
    client = backend._connection.client  # noqa: SLF001
    client.run(close_for_good, wait=False)
    until(lambda: run.status == "paused")
    assert "its workers have ended, and none came for 1 s" in run.pause_reason

    monkeypatch.setattr(local_cluster, "START_TIMEOUT", 60.0)
    (tmp_path / "go on").touch()
    run.resume()
    assert run.wait(60)
    assert run.result("a") == list(range(6))


def test_a_script_may_end_during_a_run_on_its_cluster(tmp_path):
    check_a_script_may_end_amid_a_run(tmp_path, "dask")


ENDLESS = """
import attune_nb, os, pathlib, sys, time

def work(x):
    import psutil, subprocess
    folder = pathlib.Path(sys.argv[1])
    inner = subprocess.Popen(["sleep", "600"])
    processes = psutil.Process().parents()[0:2] + [psutil.Process(), inner]
    (folder / str(x)).write_text(" ".join(str(process.pid) for process in processes) + " .")
    time.sleep(600)

run = attune_nb.loads('''
tasks:
  - name: a
    action: work
    with_items: [0, 1]
    concurrency: 2
    input: {x: "{{ item }}"}
''').run(
    actions={"work": work}, backend="dask", workers=2, progress=False, store="none",
    background=True,
)
while len(list(pathlib.Path(sys.argv[1]).iterdir())) < 2:
    time.sleep(0.01)
"""


@pytest.mark.parametrize("killed", [False, True], ids=["ends", "is killed"])
def test_a_local_cluster_ends_with_its_engine(tmp_path, killed):
    """The cluster, and the processes that actions have started, end with the engine."""
    text = ENDLESS.replace("sys.argv[1]", repr(str(tmp_path)))
    if killed:
        text += "\ntime.sleep(600)"
    engine = subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.DEVNULL)

    # each file lists processes, and ends with a dot once it is complete
    files = [tmp_path / "0", tmp_path / "1"]
    until(lambda: all(file.exists() and "." in file.read_text() for file in files))
    if killed:
        engine.kill()
    engine.wait(60)

    pids = set()
    for file in files:
        pids |= {int(pid) for pid in file.read_text().split()[:-1]}
    assert len(pids) >= 5
    pids.discard(os.getpid())
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids))

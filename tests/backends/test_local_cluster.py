"""A Dask cluster of a run's own: it begins beside, and ends with all that it began."""

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

from attune_nb.backends.dask import DaskBackend, local_cluster
from attune_nb.backends.dask import connection as cluster_of

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(item_runs)


OWN = """
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
    every = [engine, *engine.children(recursive=True)]
    found = [each for one in every for each in one.net_connections("inet")]
    return sorted({each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN})

os.environ["ENGINE"] = str(os.getpid())
run = wf.run(
    actions={"work": work, "listening": listening}, backend="dask", workers=2,
    progress=False, store="none",
)
left = psutil.Process().children(recursive=True)
print(run.status, len(set(run.result("a"))), run.result("listening"), left)
"""


@pytest.mark.parametrize("stdin", [False, True], ids=["a file", "the standard input"])
def test_a_cluster_of_its_own_is_for_this_machine_only_and_ends_with_the_run(tmp_path, stdin):
    file = tmp_path / "own.py"
    file.write_text(OWN)  # without a guard: nothing imports it again
    told = subprocess.run(
        [sys.executable, "-" if stdin else file],
        input=OWN if stdin else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (told.stdout, told.returncode) == ("succeeded 2 ['127.0.0.1'] []\n", 0), told.stderr


def test_a_worker_of_its_own_is_not_ended_by_an_interrupt_and_may_begin_processes(monkeypatch):
    monkeypatch.setattr(cluster_of.Connection, "_find_current_client", lambda _: None)

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


def test_a_cluster_of_its_own_takes_what_it_can_of_the_settings(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, Path("/nowhere")])
    with (
        ThreadPoolExecutor(1) as pool,
        dask.config.set({"pool": pool, "scheduler-address": None, "mine": {"x": 3}}),
    ):
        where = DaskBackend(workers=1)
        monkeypatch.setattr(cluster_of.Connection, "_find_current_client", lambda _: None)
        run = run_on_dask(
            lambda x: (dask.config.get("mine.x"), dask.config.get("pool", 5)), backend=where
        )
    assert set(run.result("a")) == {(3, 5)}


def test_a_cluster_of_its_own_that_is_slow_to_begin_holds_up_nothing(monkeypatch, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    where = DaskBackend(workers=1)
    monkeypatch.setattr(cluster_of.Connection, "_find_current_client", lambda _: None)
    monkeypatch.setattr(cluster_of, "TIMEOUT", 0.5)  # until it is ended by force
    run = run_on_dask(lambda x: x, backend=where, background=True)
    time.sleep(0.2)
    run.cancel()
    assert run.wait(60)
    assert run.status == "cancelled"


def test_a_cluster_of_its_own_that_never_begins_pauses_the_run_and_says_so(monkeypatch):
    monkeypatch.setattr(local_cluster, "START_TIMEOUT", 0.0)
    where = DaskBackend(workers=1)
    monkeypatch.setattr(cluster_of.Connection, "_find_current_client", lambda _: None)
    run = run_on_dask(lambda x: x, backend=where)
    assert run.status == "paused"
    reason = "no Dask cluster could be started on this machine (it did not start within 0 s)"
    assert reason in run.pause_reason
    run.cancel()
    assert run.wait(60)


def test_a_client_that_is_there_before_a_cluster_of_its_own_is_used_as_the_users(
    cluster, monkeypatch, tmp_path
):
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\ntouch {tmp_path}/begun\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    begun = (tmp_path / "begun").exists
    monkeypatch.setattr(
        cluster_of.Connection, "_find_current_client", lambda _: cluster if begun() else None
    )
    monkeypatch.setattr(cluster_of, "TIMEOUT", 0.5)  # until that one is ended by force
    where = DaskBackend()
    run = run_on_dask(lambda x: x, backend=where, background=True)
    until(lambda: where._connection.client)  # noqa: SLF001 - nobody else tells
    assert not where._connection.owns_cluster  # noqa: SLF001 - as above
    assert run.wait(60)
    assert run.status == "succeeded"


async def ends_for_good(dask_worker):
    await dask_worker.close(nanny=True)


def test_a_cluster_of_its_own_whose_workers_all_ended_is_given_up_and_a_new_one_goes_on(
    monkeypatch, tmp_path
):
    def work(x, path):
        (Path(path) / str(x)).touch()
        while x == 3 and not (Path(path) / "go on").exists():
            time.sleep(0.01)
        return x

    where = DaskBackend(workers=1)
    monkeypatch.setattr(cluster_of.Connection, "_find_current_client", lambda _: None)
    run = run_on_dask(
        work, {"n": 6, "path": str(tmp_path)}, more=PATH, backend=where, background=True
    )
    until((tmp_path / "3").exists)
    monkeypatch.setattr(local_cluster, "START_TIMEOUT", 1.0)
    client = where._connection.client  # noqa: SLF001 - nobody else has one
    client.run(ends_for_good, wait=False)
    until(lambda: run.status == "paused")
    assert "its workers have ended, and none came for 1 s" in run.pause_reason
    monkeypatch.setattr(local_cluster, "START_TIMEOUT", 60.0)
    (tmp_path / "go on").touch()
    run.resume()
    assert run.wait(60)
    assert run.result("a") == list(range(6))


def test_a_script_may_end_amid_a_run_on_a_cluster_of_its_own(tmp_path):
    check_a_script_may_end_amid_a_run(tmp_path, "dask")


ENDLESS = """
import attune_nb, os, pathlib, sys, time

def work(x):
    import psutil, subprocess
    folder = pathlib.Path(sys.argv[1])
    inner = subprocess.Popen(["sleep", "600"])
    every = psutil.Process().parents()[0:2] + [psutil.Process(), inner]
    (folder / str(x)).write_text(" ".join(str(each.pid) for each in every) + " .")
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
def test_a_cluster_of_its_own_ends_with_all_that_was_begun_and_an_engine_that(tmp_path, killed):
    text = ENDLESS.replace("sys.argv[1]", repr(str(tmp_path)))
    engine = subprocess.Popen(
        [sys.executable, "-c", text + "\ntime.sleep(600)" * killed], stderr=subprocess.DEVNULL
    )
    files = [tmp_path / "0", tmp_path / "1"]
    until(lambda: all(each.exists() and "." in each.read_text() for each in files))
    if killed:
        engine.kill()
    engine.wait(60)
    found = {int(pid) for each in files for pid in each.read_text().split()[:-1]}
    assert len(found) >= 5
    until(lambda: not [each for each in found - {os.getpid()} if psutil.pid_exists(each)])

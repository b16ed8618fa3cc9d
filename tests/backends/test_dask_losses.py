"""Losses on a Dask cluster: workers, a scheduler, results."""

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


def test_a_killed_worker_loses_no_finished_item(tmp_path):
    path = tmp_path / "made"
    count = 4_000
    with temporary_cluster(n_workers=2) as client:
        run = start_appending_run(path, count, DaskBackend(client))
        until(lambda: len(run.attempts()) > 500)
        os.kill(worker_pids(client)[0], signal.SIGKILL)
        finished = set(run.attempts()["index"])
        before = Counter(path.read_text().split())
        assert run.wait(200)

    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(count)]
    counts = Counter(path.read_text().split())
    assert set(counts) == set(map(str, range(count)))
    assert set(counts.values()) <= {1, 2}
    assert_not_run_again(path, finished, before)


def test_a_retired_worker_loses_nothing(tmp_path):
    path = tmp_path / "made"
    with temporary_cluster(n_workers=2) as client:
        run = start_appending_run(path, 1_000, DaskBackend(client))
        until(lambda: len(run.attempts()) > 100)
        finished = set(run.attempts()["index"])
        before = Counter(path.read_text().split())
        client.retire_workers([next(iter(client.nthreads()))])
        assert run.wait(200)

    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(1_000)]
    assert_not_run_again(path, finished, before)


def test_all_workers_may_be_killed_at_once(tmp_path):
    with temporary_cluster(n_workers=2) as client:
        run = start_appending_run(tmp_path / "made", 2_000, DaskBackend(client))
        until(lambda: len(run.attempts()) > 200)
        for pid in worker_pids(client):
            os.kill(pid, signal.SIGKILL)
        assert run.wait(200)

    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(2_000)]


SHELL = """
tasks:
  - name: a
    action: core.shell
    with_items: [1, 2]
    concurrency: 2
    input: {cmd: COMMAND, env: {item: "{{ item }}"}}
"""


def test_commands_go_on_after_all_workers_were_killed(tmp_path):
    """A command ends with its worker, and runs again on the worker that takes its place."""
    seconds = f"600.{os.getpid()}"
    command = f"test -e {tmp_path}/$item || {{ touch {tmp_path}/$item; sleep {seconds}; }}"
    workflow = attune_nb.loads(SHELL.replace("COMMAND", repr(command)))
    with temporary_cluster(n_workers=2) as client:
        run = workflow.run(backend=DaskBackend(client), background=True, progress=False)
        until(lambda: len(find_processes("sleep", seconds)) == 2)
        for pid in worker_pids(client):
            os.kill(pid, signal.SIGKILL)
        assert run.wait(120)

    assert run.status == "succeeded"
    assert find_processes("sleep", seconds) == []


def find_processes(*command):
    processes = psutil.process_iter(["cmdline"])
    return [process for process in processes if process.info["cmdline"] == list(command)]


def test_an_item_that_kills_its_worker_fails_alone():
    def work(x):
        if x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    with temporary_cluster(n_workers=2) as client:
        run = run_on_dask(work, {"n": 12}, backend=DaskBackend(client))

    assert list(errors(run)) == [3]
    assert run.result("a")[3]["error_type"] == "WorkerLost"
    succeeded = [x for x in run.result("a") if isinstance(x, int)]
    assert succeeded == [x for x in range(12) if x != 3]


PLAIN = """
parameters: {path: {}}
tasks:
  - {name: a, action: work, input: {x: 3, path: "{{ parameters.path }}"}}
"""


def run_plain_task(work, path, backend, **options):
    """Run a task without items."""
    workflow = attune_nb.loads(PLAIN)
    return workflow.run(
        {"path": str(path)}, actions={"work": work}, backend=backend, progress=False, **options
    )


@pytest.mark.parametrize("same", [False, True], ids=["another address", "the same address"])
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "items"])
def test_a_task_that_must_run_once_is_not_repeated(tmp_path, monkeypatch, plain, same):
    """A task that is not idempotent is not run again, although Dask itself would run it again."""
    # the engine does not notice that another worker has the same address
    if same:
        monkeypatch.setattr(scheduler_watch, "POLL_INTERVAL", 60.0)

    @attune_nb.action("dask.once", idempotent=False)
    def run_once(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        if x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    path = tmp_path / "made"
    # with a fixed port, the nanny starts the next worker at the same address
    options = {"worker_port": find_free_port()} if same else {}
    with temporary_cluster(failures=3, n_workers=1, **options) as client:
        backend = DaskBackend(client)
        if plain:
            error = run_plain_task(run_once, path, backend).error
        else:
            parameters = {"n": 8, "path": str(path)}
            run = run_on_dask(run_once, parameters, more=PATH, backend=backend)
            assert list(errors(run)) == [3]
            error = errors(run)[3]

    assert "declared not idempotent" in error
    assert Counter(path.read_text().split())["3"] == 1


def test_a_plain_task_that_kills_its_workers_is_given_up(tmp_path):
    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        os.kill(os.getpid(), signal.SIGKILL)

    path = tmp_path / "made"
    with temporary_cluster(failures=3, n_workers=2) as client:
        run = run_plain_task(work, path, DaskBackend(client))

    assert "the worker died 4 times while it ran this item alone" in run.error
    assert path.read_text() == "3\n" * 4


TAKING = """
parameters: {kept: {}}
tasks:
  - {name: a, action: same, with_items: "{{ parameters.kept }}", input: {x: "{{ item }}"}}
  - {name: all, action: same, input: {x: "{{ parameters.kept }}"}}
"""


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "items"])
def test_a_report_lost_before_it_is_fetched_is_made_again(tmp_path, monkeypatch, plain):
    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.5)
        return x

    killed = []

    def kill_workers_first(self, notice, handle=DaskBackend._handle_notice):  # noqa: SLF001
        if not killed:
            killed.extend(worker_pids(client))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            until(lambda: not any(psutil.pid_exists(pid) for pid in killed))
            time.sleep(0.2)
        handle(self, notice)

    monkeypatch.setattr(DaskBackend, "_handle_notice", kill_workers_first)
    path = tmp_path / "made"
    with temporary_cluster(failures=3, n_workers=1) as client:
        backend = DaskBackend(client)
        if plain:
            run = run_plain_task(work, path, backend, background=True)
        else:
            parameters = {"n": 2, "path": str(path)}
            run = run_on_dask(work, parameters, more=PATH, backend=backend, background=True)
        assert run.wait(200)

    assert run.status == "succeeded"
    assert run.result("a") == (3 if plain else [0, 1])


@pytest.mark.parametrize("same", [False, True], ids=["another address", "the same address"])
def test_a_kept_result_lost_with_its_worker_is_reported(tmp_path, same):
    """The items of a kept result that is lost are not run again."""

    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.05)
        return [os.getpid(), x]

    path = tmp_path / "made"
    options = {"n_workers": 2}
    if same:
        options = {"n_workers": 1, "worker_port": find_free_port()}
    with temporary_cluster(**options) as client:
        run = run_on_dask(
            work,
            {"n": 8, "path": str(path)},
            more=PATH,
            keys="keep_results: cluster",
            backend=DaskBackend(client),
        )
        references = list(run.items("a")["result"])
        pids = [reference.get()[0] for reference in references]
        os.kill(pids[0], signal.SIGKILL)
        until(lambda: not psutil.pid_exists(pids[0]))

        taking = attune_nb.loads(TAKING).run(
            {"kept": references}, actions={"same": lambda x: x}, backend=DaskBackend(client)
        )
        lost = [x for x in range(8) if pids[x] == pids[0]]
        assert list(errors(taking)) == lost
        assert "a result that was kept on the cluster, <" in errors(taking)[0]
        assert "is lost" in errors(taking)[0]
        for x in range(8):
            if x in lost:
                with pytest.raises(
                    attune_nb.BackendError, match=r"kept on the cluster, .*, is lost"
                ):
                    references[x].get()
            else:
                assert references[x].get() == [pids[x], x]

    assert set(Counter(path.read_text().split()).values()) == {1}


def test_a_lost_scheduler_pauses_the_run_until_resumed(tmp_path, start_external_cluster):
    """A run whose scheduler is lost pauses; it is resumed on another cluster."""
    path = tmp_path / "made"
    count = 1_500
    external = start_external_cluster()
    client = external.client()
    backend = DaskBackend(client)
    run = start_appending_run(path, count, backend)
    until(lambda: len(run.attempts()) > 200)

    external.close()
    until(lambda: run.status == "paused")
    assert "the Dask cluster is gone" in run.pause_reason
    finished = set(run.attempts()["index"])
    before = Counter(path.read_text().split())
    client.close()

    with start_external_cluster().client() as new_client:
        # passed directly, since the current client is the session's
        backend._connection.target = new_client  # noqa: SLF001
        run.resume()
        assert run.wait(200)
        assert run.status == "succeeded"

    assert run.result("a") == [x * 3 for x in range(count)]
    assert_not_run_again(path, finished, before)
    assert run.pause_reason == ""


def test_a_scheduler_lost_during_a_poll_pauses_the_run(
    tmp_path, start_external_cluster, monkeypatch
):
    async def wait_for_ever(client, details):
        await asyncio.Event().wait()

    external = start_external_cluster()
    # for so long the client tries to connect again
    client = external.client(timeout=600)
    backend = DaskBackend(client)
    run = start_appending_run(tmp_path / "made", 1_500, backend)
    until(lambda: len(run.attempts()) > 200)

    external.worker.kill()
    until(lambda: not backend._workers)  # noqa: SLF001
    monkeypatch.setattr(worker_poll, "_request_workers", wait_for_ever)
    until(lambda: backend._scheduler_watch.is_pending)  # noqa: SLF001
    external.close()
    until(lambda: run.status == "paused")
    assert client.status == "connecting"
    assert "the Dask cluster is gone" in run.pause_reason

    run.cancel()
    client.close()
    assert run.wait(200)


SCRIPT = """
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

WORKFLOW = """
tasks:
  - {name: a, action: work, with_items: "{{ range(800) }}", concurrency: 2,
     input: {x: "{{ item }}"}}
output_map: {all: "{{ task.a.result }}"}
"""


def test_a_run_of_a_lost_cluster_resumes_on_threads(tmp_path, start_external_cluster):
    external = start_external_cluster()
    workflow = tmp_path / "w.yaml"
    workflow.write_text(WORKFLOW)
    script = tmp_path / "s.py"
    script.write_text(SCRIPT)
    store = tmp_path / "runs.db"
    process = subprocess.Popen(
        [sys.executable, script, workflow, external.file, store],
        stdout=subprocess.PIPE,
        text=True,
    )

    def some_items_are_stored():
        if not store.exists():
            return False

        runs = attune_nb.runs(store)
        if not len(runs) or not runs["items"][0]:
            return False
        return len(attune_nb.open_run(runs["run_id"][0], store).attempts()) > 50

    until(some_items_are_stored)
    external.close()
    output, _ = process.communicate(timeout=60)
    run_id, status = output.split()
    assert status == "paused"

    run_items = []
    lock = threading.Lock()

    def work(x):
        with lock:
            run_items.append(x)
        return x

    finished = set(attune_nb.open_run(run_id, store).attempts()["index"])
    run = attune_nb.resume(run_id, store, backend="threads", actions={"work": work})
    assert run.status == "succeeded"
    assert run.output == {"all": list(range(800))}
    assert sorted(run_items) == sorted(set(range(800)) - finished)
    assert 50 < len(finished) < 800

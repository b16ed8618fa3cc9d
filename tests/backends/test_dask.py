"""Attempts on a Dask cluster: the bytes that are sent, the workers, the results that stay."""

import gc
import os
import signal
import socket
import sys
import time
from pathlib import Path

import cloudpickle
import dask
import distributed
import psutil
import pytest
from support import item_runs
from support.dask_clusters import run_on_dask, temporary_cluster, worker_pids
from support.item_runs import PATH, errors, until

import attune_nb
from attune_nb.backends.dask import DaskBackend, backend, connection, worker_wait
from attune_nb.bench.wire_bytes import WireCounter

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(item_runs)


# The bytes that are sent.


def test_the_context_is_sent_once_to_each_worker():
    """The bytes of an item do not depend on the context."""
    few_items = 1_000
    many_items = 41_000
    small = 10_000
    large = 20_000_000
    with temporary_cluster(n_workers=2) as client:
        counter = WireCounter(client)

        def count_bytes(count, size):
            counter.lap()
            run = run_on_dask(
                lambda x, size: size,
                {"n": count, "big": "x" * size},
                more=', size: "{{ parameters.big|length }}"',
                backend=DaskBackend(client),
            )
            assert set(run.result("a")) == {size}
            return counter.lap()

        small_bytes = count_bytes(few_items, small)
        large_bytes = count_bytes(few_items, large)
        extra_items = many_items - few_items
        item_bytes_small = (count_bytes(many_items, small) - small_bytes) / extra_items
        item_bytes_large = (count_bytes(many_items, large) - large_bytes) / extra_items

    # the context is sent to the scheduler, and from there once to each of two workers
    assert 2.95 < (large_bytes - small_bytes) / large < 3.05
    assert item_bytes_large <= 1.1 * item_bytes_small


def test_a_task_spec_is_not_sent_again_by_dask_itself():
    """Dask's memory manager removes extra copies: the task spec has none."""
    manager = "distributed.scheduler.active-memory-manager"
    settings = {f"{manager}.start": True, f"{manager}.interval": "5ms"}
    with dask.config.set(settings), temporary_cluster(n_workers=2) as client:
        counter = WireCounter(client)
        size = 5_000_000

        # one of the two workers is idle now and then
        run = run_on_dask(
            lambda x, size: time.sleep(0.05 * (x % 2)),
            {"n": 100, "big": "x" * size},
            more=', size: "{{ parameters.big|length }}"',
            backend=DaskBackend(client),
        )
        assert run.status == "succeeded"
        assert 2.9 < counter.lap() / size < 3.3


def test_only_the_slice_of_the_context_is_sent(cluster):
    counter = WireCounter(cluster)
    run_on_dask(lambda x: x, {"n": 10, "big": "x" * 5_000_000})
    assert counter.lap() < 500_000


def test_items_run_in_the_workers(cluster):
    run = run_on_dask(lambda x: (time.sleep(0.01), os.getpid())[1], {"n": 60})
    assert set(run.result("a")) == set(worker_pids(cluster))


# The cluster and its workers.


def test_a_backend_takes_an_address(cluster):
    run = run_on_dask(lambda x: x, backend=DaskBackend(cluster.scheduler.address))
    assert run.result("a") == list(range(20))
    assert cluster.status == "running"


def test_a_missing_dask_is_reported_with_its_remedy(monkeypatch):
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(attune_nb.BackendError, match=r"pip install 'attune_nb\[dask\]'"):
        run_on_dask(lambda x: x)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:nonsense", "nonsense"])
def test_a_missing_scheduler_pauses_the_run(monkeypatch, address):
    monkeypatch.setattr(connection, "TIMEOUT", 0.5)
    run = run_on_dask(lambda x: x, backend=DaskBackend(address))
    assert run.status == "paused"
    assert f"there is no Dask cluster at {address}" in run.pause_reason
    assert "there is no Dask cluster" in repr(run)

    run.cancel()
    assert run.wait(200)
    assert run.status == "cancelled"


@pytest.mark.parametrize("address", ["127.0.0.1:nonsense", "nonsense", "x://y"])
def test_a_wrong_address_leaves_no_client_behind(address):
    """One that is half open closes itself in the garbage collector, perhaps in a deadlock."""
    run = run_on_dask(lambda x: x, backend=DaskBackend(address))
    assert run.status == "paused"
    run.cancel()
    assert run.wait(200)

    clients = [value for value in gc.get_objects() if type(value) is distributed.Client]
    assert "connecting" not in [client.status for client in clients]


def test_a_value_that_is_no_cluster_is_refused():
    with pytest.raises(attune_nb.BackendError, match=r"a scheduler's address such as .*; not 42"):
        DaskBackend(42)


def test_a_scheduler_that_never_answers_delays_no_cancel(monkeypatch):
    monkeypatch.setattr(connection, "TIMEOUT", 600.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent_backend = DaskBackend(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        run = run_on_dask(lambda x: x, backend=silent_backend, background=True)
        until(lambda: run.status == "running")

        run.cancel()
        assert run.wait(200)
    assert run.status == "cancelled"


SELECTING = """
tasks:
  - name: a
    action: work
    with_items: "{{ range(20) }}"
    concurrency: 8
    input: {x: "{{ item }}"}
    worker_selector: SELECTOR
"""


def test_a_selector_requires_resources_of_a_worker():
    def work(x):
        return os.getpid()

    with temporary_cluster(n_workers=1, resources={"GPU": 1}) as client:
        for selector in ("{GPU: 1}", "{GPU: true}", '{GPU: "any"}'):
            text = SELECTING.replace("SELECTOR", selector)
            run = attune_nb.loads(text).run(actions={"work": work}, backend=DaskBackend(client))
            assert run.result("a") == worker_pids(client) * 20

        text = SELECTING.replace("SELECTOR", "{FPGA: 1}")
        run = attune_nb.loads(text).run(actions={"work": work}, backend=DaskBackend(client))
        assert run.status == "failed"
        assert (
            "no worker has the resources that `worker_selector` requires (FPGA: 1)"
            in errors(run)[0]
        )
        assert "the most that one worker of this cluster offers: GPU: 1" in errors(run)[0]


def test_an_action_can_use_its_worker_and_a_client():
    def work(x):
        scheduler_address = distributed.get_client().scheduler_info()["address"]
        return distributed.get_worker().address, scheduler_address

    with temporary_cluster(n_workers=1) as client:
        expected = *client.nthreads(), client.scheduler.address
        run = run_on_dask(work, {"n": 3}, backend=DaskBackend(client))

    assert run.result("a") == [expected] * 3


def test_a_new_worker_takes_items_while_others_are_busy(tmp_path):
    def work(x, path):
        (Path(path) / str(x)).touch()
        while len(list(Path(path).iterdir())) < 2:
            time.sleep(0.01)
        return os.getpid()

    with temporary_cluster(n_workers=1) as client:
        run = run_on_dask(
            work,
            {"n": 2, "path": str(tmp_path)},
            more=PATH,
            backend=DaskBackend(client),
            background=True,
        )
        until(lambda: list(tmp_path.iterdir()))
        client.cluster.scale(2)
        assert run.wait(200)
        assert set(run.result("a")) == set(worker_pids(client))


def test_a_selected_worker_is_waited_for_after_its_loss(tmp_path):
    def work(x):
        time.sleep(0.05)
        return os.getpid()

    common = {"nthreads": 1, "host": "127.0.0.1", "silence_logs": 50}
    workers = {
        "plain": {"cls": distributed.Nanny, "options": common},
        "gpu": {"cls": distributed.Nanny, "options": {**common, "resources": {"GPU": 1}}},
    }
    listening = {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0"}
    scheduler = {"cls": distributed.Scheduler, "options": listening}
    text = SELECTING.replace("SELECTOR", "{GPU: 1}")
    with (
        distributed.SpecCluster(workers=workers, scheduler=scheduler) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        run = attune_nb.loads(text).run(
            actions={"work": work}, backend=DaskBackend(client), progress=False, background=True
        )
        until(lambda: len(run.attempts()) > 2)
        os.kill(cluster.workers["gpu"].pid, signal.SIGKILL)
        assert run.wait(200)

    assert run.status == "succeeded"


def test_an_adaptive_cluster_is_asked_for_a_worker(monkeypatch):
    # not by pytest's `caplog`: clusters silence all log handlers
    warnings = []
    monkeypatch.setattr(
        worker_wait._log,  # noqa: SLF001
        "warning",
        lambda template, reason: warnings.append(template % reason),
    )
    monkeypatch.setattr(worker_wait, "WARN_AFTER", 0.5)
    with temporary_cluster(n_workers=0) as client:
        run = run_on_dask(lambda x: x, backend=DaskBackend(client), background=True)
        until(lambda: warnings)
        assert warnings == [
            "work waits for a Dask worker (any); start or restart one, or cancel the run"
        ]

        client.cluster.adapt(minimum=0, maximum=1, interval="10ms", wait_count=1)
        assert run.wait(200)
        # the worker is retired, although the run object still exists
        until(lambda: not client.cluster.scheduler.workers)

    assert run.result("a") == list(range(20))


def test_placeholder_tasks_are_replaced_after_a_timeout():
    with (
        dask.config.set({"distributed.scheduler.no-workers-timeout": "200ms"}),
        temporary_cluster(n_workers=1) as client,
    ):
        waiting = client.cluster.scheduler.unrunnable
        client.cluster.adapt(minimum=1, maximum=1)
        run = run_on_dask(
            lambda x: time.sleep(0.05), {"n": 4000}, backend=DaskBackend(client), background=True
        )
        for _ in range(2):
            until(lambda: waiting)
            until(lambda: not waiting)

        run.cancel()
        assert run.wait(200)


def test_an_adaptive_cluster_scales_up_with_queued_work(tmp_path):
    def work(x, path):
        (Path(path) / str(os.getpid())).touch()
        time.sleep(0.05)

    with temporary_cluster(n_workers=1) as client:
        unrunnable = client.cluster.scheduler.unrunnable
        run = run_on_dask(
            work,
            {"n": 4000, "path": str(tmp_path)},
            more=PATH,
            backend=DaskBackend(client),
            background=True,
        )
        until(lambda: len(run.attempts()) > 100)
        # the cluster is not adaptive yet
        assert not unrunnable

        client.cluster.adapt(minimum=1, maximum=3, interval="100ms")
        until(lambda: len([*tmp_path.iterdir()]) == 3)
        assert unrunnable

        run.pause()
        until(lambda: not unrunnable)
        run.resume()
        until(lambda: unrunnable)
        run.cancel()
        until(lambda: not unrunnable)
        assert run.wait(200)


# Results that stay on the cluster.


KEEPING = """
tasks:
  - name: a
    action: make
    with_items: "{{ range(6) }}"
    concurrency: 4
    keep_results: cluster
    input: {x: "{{ item }}"}
    next: [{do: [each, all]}]
  - {name: each, action: size, with_items: "{{ task.a.result }}", input: {x: "{{ item }}"}}
  - {name: all, action: sizes, input: {xs: "{{ task.a.result }}"}}
"""


def test_kept_results_stay_on_the_cluster_until_fetched(cluster, monkeypatch):
    counter = WireCounter(cluster)
    run = attune_nb.loads(KEEPING).run(
        actions={
            "make": lambda x: None if x == 5 else "x" * (1_000_000 + x),
            "size": lambda x: x and len(x),
            "sizes": lambda xs: [x and len(x) for x in xs],
        },
        backend="dask",
        progress=False,
    )
    sizes = [1_000_000 + x for x in range(5)]
    assert run.status == "succeeded"
    assert run.result("each") == run.result("all") == [*sizes, None]

    # results are sent from worker to worker, and none of them to the engine
    run_bytes = counter.lap()
    reference = run.items("a")["result"][2]
    assert repr(reference) == "<a string of 1,000,002, on the cluster>"
    assert counter.lap() < 100_000
    assert reference.get() == "x" * 1_000_002
    assert 1_000_000 < counter.lap() < 4_000_000

    # results are gathered together: a Dask task for each would take 10 ms
    monkeypatch.delattr(distributed.Client, "submit")
    assert [text and len(text) for text in run.result("a")] == [*sizes, None]
    assert run_bytes < 30_000_000


def test_a_failure_is_reported_although_results_stay(cluster):
    def make(x):
        if x == 3:
            raise ValueError("no")
        return x

    run = attune_nb.loads(KEEPING).run(
        actions={"make": make, "size": lambda x: x, "sizes": lambda xs: xs},
        backend="dask",
        progress=False,
    )
    assert errors(run) == {3: "no"}
    assert run.result("a")[2] == 2


def test_a_cancelled_run_leaves_nothing_on_the_cluster(cluster):
    run = run_on_dask(lambda x: time.sleep(0.05), {"n": 500}, background=True)
    until(lambda: len(run.attempts()) > 4)
    run.cancel(force=True)
    assert run.wait(200)
    assert run.status == "cancelled"
    until(lambda: not any(cluster.processing().values()))
    until(lambda: not any("attune" in str(key) for key in list_keys(cluster)))


def list_keys(client):
    """Return the keys of all values that the workers of a cluster hold."""
    return [key for keys in client.has_what().values() for key in keys]


def test_a_finished_run_leaves_nothing_on_the_cluster(cluster):
    run_on_dask(
        lambda x, big: len(big),
        {"n": 50, "big": "x" * 100_000},
        more=', big: "{{ parameters.big }}"',
    )
    until(lambda: not list_keys(cluster))
    assert psutil.Process().is_running()


def test_a_late_notice_leaves_nothing_on_the_cluster(cluster, monkeypatch):
    def notify_late(self, notice, notify=DaskBackend._notify):  # noqa: SLF001
        # a future that ends meanwhile is found without the notice
        if isinstance(notice, distributed.Future):
            time.sleep(0.05)
        notify(self, notice)

    monkeypatch.setattr(DaskBackend, "_notify", notify_late)
    run = run_on_dask(lambda x: time.sleep(0.01), {"n": 60})
    until(lambda: not list_keys(cluster))
    # the run object still exists
    assert run.status == "succeeded"


def test_a_cancelled_item_ends_and_frees_its_worker(tmp_path):
    text = """
cancellation_policy: cancel_running
parameters: {path: {type: string}}
tasks:
  - {name: a, action: work, input: {path: "{{ parameters.path }}"}}
  - {name: b, action: core.shell, input: {cmd: "sleep 600"}}
"""

    def work(path):
        Path(path).touch()
        time.sleep(600)

    def list_commands():
        commands = []
        for pid in worker_pids(client):
            commands += psutil.Process(pid).children()
        return commands

    with temporary_cluster(n_workers=2) as client:
        started = tmp_path / "begun"
        run = attune_nb.loads(text).run(
            {"path": str(started)},
            actions={"work": work},
            backend=DaskBackend(client),
            progress=False,
            background=True,
        )
        until(lambda: started.exists() and list_commands())
        run.cancel()
        assert run.wait(200)
        until(lambda: not list_commands())

        futures = client.map(int, range(4), pure=False, workers=[*client.nthreads()][:1])
        assert client.gather(futures, asynchronous=False) == [0, 1, 2, 3]
        until(lambda: not any(client.processing().values()))

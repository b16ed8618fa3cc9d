"""Attempts on a Dask cluster: what crosses the wire, where they run, what stays there."""

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
from attune_nb.backends.dask import DaskBackend, autoscale, backend, worker_wait
from attune_nb.backends.dask import connection as cluster_of
from attune_nb.bench.wire_bytes import WireCounter

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(item_runs)


# What crosses the wire.


def test_an_item_takes_as_many_bytes_whatever_the_context_and_that_crosses_once_a_worker():
    few, many, small, large = 1_000, 41_000, 10_000, 20_000_000
    with temporary_cluster(n_workers=2) as client:
        counter = WireCounter(client)

        def sent(count, size):
            counter.lap()
            run = run_on_dask(
                lambda x, size: size,
                {"n": count, "big": "x" * size},
                more=', size: "{{ parameters.big|length }}"',
                backend=DaskBackend(client),
            )
            assert set(run.result("a")) == {size}
            return counter.lap()

        of_small, of_large = sent(few, small), sent(few, large)
        each_small = (sent(many, small) - of_small) / (many - few)
        each_large = (sent(many, large) - of_large) / (many - few)
    # to the scheduler, and from there once to each of two workers
    assert 2.95 < (of_large - of_small) / large < 3.05
    assert each_large <= 1.1 * each_small


def test_it_does_not_cross_again_when_dask_tidies_up():
    manager = "distributed.scheduler.active-memory-manager"
    tidy = {f"{manager}.start": True, f"{manager}.interval": "5ms"}
    with dask.config.set(tidy), temporary_cluster(n_workers=2) as client:
        counter, size = WireCounter(client), 5_000_000
        run = run_on_dask(
            lambda x, size: time.sleep(0.05 * (x % 2)),  # one of the two is idle now and then
            {"n": 100, "big": "x" * size},
            more=', size: "{{ parameters.big|length }}"',
            backend=DaskBackend(client),
        )
        assert run.status == "succeeded"
        assert 2.9 < counter.lap() / size < 3.3


def test_what_a_template_does_not_read_does_not_cross(cluster):
    counter = WireCounter(cluster)
    run_on_dask(lambda x: x, {"n": 10, "big": "x" * 5_000_000})
    assert counter.lap() < 500_000


def test_items_run_in_the_workers(cluster):
    run = run_on_dask(lambda x: (time.sleep(0.01), os.getpid())[1], {"n": 60})
    assert set(run.result("a")) == set(worker_pids(cluster))


# Where it runs.


def test_an_address_will_do(cluster):
    where = DaskBackend(cluster.scheduler.address)
    assert run_on_dask(lambda x: x, backend=where).result("a") == list(range(20))
    assert cluster.status == "running"


def test_without_dask_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(attune_nb.BackendError, match=r"pip install 'attune_nb\[dask\]'"):
        run_on_dask(lambda x: x)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:nonsense", "nonsense"])
def test_a_scheduler_that_is_not_there_pauses_the_run_and_says_so(monkeypatch, address):
    monkeypatch.setattr(cluster_of, "TIMEOUT", 0.5)
    run = run_on_dask(lambda x: x, backend=DaskBackend(address))
    assert run.status == "paused"
    assert f"there is no Dask cluster at {address}" in run.pause_reason
    assert "there is no Dask cluster" in repr(run)
    run.cancel()
    assert run.wait(60)
    assert run.status == "cancelled"


def test_what_is_no_cluster_at_all_is_refused():
    with pytest.raises(attune_nb.BackendError, match=r"a scheduler's address such as .*; not 42"):
        DaskBackend(42)


def test_a_scheduler_that_takes_the_call_and_says_nothing_does_not_hold_up_a_cancel(monkeypatch):
    monkeypatch.setattr(cluster_of, "TIMEOUT", 600.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = DaskBackend(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        run = run_on_dask(lambda x: x, backend=where, background=True)
        until(lambda: run.status == "running")
        run.cancel()
        assert run.wait(60)
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


def test_a_selector_names_what_a_worker_must_have():
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


def test_an_action_may_ask_for_its_worker_and_for_a_client():
    def work(x):
        there = distributed.get_client().scheduler_info()["address"]
        return distributed.get_worker().address, there

    with temporary_cluster(n_workers=1) as client:
        expected = *client.nthreads(), client.scheduler.address
        run = run_on_dask(work, {"n": 3}, backend=DaskBackend(client))
    assert run.result("a") == [expected] * 3


def test_a_worker_that_comes_later_takes_items_while_the_others_are_at_long_ones(tmp_path):
    def work(x, path):
        (Path(path) / str(x)).touch()
        while len(list(Path(path).iterdir())) < 2:
            time.sleep(0.01)
        return os.getpid()

    with temporary_cluster(n_workers=1) as client:
        given = {"n": 2, "path": str(tmp_path)}
        run = run_on_dask(work, given, more=PATH, backend=DaskBackend(client), background=True)
        until(lambda: list(tmp_path.iterdir()))
        client.cluster.scale(2)
        assert run.wait(60)
        assert set(run.result("a")) == set(worker_pids(client))


def test_a_worker_with_what_a_selector_names_is_waited_for_when_it_was_there_before(tmp_path):
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
        until(lambda: len(run.attempts) > 2)
        os.kill(cluster.workers["gpu"].pid, signal.SIGKILL)
        assert run.wait(60)
    assert run.status == "succeeded"


def test_a_cluster_that_adapts_is_asked_for_a_worker_and_told_of_meanwhile(monkeypatch):
    told = []  # and not pytest's: clusters silence the handlers of others
    monkeypatch.setattr(autoscale._log, "warning", lambda text, what: told.append(text % what))  # noqa: SLF001
    monkeypatch.setattr(worker_wait, "WARN_AFTER", 0.5)
    with temporary_cluster(n_workers=0) as client:
        run = run_on_dask(lambda x: x, backend=DaskBackend(client), background=True)
        until(lambda: told)
        assert told == [
            "work waits for a Dask worker (any); start or restart one, or cancel the run"
        ]
        client.cluster.adapt(minimum=0, maximum=1, interval="10ms", wait_count=1)
        assert run.wait(60)
        until(lambda: not client.cluster.scheduler.workers)  # though the run is still at hand
    assert run.result("a") == list(range(20))


def test_a_scheduler_that_gives_up_what_it_cannot_run_is_told_of_the_work_again():
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
        assert run.wait(60)


def test_a_cluster_that_adapts_grows_with_the_work_and_is_asked_for_nothing_after(tmp_path):
    def work(x, path):
        (Path(path) / str(os.getpid())).touch()
        time.sleep(0.05)

    with temporary_cluster(n_workers=1) as client:
        unrunnable = client.cluster.scheduler.unrunnable
        many = {"n": 4000, "path": str(tmp_path)}
        options = {"more": PATH, "backend": DaskBackend(client), "background": True}
        run = run_on_dask(work, many, **options)
        until(lambda: len(run.attempts) > 100)
        assert not unrunnable  # nobody could come
        client.cluster.adapt(minimum=1, maximum=3, interval="100ms")
        until(lambda: len([*tmp_path.iterdir()]) == 3)
        assert unrunnable
        run.pause()
        until(lambda: not unrunnable)
        run.resume()
        until(lambda: unrunnable)
        run.cancel()
        until(lambda: not unrunnable)
        assert run.wait(60)


# What stays there.


KEPT = """
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


def test_results_stay_on_the_cluster_and_come_when_they_are_asked_for(cluster, monkeypatch):
    counter = WireCounter(cluster)
    run = attune_nb.loads(KEPT).run(
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
    between = counter.lap()  # from worker to worker, and none of them to the engine
    shown = run.items("a")["result"][2]
    assert repr(shown) == "<a string of 1,000,002, on the cluster>"
    assert counter.lap() < 100_000
    assert shown.get() == "x" * 1_000_002
    assert 1_000_000 < counter.lap() < 4_000_000
    monkeypatch.delattr(distributed.Client, "submit")  # a task for each would take 10 ms
    assert [each and len(each) for each in run.result("a")] == [*sizes, None]
    assert between < 30_000_000


def test_a_failure_is_told_at_once_where_results_stay(cluster):
    def make(x):
        if x == 3:
            raise ValueError("no")
        return x

    run = attune_nb.loads(KEPT).run(
        actions={"make": make, "size": lambda x: x, "sizes": lambda xs: xs},
        backend="dask",
        progress=False,
    )
    assert errors(run) == {3: "no"}
    assert run.result("a")[2] == 2


def test_a_cancelled_run_leaves_nothing_on_the_cluster(cluster):
    run = run_on_dask(lambda x: time.sleep(0.05), {"n": 500}, background=True)
    until(lambda: len(run.attempts) > 4)
    run.cancel(force=True)
    assert run.wait(60)
    assert run.status == "cancelled"
    until(lambda: not any(cluster.processing().values()))
    until(
        lambda: (
            not any("attune" in str(key) for each in cluster.has_what().values() for key in each)
        )
    )


def test_nothing_stays_on_the_cluster_after_a_run(cluster):
    run_on_dask(
        lambda x, big: len(big),
        {"n": 50, "big": "x" * 100_000},
        more=', big: "{{ parameters.big }}"',
    )
    until(lambda: not any(each for each in cluster.has_what().values()))
    assert psutil.Process().is_running()


def test_what_is_told_late_does_not_stay_on_the_cluster(cluster, monkeypatch):
    def late(self, what, note=DaskBackend._notify):  # noqa: SLF001 - no other way to be late
        if isinstance(what, distributed.Future):
            time.sleep(0.05)  # what ended meanwhile is found without this
        note(self, what)

    monkeypatch.setattr(DaskBackend, "_notify", late)
    run = run_on_dask(lambda x: time.sleep(0.01), {"n": 60})
    until(lambda: not any(each for each in cluster.has_what().values()))
    assert run.status == "succeeded"  # it is there still


def test_what_is_given_up_on_ends_on_its_worker_too_and_that_is_free(tmp_path):
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

    def commands():
        return [each for pid in worker_pids(client) for each in psutil.Process(pid).children()]

    with temporary_cluster(n_workers=2) as client:
        begun = tmp_path / "begun"
        run = attune_nb.loads(text).run(
            {"path": str(begun)},
            actions={"work": work},
            backend=DaskBackend(client),
            progress=False,
            background=True,
        )
        until(lambda: begun.exists() and commands())
        run.cancel()
        assert run.wait(60)
        until(lambda: not commands())
        again = client.map(int, range(4), pure=False, workers=[*client.nthreads()][:1])
        assert client.gather(again, asynchronous=False) == [0, 1, 2, 3]
        until(lambda: not any(client.processing().values()))

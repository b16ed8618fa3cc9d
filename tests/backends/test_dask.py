"""Attempts on a Dask cluster: what crosses the wire, and what becomes of what is lost."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cloudpickle
import dask
import distributed
import psutil
import pytest
import works
from works import PATH, errors, run_work, until

import attune_nb
from attune_nb.backends import cluster as cluster_of
from attune_nb.backends import dask as backend
from attune_nb.backends import own_cluster
from attune_nb.backends.dask import DaskBackend
from attune_nb.bench.wire import WireCount

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(works)


def go(work, parameters=None, **options):
    return run_work(work, parameters, **{"backend": "dask", **options})


@contextlib.contextmanager
def made(failures=0, **options):
    """Make a cluster for one test, and a client that is not the current one."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": failures}),
        distributed.LocalCluster(
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
            **options,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def pids(client):
    return list(client.run(os.getpid).values())


# What crosses the wire.


def test_an_item_takes_as_many_bytes_whatever_the_context_and_that_crosses_once_a_worker():
    few, many, small, large = 1_000, 41_000, 10_000, 20_000_000
    with made(n_workers=2) as client:
        counter = WireCount(client)

        def sent(count, size):
            counter.lap()
            run = go(
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
    with dask.config.set(tidy), made(n_workers=2) as client:
        counter, size = WireCount(client), 5_000_000
        run = go(
            lambda x, size: time.sleep(0.05 * (x % 2)),  # one of the two is idle now and then
            {"n": 100, "big": "x" * size},
            more=', size: "{{ parameters.big|length }}"',
            backend=DaskBackend(client),
        )
        assert run.status == "succeeded"
        assert 2.9 < counter.lap() / size < 3.3


def test_what_a_template_does_not_read_does_not_cross(cluster):
    counter = WireCount(cluster)
    go(lambda x: x, {"n": 10, "big": "x" * 5_000_000})
    assert counter.lap() < 500_000


def test_items_run_in_the_workers(cluster):
    run = go(lambda x: (time.sleep(0.01), os.getpid())[1], {"n": 60})
    assert set(run.result("a")) == set(pids(cluster))


# Where it runs.


def test_an_address_will_do(cluster):
    where = DaskBackend(cluster.scheduler.address)
    assert go(lambda x: x, backend=where).result("a") == list(range(20))
    assert cluster.status == "running"


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


def test_a_cluster_of_its_own_takes_what_it_can_of_the_settings(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, Path("/nowhere")])
    with (
        ThreadPoolExecutor(1) as pool,
        dask.config.set({"pool": pool, "scheduler-address": None, "mine": {"x": 3}}),
    ):
        where = DaskBackend(workers=1)
        monkeypatch.setattr(cluster_of.Connection, "_current", lambda _: None)
        run = go(lambda x: (dask.config.get("mine.x"), dask.config.get("pool", 5)), backend=where)
    assert set(run.result("a")) == {(3, 5)}


def test_a_cluster_of_its_own_that_is_slow_to_begin_holds_up_nothing(monkeypatch, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    where = DaskBackend(workers=1)
    monkeypatch.setattr(cluster_of.Connection, "_current", lambda _: None)
    monkeypatch.setattr(cluster_of, "PATIENCE", 0.5)  # until it is ended by force
    run = go(lambda x: x, backend=where, background=True)
    time.sleep(0.2)
    run.cancel()
    assert run.wait(20)
    assert run.status == "cancelled"


def test_a_cluster_of_its_own_that_never_begins_pauses_the_run_and_says_so(monkeypatch):
    monkeypatch.setattr(own_cluster, "ARRIVAL", 0.0)
    where = DaskBackend(workers=1)
    monkeypatch.setattr(cluster_of.Connection, "_current", lambda _: None)
    run = go(lambda x: x, backend=where)
    assert run.status == "paused"
    assert "there can be none of its own (it is not there after 0 s)" in run.pause_reason
    run.cancel()
    assert run.wait(20)


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
    engine.wait(30)
    found = {int(pid) for each in files for pid in each.read_text().split()[:-1]}
    assert len(found) >= 5
    until(lambda: not [each for each in found - {os.getpid()} if psutil.pid_exists(each)])


def test_without_dask_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(attune_nb.BackendError, match=r"pip install 'attune_nb\[dask\]'"):
        go(lambda x: x)


def test_a_scheduler_that_is_not_there_pauses_the_run_and_says_so(monkeypatch):
    monkeypatch.setattr(cluster_of, "PATIENCE", 0.5)
    run = go(lambda x: x, backend=DaskBackend("tcp://127.0.0.1:9"))
    assert run.status == "paused"
    assert "there is no Dask cluster at tcp://127.0.0.1:9" in run.pause_reason
    assert "there is no Dask cluster" in repr(run)
    run.cancel()
    assert run.wait(20)
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

    with made(n_workers=1, resources={"GPU": 1}) as client:
        for selector in ("{GPU: 1}", "{GPU: true}", '{GPU: "any"}'):
            text = SELECTING.replace("SELECTOR", selector)
            run = attune_nb.loads(text).run(actions={"work": work}, backend=DaskBackend(client))
            assert run.result("a") == pids(client) * 20
        text = SELECTING.replace("SELECTOR", "{FPGA: 1}")
        run = attune_nb.loads(text).run(actions={"work": work}, backend=DaskBackend(client))
        assert run.status == "failed"
        assert "no worker has what `worker_selector` asks for (FPGA)" in errors(run)[0]
        assert "resources on this cluster: GPU" in errors(run)[0]


def test_a_worker_that_comes_later_takes_items_while_the_others_are_at_long_ones(tmp_path):
    def work(x, path):
        (Path(path) / str(x)).touch()
        while len(list(Path(path).iterdir())) < 2:
            time.sleep(0.01)
        return os.getpid()

    with made(n_workers=1) as client:
        given = {"n": 2, "path": str(tmp_path)}
        run = go(work, given, more=PATH, backend=DaskBackend(client), background=True)
        until(lambda: list(tmp_path.iterdir()))
        client.cluster.scale(2)
        assert run.wait(60)
        assert set(run.result("a")) == set(pids(client))


def test_a_worker_with_what_a_selector_names_is_waited_for_when_it_was_there_before(tmp_path):
    def work(x):
        time.sleep(0.05)
        return os.getpid()

    common = {"nthreads": 1, "host": "127.0.0.1", "silence_logs": 50}
    workers = {
        "plain": {"cls": distributed.Nanny, "options": common},
        "gpu": {"cls": distributed.Nanny, "options": {**common, "resources": {"GPU": 1}}},
    }
    scheduler = {"cls": distributed.Scheduler, "options": {"dashboard": False, "port": 0}}
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


def test_a_cluster_that_adapts_is_asked_for_a_worker_and_told_of_meanwhile(monkeypatch, caplog):
    monkeypatch.setattr(cluster_of, "PATIENCE", 0.5)
    with made(n_workers=0) as client:
        run = go(lambda x: x, backend=DaskBackend(client), background=True)
        until(lambda: "work waits for a Dask worker (any)" in caplog.text)
        client.cluster.adapt(minimum=0, maximum=1, interval="100ms")
        assert run.wait(30)
    assert run.result("a") == list(range(20))


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


def test_results_stay_on_the_cluster_and_come_when_they_are_asked_for(cluster):
    counter = WireCount(cluster)
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
    assert repr(shown) == "<a text of 1,000,002, on the cluster>"
    assert counter.lap() < 100_000
    assert shown.get() == "x" * 1_000_002
    assert 1_000_000 < counter.lap() < 4_000_000
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


# What is lost.


def work_in(path, seconds=0.002):
    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(seconds)
        return x * 3

    return work


def test_a_worker_that_is_killed_loses_nothing_that_is_finished(tmp_path):
    path, count = tmp_path / "made", 4_000
    with made(n_workers=2) as client:
        run = go(
            work_in(path),
            {"n": count, "path": str(path)},
            more=PATH,
            backend=DaskBackend(client),
            background=True,
        )
        until(lambda: len(run.attempts) > 500)
        os.kill(pids(client)[0], signal.SIGKILL)
        known = set(run.attempts["index"])
        before = Counter(path.read_text().split())
        assert run.wait(60)
    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(count)]
    times = Counter(path.read_text().split())
    assert set(times) == set(map(str, range(count)))
    assert set(times.values()) <= {1, 2}
    assert not [x for x in known if times[str(x)] > before[str(x)]]


def test_all_workers_may_be_killed_at_once(tmp_path):
    path = tmp_path / "made"
    with made(n_workers=2) as client:
        run = go(
            work_in(path),
            {"n": 2_000, "path": str(path)},
            more=PATH,
            backend=DaskBackend(client),
            background=True,
        )
        until(lambda: len(run.attempts) > 200)
        for each in pids(client):
            os.kill(each, signal.SIGKILL)
        assert run.wait(60)
    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(2_000)]


def test_an_item_that_ends_its_worker_each_time_is_found_and_fails_alone():
    def work(x):
        if x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    with made(n_workers=2) as client:
        run = go(work, {"n": 12}, backend=DaskBackend(client))
    assert list(errors(run)) == [3]
    assert run.result("a")[3]["error_type"] == "WorkerLost"
    assert [x for x in run.result("a") if isinstance(x, int)] == [x for x in range(12) if x != 3]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


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
        monkeypatch.setattr(backend, "LOOK", 60.0)

    @attune_nb.action("dask.once", idempotent=False)
    def once(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        if x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    given = {"path": str(tmp_path / "made")}
    port = {"worker_port": free_port()} if same else {}  # a nanny begins the next one there
    with made(failures=3, n_workers=1, **port) as client:
        if plain:
            run = attune_nb.loads(PLAIN).run(
                given, actions={"work": once}, backend=DaskBackend(client), progress=False
            )
            told = run.error
        else:
            run = go(once, {"n": 8, **given}, more=PATH, backend=DaskBackend(client))
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
    with made(failures=3, n_workers=2) as client:
        run = attune_nb.loads(PLAIN).run(
            given, actions={"work": work}, backend=DaskBackend(client), progress=False
        )
    assert "the worker ended 4 times while it was at this item alone" in run.error
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

    take_in, killed = DaskBackend._take_in, []  # noqa: SLF001 - the moment that is meant

    def lose_first(self, what):
        if not killed:
            killed.extend(pids(client))
            for each in killed:
                os.kill(each, signal.SIGKILL)
            until(lambda: not any(psutil.pid_exists(each) for each in killed))
            time.sleep(0.2)
        take_in(self, what)

    monkeypatch.setattr(DaskBackend, "_take_in", lose_first)
    given = {"path": str(tmp_path / "made")}
    with made(failures=3, n_workers=1) as client:
        where = DaskBackend(client)
        if plain:
            run = attune_nb.loads(PLAIN).run(
                given, actions={"work": work}, backend=where, progress=False, background=True
            )
        else:
            run = go(work, {"n": 2, **given}, more=PATH, backend=where, background=True)
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
    options = {"n_workers": 1, "worker_port": free_port()} if same else {"n_workers": 2}
    with made(**options) as client:
        where = DaskBackend(client)
        keys = "keep_results: cluster"
        run = go(work, {"n": 8, "path": str(path)}, more=PATH, keys=keys, backend=where)
        kept = list(run.items("a")["result"])
        worker = [each.get()[0] for each in kept]
        os.kill(worker[0], signal.SIGKILL)
        until(lambda: not psutil.pid_exists(worker[0]))
        taking = attune_nb.loads(TAKING).run(
            {"kept": kept}, actions={"same": lambda x: x}, backend=DaskBackend(client)
        )
        lost = [x for x in range(8) if worker[x] == worker[0]]
        assert list(errors(taking)) == lost
        assert "not there any more" in errors(taking)[0]
        for x in range(8):
            if x in lost:
                with pytest.raises(attune_nb.BackendError, match="not there any more"):
                    kept[x].get()
            else:
                assert kept[x].get() == [worker[x], x]
    assert set(Counter(path.read_text().split()).values()) == {1}


class Outside:
    """A scheduler and a worker that are processes of their own."""

    def __init__(self, folder):
        self.file = Path(folder) / "scheduler.json"
        self.file.unlink(missing_ok=True)
        common = ["--scheduler-file", str(self.file), "--no-dashboard"]
        self.scheduler = self._begin("scheduler", "--host", "127.0.0.1", "--port", "0", *common)
        until(self.file.exists)
        self.worker = self._begin(
            "worker", "--nthreads", "1", "--no-nanny", "--death-timeout", "5", *common
        )

    def _begin(self, what, *words):
        return subprocess.Popen(
            [sys.executable, "-m", "dask", what, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def client(self):
        return distributed.Client(scheduler_file=str(self.file), set_as_default=False)

    def close(self):
        for each in (self.worker, self.scheduler):
            each.kill()
            each.wait()


@pytest.fixture
def outside(tmp_path):
    begun = []

    def begin():
        begun.append(Outside(tmp_path))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


def test_a_scheduler_that_is_gone_pauses_the_run_and_another_goes_on(tmp_path, outside):
    path, count = tmp_path / "made", 1_500
    there = outside()
    client = there.client()
    where = DaskBackend(client)
    run = go(
        work_in(path), {"n": count, "path": str(path)}, more=PATH, backend=where, background=True
    )
    until(lambda: len(run.attempts) > 200)
    began = time.monotonic()
    there.close()
    until(lambda: run.status == "paused")
    assert time.monotonic() - began < 30
    assert "the Dask cluster is gone" in run.pause_reason
    known = set(run.attempts["index"])
    before = Counter(path.read_text().split())
    client.close()

    with outside().client() as another:
        where._connection.where = another  # noqa: SLF001 - the current client is the whole session's
        run.resume()
        assert run.wait(60)
        assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(count)]
    times = Counter(path.read_text().split())
    assert not [x for x in known if times[str(x)] > before[str(x)]]
    assert run.pause_reason == ""


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


def test_what_a_lost_cluster_has_left_is_done_on_another_backend(tmp_path, outside):
    there = outside()
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


def test_a_cancelled_run_leaves_nothing_on_the_cluster(cluster):
    run = go(lambda x: time.sleep(0.05), {"n": 500}, background=True)
    until(lambda: len(run.attempts) > 4)
    run.cancel(force=True)
    assert run.wait(20)
    assert run.status == "cancelled"
    until(lambda: not any(cluster.processing().values()))
    until(
        lambda: (
            not any("attune" in str(key) for each in cluster.has_what().values() for key in each)
        )
    )


def test_nothing_stays_on_the_cluster_after_a_run(cluster):
    go(
        lambda x, big: len(big),
        {"n": 50, "big": "x" * 100_000},
        more=', big: "{{ parameters.big }}"',
    )
    until(lambda: not any(each for each in cluster.has_what().values()))
    assert psutil.Process().is_running()

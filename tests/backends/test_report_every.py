"""`report_every`: how many attempts a kill repeats at most, on every backend."""

import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import cloudpickle
import pytest
from support.item_runs import PATH, run_work, until

import attune_nb
from attune_nb.events import AttemptsEnded

cloudpickle.register_pickle_by_value(sys.modules[__name__])

EVERY = 3
CONCURRENCY = 2
ENGINE = """
import os
import sys
import attune_nb

text, backend, store, path = sys.argv[1:]

def work(x, path):
    file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(file, f"{x}\\n".encode())
    os.close(file)
    return x

attune_nb.loads(text).run(
    {"path": path}, actions={"work": work}, backend=backend, workers=2, store=store, progress=False
)
"""
ENDLESS = """
parameters: {path: {}}
tasks:
  - name: a
    action: work
    with_items: "{{ range(100000) }}"
    concurrency: 2
    report_every: 3
    input: {x: "{{ item }}", path: "{{ parameters.path }}"}
"""


def count_recorded(x, path):
    """Return how many attempts are on record when this one begins."""
    import sqlite3  # noqa: PLC0415 - the function is sent to workers

    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT coalesce(sum(items), 0) FROM runs").fetchone()[0]


async def count_recorded_async(x, path):
    import asyncio  # noqa: PLC0415 - the function is sent to workers

    recorded = count_recorded(x, path)
    await asyncio.sleep(0.001)
    return recorded


def fail(x):
    raise ValueError(x)


def exit_once(x, path):
    """Append the item to a file; end the process at item 40, but only once."""
    with Path(path).open("a") as file:
        file.write(f"{x}\n")
    if x == 40 and Path(path).read_text().split().count("40") == 1:
        os._exit(1)
    return x


def append(x, path):
    with Path(path).open("a") as file:
        file.write(f"{x}\n")
    return x


@pytest.fixture(params=["inline", "threads", "processes", "dask"])
def backend(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return request.param


def run_reporting(action, count, every=EVERY, concurrency=CONCURRENCY, keys="", **options):
    keys = f"report_every: {every}\n    {keys}"
    return run_work(action, {"n": count}, keys, concurrency=concurrency, workers=2, **options)


def list_repeated(path):
    """Return the items that were attempted again; none was attempted more than twice."""
    attempts = Counter(Path(path).read_text().split())
    assert max(attempts.values()) <= 2
    return [item for item, count in attempts.items() if count > 1]


@pytest.mark.parametrize(("every", "concurrency"), [(1, 2), (5, 8)])
def test_an_attempt_begins_when_others_are_on_record(tmp_path, backend, every, concurrency):
    store = tmp_path / "runs.db"
    keys = f"report_every: {every}"
    parameters = {"n": 60, "path": str(store)}
    run = run_work(
        count_recorded,
        parameters,
        keys,
        more=PATH,
        concurrency=concurrency,
        backend=backend,
        workers=2,
        store=store,
    )

    recorded = run.result("a")
    assert all(recorded[x] >= x + 1 - every * concurrency for x in range(60))


@pytest.mark.parametrize("every", [1, 3])
def test_the_same_holds_for_async_actions(tmp_path, backend, every):
    store = tmp_path / "runs.db"
    parameters = {"n": 60, "path": str(store)}
    run = run_work(
        count_recorded_async,
        parameters,
        f"report_every: {every}",
        more=PATH,
        backend=backend,
        workers=2,
        store=store,
    )

    recorded = run.result("a")
    assert all(recorded[x] >= x + 1 - every * 8 for x in range(60))


def test_failures_and_retries_count(backend):
    run = run_reporting(
        fail, 20, keys="retry: {count: 1}\n    max_failures: 10", backend=backend, store="none"
    )

    batches = [event.batch for event in run.events if isinstance(event, AttemptsEnded)]
    assert max(map(len, batches)) <= EVERY * CONCURRENCY
    assert run.tasks["failed_items"][0] > 10


def test_mocked_attempts_count(backend):
    run = run_reporting(fail, 30, backend=backend, mock={"a": 1})
    batches = [event.batch for event in run.events if isinstance(event, AttemptsEnded)]
    assert max(map(len, batches)) <= EVERY * CONCURRENCY
    assert run.result("a") == [1] * 30


def test_a_worker_that_dies_repeats_no_more_than_said(tmp_path):
    path = tmp_path / "attempts"
    run = run_work(
        exit_once,
        {"n": 100, "path": str(path)},
        f"report_every: {EVERY}",
        more=PATH,
        concurrency=CONCURRENCY,
        backend="processes",
        workers=2,
    )

    assert run.result("a") == list(range(100))
    assert 1 <= len(list_repeated(path)) <= EVERY * CONCURRENCY


def test_no_item_begins_while_the_store_is_locked(tmp_path):
    store = tmp_path / "runs.db"
    path = tmp_path / "attempts"
    keys = f"report_every: {EVERY}\n    rate_limit: 1000/s"
    run = run_work(
        append,
        {"n": 200, "path": str(path)},
        keys,
        more=PATH,
        concurrency=CONCURRENCY,
        backend="threads",
        store=store,
        background=True,
    )
    until(lambda: len(run.attempts()) > 20)

    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        (recorded,) = connection.execute("SELECT items FROM runs").fetchone()
        # without the limit, all items would have begun by then
        time.sleep(0.5)
        begun = len(path.read_text().split())
        connection.execute("ROLLBACK")

    assert begun <= recorded + EVERY * CONCURRENCY
    run.wait()
    assert run.result("a") == list(range(200))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threads", "processes", "dask"])
def test_a_kill_repeats_no_more_than_said(request, tmp_path, backend):
    environment = dict(os.environ)
    if backend == "dask":
        cluster = request.getfixturevalue("cluster")
        environment["DASK_SCHEDULER_ADDRESS"] = cluster.scheduler.address

    store = tmp_path / "runs.db"
    path = tmp_path / "attempts"
    arguments = [ENDLESS, backend, store, path]
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, *arguments], env=environment)
    try:
        until(lambda: path.exists() and len(path.read_text().split()) > 100)
    finally:
        engine.kill()
        engine.wait()

    (run_id,) = attune_nb.runs(store)["run_id"]
    recorded = len(attune_nb.open_run(run_id, store).attempts())
    run = attune_nb.resume(run_id, store, actions={"work": append}, progress=False, background=True)
    until(lambda: len(run.attempts()) > recorded + 200)
    run.cancel(force=True)
    run.wait()

    assert len(list_repeated(path)) <= EVERY * CONCURRENCY

"""The items of a task that run at once are never more than its concurrency."""

import asyncio
import os
import sys
import threading
import time
from array import array
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import pytest
from support import item_runs
from support.item_runs import most_at_once, run_work

import attune_nb
from attune_nb.backends.chunks.in_flight import InFlightChunk
from attune_nb.backends.chunks.messages import ChunkMessage
from attune_nb.backends.chunks.remote_backend import RemoteWorker, find_free_workers
from attune_nb.backends.chunks.serialize import PackedValues
from attune_nb.backends.threads.backend import ThreadBackend
from attune_nb.events import TaskEnded

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(item_runs)


@pytest.fixture(params=["processes", "dask"])
def backend(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return request.param


@pytest.fixture
def go(backend):
    return partial(run_work, backend=backend, workers=2)


def test_a_backend_is_reserved_for_one_run_at_a_time():
    backend = ThreadBackend(2)
    release = threading.Event()
    first = run_work(lambda x: release.wait(90), {"n": 1}, backend=backend, background=True)
    with pytest.raises(attune_nb.BackendError, match="ThreadBackend is in use by another run"):
        run_work(lambda x: x, {"n": 1}, backend=backend)
    release.set()
    assert first.wait(60)
    assert run_work(lambda x: x, {"n": 1}, backend=backend).result("a") == [0]


async def wait_shortly(x):
    start = time.time()
    await asyncio.sleep(0.01)
    return start, time.time()


def sleep_shortly(x):
    start = time.time()
    time.sleep(0.01)
    return start, time.time()


@pytest.mark.parametrize("concurrency", [1, 2, 3, 5, 8])
def test_concurrency_limits_coroutines(go, concurrency):
    run = go(wait_shortly, {"n": 120}, concurrency=concurrency)
    assert min(2, concurrency) <= most_at_once(run.result("a")) <= concurrency


@pytest.mark.parametrize(("concurrency", "limit"), [(1, 1), (2, 2), (3, 2)])
def test_each_worker_runs_one_function_at_once(go, concurrency, limit):
    """Within the concurrency."""
    run = go(sleep_shortly, {"n": 60}, concurrency=concurrency)
    assert most_at_once(run.result("a")) <= limit


def test_concurrency_limits_coroutines_that_are_retried(go):
    async def work(x):
        spans = [*await wait_shortly(x)]
        if x % 3 == 0:
            raise attune_nb.ActionError("no", data={"span": spans})
        return spans

    run = go(work, {"n": 60}, concurrency=3, keys="retry: {count: 2}")
    results = run.result("a")
    spans = [result["span"] if isinstance(result, dict) else result for result in results]
    assert most_at_once(spans) <= 3


def test_a_task_spec_that_is_slow_to_unpickle_runs(go):
    class SlowToUnpickle:
        def __reduce__(self):
            return time.sleep, (0.7,)

    slow = SlowToUnpickle()

    async def work(x):
        await asyncio.sleep(0.001)
        return slow  # `time.sleep` has returned None in its place

    assert go(work, {"n": 40}, concurrency=4).result("a") == [None] * 40


class BusyWorker(RemoteWorker):
    """A worker with chunks in flight, each given by its queue and its concurrency."""

    def __init__(self, chunks):
        self._chunks = chunks

    def chunks(self):
        return [(queue, make_chunk(concurrency)) for queue, concurrency in self._chunks]


def make_chunk(concurrency):
    message = ChunkMessage(array("q"), array("q"), PackedValues(), [], 0.0, concurrency)
    return InFlightChunk([], message)


@pytest.mark.parametrize(
    ("concurrency", "in_flight", "expected"),
    [
        (8, [[], []], [4, 4]),
        (3, [[], []], [2, 2]),  # the first to be sent a chunk; then one is free for the second
        (3, [[2], []], [None, 1]),
        (20, [["other"], []], [None, 20]),  # a worker that runs another job gets no chunk
        (20, [[20], []], [None, None]),
        (5, [[2], [2]], [None, None]),
    ],
)
def test_free_workers_share_the_concurrency(concurrency, in_flight, expected):
    job = SimpleNamespace(spec=SimpleNamespace(concurrency=concurrency))
    queue = SimpleNamespace(job=job, is_slow=True)
    other_queue = SimpleNamespace(is_slow=True)
    workers = []
    for chunks in in_flight:
        pairs = [(other_queue, 1) if chunk == "other" else (queue, chunk) for chunk in chunks]
        workers.append(BusyWorker(pairs))

    free_workers = dict(find_free_workers(queue, workers, behind=True))
    assert [free_workers.get(worker) for worker in workers] == expected


def test_all_coroutines_of_a_process_share_one_loop(backend, tmp_path):
    (tmp_path / "keeps_a_lock.py").write_text("import asyncio; lock, loops = asyncio.Lock(), set()")

    async def work(x, path):
        sys.path.insert(0, path)
        import keeps_a_lock  # noqa: PLC0415 - its folder was just added to the path

        keeps_a_lock.loops.add(asyncio.get_running_loop())
        async with keeps_a_lock.lock:
            await asyncio.sleep(0.02)  # coroutines of chunks before and after this wait for it
        return len(keeps_a_lock.loops)

    parameters = {"n": 60, "path": str(tmp_path)}
    run = run_work(work, parameters, more=item_runs.PATH, backend=backend, workers=2)
    assert set(run.result("a")) == {1}


EXITING = """
tasks:
  - {name: a, action: exits, next: [{when: "{{ true }}", do: b}]}
  - {name: b, action: waits, with_items: "{{ range(9) }}", concurrency: 3, input: {x: "{{ item }}"}}
"""


@pytest.mark.parametrize("backend_name", ["threads", "processes"])
def test_a_coroutine_that_exits_ends_no_other_task(backend_name):
    async def exit_interpreter():
        sys.exit(3)

    async def exits():
        await asyncio.gather(asyncio.create_task(exit_interpreter()), asyncio.sleep(600))

    run = attune_nb.loads(EXITING).run(
        actions={"exits": exits, "waits": wait_shortly},
        backend=backend_name,
        workers=1,
        progress=False,
    )
    assert dict(run.tasks[["task", "status"]].itertuples(index=False)) == {
        "a": "failed",
        "b": "succeeded",
    }


LONG_AND_SHORT = """
tasks:
  - name: long
    action: work
    with_items: "{{ range(20_000) }}"
    concurrency: 8
    input: {x: "{{ item }}"}
  - {name: first, action: core.sleep, input: {seconds: 0.1}, next: [{do: [one, few, waits]}]}
  - {name: one, action: work, input: {x: 0}, next: [{do: mark}]}
  - name: few
    action: work
    with_items: [1, 2, 3]
    concurrency: 2
    input: {x: "{{ item }}"}
    next: [{do: mark}]
  - {name: waits, action: waits, input: {x: 0}, next: [{do: mark}]}
  - {name: mark, action: mark, join: all}
"""


def test_short_tasks_do_not_wait_for_the_end_of_a_long_one(backend, tmp_path):
    """The long one takes as long as the short ones need, and a little more."""
    path = str(tmp_path / "short tasks have ended")

    def work(x):
        if not os.path.exists(path):  # noqa: PTH110 - for each of many items
            time.sleep(0.002)

    def mark():
        Path(path).touch()

    run = attune_nb.loads(LONG_AND_SHORT).run(
        actions={"work": work, "waits": wait_shortly, "mark": mark},
        backend=backend,
        workers=2,
        progress=False,
    )
    assert run.status == "succeeded"
    ended_tasks = [event.task for event in run.events if isinstance(event, TaskEnded)]
    assert ended_tasks[-1] == "long"

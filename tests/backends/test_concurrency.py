"""How many items of a task are under way at once: never more than its concurrency."""

import asyncio
import sys
import threading
import time
from array import array
from functools import partial
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


def test_a_backend_that_is_at_a_run_refuses_another_until_it_has_ended():
    backend, let_go = ThreadBackend(2), threading.Event()
    first = run_work(lambda x: let_go.wait(90), {"n": 1}, backend=backend, background=True)
    with pytest.raises(attune_nb.BackendError, match="ThreadBackend is in use by another run"):
        run_work(lambda x: x, {"n": 1}, backend=backend)
    let_go.set()
    assert first.wait(60)
    assert run_work(lambda x: x, {"n": 1}, backend=backend).result("a") == [0]


async def waits(x):
    before = time.time()
    await asyncio.sleep(0.01)
    return before, time.time()


def sleeps(x):
    before = time.time()
    time.sleep(0.01)
    return before, time.time()


@pytest.mark.parametrize("concurrency", [1, 2, 3, 5, 8])
def test_coroutines_wait_together_as_many_as_the_concurrency_and_no_more(go, concurrency):
    run = go(waits, {"n": 120}, concurrency=concurrency)
    assert min(2, concurrency) <= most_at_once(run.result("a")) <= concurrency


@pytest.mark.parametrize(("concurrency", "most"), [(1, 1), (2, 2), (3, 2)])
def test_functions_run_at_once_one_in_each_worker_within_the_concurrency(go, concurrency, most):
    run = go(sleeps, {"n": 60}, concurrency=concurrency)
    assert most_at_once(run.result("a")) <= most


def test_coroutines_that_are_retried_do_not_exceed_it_either(go):
    async def work(x):
        spans = [*await waits(x)]
        if x % 3 == 0:
            raise attune_nb.ActionError("no", data={"span": spans})
        return spans

    run = go(work, {"n": 60}, concurrency=3, keys="retry: {count: 2}")
    spans = [each["span"] if isinstance(each, dict) else each for each in run.result("a")]
    assert most_at_once(spans) <= 3


def test_a_worker_that_takes_long_until_it_has_all_it_needs_begins_nevertheless(go):
    class Slow:
        def __reduce__(self):
            return time.sleep, (0.7,)

    slow = Slow()

    async def work(x):
        await asyncio.sleep(0.001)
        return slow  # what it was made of there: nothing

    assert go(work, {"n": 40}, concurrency=4).result("a") == [None] * 40


class Busy(RemoteWorker):
    def __init__(self, *shares, threads=1):
        self.threads, self._held = threads, shares

    def chunks(self):
        return [(feed, InFlightChunk([], chunk(share))) for feed, share in self._held]


def chunk(share):
    return ChunkMessage(array("q"), array("q"), PackedValues(), [], 0.0, share)


@pytest.mark.parametrize(
    ("concurrency", "held", "shares"),
    [
        (8, [[], []], [4, 4]),
        (3, [[], []], [2, 2]),  # the first to get it; what is left is then for the other
        (3, [[2], []], [None, 1]),
        (20, [["other"], []], [None, 20]),  # who is at something else takes nothing
        (20, [[20], []], [None, None]),
        (5, [[2], [2]], [None, None]),
    ],
)
def test_the_concurrency_is_shared_among_the_workers_that_are_free(concurrency, held, shares):
    mine = SimpleNamespace(
        job=SimpleNamespace(spec=SimpleNamespace(concurrency=concurrency)), is_slow=True
    )
    other = SimpleNamespace(is_slow=True)
    places = [
        Busy(*((other, 1) if each == "other" else (mine, each) for each in one)) for one in held
    ]
    found = dict(find_free_workers(mine, places, behind=True))
    assert [found.get(each) for each in places] == shares


def test_what_a_module_keeps_for_its_coroutines_is_of_use_in_every_chunk(backend, tmp_path):
    (tmp_path / "keeps_a_lock.py").write_text("import asyncio; lock, loops = asyncio.Lock(), set()")

    async def work(x, path):
        sys.path.insert(0, path)
        import keeps_a_lock  # noqa: PLC0415 - it is there only now

        keeps_a_lock.loops.add(asyncio.get_running_loop())
        async with keeps_a_lock.lock:
            await asyncio.sleep(0.02)  # others wait for it, in chunks before and after this
        return len(keeps_a_lock.loops)

    given = {"n": 60, "path": str(tmp_path)}
    run = run_work(work, given, more=item_runs.PATH, backend=backend, workers=2)
    assert set(run.result("a")) == {1}


EXITING = """
tasks:
  - {name: a, action: exits, next: [{when: "{{ true }}", do: b}]}
  - {name: b, action: waits, with_items: "{{ range(9) }}", concurrency: 3, input: {x: "{{ item }}"}}
"""


@pytest.mark.parametrize("where", ["threads", "processes"])
def test_a_coroutine_that_would_end_the_interpreter_ends_no_other_task(where):
    async def leaves():
        sys.exit(3)

    async def exits():
        await asyncio.gather(asyncio.create_task(leaves()), asyncio.sleep(60))

    run = attune_nb.loads(EXITING).run(
        actions={"exits": exits, "waits": waits}, backend=where, workers=1, progress=False
    )
    assert dict(run.tasks[["task", "status"]].itertuples(index=False)) == {
        "a": "failed",
        "b": "succeeded",
    }


TWO = """
tasks:
  - name: long
    action: work
    with_items: "{{ range(1500) }}"
    concurrency: 8
    input: {x: "{{ item }}"}
  - {name: first, action: core.sleep, input: {seconds: 0.1}, next: [{do: [one, few, waits]}]}
  - {name: one, action: work, input: {x: 0}}
  - {name: few, action: work, with_items: [1, 2, 3], concurrency: 2, input: {x: "{{ item }}"}}
  - {name: waits, action: waits, input: {x: 0}}
"""


def test_short_tasks_do_not_wait_for_the_end_of_a_long_one(backend):
    run = attune_nb.loads(TWO).run(
        actions={"work": lambda x: (time.sleep(0.002), x)[1], "waits": waits},
        backend=backend,
        workers=2,
        progress=False,
    )
    assert run.status == "succeeded"
    assert [each.task for each in run.events if isinstance(each, TaskEnded)][-1] == "long"

"""Attempts of `async` actions: one event loop, limited only by the concurrency."""

import asyncio
import threading
import time

import attune_nb

WORK = """
parameters: {items: {}}
tasks:
  - name: a
    action: work
    with_items: "{{ parameters.items }}"
    concurrency: CONCURRENCY
    input: {x: "{{ item }}"}
    KEYS
"""


def run_items(work, items, concurrency=8, keys="", **options):
    """Run an action over items; `keys` are keys of the task."""
    text = WORK.replace("CONCURRENCY", str(concurrency)).replace("KEYS", keys)
    return attune_nb.loads(text).run(
        {"items": items}, actions={"work": work}, progress=False, **options
    )


def test_more_of_them_wait_than_there_are_threads():
    """All in one thread."""
    waiting = 0
    max_waiting = 0
    threads = set()
    all_wait = asyncio.Event()

    async def work(x):
        nonlocal waiting, max_waiting
        threads.add(threading.get_ident())
        waiting += 1
        max_waiting = max(max_waiting, waiting)
        if waiting == 1000:
            all_wait.set()
        await all_wait.wait()
        waiting -= 1
        return x

    run = run_items(work, range(1200), concurrency=1000)
    assert run.result("a") == list(range(1200))
    assert max_waiting == 1000
    assert len(threads) == 1
    assert threading.main_thread().ident not in threads


def test_concurrency_limits_them_and_workers_does_not():
    waiting = 0
    max_waiting = 0
    all_wait = asyncio.Event()

    async def work(x):
        nonlocal waiting, max_waiting
        waiting += 1
        max_waiting = max(max_waiting, waiting)
        if waiting == 5:
            all_wait.set()
        await all_wait.wait()
        await asyncio.sleep(0.002)
        waiting -= 1

    run = run_items(work, range(60), concurrency=5, workers=1)
    assert run.status == "succeeded"
    assert max_waiting == 5


def test_one_that_never_waits_does_not_block_others():
    begun = []
    begun_before_quick = []

    async def busy(x):
        begun.append(x)
        if not begun_before_quick:
            time.sleep(0.003)  # noqa: ASYNC251 - blocks on purpose

    async def quick():
        begun_before_quick.append(len(begun))

    text = WORK.replace("CONCURRENCY", "1").replace("KEYS", "") + (
        "  - {name: b, action: quick, delay: 0.05}\n"
    )
    run = attune_nb.loads(text).run(
        {"items": range(5_000)}, actions={"work": busy, "quick": quick}, progress=False
    )
    assert run.status == "succeeded"
    assert begun_before_quick[0] < len(begun) == 5_000


def test_a_timeout_cancels_one_where_it_waits():
    cleaned = []

    async def work(x):
        try:
            await asyncio.sleep(600 if x == 2 else 0)
        finally:
            cleaned.append(x)
        return x

    run = run_items(work, range(5), keys="timeout: 1")
    assert run.result("a")[2]["error"] == "no end within 1 s; it was stopped"
    assert [result for result in run.result("a") if isinstance(result, int)] == [0, 1, 3, 4]
    assert sorted(cleaned) == [0, 1, 2, 3, 4]


def test_items_after_a_timeout_are_not_cancelled():
    async def work(x):
        if x == 0:
            await asyncio.sleep(600)
        async with asyncio.timeout(60):
            await asyncio.sleep(0.001)
        return x

    run = run_items(work, range(6), concurrency=1, keys="timeout: 1")
    assert [result for result in run.result("a") if isinstance(result, int)] == [1, 2, 3, 4, 5]


def test_a_retry_has_the_same_input():
    inputs = []

    async def work(x, luck):
        inputs.append((x, luck))
        if len(inputs) < 3:
            raise ValueError
        return x

    text = (
        WORK.replace("CONCURRENCY", "1")
        .replace("KEYS", "retry: {count: 3}")
        .replace('x: "{{ item }}"', 'x: "{{ item }}", luck: "{{ uuid() }}"')
    )
    run = attune_nb.loads(text).run({"items": [7]}, actions={"work": work}, progress=False)
    assert run.result("a") == [7]
    assert len(inputs) == 3
    assert len(set(inputs)) == 1


def test_cancelling_a_run_cancels_them():
    started = threading.Event()
    cancelled = []

    async def work(x):
        started.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.append(x)
            raise

    run = run_items(work, range(50), background=True)
    assert started.wait(60)
    run.cancel(force=True)
    assert run.wait(60)
    assert run.status == "cancelled"
    until = time.monotonic() + 60
    while len(cancelled) < 8 and time.monotonic() < until:
        time.sleep(0.01)
    assert sorted(cancelled) == list(range(8))


def test_a_slow_source_is_read_while_they_wait():
    def read_slowly():
        for x in range(8):
            time.sleep(0.03)
            yield x

    async def work(x):
        await asyncio.sleep(0.01)
        return x

    run = run_items(work, read_slowly(), concurrency=4)
    assert run.result("a") == list(range(8))


def test_a_source_that_fails_fails_the_next_item():
    def broken():
        yield 1
        raise OSError("the disk is gone")

    async def work(x):
        return x

    run = run_items(work, broken(), concurrency=3)
    assert run.status == "failed"
    assert run.result("a")[0] == 1
    assert run.result("a")[1]["error"] == "the disk is gone"


def test_a_pause_stops_them():
    seen = []
    opened = threading.Event()

    async def work(x):
        seen.append(x)
        # so that the pause does not come too late
        while x >= 10 and not opened.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.002)

    run = run_items(work, range(400), concurrency=2, background=True)
    while len(seen) < 10:
        time.sleep(0.005)
    run.pause()
    while run.status != "paused":
        time.sleep(0.005)
    opened.set()
    time.sleep(0.1)
    count = len(seen)
    time.sleep(0.1)
    assert len(seen) == count < 400
    run.resume()
    assert run.wait(60)
    assert sorted(seen) == list(range(400))


def test_no_thread_stays_after_the_run():
    async def work(x):
        await asyncio.sleep(0)

    before = threading.enumerate()
    run_items(work, range(10))
    until = time.monotonic() + 60
    while any(thread.name.startswith("attune") for thread in {*threading.enumerate()} - {*before}):
        assert time.monotonic() < until
        time.sleep(0.01)

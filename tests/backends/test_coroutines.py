"""Attempts of `async` actions: one loop, and the concurrency as the only bound."""

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


def go(work, items, concurrency=8, keys="", **options):
    text = WORK.replace("CONCURRENCY", str(concurrency)).replace("KEYS", keys)
    return attune_nb.loads(text).run(
        {"items": items}, actions={"work": work}, progress=False, **options
    )


def test_they_wait_together_in_one_thread_beyond_what_threads_there_could_be():
    now, most, threads = 0, 0, set()

    async def work(x):
        nonlocal now, most
        threads.add(threading.get_ident())
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.1)
        now -= 1
        return x

    run = go(work, range(1200), concurrency=1000)
    assert run.result("a") == list(range(1200))
    assert most == 1000
    assert len(threads) == 1
    assert threading.main_thread().ident not in threads


def test_no_more_wait_together_than_the_concurrency_and_workers_say_nothing_about_it():
    now, most = 0, 0

    async def work(x):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.002)
        now -= 1

    run = go(work, range(60), concurrency=5, workers=1)
    assert run.status == "succeeded"
    assert most == 5


def test_one_that_never_waits_lets_the_others_go_on():
    async def busy(x):
        time.sleep(0.003)  # noqa: ASYNC251 - this is the one that never waits

    async def quick():
        return time.time()

    text = WORK.replace("CONCURRENCY", "1").replace("KEYS", "") + (
        "  - {name: b, action: quick, delay: 0.05}\n"
    )
    run = attune_nb.loads(text).run(
        {"items": range(300)}, actions={"work": busy, "quick": quick}, progress=False
    )
    tasks = run.tasks.set_index("task")
    assert tasks.loc["b", "end"] < tasks.loc["a", "end"]


def test_its_time_is_up_and_it_is_cancelled_where_it_waits():
    cleaned = []

    async def work(x):
        try:
            await asyncio.sleep(60 if x == 2 else 0)
        finally:
            cleaned.append(x)
        return x

    run = go(work, range(5), keys="timeout: 0.1")
    assert run.result("a")[2]["error"] == "no end within 0.1 s; it was stopped"
    assert [each for each in run.result("a") if isinstance(each, int)] == [0, 1, 3, 4]
    assert sorted(cleaned) == [0, 1, 2, 3, 4]


def test_one_cancelled_for_its_time_goes_on_to_the_next_item_undisturbed():
    async def work(x):
        if x == 0:
            await asyncio.sleep(60)
        async with asyncio.timeout(5):
            await asyncio.sleep(0.001)
        return x

    run = go(work, range(6), concurrency=1, keys="timeout: 0.1")
    assert [each for each in run.result("a") if isinstance(each, int)] == [1, 2, 3, 4, 5]


def test_a_failed_one_is_tried_again_with_the_same_input():
    seen = []

    async def work(x, luck):
        seen.append((x, luck))
        if len(seen) < 3:
            raise ValueError
        return x

    text = (
        WORK.replace("CONCURRENCY", "1")
        .replace("KEYS", "retry: {count: 3}")
        .replace('x: "{{ item }}"', 'x: "{{ item }}", luck: "{{ uuid() }}"')
    )
    run = attune_nb.loads(text).run({"items": [7]}, actions={"work": work}, progress=False)
    assert run.result("a") == [7]
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_a_run_that_is_cancelled_cancels_them():
    begun, cancelled = threading.Event(), []

    async def work(x):
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(x)
            raise

    run = go(work, range(50), background=True)
    assert begun.wait(60)
    run.cancel(force=True)
    assert run.wait(60)
    assert run.status == "cancelled"
    until = time.monotonic() + 60
    while len(cancelled) < 8 and time.monotonic() < until:
        time.sleep(0.01)
    assert sorted(cancelled) == list(range(8))


def test_a_source_that_takes_its_time_is_read_while_they_wait():
    def slowly():
        for each in range(8):
            time.sleep(0.03)
            yield each

    waited = []

    async def work(x):
        began = time.monotonic()
        await asyncio.sleep(0.01)
        waited.append(time.monotonic() - began)
        return x

    run = go(work, slowly(), concurrency=4)
    assert run.result("a") == list(range(8))


def test_a_source_that_fails_fails_the_item_to_come():
    def broken():
        yield 1
        raise OSError("the disk is gone")

    async def work(x):
        return x

    run = go(work, broken(), concurrency=3)
    assert run.status == "failed"
    assert run.result("a")[0] == 1
    assert run.result("a")[1]["error"] == "the disk is gone"


def test_a_pause_holds_them():
    seen = []

    async def work(x):
        seen.append(x)
        await asyncio.sleep(0.002)

    run = go(work, range(400), concurrency=2, background=True)
    while len(seen) < 10:
        time.sleep(0.005)
    run.pause()
    while run.status != "paused":
        time.sleep(0.005)
    time.sleep(0.1)
    held = len(seen)
    time.sleep(0.1)
    assert len(seen) == held < 400
    run.resume()
    assert run.wait(60)
    assert sorted(seen) == list(range(400))


def test_no_thread_stays_after_the_run():
    async def work(x):
        await asyncio.sleep(0)

    before = threading.enumerate()
    go(work, range(10))
    until = time.monotonic() + 60
    while any(each.name.startswith("attune") for each in {*threading.enumerate()} - {*before}):
        assert time.monotonic() < until
        time.sleep(0.01)

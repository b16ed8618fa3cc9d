"""Coroutines on the inline backend: one event loop for all items, and nothing left between them."""

import asyncio
import contextvars

import pytest

import attune_nb

ITEMS = """
tasks:
  - name: work
    action: work
    with_items: [1, 2, 3]
    input: {x: "{{ item }}"}
"""
VARIABLE = contextvars.ContextVar("VARIABLE", default=0)


def run_inline(action):
    run = attune_nb.loads(ITEMS).run(
        actions={"work": action}, backend="inline", progress=False, store="none"
    )
    run.raise_for_status()
    return list(run.result("work"))


def test_all_items_run_in_one_event_loop():
    loops = []

    async def work(x):
        loops.append(asyncio.get_running_loop())
        return x

    assert run_inline(work) == [1, 2, 3]
    assert len(set(loops)) == 1
    assert loops[0].is_closed()


def test_a_task_that_is_left_behind_is_cancelled():
    tasks = []

    async def work(x):
        assert all(task.cancelled() for task in tasks)
        tasks.append(asyncio.create_task(asyncio.sleep(60)))
        return x

    assert run_inline(work) == [1, 2, 3]
    assert all(task.cancelled() for task in tasks)


def test_an_item_does_not_see_the_variables_of_another():
    async def work(x):
        before = VARIABLE.get()
        VARIABLE.set(x)
        return before

    assert run_inline(work) == [0, 0, 0]


def test_a_failed_item_leaves_the_loop_to_the_next():
    loops = []

    async def work(x):
        loops.append(asyncio.get_running_loop())
        raise ValueError(x)

    with pytest.raises(attune_nb.RunFailed):
        run_inline(work)
    assert len(loops) == 3
    assert len(set(loops)) == 1


def test_items_run_where_a_loop_runs_already():
    async def work(x):
        await asyncio.sleep(0)
        return x

    async def call():
        return run_inline(work)

    assert asyncio.run(call()) == [1, 2, 3]

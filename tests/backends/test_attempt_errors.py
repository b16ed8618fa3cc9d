"""Behaviour beside the mended faults of attempts: errors of groups, counts, slow loops."""

import asyncio
import time

from support.item_runs import until

import attune_nb

GROUP = """
tasks:
  - name: call
    action: raise_group
    input: {kinds: KINDS}
    retry: {count: 1, on_error: "PATTERN"}
"""
ITEMS = """
tasks:
  - name: others
    action: wait
    with_items: [1, 2, 3]
    concurrency: 3
    timeout: 0.2
    input: {x: "{{ item }}"}
"""


def raise_group(kinds):
    errors = {"value": ValueError("no such value"), "key": KeyError("price")}
    raise ExceptionGroup("several", [errors[kind] for kind in kinds])


def count_attempts(kinds, pattern):
    text = GROUP.replace("KINDS", kinds).replace("PATTERN", pattern)
    run = attune_nb.loads(text).run(
        actions={"raise_group": raise_group}, backend="inline", progress=False
    )
    return run.tasks["attempts"][0]


def test_on_error_still_finds_the_type_of_a_group():
    assert count_attempts("[value]", "^ExceptionGroup$") == 2
    assert count_attempts("[value, key]", "^ExceptionGroup$") == 2


def test_a_group_without_the_error_is_not_retried():
    assert count_attempts("[value, key]", "^OSError$") == 1


def test_a_task_that_is_cancelled_counts_attempts_made():
    text = """
    tasks:
      - name: a
        action: act
        with_items: [1, 2]
        concurrency: 1
        rate_limit: 1/h
        input: {x: "{{ item }}"}
    """
    run = attune_nb.loads(text).run(actions={"act": str}, progress=False, background=True)
    until(lambda: run.tasks["attempts"].sum() >= 1)
    run.cancel(force=True)
    run.wait()

    assert run.tasks["attempts"][0] == 1
    assert len(run.attempts()) == 1


def work_for(seconds):
    time.sleep(seconds)


def test_a_slow_loop_is_not_blamed():
    """A loop that has turns, however many coroutines are ready, is not held up by one of them."""

    async def act(x):
        while True:
            work_for(0.02)
            await asyncio.sleep(0)

    run = attune_nb.loads(ITEMS).run(actions={"wait": act}, backend="threads", progress=False)

    for message in run.items("others")["error"]:
        assert message == "no end within 0.2 s; it was stopped"

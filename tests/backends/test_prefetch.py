"""Items that are read ahead: a slow source of items does not block the run."""

import itertools
import sys
import threading
import time
from pathlib import Path

import cloudpickle
import pytest
from support import item_runs
from support.item_runs import errors, until
from support.outcomes import NewThreads

import attune_nb

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(item_runs)

WORK = """
parameters: {items: {}}
tasks:
  - name: a
    action: work
    with_items: "{{ parameters.items }}"
    concurrency: 4
    input: {x: "{{ item }}"}
  - {name: b, action: other}
"""


@pytest.fixture(params=["threads", "processes", "dask"])
def go(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")

    def run(items, work=lambda x: x, other=lambda: "done", **options):
        return attune_nb.loads(WORK).run(
            {"items": items},
            actions={"work": work, "other": other},
            backend=request.param,
            **{"workers": 2, "progress": False, **options},
        )

    return run


class Valve:
    """Yields items up to a number, and the rest when it is open."""

    def __init__(self, before, after=0):
        self.before = before
        self.after = after
        self.open = threading.Event()

    def __iter__(self):
        yield from range(self.before)
        assert self.open.wait(60)
        yield from range(self.before, self.before + self.after)


def test_a_blocked_source_does_not_block_items_and_tasks(go):
    valve = Valve(3, 4)
    run = go(iter(valve), background=True)
    until(lambda: len(run.attempts()) == 4)
    assert set(run.tasks["status"]) == {"running", "succeeded"}
    valve.open.set()
    assert run.wait(60)
    assert (run.result("a"), run.result("b")) == (list(range(7)), "done")


def test_a_run_is_cancelled_while_a_source_blocks(go):
    valve = Valve(3)
    run = go(iter(valve), background=True)
    until(lambda: len(run.attempts()) == 4)
    run.cancel()
    assert run.wait(60)
    assert run.status == "cancelled"
    assert len(run.items("a")) == 3
    valve.open.set()


def test_a_run_is_paused_and_resumed_while_a_source_blocks(go):
    valve = Valve(3, 2)
    run = go(iter(valve), background=True)
    until(lambda: len(run.attempts()) == 4)
    run.pause()
    until(lambda: run.status == "paused")
    run.resume()
    valve.open.set()
    assert run.wait(60)
    assert run.result("a") == list(range(5))


def test_a_source_may_wait_for_its_own_items(go, tmp_path):
    def steps():
        for step in range(6):
            path = tmp_path / str(step)
            yield str(path)
            until(path.exists)

    def work(x):
        Path(x).touch()
        return x

    run = go(steps(), work)
    assert run.result("a") == [str(tmp_path / str(step)) for step in range(6)]


def test_a_source_that_fails_fails_the_next_item(go):
    def broken():
        yield from range(50)
        raise OSError("the disk is gone")

    run = go(broken())
    assert errors(run) == {50: "the disk is gone"}
    assert run.result("a")[:50] == list(range(50))


def test_a_source_that_exits_ends_its_task_only(go):
    def broken():
        yield 0
        sys.exit(3)

    run = go(broken())
    assert errors(run) == {1: "SystemExit: 3"}
    assert run.result("b") == "done"


def test_an_endless_source_is_not_read_far_ahead(go):
    new_threads = NewThreads()
    source = itertools.count()
    run = go(source, lambda x: (time.sleep(0.002), x)[1], background=True)
    until(lambda: len(run.attempts()) > 100)
    run.cancel(force=True)
    assert run.wait(60)
    until(lambda: not new_threads.named("attune items"))
    position = next(source)
    assert position < len(run.items("a")) + 5_000
    time.sleep(0.1)
    assert next(source) == position + 1  # no thread reads any more


def test_all_items_of_a_source_come_in_order(go):
    run = go(iter(range(30_000)))
    assert run.result("a") == list(range(30_000))


@pytest.mark.parametrize("go", ["processes", "dask"], indirect=True)
def test_an_endless_source_of_unsendable_items_is_cancelled(go):
    lock = threading.Lock()
    run = go(itertools.count(), lambda x: lock, background=True)
    until(lambda: len(run.attempts()) > 10)
    run.cancel(force=True)
    assert run.wait(60)
    assert run.status == "cancelled"


def test_no_thread_reads_on_after_the_run(go):
    new_threads = NewThreads()
    valve = Valve(2)
    run = go(iter(valve), background=True)
    until(lambda: len(run.attempts()) == 3)
    run.cancel()
    assert run.wait(60)
    valve.open.set()
    until(lambda: not new_threads.named("attune items"))

"""Items that come when they come: a source that takes its time holds up nobody."""

import itertools
import sys
import threading
import time
from pathlib import Path

import cloudpickle
import pytest
from support import item_runs
from support.item_runs import errors, until

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
    """Gives items up to a number, and the others once it is open."""

    def __init__(self, before, after=0):
        self.before, self.after = before, after
        self.open = threading.Event()

    def __iter__(self):
        yield from range(self.before)
        assert self.open.wait(60)
        yield from range(self.before, self.before + self.after)


def test_while_a_source_is_waited_for_what_it_gave_ends_and_other_tasks_run(go):
    valve = Valve(3, 4)
    run = go(iter(valve), background=True)
    until(lambda: len(run.attempts) == 4)
    assert set(run.tasks["status"]) == {"running", "succeeded"}
    valve.open.set()
    assert run.wait(60)
    assert (run.result("a"), run.result("b")) == (list(range(7)), "done")


def test_a_run_is_cancelled_while_a_source_is_waited_for(go):
    valve = Valve(3)
    run = go(iter(valve), background=True)
    until(lambda: len(run.attempts) == 4)
    run.cancel()
    assert run.wait(30)
    assert run.status == "cancelled"
    assert len(run.items("a")) == 3
    valve.open.set()


def test_a_run_is_paused_and_goes_on_while_a_source_is_waited_for(go):
    valve = Valve(3, 2)
    run = go(iter(valve), background=True)
    until(lambda: len(run.attempts) == 4)
    run.pause()
    until(lambda: run.status == "paused")
    run.resume()
    valve.open.set()
    assert run.wait(60)
    assert run.result("a") == list(range(5))


def test_a_source_may_wait_for_what_becomes_of_its_items(go, tmp_path):
    def steps():
        for each in range(6):
            yield str(tmp_path / str(each))
            until((tmp_path / str(each)).exists)

    def work(x):
        Path(x).touch()
        return x

    run = go(steps(), work)
    assert run.result("a") == [str(tmp_path / str(each)) for each in range(6)]


def test_a_source_that_fails_fails_the_item_to_come(go):
    def broken():
        yield from range(50)
        raise OSError("the disk is gone")

    run = go(broken())
    assert errors(run) == {50: "the disk is gone"}
    assert run.result("a")[:50] == list(range(50))


def test_a_source_that_ends_the_interpreter_ends_its_task_only(go):
    def broken():
        yield 0
        sys.exit(3)

    run = go(broken())
    assert errors(run) == {1: "SystemExit: 3"}
    assert run.result("b") == "done"


def test_an_endless_source_is_read_no_further_than_there_is_use_for(go):
    read = itertools.count()
    run = go(read, lambda x: (time.sleep(0.002), x)[1], background=True)
    until(lambda: len(run.attempts) > 100)
    run.cancel(force=True)
    assert run.wait(60)
    time.sleep(0.05)
    at = next(read)
    assert at < len(run.items("a")) + 5_000
    time.sleep(0.1)
    assert next(read) == at + 1  # by nobody any more


def test_many_items_of_a_source_come_in_their_order_to_the_end(go):
    run = go(iter(range(30_000)))
    assert run.result("a") == list(range(30_000))


@pytest.mark.parametrize("go", ["processes", "dask"], indirect=True)
def test_an_endless_source_of_what_cannot_be_sent_can_be_cancelled(go):
    lock = threading.Lock()
    run = go(itertools.count(), lambda x: lock, background=True)
    until(lambda: len(run.attempts) > 10)
    run.cancel(force=True)
    assert run.wait(60)
    assert run.status == "cancelled"


def test_no_thread_reads_on_after_the_run(go):
    valve = Valve(2)
    run = go(iter(valve), background=True)
    until(lambda: len(run.attempts) == 3)
    run.cancel()
    assert run.wait(30)
    valve.open.set()
    until(lambda: not any(each.name == "attune items a" for each in threading.enumerate()))

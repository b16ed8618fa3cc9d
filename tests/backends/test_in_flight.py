"""What workers tell of failures: an item's error is its own, whatever it is made of."""

import asyncio
import linecache
import os
import sys
import threading
from functools import partial

import cloudpickle
import pytest
from support import item_runs
from support.item_runs import errors, run_work

import attune_nb
from attune_nb.backends.chunks import chunk_queue
from attune_nb.events import AttemptsEnded
from attune_nb.values.secrets import MASKED

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(item_runs)

ENGINE = os.getpid()
SECRET = "a-key-" + "0123456789" * 20  # longer than what is shown of anything


@pytest.fixture(params=["processes", "dask"])
def go(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return partial(run_work, backend=request.param, workers=2)


def test_a_coroutine_that_fails_is_told_with_what_it_raised(go):
    async def work(x):
        await asyncio.sleep(0)
        if x == 3:
            raise KeyError("colour")
        return x

    run = go(work)
    assert errors(run) == {3: "KeyError: 'colour'"}
    assert run.result("a")[3]["error_type"] == "KeyError"


def test_a_traceback_shows_the_lines_of_the_cell(go):
    cell = """def work(x):
    if x == 3:
        def inner():
            raise ValueError("no")
        inner()
"""
    file, made = "/nowhere/cell.py", {"__name__": "__main__"}
    linecache.cache[file] = len(cell), None, cell.splitlines(keepends=True), file
    exec(compile(cell, file, "exec"), made)

    def told(run):
        ends = [each.batch for each in run.events if isinstance(each, AttemptsEnded)]
        [error] = [error for batch in ends for error in batch.errors.values()]
        return error.traceback

    there = told(go(made["work"]))
    assert f'File "{file}", line 4, in inner' in there
    assert 'raise ValueError("no")' in there
    assert there == told(run_work(made["work"]))


def test_a_coroutine_that_fails_is_tried_again(go, tmp_path):
    async def work(x, path):
        await asyncio.sleep(0)
        if x == 3 and not os.path.exists(path):  # noqa: ASYNC240, PTH110 - a moment
            open(path, "w").close()  # noqa: ASYNC230, PTH123 - a moment
            raise ConnectionError("reset")
        return x

    run = go(work, {"path": str(tmp_path / "tried")}, more=item_runs.PATH, keys="retry: {count: 1}")
    assert (run.status, run.result("a")) == ("succeeded", list(range(20)))


class Part:
    """Loads where there is this module, or what was sent of it."""

    def __init__(self, number):
        self.number = number


class LoadsThereOnly:
    def __reduce__(self):
        return _only_there, ()


def _only_there():
    if os.getpid() == ENGINE:
        raise OSError("not in the engine")
    return LoadsThereOnly()


def fails_with(made):
    def work(x):
        if x == 7:
            raise attune_nb.ActionError("no", data={"made": made()})
        return x

    return work


def test_an_error_gives_an_object_of_the_notebook(go):
    run = go(fails_with(lambda: Part(5)))
    assert errors(run) == {7: "no"}
    assert run.result("a")[7]["made"].number == 5


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (LoadsThereOnly, "a value cannot be unpickled in the process it was sent to"),
        (threading.Lock, "an object cannot be sent to another process"),
    ],
)
def test_an_error_whose_data_cannot_come_comes_without(go, made, told):
    run = go(fails_with(made), keys="retry: {count: 2}")
    assert run.status == "failed"
    assert list(errors(run)) == [7]
    assert errors(run)[7].startswith(f"no (without its data: {told}")
    assert run.result("a")[7]["error_type"] == "ActionError"
    assert "made" not in run.result("a")[7]
    assert max(run.attempts["attempt"]) == 3
    assert [x for x in run.result("a") if isinstance(x, int)] == [x for x in range(20) if x != 7]


def test_a_message_of_a_class_of_its_own_comes_as_text(go):
    class Text(str):
        __slots__ = ()

        def __reduce__(self):
            raise OSError("nowhere")

    class OddError(Exception):
        def __str__(self):
            return Text("odd")

    def work(x):
        if x == 7:
            raise OddError
        return x

    assert errors(go(work)) == {7: "odd"}


def test_a_report_that_cannot_be_read_fails_its_own_items_only(go, monkeypatch):
    whole = chunk_queue.read_report

    def reported(job, sent, report, lane):
        if 7 in report.index:
            raise ValueError("a column is missing")
        return whole(job, sent, report, lane)

    monkeypatch.setattr(chunk_queue, "read_report", reported)
    run = go(lambda x: x)
    assert 7 in errors(run)
    assert len(errors(run)) < 20
    assert (
        "the worker's report cannot be read (ValueError('a column is missing'))" in errors(run)[7]
    )


# No part of a secret is shown either, however short the text is cut.


def test_no_part_of_a_long_secret_is_in_what_stands_for_a_result(cluster):
    run = run_work(
        lambda x, key: key if x else {key: [key]},
        backend="dask",
        keys="keep_results: cluster",
        more=', key: "{{ keystore.key }}"',
        keystore={"key": SECRET},
    )
    stands = [repr(each) for each in run.items("a")["result"]]
    assert stands[0] == "<an object of 1, on the cluster>"
    assert set(stands[1:]) == {f"<a string of {len(SECRET)}, on the cluster>"}


def test_no_part_of_a_long_secret_is_in_what_says_why_it_cannot_come(go):
    class Holds:
        def __init__(self, key):
            self.key = key

        def __reduce__(self):
            raise OSError("x" * 280 + self.key)

    def work(x, key):
        if x == 7:
            return Holds(key)
        if x == 8:
            raise attune_nb.ActionError("no", data={"held": Holds(key)})
        return x

    run = go(work, more=', key: "{{ keystore.key }}"', keystore={"key": SECRET})
    assert list(errors(run)) == [7, 8]
    assert MASKED in errors(run)[7]
    assert MASKED in errors(run)[8]
    assert SECRET[:8] not in repr([run.events, run.items("a"), run.error, run.result("a")])

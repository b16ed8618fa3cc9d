"""The errors that workers report: an item's error is its own, whatever its data."""

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
# longer than any preview of a value
SECRET = "a-key-" + "0123456789" * 20


@pytest.fixture(params=["processes", "dask"])
def go(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return partial(run_work, backend=request.param, workers=2)


def test_a_coroutines_error_is_reported(go):
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
    file = "/nowhere/cell.py"
    namespace = {"__name__": "__main__"}
    linecache.cache[file] = len(cell), None, cell.splitlines(keepends=True), file
    exec(compile(cell, file, "exec"), namespace)

    def only_traceback(run):
        batches = [event.batch for event in run.events if isinstance(event, AttemptsEnded)]
        all_errors = []
        for batch in batches:
            all_errors += batch.errors.values()
        [error] = all_errors
        return error.traceback

    remote_traceback = only_traceback(go(namespace["work"]))
    assert f'File "{file}", line 4, in inner' in remote_traceback
    assert 'raise ValueError("no")' in remote_traceback
    assert remote_traceback == only_traceback(run_work(namespace["work"]))


def test_a_coroutine_that_fails_is_retried(go, tmp_path):
    async def work(x, path):
        await asyncio.sleep(0)
        if x == 3 and not os.path.exists(path):  # noqa: ASYNC240, PTH110 - quick
            open(path, "w").close()  # noqa: ASYNC230, PTH123 - quick
            raise ConnectionError("reset")
        return x

    run = go(work, {"path": str(tmp_path / "tried")}, more=item_runs.PATH, keys="retry: {count: 1}")
    assert (run.status, run.result("a")) == ("succeeded", list(range(20)))


class Part:
    """Loads in a process that has this module, or was sent its code."""

    def __init__(self, number):
        self.number = number


class LoadsInWorkersOnly:
    def __reduce__(self):
        return _load_in_worker, ()


def _load_in_worker():
    if os.getpid() == ENGINE:
        raise OSError("not in the engine")
    return LoadsInWorkersOnly()


def fails_with(make_data):
    """Return an action that fails for item 7, with data."""

    def work(x):
        if x == 7:
            raise attune_nb.ActionError("no", data={"part": make_data()})
        return x

    return work


def test_an_error_may_hold_an_object_of_the_notebook(go):
    run = go(fails_with(lambda: Part(5)))
    assert errors(run) == {7: "no"}
    assert run.result("a")[7]["part"].number == 5


@pytest.mark.parametrize(
    ("make_data", "problem"),
    [
        (LoadsInWorkersOnly, "a value cannot be unpickled in the process it was sent to"),
        (threading.Lock, "an object cannot be sent to another process"),
    ],
)
def test_an_error_is_reported_without_unsendable_data(go, make_data, problem):
    run = go(fails_with(make_data), keys="retry: {count: 2}")
    assert run.status == "failed"
    assert list(errors(run)) == [7]
    assert errors(run)[7].startswith(f"no (without its data: {problem}")
    assert run.result("a")[7]["error_type"] == "ActionError"
    assert "part" not in run.result("a")[7]
    assert max(run.attempts()["attempt"]) == 3
    assert [x for x in run.result("a") if isinstance(x, int)] == [x for x in range(20) if x != 7]


def test_an_errors_text_becomes_a_plain_string(go):
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


def test_an_unreadable_report_fails_its_own_items_only(go, monkeypatch):
    read_report = chunk_queue.read_report

    def fail_for_item_7(job, chunk, report, number_worker):
        if 7 in report.index:
            raise ValueError("a column is missing")
        return read_report(job, chunk, report, number_worker)

    monkeypatch.setattr(chunk_queue, "read_report", fail_for_item_7)
    run = go(lambda x: x)
    assert 7 in errors(run)
    assert len(errors(run)) < 20
    assert (
        "the worker's report cannot be read (ValueError('a column is missing'))" in errors(run)[7]
    )


# No part of a secret is shown, wherever a message is cut.


def test_a_remote_reference_shows_no_part_of_a_secret(cluster):
    run = run_work(
        lambda x, key: key if x else {key: [key]},
        backend="dask",
        keys="keep_results: cluster",
        more=', key: "{{ keystore.key }}"',
        keystore={"key": SECRET},
    )
    shown = [repr(result) for result in run.items("a")["result"]]
    assert shown[0] == "<an object of 1, on the cluster>"
    assert set(shown[1:]) == {f"<a string of {len(SECRET)}, on the cluster>"}


def test_a_not_sendable_error_shows_no_part_of_a_secret(go):
    class HoldsSecret:
        def __init__(self, key):
            self.key = key

        def __reduce__(self):
            raise OSError("x" * 280 + self.key)

    def work(x, key):
        if x == 7:
            return HoldsSecret(key)
        if x == 8:
            raise attune_nb.ActionError("no", data={"held": HoldsSecret(key)})
        return x

    run = go(work, more=', key: "{{ keystore.key }}"', keystore={"key": SECRET})
    assert list(errors(run)) == [7, 8]
    assert MASKED in errors(run)[7]
    assert MASKED in errors(run)[8]
    assert SECRET[:8] not in repr([run.events, run.items("a"), run.error, run.result("a")])

"""No test leaves a record behind where it runs, unless it says so; and none leaves a process."""

import gc
import logging
import os
import time

import psutil
import pytest

os.environ["ATTUNE_NB_STORE"] = "none"  # kernels and commands that a test starts inherit it

# these watch over what processes share, and end with the one that began them
_TRACKERS = ("resource_tracker",)


@pytest.fixture(scope="session")
def cluster():
    """A Dask cluster of two worker processes, and the current client of it."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as made,
        distributed.Client(made) as client,
    ):
        _shared.append(made)
        yield client
        _shared.clear()


_shared = []


def shared():
    """Give the processes of the cluster, where there is one; a worker that was lost is another."""
    pids = [each.pid for made in _shared for each in made.workers.values() if each.pid]
    found = {psutil.Process(each) for each in pids if psutil.pid_exists(each)}
    return found | {below for each in found for below in each.children(recursive=True)}


def children():
    """Give the processes that this one began, and theirs."""
    found = set()
    for each in psutil.Process().children(recursive=True):
        try:
            if not any(name in word for word in each.cmdline() for name in _TRACKERS):
                found.add(each)
        except psutil.Error:
            continue  # it has ended just now
    return found


def ours(process, before):
    """Tell whether a process was there, or was begun by one that was: a browser, a server."""
    try:
        return process in before or any(each in before for each in process.parents())
    except psutil.Error:
        return True  # it has ended just now


# A process that runs tests is given whole files, some ahead: what takes long must not come last.
_LONG = ("test_beyond_one_machine", "test_clone_cost", "test_logs", "test_notifications",
         "test_fanout", "test_kills")  # fmt: skip
_SLOW = ("backends", "bench", "browser", "notebook", "store")


def _turn(item):
    if item.path.stem in _LONG:
        return 1
    return 2 if item.path.parent.name in _SLOW else 0


def pytest_collection_modifyitems(items):
    """Run what is fast first, then what takes half a minute a test, then the others."""
    items.sort(key=_turn)


@pytest.fixture(autouse=True)
def what_is_logged_is_heard():
    """Undo what a Dask cluster does to pytest's handlers: it silences all that its loggers have."""
    for each in logging.getLogger().handlers:
        each.setLevel(logging.NOTSET)


@pytest.fixture(autouse=True, scope="module")
def no_process_is_left_behind():
    """See that a module's tests end what they began, but for what the whole session shares."""
    before = children()
    yield
    until = time.monotonic() + 30
    while left := {each for each in children() - shared() if not ours(each, before)}:
        if time.monotonic() > until:
            told = [f"{each.pid}: {' '.join(each.cmdline())[:200]}" for each in left]
            pytest.fail(f"processes are left behind: {told}")
        time.sleep(0.05)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Tell, of a test that fails, what the shared cluster and those who use it are at."""
    report = yield
    if report.failed and _shared:
        report.sections.append(("the shared Dask cluster", "\n".join(_at(_shared[0].scheduler))))
    return report


def _at(scheduler):
    for address, worker in list(scheduler.workers.items()):
        yield f"{address}: {worker.status}, {worker.nthreads} threads, {list(worker.processing)}"
    for key, task in list(scheduler.tasks.items()):
        yield f"{key}: {task.state}, on {task.processing_on or [*(task.who_has or ())]}"
    for each in gc.get_objects():
        if type(each).__name__ == "DaskBackend" and each._queues:  # noqa: SLF001 - what it is at
            names = ("_feeds", "_silent_since", "_held", "_ended")
            yield str({name: getattr(each, name) for name in names})
            yield str(vars(each._futures))  # noqa: SLF001
            yield str([vars(feed) for feed in each._queues.values()])[:3000]  # noqa: SLF001
            yield str([vars(worker) for worker in each._workers])[:3000]  # noqa: SLF001

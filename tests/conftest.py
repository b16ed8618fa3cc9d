"""Fixtures and checks for all tests: no store by default, and no process that outlives a module."""

import gc
import logging
import os
import signal
import time

import psutil
import pytest
from hypothesis import HealthCheck, settings
from IPython import get_ipython
from IPython.testing.globalipapp import start_ipython
from support.shared_processes import list_shared_processes

# kernels and commands that a test starts inherit this
os.environ["ATTUNE_NB_STORE"] = "none"
# hundreds of processes import the package: each would compile it again
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# a suite in the background of a shell inherits signals that are ignored: its processes need them
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# a property holds, or not, however busy the machine is
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# helper processes of Python's own, which end with the process that started them
_TRACKERS = ("resource_tracker",)

# pytest-xdist gives whole files to a process, some in advance: slow files must not come last
_SLOWEST_FILES = (
    "test_beyond_one_machine",
    "test_clone_cost",
    "test_logs",
    "test_notifications",
    "test_fanout",
    "test_kills",
)

# their tests are marked `slow`, but for the files below
_SLOW_FOLDERS = ("backends", "bench", "browser", "notebook", "store")
_FAST_FILES = (
    "test_chunk_queue",
    "test_context_slice",
    "test_database",
    "test_event_rows",
    "test_failure_limit",
    "test_item_source",
    "test_json_values",
    "test_labextension",
    "test_pace",
    "test_presets",
    "test_reprs",
    "test_serialize",
    "test_split_line",
)

# the cluster of the session, once a test has requested it
_shared_clusters = []


def pytest_xdist_auto_num_workers(config):
    """Use one worker more than there are cores: many tests wait for another process."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def cluster():
    """Yield the current client of a Dask cluster with two worker processes."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as local_cluster,
        distributed.Client(local_cluster) as client,
    ):
        _shared_clusters.append(local_cluster)
        yield client
        _shared_clusters.clear()


@pytest.fixture(scope="module")
def browser():
    """Yield a browser; without one the tests that need it are skipped, but not in CI.

    It ends with its module: while Playwright is alive, the main thread counts as one whose event
    loop is running, and `asyncio.run` of another module's tests would fail.
    """
    from support.browsers import started_browser  # noqa: PLC0415
    from support.jupyterlab import chromium  # noqa: PLC0415 - few tests need playwright

    if chromium() is None:
        assert not os.environ.get("CI"), "there is no chromium, and this is CI"
        pytest.skip("there is no chromium here: `apt-get install chromium`")

    with started_browser() as browser:
        yield browser


def _list_shared_processes():
    """Return the processes of the session; a lost worker of the cluster has a successor."""
    processes = list_shared_processes()
    for local_cluster in _shared_clusters:
        for worker in local_cluster.workers.values():
            if worker.pid and psutil.pid_exists(worker.pid):
                process = psutil.Process(worker.pid)
                processes |= {process, *process.children(recursive=True)}
    return processes


def _list_children():
    """Return the processes that this one has started, and theirs, without the trackers."""
    children = set()

    for process in psutil.Process().children(recursive=True):
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            # it has just ended
            continue

        if not any(tracker in command for tracker in _TRACKERS):
            children.add(process)
    return children


def _descends_from(process, ancestors):
    """Return whether a process is one of the ancestors, or was started by one: a browser's."""
    try:
        return process in ancestors or any(parent in ancestors for parent in process.parents())
    except psutil.Error:
        # it has just ended
        return True


def _list_leftovers(before):
    """Return the processes that were started since `before` and do not belong to the session."""
    children = _list_children() - _list_shared_processes()
    return [process for process in children if not _descends_from(process, before)]


def _is_slow(item):
    return item.path.parent.name in _SLOW_FOLDERS and item.path.stem not in _FAST_FILES


def _order(item):
    """Return 0 for fast tests, 1 for the slowest files, 2 for other slow ones."""
    if item.path.stem in _SLOWEST_FILES:
        return 1
    return 2 if _is_slow(item) else 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark slow tests. Run fast ones first, then the slowest files, then the others."""
    for item in items:
        if _is_slow(item):
            item.add_marker(pytest.mark.slow)
    items.sort(key=_order)


@pytest.fixture(autouse=True)
def reset_log_levels():
    """Reset the levels of pytest's log handlers: a Dask cluster silences all handlers."""
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.NOTSET)


@pytest.fixture(autouse=True, scope="module")
def check_leftover_processes():
    """Fail if processes that a module's tests have started are still running after 30 s."""
    before = _list_children()
    yield

    deadline = time.monotonic() + 30
    while leftovers := _list_leftovers(before):
        if time.monotonic() > deadline:
            commands = [
                f"{process.pid}: {' '.join(process.cmdline())[:200]}" for process in leftovers
            ]
            pytest.fail(f"processes are left behind: {commands}")
        time.sleep(0.05)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the state of the session's cluster, and of the backends, to the report of a failure."""
    report = yield
    if report.failed and _shared_clusters:
        lines = [*_describe_scheduler(_shared_clusters[0].scheduler), *_describe_backends()]
        report.sections.append(("the shared Dask cluster", "\n".join(lines)))
    return report


def _describe_scheduler(scheduler):
    for address, worker in list(scheduler.workers.items()):
        yield f"{address}: {worker.status}, {worker.nthreads} threads, {list(worker.processing)}"
    for key, task in list(scheduler.tasks.items()):
        workers = task.processing_on
        if workers is None and task.who_has:
            workers = list(task.who_has)
        yield f"{key}: {task.state}, on {workers}"


def _describe_backends():
    """Yield the private state of each DaskBackend that has jobs."""
    for backend in gc.get_objects():
        if type(backend).__name__ != "DaskBackend" or not vars(backend).get("_queues"):
            continue

        state = vars(backend)
        yield str({name: state[name] for name in ("_queues", "_paused", "_notices")})
        yield str(vars(state["_scheduler_watch"]))
        yield str(vars(state["_futures"]))
        yield str([vars(queue) for queue in state["_queues"].values()])[:3000]
        yield str([vars(worker) for worker in state["_workers"]])[:3000]


@pytest.fixture(scope="module")
def ipython():
    """Yield IPython's own shell, with the magics and without what other modules did in it.

    A process has one shell. A variable that an earlier module left, such as a run named `two`,
    would hide a workflow of that name.
    """
    # None if the process has a shell already
    shell = start_ipython()
    if shell is None:
        shell = get_ipython()
    names_before = set(shell.user_ns)

    shell.run_line_magic("load_ext", "attune_nb")
    yield shell

    # IPython's display hook compares its own names, such as `_`, with what it has set
    for name in set(shell.user_ns) - names_before:
        if not name.startswith("_"):
            del shell.user_ns[name]
    session = shell.magics_manager.registry["AttuneMagics"].session
    session.drop_runs({*session.runs, *[run.run_id for run in session.last_runs.values()]})
    session.workflows.clear()
    session.texts.clear()

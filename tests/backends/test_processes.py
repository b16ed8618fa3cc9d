"""Attempts in worker processes: values sent and returned, workers that die, scripts that end."""

import asyncio
import contextlib
import multiprocessing
import os
import random
import re
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from support.item_runs import (
    PATH,
    check_a_script_may_end_amid_a_run,
    errors,
    most_at_once,
    run_work,
    text_of,
    until,
)

import attune_nb
from attune_nb.backends.chunks import sizing, task_spec
from attune_nb.backends.chunks.quarantine import MAX_DEATHS
from attune_nb.backends.processes import worker_process
from attune_nb.backends.processes.backend import ProcessBackend
from attune_nb.backends.worker import remote_functions
from attune_nb.events import AttemptsEnded


def run_in_processes(work, parameters=None, **options):
    return run_work(work, parameters, **{"backend": "processes", "workers": 2, **options})


def statuses(run):
    return dict(run.items("a")["status"].value_counts())


def test_items_run_in_as_many_processes_as_workers(tmp_path):
    def work(x, path):
        # until both have started
        Path(path, str(os.getpid())).touch()
        while len([*Path(path).iterdir()]) < 2:
            time.sleep(0.01)
        return os.getpid()

    run = run_in_processes(work, {"n": 60, "path": str(tmp_path)}, more=PATH)
    assert len(set(run.result("a"))) == 2
    assert os.getpid() not in run.result("a")


def test_definitions_of_a_notebook_are_sent_along():
    offset = 100

    class Point:
        def __init__(self, x):
            self.x = x

    def helper(x):
        return Point(x + offset)

    run = run_in_processes(lambda x: helper(x).x, {"n": 3})
    assert run.result("a") == [100, 101, 102]


def test_coroutines_wait_together_within_the_concurrency():
    async def work(x):
        before = time.time()
        await asyncio.sleep(0.05)
        return os.getpid(), before, time.time()

    run = run_in_processes(work, {"n": 40}, keys="", workers=1)
    assert 2 <= most_at_once([times for _, *times in run.result("a")]) <= 8
    assert len({process for process, _, _ in run.result("a")}) == 1


def test_a_core_action_is_cancelled_at_its_timeout():
    text = """
tasks:
  - {name: a, action: core.sleep, input: {seconds: 60}, timeout: 0.2}
"""
    run = attune_nb.loads(text).run(backend="processes", progress=False)
    assert (run.status, run.error) == (
        "failed",
        "task `a` timed out: no end within 0.2 s; it was stopped",
    )


def test_mocks_run_in_this_process():
    calls = []
    run = attune_nb.loads(text_of()).run(
        {"n": 5}, mock={"a": lambda arguments: calls.append(arguments["x"])}, backend="processes"
    )
    assert run.status == "succeeded"
    assert sorted(calls) == [0, 1, 2, 3, 4]


def test_a_nested_workflow_runs_in_the_worker():
    inner = attune_nb.loads("""
parameters: {x: {}}
tasks:
  - {name: deep, action: where, with_items: [1, 2], concurrency: 2, input: {x: "{{ item }}"}}
output_map: {pids: "{{ task.deep.result }}"}
""")
    text = 'tasks:\n  - {name: a, action: inner, with_items: [1, 2, 3], input: {x: "{{ item }}"}}\n'
    run = attune_nb.loads(text).run(
        actions={"inner": inner, "where": lambda x: os.getpid()}, backend="processes", workers=1
    )
    pids = set()
    for result in run.result("a"):
        pids.update(result["pids"])
    assert len(pids) == 1
    assert os.getpid() not in pids


class OddError(Exception):
    """An exception that pickle cannot restore, since it takes two arguments."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def raise_odd_errors(x):
    if x == 3:
        raise OddError("salt", "pepper")
    if x == 4:
        sys.exit(3)
    if x == 5:
        raise KeyboardInterrupt
    return x


def test_any_exception_fails_its_item_only():
    run = run_in_processes(raise_odd_errors, {"n": 30})
    assert errors(run) == {3: "salt and pepper", 4: "SystemExit: 3", 5: "KeyboardInterrupt"}
    assert run.result("a")[3]["error_type"] == "OddError"
    tracebacks = []
    for event in run.events:
        if isinstance(event, AttemptsEnded):
            tracebacks += [error.traceback for error in event.batch.errors.values()]
    assert any("raise OddError" in traceback for traceback in tracebacks)
    assert statuses(run) == {"succeeded": 27, "failed": 3}


class Unloadable:
    def __reduce__(self):
        return int, ("no number",)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (threading.Lock, "the result: a value of type `lock` cannot be sent to another process"),
        (Unloadable, "the result: a value cannot be unpickled in the process it was sent to"),
    ],
)
def test_a_result_that_cannot_be_sent_fails_its_item_only(make, message):
    run = run_in_processes(
        lambda x: make() if x == 7 else x, {"n": 30}, keys="retry: {count: 3, delay: 9}"
    )
    assert list(errors(run)) == [7]
    assert errors(run)[7].startswith(message)
    assert run.result("a")[7]["error_type"] == "NotSendable"
    assert run.result("a")[8] == 8


def test_an_item_that_cannot_be_sent_fails_alone():
    text = """
parameters: {x: {}}
tasks:
  - {name: a, action: same, with_items: "{{ parameters.x }}", input: {x: "{{ item }}"}}
"""
    run = attune_nb.loads(text).run(
        {"x": [1, threading.Lock(), 3]}, actions={"same": lambda x: x}, backend="processes"
    )
    assert list(errors(run)) == [1]
    assert "a value of type `lock` cannot be sent" in errors(run)[1]


def test_a_task_that_cannot_be_sent_names_the_culprit():
    lock = threading.Lock()
    runs = {
        "the action refers to `lock`, which cannot be pickled": run_in_processes(
            lambda x: lock, {"n": 3}
        ),
        "the part of the context that its input reads, which cannot be pickled": run_in_processes(
            lambda x, y: x, {"n": 3, "keep": lock}, more=', y: "{{ parameters.keep }}"'
        ),
    }
    for reason, run in runs.items():
        assert run.status == "failed"
        assert len(errors(run)) == 3
        assert f"task `a` cannot be sent to a worker process: {reason}" in errors(run)[0]
        assert "threads backend" in errors(run)[0]


def test_a_failing_expression_has_the_same_error_everywhere():
    text = text_of(more=', y: "{{ parameters.bigg }}"').replace("bigg", "keep.colour")
    messages = [
        attune_nb.loads(text)
        .run({"n": 2, "keep": {"color": 1}}, actions={"work": lambda x, y: x}, backend=backend)
        .error
        for backend in ("threads", "processes")
    ]
    assert messages[0] == messages[1]
    assert "did you mean `color`?" in messages[0]
    assert "line 8" in messages[0]


def test_errors_of_workers_have_no_secrets():
    def work(x, key):
        raise ValueError(f"no entry with {key}")

    more = ', key: "{{ keystore.key }}"'
    run = run_in_processes(work, {"n": 2}, more=more, keystore={"key": "hunter22"})
    assert errors(run) == dict.fromkeys(range(2), "no entry with ***")
    assert not any("hunter22" in repr(event) for event in run.events)


def test_each_attempt_has_the_same_time_and_random_input():
    def work(x, moment, path):
        with Path(path).open("a") as file:
            file.write(f"{x} {moment}\n")
        raise ValueError

    more = ', moment: "{{ uuid() }} {{ now() }}", path: "{{ parameters.path }}"'
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"attune-{os.getpid()}-inputs"
    try:
        run_in_processes(work, {"n": 4, "path": str(path)}, more=more, keys="retry: {count: 2}")
        lines = path.read_text().splitlines()
    finally:
        path.unlink()
    assert Counter(Counter(lines).values()) == {3: 4}


# Workers that die or are killed.


def test_a_killed_worker_loses_only_its_own_items(tmp_path):
    items_file = tmp_path / "made"

    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.0005)
        return x * 3

    backend = ProcessBackend(2)

    def kill():
        while not items_file.exists() or items_file.stat().st_size < 12_000:
            time.sleep(0.005)
        os.kill(backend.pids()[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    run = run_in_processes(work, {"n": 10_000, "path": str(items_file)}, more=PATH, backend=backend)
    killer.join()

    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(10_000)]
    counts = Counter(map(int, items_file.read_text().split()))
    assert set(counts) == set(range(10_000))
    assert set(counts.values()) <= {1, 2}

    # these are of one chunk
    repeated = sorted(x for x, count in counts.items() if count == 2)
    assert len(repeated) <= sizing.MAX_ITEMS
    if repeated:
        assert repeated[-1] - repeated[0] < sizing.MAX_ITEMS


def test_idle_workers_that_are_killed_are_replaced(tmp_path):
    def work(x, path):
        # so that the pause does not come too late
        while x >= 300 and not Path(path).exists():
            time.sleep(0.01)
        return x

    backend = ProcessBackend(2)
    parameters = {"n": 600, "path": str(tmp_path / "go on")}
    run = run_in_processes(work, parameters, more=PATH, backend=backend, background=True)
    until(lambda: len(run.attempts()) > 50)
    run.pause()
    until(lambda: run.status == "paused")

    # running items end first
    (tmp_path / "go on").touch()
    time.sleep(0.3)
    for pid in backend.pids():
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    run.resume()
    assert run.wait(60)
    assert (run.status, run.result("a")) == ("succeeded", list(range(600)))


def test_workers_may_be_killed_again_and_again():
    """The first kill hits a whole chunk. The others can hit an item alone twice at most."""
    backend = ProcessBackend(2)
    rng = random.Random(7)
    run = run_in_processes(
        lambda x: (time.sleep(0.002), x)[1], {"n": 1_500}, backend=backend, background=True
    )
    killed = 0
    while killed < MAX_DEATHS:
        count = len(run.attempts())
        until(lambda count=count: len(run.attempts()) > count + 100)
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(backend.pids()), signal.SIGKILL)
            killed += 1

    assert run.wait(60)
    assert run.result("a") == list(range(1_500))


def test_an_item_that_kills_its_worker_fails_alone():
    def work(x):
        if x == 13:
            os.kill(os.getpid(), signal.SIGSEGV)
        return x

    run = run_in_processes(work, {"n": 400})
    assert list(errors(run)) == [13]
    assert run.result("a")[13]["error_type"] == "WorkerLost"
    assert "the worker died 3 times while it ran this item alone" in errors(run)[13]
    assert "SIGSEGV" in errors(run)[13]
    assert [x for x in run.result("a") if isinstance(x, int)] == [x for x in range(400) if x != 13]


def test_an_item_lost_with_its_worker_is_retried_under_retry(tmp_path):
    def work(x, path):
        with Path(path).open("a") as file:
            file.write("x")
        if x == 1 and Path(path).stat().st_size < 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    parameters = {"n": 2, "path": str(tmp_path / "tries")}
    run = run_in_processes(
        work, parameters, more=PATH, keys='retry: {count: 3, on_error: "WorkerLost"}'
    )
    assert run.status == "succeeded"
    assert run.result("a") == [0, 1]


class DeadlyToLoad:
    """A value that kills the first processes that load it, as many as `deaths`."""

    def __init__(self, path, deaths):
        self.path = path
        self.deaths = deaths

    def __reduce__(self):
        return _load_deadly, (self.path, self.deaths)


def _load_deadly(path, deaths):
    with Path(path).open("a") as file:
        file.write("x")
    if Path(path).stat().st_size <= deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return deaths


@pytest.mark.parametrize("deaths", [2, 99])
def test_a_death_while_loading_is_not_blamed_on_an_item(tmp_path, deaths):
    """A worker that dies before it starts an item is replaced; too many deaths fail the item."""
    value = DeadlyToLoad(str(tmp_path / "loads"), deaths)

    @attune_nb.action("backends.once_fragile", idempotent=False)
    def run_once(x):
        return (x, value)

    run = run_in_processes(run_once, {"n": 1}, backend=ProcessBackend(1))

    if deaths == 2:
        assert run.result("a") == [(0, 2)]
    else:
        assert "while it loaded the action and its context" in errors(run)[0]


def test_a_memory_error_fails_its_item_only():
    def work(x):
        limit = 2**30
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        return len(bytes(2**31)) if x == 2 else x

    run = run_in_processes(work, {"n": 6})
    assert errors(run) == {2: "MemoryError"}


def test_an_item_that_must_run_once_is_not_repeated(tmp_path):
    @attune_nb.action("backends.once", idempotent=False)
    def run_once(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        if x == 120:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    parameters = {"n": 200, "path": str(tmp_path / "made")}
    run = run_in_processes(run_once, parameters, more=PATH, keys="retry: {count: 3}")
    assert list(errors(run)) == [120]
    assert "declared not idempotent" in errors(run)[120]
    assert sorted(map(int, Path(parameters["path"]).read_text().split())) == list(range(200))


@pytest.mark.parametrize("stuck", ["sleeps", "holds the interpreter"])
def test_a_function_is_killed_at_its_timeout(stuck, tmp_path):
    def work(x, path):
        if x == 5:
            Path(path).write_text(str(os.getpid()))
            if stuck == "sleeps":
                time.sleep(600)
            else:
                re.match(r"(a+)+$", "a" * 40 + "b")
        return x

    parameters = {"n": 40, "path": str(tmp_path / "pid")}
    run = run_in_processes(work, parameters, more=PATH, keys="timeout: 1")
    assert errors(run) == {5: "no end within 1 s; its process was ended"}
    assert statuses(run) == {"succeeded": 39, "timed_out": 1}
    until(lambda: not psutil.pid_exists(int((tmp_path / "pid").read_text())))
    [duration] = run.attempts().query("index == 5 and status == 'timed_out'")["duration_ms"]
    assert duration >= 1000


def test_the_time_to_load_does_not_extend_a_timeout(monkeypatch):
    monkeypatch.setattr(worker_process, "START_TIMEOUT", 600.0)
    run = run_in_processes(
        lambda x: re.match(r"(a+)+$", "a" * 40 + "b"), {"n": 4}, keys="timeout: 0.3"
    )
    # each item is in a worker that has just started
    assert statuses(run) == {"timed_out": 4}


def test_a_killed_attempt_has_a_duration(tmp_path):
    def work(x, path):
        Path(path).with_name(str(x)).touch()
        time.sleep(600)

    run = run_in_processes(work, {"n": 2, "path": str(tmp_path / "x")}, more=PATH, background=True)
    until(lambda: len([*tmp_path.iterdir()]) == 2)
    time.sleep(0.5)
    run.cancel(force=True)
    assert run.wait(60)
    assert (run.attempts()["duration_ms"] >= 500).all()


def test_a_cancelled_run_kills_all_processes_it_started(tmp_path):
    def work(x, path):
        inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(path).write_text(f"{os.getpid()} {inner.pid}")
        inner.wait()

    parameters = {"n": 1, "path": str(tmp_path / "pids")}
    run = run_in_processes(work, parameters, more=PATH, background=True)
    while not (tmp_path / "pids").exists() or " " not in (tmp_path / "pids").read_text():
        time.sleep(0.01)
    run.cancel(force=True)
    assert run.wait(60)
    assert run.status == "cancelled"
    assert_pids_end([int(pid) for pid in (tmp_path / "pids").read_text().split()])


@pytest.mark.parametrize("ends", ["killed", "exits"])
def test_a_dead_worker_leaves_no_processes_behind(tmp_path, ends):
    def work(x, path):
        inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with Path(path).open("a") as file:
            file.write(f"{inner.pid}\n")
        if ends == "exits":
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)

    parameters = {"n": 1, "path": str(tmp_path / "pids")}
    run = run_in_processes(work, parameters, more=PATH)
    assert run.result("a")[0]["error_type"] == "WorkerLost"
    pids = [*map(int, (tmp_path / "pids").read_text().split())]
    assert len(pids) == 3
    assert_pids_end(pids)


def assert_pids_end(pids):
    """Wait until processes have ended."""
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_workers_that_die_at_their_start_fail_the_run(monkeypatch):
    monkeypatch.setattr(remote_functions, "start_worker", os._exit)
    run = run_in_processes(lambda x: x, {"n": 3})
    assert run.status == "failed"
    assert "worker processes end while they start" in run.error


# The context and the task spec.


@pytest.fixture
def packed_sizes(monkeypatch):
    """Return a list of the sizes of all task specs that are packed, in bytes."""
    sizes = []

    def record_size(self, to_bytes=task_spec.TaskSpec.to_bytes):
        packed = to_bytes(self)
        sizes.append(len(packed))
        return packed

    monkeypatch.setattr(task_spec.TaskSpec, "to_bytes", record_size)
    return sizes


def test_the_context_is_sent_once_to_each_worker(packed_sizes):
    big = [list(range(1000)) for _ in range(100)]
    more = ', y: "{{ parameters.big|length }}"'
    run = run_in_processes(
        lambda x, y: (time.sleep(0.001), y)[1], {"n": 2_000, "big": big}, more=more
    )
    assert set(run.result("a")) == {100}
    assert len(packed_sizes) == 2
    assert min(packed_sizes) > 200_000


def test_only_the_slice_of_the_context_is_sent(packed_sizes):
    run_in_processes(lambda x: x, {"n": 50, "big": ["x" * 1000] * 1000})
    assert max(packed_sizes) < 5_000


def get_length(x):
    return len(x)


def test_workers_drop_the_context_of_a_finished_task():
    text = """
parameters: {big: {}}
tasks:
  - name: a
    action: size
    input: {x: "{{ parameters.big }}"}
    next: [{do: b}]
  - {name: b, action: count_task_specs}
"""

    def count_task_specs():
        return len(remote_functions._task_specs)  # noqa: SLF001

    run = attune_nb.loads(text).run(
        {"big": "x" * 10_000_000},
        actions={"size": get_length, "count_task_specs": count_task_specs},
        backend="processes",
        workers=1,
    )
    assert run.result("a") == 10_000_000
    # the task spec of `b` itself
    assert run.result("b") == 1


# Scripts and other processes.


SCRIPT = """
import attune_nb, os, time

def work(x):
    {body}

wf = attune_nb.loads('''
tasks:
  - name: a
    action: work
    with_items: "{{{{ range(4) }}}}"
    concurrency: 2
    input: {{x: "{{{{ item }}}}"}}
''')
run = wf.run(
    actions={{"work": work}}, backend="processes", workers=2, progress=False, store="none",
    background={background},
)
while run.status == "pending":
    time.sleep(0.01)
time.sleep(1 if {background} else 0)
print(run.status, run.result("a") if run.has_ended else "", flush=True)
"""


def start_script(tmp_path, body, background=False, before=""):
    """Start a script whose items run `body`, after the code in `before`."""
    file = tmp_path / "script.py"
    file.write_text(before + SCRIPT.format(body=body, background=background))
    return subprocess.Popen(
        [sys.executable, str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_a_script_needs_no_guard(tmp_path):
    process = start_script(tmp_path, "return x")
    output, _ = process.communicate(timeout=120)
    assert (output, process.returncode) == ("succeeded [0, 1, 2, 3]\n", 0)


def test_an_endless_item_does_not_keep_a_script_from_ending(tmp_path):
    process = start_script(tmp_path, "time.sleep(600)", background=True)
    output, _ = process.communicate(timeout=120)
    assert (output, process.returncode) == ("running \n", 0)


def test_semaphores_are_released_before_a_script_ends(tmp_path):
    """The thread that sends to a worker ends before the interpreter does: no leak is reported."""
    slow = """
import atexit, threading, time
from loky.backend.queues import Queue

feed = Queue._feed
def slow(*args):
    feed(*args)
    # during this the interpreter would exit
    time.sleep(0.5)
Queue._feed = staticmethod(slow)
feeders = lambda: [thread.name for thread in threading.enumerate() if "Feeder" in thread.name]
atexit.register(lambda: print(feeders(), flush=True))
"""
    process = start_script(tmp_path, "return x", before=slow)
    output, _ = process.communicate(timeout=120)
    assert (output, process.returncode) == ("succeeded [0, 1, 2, 3]\n[]\n", 0)


SLOW_TO_SEND = """
import time
from attune_nb.backends.processes.backend import ProcessBackend

send = ProcessBackend._send
def slow(*args):
    # during this the script ends
    time.sleep(0.02)
    return send(*args)
ProcessBackend._send = slow
"""


@pytest.mark.parametrize("_turn", range(3))
def test_a_script_may_end_during_a_run(tmp_path, _turn):
    check_a_script_may_end_amid_a_run(tmp_path, "processes", before=SLOW_TO_SEND)


FORKING = """
import multiprocessing, pathlib, sys, time
import attune_nb

def work(path):
    with open(path, "a") as file:
        file.write("made ")
    while not pathlib.Path(path + ".go").exists():
        time.sleep(0.01)

run = attune_nb.loads('''
parameters: {path: {}}
tasks: [{name: a, action: work, input: {path: "{{ parameters.path }}"}}]
''').run(
    {"path": sys.argv[1]}, actions={"work": work}, backend="processes", workers=1, progress=False,
    store="none", background=True,
)
path = pathlib.Path(sys.argv[1])
while not path.exists():
    time.sleep(0.01)
for _ in range(3):
    beside = multiprocessing.get_context("fork").Process(target=int)
    beside.start()
    beside.join()
pathlib.Path(sys.argv[1] + ".go").touch()
run.wait()
print(run.status, path.read_text(), beside.exitcode)
"""


def test_a_forked_process_does_not_kill_the_workers(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", FORKING, tmp_path / "made"], capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert process.stdout == "succeeded made  0\n"


@pytest.mark.parametrize("stuck", ["sleeps", "holds the interpreter"])
def test_workers_end_with_a_killed_engine(tmp_path, stuck):
    """The processes that actions have started end, too."""
    if stuck == "sleeps":
        command = "['sleep', '600']"
        wait = "time.sleep(600)"
    else:
        command = "['true']"
        wait = "__import__('re').match(r'(a+)+$', 'a' * 40 + 'b')"
    body = (
        f"import subprocess; inner = subprocess.Popen({command}); "
        f"open({str(tmp_path)!r} + f'/{{x}}', 'w').write(f'{{os.getpid()}} {{inner.pid}} .'); "
        f"{wait}"
    )
    process = start_script(tmp_path, body)

    # each file lists processes, and ends with a dot once it is complete
    files = [tmp_path / "0", tmp_path / "1"]
    while not all(file.exists() and "." in file.read_text() for file in files):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()

    pids = []
    for file in files:
        pids += map(int, file.read_text().split()[:2])
    assert_pids_end(pids)


def test_an_action_can_start_processes_of_its_own():
    def work(x):
        child = multiprocessing.Process(target=abs, args=(x,))
        child.start()
        child.join()
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return child.exitcode, pool.map(abs, [-x])

    assert run_in_processes(work, {"n": 2}).result("a") == [(0, [0]), (0, [1])]


def test_interrupts_do_not_kill_a_starting_worker(tmp_path):
    file = tmp_path / "script.py"
    handler = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    file.write_text(handler + SCRIPT.format(body="return x", background=False))
    # a session of its own, as in a terminal or at a notebook's server
    process = subprocess.Popen(
        [sys.executable, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )

    engine = psutil.Process(process.pid)
    interrupted = set()
    while process.poll() is None:
        for child in engine.children():
            # the child may just have ended
            with contextlib.suppress(OSError, psutil.Error):
                is_worker = "popen_loky" in str(child.cmdline())
                if is_worker and os.getpgid(child.pid) == process.pid:
                    child.send_signal(signal.SIGINT)
                    interrupted.add(child.pid)
        time.sleep(0.002)
    output, _ = process.communicate()
    assert interrupted
    # without a traceback of a worker
    assert output == "succeeded [0, 1, 2, 3]\n"


def test_an_interrupt_is_for_the_engine():
    code = textwrap.dedent("""
        import os, signal
        os.kill(os.getpid(), signal.SIGINT)
    """)

    def work(x):
        exec(code)
        return x

    assert run_in_processes(work, {"n": 3}).result("a") == [0, 1, 2]

"""Attempts in worker processes: what goes there, what comes back, and what becomes of the dead."""

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
from attune_nb.backends.processes import worker_process
from attune_nb.backends.processes.backend import ProcessBackend
from attune_nb.backends.worker import remote_functions
from attune_nb.events import AttemptsEnded


def go(work, parameters=None, **options):
    return run_work(work, parameters, **{"backend": "processes", "workers": 2, **options})


def statuses(run):
    return dict(run.items("a")["status"].value_counts())


def test_items_run_in_other_processes_as_many_as_workers():
    run = go(lambda x: (time.sleep(0.01), os.getpid())[1], {"n": 60})
    assert len(set(run.result("a"))) == 2
    assert os.getpid() not in run.result("a")


def test_what_a_notebook_defines_goes_along():
    offset = 100

    class Point:
        def __init__(self, x):
            self.x = x

    def helper(x):
        return Point(x + offset)

    run = go(lambda x: helper(x).x, {"n": 3})
    assert run.result("a") == [100, 101, 102]


def test_coroutines_wait_together_within_the_concurrency():
    async def work(x):
        before = time.time()
        await asyncio.sleep(0.05)
        return os.getpid(), before, time.time()

    run = go(work, {"n": 40}, keys="", workers=1)
    assert 2 <= most_at_once([each[1:] for each in run.result("a")]) <= 8
    assert len({process for process, _, _ in run.result("a")}) == 1


def test_a_token_reaches_an_action_there_and_its_time_is_up():
    text = """
tasks:
  - {name: a, action: core.sleep, input: {seconds: 60}, timeout: 0.2}
"""
    run = attune_nb.loads(text).run(backend="processes", progress=False)
    assert (run.status, run.error) == (
        "failed",
        "task `a` timed out: no end within 0.2 s; it was stopped",
    )


def test_made_up_results_are_made_here():
    calls = []
    run = attune_nb.loads(text_of()).run(
        {"n": 5}, mock={"a": lambda given: calls.append(given["x"])}, backend="processes"
    )
    assert run.status == "succeeded"
    assert sorted(calls) == [0, 1, 2, 3, 4]


def test_a_workflow_within_one_runs_in_the_worker():
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
    found = {pid for each in run.result("a") for pid in each["pids"]}
    assert len(found) == 1
    assert os.getpid() not in found


class OddError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def fails(x):
    if x == 3:
        raise OddError("salt", "pepper")
    if x == 4:
        sys.exit(3)
    if x == 5:
        raise KeyboardInterrupt
    return x


def test_whatever_an_item_raises_is_its_own_failure():
    run = go(fails, {"n": 30})
    assert errors(run) == {3: "salt and pepper", 4: "SystemExit: 3", 5: "KeyboardInterrupt"}
    assert run.result("a")[3]["error_type"] == "OddError"
    told = [each.batch.errors for each in run.events if isinstance(each, AttemptsEnded)]
    assert any("raise OddError" in each.traceback for one in told for each in one.values())
    assert statuses(run) == {"succeeded": 27, "failed": 3}


class Unloadable:
    def __reduce__(self):
        return int, ("no number",)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (threading.Lock, "the result: a value of type `lock` cannot be sent to another process"),
        (Unloadable, "the result: a value cannot be unpickled in the process it was sent to"),
    ],
)
def test_a_result_that_cannot_come_back_fails_its_item_only(made, told):
    run = go(lambda x: made() if x == 7 else x, {"n": 30}, keys="retry: {count: 3, delay: 9}")
    assert list(errors(run)) == [7]
    assert errors(run)[7].startswith(told)
    assert run.result("a")[7]["error_type"] == "NotSendable"
    assert run.result("a")[8] == 8


def test_an_item_that_cannot_go_there_fails_alone():
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


def test_a_task_that_cannot_go_there_fails_with_a_word_on_what_holds_it():
    lock = threading.Lock()
    told = {
        "the action refers to `lock`, which cannot be pickled": go(lambda x: lock, {"n": 3}),
        "the part of the context that its input reads, which cannot be pickled": go(
            lambda x, y: x, {"n": 3, "keep": lock}, more=', y: "{{ parameters.keep }}"'
        ),
    }
    for word, run in told.items():
        assert run.status == "failed"
        assert len(errors(run)) == 3
        assert f"task `a` cannot be sent to a worker process: {word}" in errors(run)[0]
        assert "threads backend" in errors(run)[0]


def test_an_expression_that_fails_there_is_told_as_here():
    text = text_of(more=', y: "{{ parameters.bigg }}"').replace("bigg", "keep.colour")
    told = [
        attune_nb.loads(text)
        .run({"n": 2, "keep": {"color": 1}}, actions={"work": lambda x, y: x}, backend=backend)
        .error
        for backend in ("threads", "processes")
    ]
    assert told[0] == told[1]
    assert "did you mean `color`?" in told[0]
    assert "line 8" in told[0]


def test_no_secret_comes_back_in_an_error():
    def work(x, key):
        raise ValueError(f"no entry with {key}")

    more = ', key: "{{ keystore.key }}"'
    run = go(work, {"n": 2}, more=more, keystore={"key": "hunter22"})
    assert errors(run) == dict.fromkeys(range(2), "no entry with ***")
    assert not any("hunter22" in repr(each) for each in run.events)


def test_every_attempt_has_the_same_input_of_time_and_luck():
    def work(x, luck, path):
        with Path(path).open("a") as file:
            file.write(f"{x} {luck}\n")
        raise ValueError

    more = ', luck: "{{ uuid() }} {{ now() }}", path: "{{ parameters.path }}"'
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"attune-{os.getpid()}-inputs"
    try:
        go(work, {"n": 4, "path": str(path)}, more=more, keys="retry: {count: 2}")
        lines = path.read_text().splitlines()
    finally:
        path.unlink()
    assert Counter(Counter(lines).values()) == {3: 4}


# What ends a worker.


def test_a_worker_that_is_killed_costs_what_it_held_and_nothing_else(tmp_path):
    made = tmp_path / "made"

    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.0005)
        return x * 3

    backend = ProcessBackend(2)

    def kill():
        while not made.exists() or made.stat().st_size < 12_000:
            time.sleep(0.005)
        os.kill(backend.pids()[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    run = go(work, {"n": 10_000, "path": str(made)}, more=PATH, backend=backend)
    killer.join()
    assert run.status == "succeeded"
    assert run.result("a") == [x * 3 for x in range(10_000)]
    times = Counter(map(int, made.read_text().split()))
    assert set(times) == set(range(10_000))
    assert set(times.values()) <= {1, 2}
    twice = sorted(x for x, n in times.items() if n == 2)
    assert len(twice) <= sizing.MAX_ITEMS
    if twice:  # one chunk
        assert twice[-1] - twice[0] < sizing.MAX_ITEMS


def test_workers_that_are_killed_while_they_wait_are_others_then():
    backend = ProcessBackend(2)
    run = go(lambda x: (time.sleep(0.002), x)[1], {"n": 600}, backend=backend, background=True)
    while len(run.attempts) < 50:
        time.sleep(0.01)
    run.pause()
    while run.status != "paused":
        time.sleep(0.01)
    time.sleep(0.3)  # what was under way ends
    for each in backend.pids():
        os.kill(each, signal.SIGKILL)
    time.sleep(0.1)
    run.resume()
    assert run.wait(60)
    assert (run.status, run.result("a")) == ("succeeded", list(range(600)))


def test_workers_may_be_killed_again_and_again():
    backend, luck = ProcessBackend(2), random.Random(7)
    run = go(lambda x: (time.sleep(0.002), x)[1], {"n": 1_500}, backend=backend, background=True)
    killed = 0
    while not run.wait(luck.expovariate(3)):
        for each in luck.sample(backend.pids(), min(1, len(backend.pids()))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
                killed += 1
    assert killed >= 3
    assert run.result("a") == list(range(1_500))


def test_an_item_that_ends_its_worker_each_time_is_found_and_fails_alone():
    def work(x):
        if x == 13:
            os.kill(os.getpid(), signal.SIGSEGV)
        return x

    run = go(work, {"n": 400})
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

    given = {"n": 2, "path": str(tmp_path / "tries")}
    run = go(work, given, more=PATH, keys='retry: {count: 3, on_error: "WorkerLost"}')
    assert run.status == "succeeded"
    assert run.result("a") == [0, 1]


class Fragile:
    """Ends the first so many processes that it comes to."""

    def __init__(self, path, deaths):
        self.path = path
        self.deaths = deaths

    def __reduce__(self):
        return _arrives, (self.path, self.deaths)


def _arrives(path, deaths):
    with Path(path).open("a") as file:
        file.write("x")
    if Path(path).stat().st_size <= deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return deaths


@pytest.mark.parametrize("deaths", [2, 99])
def test_a_worker_that_ends_before_it_comes_to_an_item_is_not_held_against_it(tmp_path, deaths):
    fragile = Fragile(str(tmp_path / "came"), deaths)

    @attune_nb.action("backends.once_fragile", idempotent=False)
    def once(x):
        return (x, fragile)

    run = go(once, {"n": 1}, backend=ProcessBackend(1))
    if deaths == 2:
        assert run.result("a") == [(0, 2)]
    else:
        assert "while it loaded what the action needs" in errors(run)[0]


def test_a_worker_out_of_memory_fails_the_item_that_wants_it_and_no_other():
    def work(x):
        most = 2**30
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        return len(bytes(2**31)) if x == 2 else x

    run = go(work, {"n": 6})
    assert errors(run) == {2: "MemoryError"}


def test_what_must_not_be_made_twice_is_not_and_says_so(tmp_path):
    @attune_nb.action("backends.once", idempotent=False)
    def once(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        if x == 120:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    given = {"n": 200, "path": str(tmp_path / "made")}
    run = go(once, given, more=PATH, keys="retry: {count: 3}")
    assert list(errors(run)) == [120]
    assert "declared not idempotent" in errors(run)[120]
    assert sorted(map(int, Path(given["path"]).read_text().split())) == list(range(200))


@pytest.mark.parametrize("stuck", ["sleeps", "holds the interpreter"])
def test_a_function_past_its_time_is_really_ended(stuck, tmp_path):
    def work(x, path):
        if x == 5:
            Path(path).write_text(str(os.getpid()))
            if stuck == "sleeps":
                time.sleep(600)
            else:
                re.match(r"(a+)+$", "a" * 40 + "b")
        return x

    given = {"n": 40, "path": str(tmp_path / "pid")}
    run = go(work, given, more=PATH, keys="timeout: 0.3")
    assert errors(run) == {5: "no end within 0.3 s; its process was ended"}
    assert statuses(run) == {"succeeded": 39, "timed_out": 1}
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
    [duration] = run.attempts.query("index == 5 and status == 'timed_out'")["duration"]
    assert duration >= 0.3


def test_how_long_a_definition_may_be_on_its_way_does_not_prolong_an_item(monkeypatch):
    monkeypatch.setattr(worker_process, "START_TIMEOUT", 600.0)
    run = go(lambda x: re.match(r"(a+)+$", "a" * 40 + "b"), {"n": 4}, keys="timeout: 0.3")
    assert statuses(run) == {"timed_out": 4}  # each in a worker that has just begun


def test_an_attempt_that_ends_with_its_worker_has_taken_the_time_since_it_was_sent(tmp_path):
    def work(x, path):
        Path(path).with_name(str(x)).touch()
        time.sleep(600)

    run = go(work, {"n": 2, "path": str(tmp_path / "x")}, more=PATH, background=True)
    until(lambda: len([*tmp_path.iterdir()]) == 2)
    time.sleep(0.5)
    run.cancel(force=True)
    assert run.wait(60)
    assert (run.attempts["duration"] >= 0.5).all()


def test_a_cancelled_run_ends_what_is_under_way_with_all_that_it_began(tmp_path):
    def work(x, path):
        inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(path).write_text(f"{os.getpid()} {inner.pid}")
        inner.wait()

    given = {"n": 1, "path": str(tmp_path / "pids")}
    run = go(work, given, more=PATH, background=True)
    while not (tmp_path / "pids").exists() or " " not in (tmp_path / "pids").read_text():
        time.sleep(0.01)
    run.cancel(force=True)
    assert run.wait(60)
    assert run.status == "cancelled"
    ended([int(pid) for pid in (tmp_path / "pids").read_text().split()])


@pytest.mark.parametrize("ends", ["killed", "exits"])
def test_a_worker_that_ends_by_itself_leaves_nothing_behind(tmp_path, ends):
    def work(x, path):
        inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with Path(path).open("a") as file:
            file.write(f"{inner.pid}\n")
        if ends == "exits":
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)

    given = {"n": 1, "path": str(tmp_path / "pids")}
    run = go(work, given, more=PATH)
    assert run.result("a")[0]["error_type"] == "WorkerLost"
    pids = [*map(int, (tmp_path / "pids").read_text().split())]
    assert len(pids) == 3
    ended(pids)


def ended(pids):
    """See that processes come to their end."""
    until(lambda: not any(psutil.pid_exists(each) for each in pids))


def test_workers_that_end_as_they_begin_end_the_run_with_a_word(monkeypatch):
    monkeypatch.setattr(remote_functions, "start_worker", os._exit)
    run = go(lambda x: x, {"n": 3})
    assert run.status == "failed"
    assert "worker processes end while they start" in run.error


# What goes to a worker.


def test_the_context_comes_once_to_each_worker(monkeypatch):
    sent = []
    packed = task_spec.TaskSpec.to_bytes
    monkeypatch.setattr(
        task_spec.TaskSpec, "to_bytes", lambda self: sent.append(len(packed(self))) or packed(self)
    )
    big = [list(range(1000)) for _ in range(100)]
    more = ', y: "{{ parameters.big|length }}"'
    run = go(lambda x, y: (time.sleep(0.001), y)[1], {"n": 2_000, "big": big}, more=more)
    assert set(run.result("a")) == {100}
    assert len(sent) == 2
    assert min(sent) > 200_000


def test_what_a_template_does_not_read_does_not_go(monkeypatch):
    sent = []
    packed = task_spec.TaskSpec.to_bytes
    monkeypatch.setattr(
        task_spec.TaskSpec, "to_bytes", lambda self: sent.append(len(packed(self))) or packed(self)
    )
    go(lambda x: x, {"n": 50, "big": ["x" * 1000] * 1000})
    assert max(sent) < 5_000


def len_of(x):
    return len(x)


def test_a_finished_task_leaves_nothing_of_its_context_in_a_worker():
    text = """
parameters: {big: {}}
tasks:
  - name: a
    action: size
    input: {x: "{{ parameters.big }}"}
    next: [{do: b}]
  - {name: b, action: held}
"""

    def held():
        return len(remote_functions._task_specs)  # noqa: SLF001 - there is nothing else that tells

    run = attune_nb.loads(text).run(
        {"big": "x" * 10_000_000},
        actions={"size": len_of, "held": held},
        backend="processes",
        workers=1,
    )
    assert run.result("a") == 10_000_000
    assert run.result("b") == 1  # its own


# Where it is used.


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


def script(tmp_path, body, background=False, before=""):
    file = tmp_path / "script.py"
    file.write_text(before + SCRIPT.format(body=body, background=background))
    return subprocess.Popen(
        [sys.executable, str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_a_script_needs_no_guard(tmp_path):
    begun = script(tmp_path, "return x")
    told, _ = begun.communicate(timeout=60)
    assert (told, begun.returncode) == ("succeeded [0, 1, 2, 3]\n", 0)


def test_an_endless_item_in_the_background_does_not_keep_the_script_from_its_end(tmp_path):
    begun = script(tmp_path, "time.sleep(600)", background=True)
    told, _ = begun.communicate(timeout=60)
    assert (told, begun.returncode) == ("running \n", 0)


def test_what_sends_to_a_worker_has_given_back_its_semaphores_before_the_script_ends(tmp_path):
    slow = """
import atexit, threading, time
from loky.backend.queues import Queue

feed = Queue._feed
def slow(*given):
    feed(*given)
    time.sleep(0.5)  # amid this the end of the interpreter would come
Queue._feed = staticmethod(slow)
feeders = lambda: [each.name for each in threading.enumerate() if "Feeder" in each.name]
atexit.register(lambda: print(feeders(), flush=True))
"""
    begun = script(tmp_path, "return x", before=slow)
    told, _ = begun.communicate(timeout=60)
    assert (told, begun.returncode) == ("succeeded [0, 1, 2, 3]\n[]\n", 0)


SLOW_TO_SEND = """
import time
from attune_nb.backends.processes.backend import ProcessBackend

send = ProcessBackend._send
def slow(*given):
    time.sleep(0.02)  # amid this the script ends
    return send(*given)
ProcessBackend._send = slow
"""


@pytest.mark.parametrize("_turn", range(3))
def test_a_script_may_end_amid_a_run_which_stays_as_it_is_on_record(tmp_path, _turn):
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


def test_a_process_that_is_forked_beside_leaves_the_workers_alone(tmp_path):
    told = subprocess.run(
        [sys.executable, "-c", FORKING, tmp_path / "made"], capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert told.stdout == "succeeded made  0\n"


@pytest.mark.parametrize("stuck", ["sleeps", "holds the interpreter"])
def test_workers_end_with_an_engine_that_is_killed_and_all_that_they_began(tmp_path, stuck):
    inner = "['sleep', '600']" if stuck == "sleeps" else "['true']"
    held = "__import__('re').match(r'(a+)+$', 'a' * 40 + 'b')"
    body = (
        f"import subprocess; inner = subprocess.Popen({inner}); "
        f"open({str(tmp_path)!r} + f'/{{x}}', 'w').write(f'{{os.getpid()}} {{inner.pid}} .'); "
        + ("time.sleep(600)" if stuck == "sleeps" else held)
    )
    begun = script(tmp_path, body)
    files = [tmp_path / "0", tmp_path / "1"]
    while not all(each.exists() and "." in each.read_text() for each in files):
        assert begun.poll() is None
        time.sleep(0.01)
    begun.kill()
    begun.communicate()
    ended([int(pid) for each in files for pid in each.read_text().split()[:2]])


def test_an_action_begins_processes_of_its_own_as_anywhere():
    def work(x):
        one = multiprocessing.Process(target=abs, args=(x,))
        one.start()
        one.join()
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return one.exitcode, pool.map(abs, [-x])

    assert go(work, {"n": 2}).result("a") == [(0, [0]), (0, [1])]


def test_interrupts_while_a_worker_begins_do_not_end_it(tmp_path):
    file = tmp_path / "script.py"
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    file.write_text(heard + SCRIPT.format(body="return x", background=False))
    begun = subprocess.Popen(
        [sys.executable, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # as a terminal, or a notebook's server, has it
    )
    engine, interrupted = psutil.Process(begun.pid), set()
    while begun.poll() is None:
        for each in engine.children():
            with contextlib.suppress(OSError, psutil.Error):  # it has ended just now
                if "popen_loky" in str(each.cmdline()) and os.getpgid(each.pid) == begun.pid:
                    each.send_signal(signal.SIGINT)
                    interrupted.add(each.pid)
        time.sleep(0.002)
    told, _ = begun.communicate()
    assert interrupted
    assert told == "succeeded [0, 1, 2, 3]\n"  # and nothing of a worker


def test_an_interrupt_is_for_the_engine():
    file = textwrap.dedent("""
        import os, signal
        os.kill(os.getpid(), signal.SIGINT)
    """)

    def work(x):
        exec(file)
        return x

    assert go(work, {"n": 3}).result("a") == [0, 1, 2]

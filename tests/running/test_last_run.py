"""The latest run of a process, also after an interrupt that no call returned from."""

import subprocess
import sys
import threading

import pytest

import attune_nb

TEXT = "tasks: [{name: wait, action: core.sleep, input: {seconds: 30}}]\n"

# a handler that interrupts again and again, as an impatient person does
IMPATIENT = """
import signal
import sys
import time

import attune_nb

left = int(sys.argv[2])


def act(seconds):
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.02)
    time.sleep(600)


def interrupt(*_):
    global left
    left -= 1
    if left <= 0:
        signal.setitimer(signal.ITIMER_REAL, 0)
    raise KeyboardInterrupt


signal.signal(signal.SIGALRM, interrupt)
try:
    attune_nb.loads(sys.argv[1]).run(actions={"act": act}, progress=False, store="none")
except KeyboardInterrupt:
    print("interrupted")
signal.setitimer(signal.ITIMER_REAL, 0)
run = attune_nb.last_run()
print(run.wait(60), run.status)
"""


@pytest.mark.slow
@pytest.mark.parametrize("count", ["1", "3", "6"])
def test_an_interrupt_leaves_the_run_at_hand(count):
    process = subprocess.run(
        [sys.executable, "-c", IMPATIENT, TEXT.replace("core.sleep", "act"), count],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.stdout.splitlines()[-1:] == ["True cancelled"], process.stderr


# a signal at any moment of a call, from its first step to its return
RANDOM = """
import os
import random
import signal
import sys
import threading
import time

import attune_nb

TEXT = '''
tasks:
  - {name: work, action: act, with_items: "{{ range(20) }}", input: {n: "{{ item }}"}}
'''
backend, store, seed = sys.argv[1:]
moments = random.Random(seed)


def act(n):
    time.sleep(0.001)
    return n


def send(delay):
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        time.sleep(0.0002)
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGINT)


workflow = attune_nb.loads(TEXT)
options = {"backend": backend, "store": store, "actions": {"act": act}, "progress": False}
start = time.perf_counter()
workflow.run(**options)
duration = time.perf_counter() - start

run_ids = set()
for _ in range(40):
    sender = threading.Thread(target=send, args=(moments.uniform(0, duration),))
    try:
        sender.start()
        workflow.run(**options)
        sender.join()
    except KeyboardInterrupt:
        sender.join()

    run = attune_nb.last_run()
    if not run.wait(60) or run.status not in ("succeeded", "cancelled"):
        print(run.run_id, run.status)
    run_ids.add(run.run_id)
print(len(run_ids), "runs")
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_a_signal_at_any_moment_leaves_an_ended_run(backend, tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", RANDOM, backend, tmp_path / "runs.db", "1"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # no message of a thread whose start was cut short, either
    assert (process.stdout, process.stderr) == ("40 runs\n", "")


def test_an_interrupt_beside_the_wait_cancels_the_run():
    """The call raises it, and the run does not go on behind it."""

    class Display:
        hears_answers = False

        def read(self, events):
            pass

        def attach(self, run, *, background):
            raise KeyboardInterrupt

        def drop(self):
            pass

    with pytest.raises(KeyboardInterrupt):
        attune_nb.loads(TEXT).run(progress=Display, store="none")
    assert attune_nb.last_run().status == "cancelled"


def test_a_run_in_the_background_is_at_hand():
    began = threading.Event()
    run = attune_nb.loads(TEXT.replace("core.sleep", "act")).run(
        actions={"act": lambda seconds: began.set()}, background=True, store="none"
    )
    assert attune_nb.last_run() is run
    assert run.wait(60)


QUICK = "tasks: [{name: echo, action: core.echo, input: {message: hi}}]\n"


def test_a_run_that_ended_is_not_kept_but_opened_from_its_record(tmp_path):
    run = attune_nb.loads(QUICK).run(store=tmp_path / "runs.db", progress=False)
    assert attune_nb.last_run() is run

    run_id = run.run_id
    del run
    opened = attune_nb.last_run()
    assert (opened.run_id, opened.status) == (run_id, "succeeded")
    assert opened.result("echo") == {"message": "hi"}


def test_a_run_without_a_record_is_gone_with_its_variable():
    attune_nb.loads(QUICK).run(store="none", progress=False)
    with pytest.raises(attune_nb.LookupFailed, match="no variable holds it"):
        attune_nb.last_run()

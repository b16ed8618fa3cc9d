"""The streams of a process are as before when no run is alive any more.

In processes of their own: a run of another test may be alive in this one.
"""

import subprocess
import sys

START = """
import sys, threading, time
import attune_nb

workflow = attune_nb.loads("tasks: [{name: a, action: speak, input: {x: inside}}]")
options = {
    "actions": {"speak": lambda x: print(x)}, "progress": False, "store": "none", "logs": "none",
}
streams = sys.stdout, sys.stderr
"""
PRINT_OUTSIDE = """
must_end = threading.Event()

def print_outside():
    while not must_end.is_set():
        print("outside", "of", "runs")

thread = threading.Thread(target=print_outside)
thread.start()
try:
    for _ in range(20):
        run = workflow.run(backend="inline", **options)
        assert list(run.logs()["text"]) == ["inside"]
finally:
    must_end.set()
    thread.join()
"""
BREAK = """
from attune_nb.backends.inline import InlineBackend

class Broken(InlineBackend):
    def close(self):
        assert (sys.stdout, sys.stderr) != streams
        raise RuntimeError("no end")

workflow.run(backend=Broken(), **options)
"""
# the thread of a run that was waited for may have its last step before it
END = """
while (sys.stdout, sys.stderr) != streams:
    time.sleep(0.01)
"""


def run_script(code):
    """Run code between the start and the wait for the streams."""
    process = subprocess.run(
        [sys.executable, "-c", START + code + END],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    return process


def test_other_threads_print_as_before_while_runs_begin_and_end():
    process = run_script(PRINT_OUTSIDE)

    assert set(process.stdout.splitlines()) == {"outside of runs"}
    assert process.stderr == ""


def test_a_backend_that_breaks_at_its_end_leaves_no_routers():
    process = run_script(BREAK)

    assert process.stdout == ""
    assert process.stderr.endswith("RuntimeError: no end\n")

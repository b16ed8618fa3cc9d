"""Evaluate templates in a child process, and measure the processor time and memory of each.

A hang cannot be interrupted from within Python, so the system ends the child after some seconds
of processor time. The limits hold on a busy machine too: waiting costs no processor time.
"""

import json
import signal
import subprocess
import sys
from typing import NamedTuple

__all__ = ["Case", "CostMeter", "Measurement"]

# Seconds of processor time after which a child is ended.
LONGEST = 8

# Bytes that a child may allocate beyond those of its values.
MOST_MEMORY = 2 * 2**30

CHILD = r"""
import json, resource, signal, sys, time
import regex
from attune_nb import AttuneError, Template, WorkflowContext
try:
    from attune_nb.templates.sandbox import METER, STEP_BUDGET
except ImportError:
    METER = None

longest, most_memory = int(sys.argv[1]), int(sys.argv[2])
Template("{{ [1]|map('string')|join }}").render()

def read_memory(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1]) * 1024

def measure(source, values):
    # SIGPROF has no handler, so the system ends the process, also within a long call of C
    context = WorkflowContext.create(values)
    signal.setitimer(signal.ITIMER_PROF, longest)
    try:
        open("/proc/self/clear_refs", "w").write("5")
    except OSError:
        pass
    size = read_memory("VmSize") + most_memory
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    before = read_memory("VmRSS")
    start = time.process_time()
    steps = 0
    try:
        if METER is not None:
            METER.steps = STEP_BUDGET
        value = Template(source).render(context)
        outcome = type(value).__name__
    except AttuneError as error:
        outcome = "refused: " + str(error)[:500]
    except BaseException as error:
        outcome = "bare " + type(error).__name__ + ": " + str(error)[:500]
    seconds = time.process_time() - start
    memory = read_memory("VmHWM") - before
    signal.setitimer(signal.ITIMER_PROF, 0)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    if METER is not None:
        steps = min(STEP_BUDGET - METER.steps, 10**12)
    return [outcome, seconds, memory, steps]

made = {}
for line in sys.stdin:
    source, values = json.loads(line)
    for text in values.values():
        if text not in made:
            # a context freezes its values, and keeps those that are frozen
            made[text] = WorkflowContext.create({"value": eval(text)}).parameters["value"]
    values = {name: made[text] for name, text in values.items()}
    print(json.dumps(measure(source, values)), flush=True)
"""


class Case(NamedTuple):
    """A template, and its parameters as expressions of Python."""

    source: str
    values: dict[str, str]


class Measurement(NamedTuple):
    """The cost of one evaluation.

    Attributes:
        outcome: The type of the value, or the error; empty if the evaluation did not end.
        seconds: The processor time.
        megabytes: The memory at its peak, beyond that at the start.
        steps: The steps that were taken from the budget.
    """

    outcome: str
    seconds: float
    megabytes: float
    steps: int


class CostMeter:
    """A child process that evaluates templates, made anew after a hang."""

    def __init__(self):
        self._child = None

    @staticmethod
    def is_available():
        """Return whether the system shows the memory of a process at its peak."""
        return sys.platform == "linux"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end()

    def measure(self, case):
        """Return the measurement of a case."""
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-c", CHILD, str(LONGEST), str(MOST_MEMORY)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        self._child.stdin.write(json.dumps(case) + "\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if line:
            outcome, seconds, memory, steps = json.loads(line)
            return Measurement(outcome, seconds, memory / 2**20, steps)

        self._child.wait()
        assert self._child.returncode == -signal.SIGPROF, "the child failed"
        self._end()
        return Measurement("", LONGEST, 0, 0)

    def _end(self):
        if self._child is None:
            return
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.kill()
        self._child.wait()
        self._child = None

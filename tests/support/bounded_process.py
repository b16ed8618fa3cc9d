"""Run heavy or hostile input in a process of its own, within limits of memory and time."""

import json
import os
import subprocess
import sys
from typing import NamedTuple

# Bytes beyond those that imports take.
MEMORY = 200 * 2**20

# Seconds of processor time for one text: two are promised, and cores may be shared.
SECONDS = 2 * 2

CHILD = """
import json, math, pathlib, resource, sys, threading, time

# imports do not count
import attune_nb, jsonschema, pandas, attune_nb.language.validation.validate

A = "tasks: [{name: a, action: core.noop}]\\n"
attune_nb.loads(A).run(backend="inline")

# a thread's stack counts as memory, used or not
threading.stack_size(2**18)

class Unsayable(Exception):
    def __str__(self):
        raise RuntimeError("it cannot be said")

def raising(error):
    def act():
        raise error
    return act

itself = []
itself.append(itself)

def position_of(problem):
    position = getattr(problem, "position", None)
    return (position.line, position.column) if position else (0, 0)

def load_and_run(text, options):
    workflow = attune_nb.loads(text)
    warnings = [problem for problem in workflow.check() if problem.severity == "warning"]
    if options is None and warnings:
        return f"warned: {warnings[0]}", position_of(warnings[0])
    if options is None:
        return "loads", (0, 0)

    run = workflow.run(**{"backend": "inline"} | eval(options or "{}"))
    for failure in run.errors()[:1]:
        return f"{run.status}: {run.error}", position_of(failure)
    return f"{run.status}: {run.error}", (0, 0)

cases, memory = json.load(sys.stdin)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + memory,) * 2)

outcomes = {}
for name, (text, options) in cases.items():
    started = time.process_time()
    problems = []
    position = (0, 0)
    try:
        message, position = load_and_run(text, options)
    except attune_nb.AttuneError as error:
        problems = getattr(error, "problems", None) or [error]
        message = f"refused: {error}"
        position = position_of(problems[0])
    except Exception as error:
        message = f"bare {type(error).__name__}: {error}"

    seconds = time.process_time() - started
    outcomes[name] = [message[:5000], len(problems), seconds, *position]
json.dump(outcomes, sys.stdout)
"""


class Outcome(NamedTuple):
    """How loading and running a text ended, its cost, and the position of its first problem."""

    message: str
    problems: int
    seconds: float
    line: int
    column: int


def run_cases(cases):
    """Load each text, and run it with its options (a Python expression) unless they are None.

    No text may take too much time or memory, and the process must outlive them all.
    """
    process = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps([cases, MEMORY]),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        # memory that malloc sets aside for a thread counts as well
        env=os.environ | {"MALLOC_ARENA_MAX": "1"},
    )
    assert process.returncode == 0, process.stderr[-2000:]

    outcomes = {name: Outcome(*row) for name, row in json.loads(process.stdout).items()}
    assert set(outcomes) == set(cases)
    for name, outcome in outcomes.items():
        assert outcome.seconds < SECONDS, (name, outcome.message[:300], outcome.seconds)
    return outcomes

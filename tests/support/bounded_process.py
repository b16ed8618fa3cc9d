"""Runs heavy or hostile input in a process of its own, within 200 MB more than imports take."""

import json
import os
import subprocess
import sys
from typing import NamedTuple

MEMORY = 200 * 2**20
SECONDS = 2 * 2  # of processor time, for one text: two are promised, and cores may be shared

CHILD = """
import json, math, pathlib, resource, sys, threading, time
import attune_nb, jsonschema, pandas, attune_nb.language.validation.validate  # imports do not count

A = "tasks: [{name: a, action: core.noop}]\\n"
attune_nb.loads(A).run(backend="inline")
threading.stack_size(2**18)  # a thread's stack counts as memory, used or not

class Unsayable(Exception):
    def __str__(self):
        raise RuntimeError("it cannot be said")

def raising(error):
    def act():
        raise error
    return act

itself = []
itself.append(itself)

cases, memory = json.load(sys.stdin)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + memory,) * 2)
told = {}
for name, (text, options) in cases.items():
    began, count, line, column = time.process_time(), 0, 0, 0
    try:
        workflow = attune_nb.loads(text)
        said = "loads"
        warned = [each for each in workflow.check() if each.severity == "warning"]
        if options is None and warned:
            said, place = f"warned: {warned[0]}", warned[0].position
            line, column = place.line, place.column
        if options is not None:
            ended = workflow.run(**{"backend": "inline"} | eval(options or "{}"))
            said = f"{ended.status}: {ended.error}"
            for failure in ended.failures()[:1]:
                if failure.position:
                    line, column = failure.position.line, failure.position.column
    except attune_nb.AttuneError as error:
        problems = getattr(error, "problems", None) or [error]
        count, said = len(problems), f"refused: {error}"
        place = getattr(problems[0], "position", None)
        line, column = (place.line, place.column) if place else (0, 0)
    except Exception as error:
        said = f"bare {type(error).__name__}: {error}"
    told[name] = [said[:5000], count, time.process_time() - began, line, column]
json.dump(told, sys.stdout)
"""


class Told(NamedTuple):
    """What came of a text: how it ended, what it took, and where the first problem stands."""

    said: str
    problems: int
    seconds: float
    line: int
    column: int


def tried(cases):
    """Load each text, and run it with the options (a Python expression) unless they are None.

    None may take too long or too much; the process must outlive them all.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps([cases, MEMORY]),
        capture_output=True, text=True, timeout=100, check=False,
        env=os.environ | {"MALLOC_ARENA_MAX": "1"},  # and so does what malloc sets aside for it
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = {name: Told(*each) for name, each in json.loads(done.stdout).items()}
    assert set(told) == set(cases)
    for name, each in told.items():
        assert each.seconds < SECONDS, (name, each.said[:300], each.seconds)
    return told

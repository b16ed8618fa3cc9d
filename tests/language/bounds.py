"""Runs heavy texts in a process of their own, within 200 MB more than the imports take."""

import json
import subprocess
import sys
from typing import NamedTuple

MEMORY = 200 * 2**20
SECONDS = 2  # of processor time, for one text

CHILD = """
import json, resource, sys, time
import attune_nb, jsonschema, attune_nb.language.fitting  # what is imported does not count
attune_nb.loads("tasks: [{name: a, action: core.noop}]").run(backend="inline")
texts, memory, run = json.load(sys.stdin)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + memory,) * 2)
told = {}
for name, text in texts.items():
    began, count = time.process_time(), 0
    try:
        workflow = attune_nb.loads(text)
        said = "loads"
        if run:
            ended = workflow.run(backend="inline")
            said = f"{ended.status}: {ended.error}"
    except attune_nb.AttuneError as error:
        count, said = len(getattr(error, "problems", "x")), f"refused: {error}"
    told[name] = [said, count, time.process_time() - began]
json.dump(told, sys.stdout)
"""


class Told(NamedTuple):
    """What came of a text: how it ended, how many problems it has, and what it took."""

    said: str
    problems: int
    seconds: float


def tried(texts, *, run):
    """Load each text, and run it if asked to; none may take too long or too much."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps([texts, MEMORY, run]),
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = {name: Told(*each) for name, each in json.loads(done.stdout).items()}
    assert set(told) == set(texts)
    for name, each in told.items():
        assert each.seconds < SECONDS, (name, each.said[:300], each.seconds)
    return told

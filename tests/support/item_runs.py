"""Run one task over many items on any backend, and read the errors of its items."""

import subprocess
import sys
import time

import attune_nb

PATH = ', path: "{{ parameters.path }}"'
WORK = """
parameters: {n: {type: integer, default: 20}, big: {}, keep: {}, path: {}}
tasks:
  - name: a
    action: work
    with_items: "{{ range(parameters.n) }}"
    concurrency: CONCURRENCY
    input: {x: "{{ item }}"MORE}
    KEYS
"""


def text_of(keys="", more="", concurrency=8):
    """Return the workflow; `keys` are keys of the task, `more` is more of its input."""
    text = WORK.replace("KEYS", keys).replace("MORE", more)
    return text.replace("CONCURRENCY", str(concurrency))


def run_work(work, parameters=None, keys="", more="", concurrency=8, **options):
    """Run a function over items; `keys` are keys of the task, `more` is more of its input."""
    workflow = attune_nb.loads(text_of(keys, more, concurrency))
    return workflow.run(parameters, actions={"work": work}, **{"progress": False, **options})


def errors(run):
    """Return the messages of the items that failed, by index."""
    items = run.items("a")
    failed_items = items[items["error"].notna()]
    return dict(failed_items[["index", "error"]].itertuples(index=False))


def most_at_once(spans):
    """Return how many of some spans of time overlap, at most."""
    edges = []
    for start, end in spans:
        edges += [(start, 1), (end, -1)]

    overlapping = 0
    max_overlapping = 0
    for _, change in sorted(edges):
        overlapping += change
        max_overlapping = max(max_overlapping, overlapping)

    return max_overlapping


def until(condition, seconds=200):
    """Wait until a condition holds, which it must."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


ENDING = """
import attune_nb, sys, time

run = attune_nb.loads('''
tasks:
  - {name: a, action: work, with_items: "{{ range(100000) }}", input: {x: "{{ item }}"}}
''').run(
    actions={"work": lambda x: x}, backend=sys.argv[1], workers=2, progress=False,
    store=sys.argv[2], background=True,
)
while len(run.attempts()) < 10:
    time.sleep(0.01)
"""


def check_a_script_may_end_amid_a_run(folder, backend, before=""):
    """Check that a script may end during a run: quietly, and the run is recorded as interrupted."""
    store = folder / "runs.db"
    process = subprocess.run(
        [sys.executable, "-c", before + ENDING, backend, store], capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
    assert list(attune_nb.runs(store)["status"]) == ["interrupted"]

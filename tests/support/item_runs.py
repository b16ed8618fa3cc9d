"""One task over many items, run where a test says; and what became of its items."""

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
    text = WORK.replace("KEYS", keys).replace("MORE", more)
    return text.replace("CONCURRENCY", str(concurrency))


def run_work(work, parameters=None, keys="", more="", concurrency=8, **options):
    """Run a function over items; `keys` are the task's, `more` is what else it is given."""
    made = attune_nb.loads(text_of(keys, more, concurrency))
    return made.run(parameters, actions={"work": work}, **{"progress": False, **options})


def errors(run):
    """Give the messages of the items that failed, by number."""
    found = run.items("a")
    return dict(found[found["error"].notna()][["index", "error"]].itertuples(index=False))


def most_at_once(spans):
    """Give how many of some spans of time lie over each other, at most."""
    edges = sorted(edge for begun, ended in spans for edge in ((begun, 1), (ended, -1)))
    now = most = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


def until(condition, seconds=60):
    """Wait for something that must come about."""
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
while len(run.attempts) < 10:
    time.sleep(0.01)
"""


def check_a_script_may_end_amid_a_run(folder, backend, before=""):
    """See that its end is quiet, and that the run is on record as one that may be resumed."""
    store = folder / "runs.db"
    told = subprocess.run(
        [sys.executable, "-c", before + ENDING, backend, store], capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
    assert list(attune_nb.runs(store)["status"]) == ["interrupted"]

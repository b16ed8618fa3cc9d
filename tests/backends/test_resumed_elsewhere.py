"""Runs whose engine was killed are resumed on any backend: finished items do not run again."""

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cloudpickle
import pytest

import attune_nb

cloudpickle.register_pickle_by_value(sys.modules[__name__])

WORKFLOW = """
parameters: {path: {type: string}}
tasks:
  - name: a
    action: work
    with_items: "{{ range(600) }}"
    concurrency: 4
    input: {x: "{{ item }}", path: "{{ parameters.path }}"}
output_map: {all: "{{ task.a.result }}"}
"""
ENGINE = """
import sys, time, attune_nb
from pathlib import Path

def work(x, path):
    with Path(path).open("a") as file:
        file.write(f"{x}\\n")
    time.sleep(SLEEP)
    return x * 2

work = attune_nb.action("elsewhere.work", idempotent=IDEMPOTENT)(work)
attune_nb.load(sys.argv[1]).run(
    {"path": sys.argv[3]}, actions={"work": work}, backend="processes", workers=2,
    store=sys.argv[2], progress=False,
)
"""


def work(x, path):
    with Path(path).open("a") as file:
        file.write(f"{x}\n")
    return x * 2


def count_calls(path):
    """Return how often each item has run."""
    return Counter(map(int, path.read_text().split()))


def run_in_killed_engine(folder, *, idempotent, sleep, min_items):
    """Run in an engine that is killed after some items.

    Returns:
        The path of the store, and of the file that items append their numbers to.
    """
    workflow = folder / "w.yaml"
    workflow.write_text(WORKFLOW)
    script = folder / "engine.py"
    script.write_text(ENGINE.replace("IDEMPOTENT", str(idempotent)).replace("SLEEP", str(sleep)))

    store = folder / "runs.db"
    items_file = folder / "made"
    engine = subprocess.Popen([sys.executable, script, workflow, store, items_file])
    deadline = time.monotonic() + 60
    while not items_file.exists() or len(items_file.read_text().split()) < min_items:
        assert engine.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    engine.kill()
    engine.wait()

    # the workers notice the death of their engine
    time.sleep(1.5)
    return store, items_file


@pytest.mark.parametrize("backend", ["threads", "processes", "dask"])
def test_a_resumed_run_repeats_no_finished_item(tmp_path, backend, request):
    if backend == "dask":
        request.getfixturevalue("cluster")
    store, items_file = run_in_killed_engine(tmp_path, idempotent=True, sleep=0.003, min_items=150)
    (row,) = attune_nb.runs(store).to_dict("records")
    finished = set(attune_nb.open_run(row["run_id"], store).attempts()["index"])
    before = count_calls(items_file)

    run = attune_nb.resume(row["run_id"], store, backend=backend, actions={"work": work})
    assert run.output == {"all": [x * 2 for x in range(600)]}
    counts = count_calls(items_file)
    assert set(counts) == set(range(600))
    assert not [x for x in finished if counts[x] > before[x]]
    assert max(counts.values()) <= 2


def test_items_that_must_run_once_wait_for_the_user(tmp_path):
    store, items_file = run_in_killed_engine(tmp_path, idempotent=False, sleep=0.3, min_items=5)
    before = count_calls(items_file)
    (row,) = attune_nb.runs(store).to_dict("records")

    run_once = attune_nb.action("elsewhere.work", idempotent=False)(work)
    run = attune_nb.resume(row["run_id"], store, backend="processes", actions={"work": run_once})
    assert run.status == "paused"

    # two were running, and perhaps two had just ended
    indexes = [attempt.index for attempt in run.in_doubt]
    assert 1 <= len(indexes) <= 4
    for index in indexes:
        run.accept("a", "done by hand", index)
    assert run.wait(60)
    assert run.status == "succeeded"

    counts = count_calls(items_file)
    assert set(counts.values()) == {1}
    assert set(before) <= set(counts)
    assert [run.result("a")[index] for index in indexes] == ["done by hand"] * len(indexes)

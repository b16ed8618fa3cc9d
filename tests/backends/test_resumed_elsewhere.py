"""A run whose engine was killed goes on, on whatever backend: what has ended is not made again."""

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


def killed(folder, *, idempotent, sleep, wanted):
    """Run in an engine that is killed amid the items; give the store and the items' file."""
    workflow, store, made = folder / "w.yaml", folder / "runs.db", folder / "made"
    workflow.write_text(WORKFLOW)
    script = folder / "engine.py"
    script.write_text(ENGINE.replace("IDEMPOTENT", str(idempotent)).replace("SLEEP", str(sleep)))
    engine = subprocess.Popen([sys.executable, script, workflow, store, made])
    until = time.monotonic() + 60
    while not made.exists() or len(made.read_text().split()) < wanted:
        assert engine.poll() is None
        assert time.monotonic() < until
        time.sleep(0.005)
    engine.kill()
    engine.wait()
    time.sleep(1.5)  # the workers find that it is gone
    return store, made


@pytest.mark.parametrize("backend", ["threads", "processes", "dask"])
def test_what_was_left_is_done_and_no_end_is_made_twice(tmp_path, backend, request):
    if backend == "dask":
        request.getfixturevalue("cluster")
    store, made = killed(tmp_path, idempotent=True, sleep=0.003, wanted=150)
    (row,) = attune_nb.runs(store).to_dict("records")
    known = set(attune_nb.open_run(row["run_id"], store).attempts["index"])
    before = Counter(map(int, made.read_text().split()))
    run = attune_nb.resume(row["run_id"], store, backend=backend, actions={"work": work})
    assert run.output == {"all": [x * 2 for x in range(600)]}
    times = Counter(map(int, made.read_text().split()))
    assert set(times) == set(range(600))
    assert not [x for x in known if times[x] > before[x]]
    assert max(times.values()) <= 2


def test_what_must_not_be_made_twice_waits_for_a_word(tmp_path):
    store, made = killed(tmp_path, idempotent=False, sleep=0.3, wanted=5)
    before = Counter(map(int, made.read_text().split()))
    (row,) = attune_nb.runs(store).to_dict("records")
    once = attune_nb.action("elsewhere.work", idempotent=False)(work)
    run = attune_nb.resume(row["run_id"], store, backend="processes", actions={"work": once})
    assert run.status == "paused"
    doubted = [each.index for each in run.in_doubt]
    assert 1 <= len(doubted) <= 4  # two under way, and perhaps two that had just ended
    for index in doubted:
        run.accept("a", "done by hand", index)
    assert run.wait(60)
    assert run.status == "succeeded"
    times = Counter(map(int, made.read_text().split()))
    assert set(times.values()) == {1}
    assert set(before) <= set(times)
    assert [run.result("a")[index] for index in doubted] == ["done by hand"] * len(doubted)

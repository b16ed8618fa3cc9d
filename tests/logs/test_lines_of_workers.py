"""Lines from worker processes and from Dask workers arrive with their item."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from support.item_runs import PATH, run_work, until
from support.log_lines import lines_of, texts_by_index

import attune_nb

BACKENDS = ["threads", "processes", "dask"]


def print_three_lines(x):
    print(f"{x} first")
    print(f"{x} second\n{x}", "third")


@pytest.mark.parametrize("backend", BACKENDS)
def test_three_lines_of_3000_items_arrive_whole(backend):
    _, lines = lines_of(print_three_lines, 3000, backend=backend, workers=2)

    expected = {x: [f"{x} first", f"{x} second", f"{x} third"] for x in range(3000)}
    assert len(lines) == 9000
    assert texts_by_index(lines) == expected


def print_and_wait(x, path):
    print("started", x)
    while not Path(path).exists():
        time.sleep(0.01)
    print("ended", x)


@pytest.mark.parametrize("backend", BACKENDS)
def test_lines_arrive_while_their_attempt_is_running(backend, tmp_path):
    path = tmp_path / "go on"
    run = run_work(
        print_and_wait, {"n": 1, "path": str(path)}, more=PATH, backend=backend, workers=1,
        background=True, logs="none",
    )  # fmt: skip

    until(lambda: list(run.logs()["text"]) == ["started 0"])
    path.touch()
    run.wait()

    assert list(run.logs()["text"]) == ["started 0", "ended 0"]


def print_and_die(x):
    print("about to die")
    os._exit(3)


def test_the_last_lines_of_a_worker_that_dies_are_kept():
    run, lines = lines_of(print_and_die, backend="processes", workers=1)

    assert "the worker died" in run.items("a")["error"][0]
    assert {line.text for line in lines} == {"about to die"}


def leave_a_thread(x, path):
    folder = Path(path)

    def print_late():
        until((folder / "may print").exists)
        print("late")
        (folder / "has printed").touch()

    if x == 0:
        threading.Thread(target=print_late, daemon=True).start()
    if x == 8:
        (folder / "may print").touch()
        until((folder / "has printed").exists)


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_what_is_printed_after_the_end_belongs_to_its_item(backend, tmp_path):
    run = run_work(
        leave_a_thread, {"n": 9, "path": str(tmp_path)}, more=PATH, backend=backend, workers=1,
        concurrency=1, logs="none",
    )  # fmt: skip

    assert run.logs()[["index", "text"]].values.tolist() == [[0, "late"]]


def work_with_secret(x, path):
    sys.stdout.write("the password is sword")
    sys.stdout.write("fish" + str(x) + "\n")


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_secrets_are_hidden_even_if_written_in_two_parts(backend):
    run = run_work(
        work_with_secret, {"n": 1, "path": None}, more=PATH, backend=backend, workers=1,
        keystore={"password": "swordfish0"}, logs="none",
    )  # fmt: skip

    assert list(run.logs()["text"]) == ["the password is ***"]


CHILD = """
parameters: {path: {type: string}}
tasks:
  - {name: wait, action: work, input: {x: 0, path: "{{ parameters.path }}"}}
"""
PARENT = """
parameters: {path: {type: string}}
tasks:
  - {name: run, action: child, input: {path: "{{ parameters.path }}"}}
"""


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_lines_within_a_child_run_arrive_while_it_is_running(backend, tmp_path):
    path = tmp_path / "go on"
    run = attune_nb.loads(PARENT).run(
        {"path": str(path)}, actions={"work": print_and_wait, "child": attune_nb.loads(CHILD)},
        backend=backend, workers=1, background=True, logs="none", progress=False,
    )  # fmt: skip

    until(lambda: len(run.children()) == 1)
    until(lambda: list(run.child("run").logs()["text"]) == ["started 0"])
    path.touch()
    run.wait()

    assert list(run.child("run").logs()["text"]) == ["started 0", "ended 0"]
    assert list(run.child("run").logs()["task"]) == ["wait", "wait"]

"""Runs that reuse or continue an earlier run, in a notebook; also after its kernel was killed."""

import threading
import time

import pytest
from IPython.core.error import UsageError
from IPython.utils.capture import capture_output
from jupyter_client.manager import start_new_kernel
from support.notebook_kernels import execute_cells, text_of

import attune_nb
from attune_nb.errors import StoreError

FLOW = """
parameters: {n: {type: integer, default: 4}}
tasks:
  - name: first
    action: act
    with_items: "{{ range(parameters.n) }}"
    input: {x: "{{ item }}"}
    next: [{when: "{{ succeeded() }}", do: second}]
  - {name: second, action: act, input: {x: 10}}
output_map: {sum: "{{ task.first.result | sum }}"}
"""
EDITED = FLOW.replace("x: 10", "x: 20")


@pytest.fixture
def shell(ipython, tmp_path, monkeypatch):
    monkeypatch.setenv("ATTUNE_NB_STORE", str(tmp_path / "runs.db"))
    ipython.run_cell("calls, bad = [], set()")
    ipython.run_cell(
        "def act(x):\n    calls.append(x)\n    assert x not in bad, 'not yet'\n    return x"
    )
    ipython.user_ns["calls"].clear()
    return ipython


def run_cell(shell, line, text=FLOW):
    """Run a cell; return its Run, and the calls of `act` that it made."""
    with capture_output():
        run = shell.run_cell_magic("attune", line, text)

    calls = [*shell.user_ns["calls"]]
    shell.user_ns["calls"].clear()
    return run, calls


def run_line(shell, text):
    """Return the value of a line with `%attune`."""
    with capture_output():
        return shell.run_line_magic("attune", text)


def test_from_runs_only_a_task_and_those_after_it(shell):
    run_cell(shell, "flow")
    run, calls = run_cell(shell, "flow --from second", EDITED)

    assert calls == [20]
    assert run.status == "succeeded"
    assert run.result("first") == [0, 1, 2, 3]


def test_a_changed_task_before_it_gives_an_alert(shell):
    run_cell(shell, "flow")
    edited = EDITED.replace("{{ item }}", "{{ item + 1 }}")
    run, calls = run_cell(shell, "flow --from second", edited)

    assert calls == [20]
    assert "task `first` changed since" in repr(run)


def test_only_failed_items_are_retried(shell):
    shell.user_ns["bad"].add(2)
    run, _ = run_cell(shell, "flow --no-raise")
    assert run.status == "failed"

    shell.user_ns["bad"].clear()
    retried_run, calls = run_cell(shell, f"flow --retry-failed {run.run_id[:6]}")

    assert calls == [2, 10]
    assert retried_run.output == {"sum": 6}


def test_a_line_can_also_retry_and_fork(shell):
    shell.user_ns["bad"].add(2)
    run_cell(shell, "flow --no-raise --out before")
    shell.user_ns["bad"].clear()

    assert run_line(shell, "retry before").output == {"sum": 6}
    assert run_line(shell, "run flow --from second").status == "succeeded"
    assert run_line(shell, "fork flow --at first --set n=2").output == {"sum": 1}


THREAD_FLOW = """
tasks:
  - {name: begin, action: core.noop, next: [{do: is_main}]}
  - {name: is_main, action: is_main}
"""


def test_a_retry_and_a_fork_use_the_backend_of_their_line(shell):
    shell.run_cell(
        "import threading\nis_broken = True\n"
        "def is_main():\n"
        "    assert not is_broken\n"
        "    return threading.current_thread() is threading.main_thread()"
    )
    run_cell(shell, "placed --backend inline --no-raise --out before", THREAD_FLOW)
    shell.user_ns["is_broken"] = False

    assert run_line(shell, "retry before").result("is_main") is True
    retried_run = run_line(shell, "retry before --backend threads --workers 2")
    assert retried_run.result("is_main") is False
    forked_run = run_line(shell, "fork before --at is_main --backend threads")
    assert forked_run.result("is_main") is False


def test_a_run_in_progress_cannot_change_its_backend(shell):
    ask = "tasks: [{name: q, action: core.ask, input: {prompt: Well?}}]"
    run_cell(shell, "asks --background --out asking_run", ask)

    advice = r"cancel it, then run the rest with `%attune retry \w+ --backend dask --workers 2`"
    with pytest.raises(UsageError, match=advice):
        run_line(shell, "resume --backend dask --workers 2")

    shell.user_ns["asking_run"].cancel()
    assert shell.user_ns["asking_run"].wait(60)


def test_two_runs_are_compared(shell):
    run_cell(shell, "flow --out one")
    run_cell(shell, "flow --out two --set n=5")

    text = str(run_line(shell, "diff one two"))
    assert "parameter `n`" in text
    assert "output `sum`" in text
    assert "task `first`: items" in text

    page = run_line(shell, "diff one two")._repr_html_()
    assert "<table>" in page
    assert str(run_line(shell, "diff one one")) == "the runs do not differ"


def test_a_run_of_an_earlier_kernel_is_reused(shell):
    run, _ = run_cell(shell, "stored")
    session = shell.magics_manager.registry["AttuneMagics"].session
    del session.last_runs["stored"]
    del session.runs[run.run_id]

    forked_run, calls = run_cell(shell, "stored --from second")

    assert calls == [10]
    assert forked_run.output == {"sum": 6}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--from second", "`new` has not run before, so there is nothing to reuse"),
        ("--retry-failed", "`new` has not run before, so there is nothing to reuse"),
        ("--resume", "no run of `new` on record was interrupted"),
        ("--from second --resume", "--from and --resume cannot be combined: use one of them"),
    ],
)
def test_a_cell_without_an_earlier_run_is_refused(shell, options, message):
    with pytest.raises(UsageError, match=message):
        run_cell(shell, f"new {options}")


def test_an_edited_workflow_is_not_resumed(shell, monkeypatch):
    """The error names the tasks that differ."""
    gate = threading.Event()
    shell.user_ns["gate"] = gate
    shell.run_cell("def waits(x):\n    gate.wait(90)\n    return x")
    waiting = FLOW.replace("action: act", "action: waits")
    run, _ = run_cell(shell, "changed --background", waiting)
    while not run.store.exists() or attune_nb.runs()["workflow"].tolist() != ["changed"]:
        time.sleep(0.02)

    # as if this process were gone
    monkeypatch.setattr("attune_nb.store.reading.LIVE", set())
    edited = waiting.replace("x: 10", "x: 20").replace("  - {name: second", "  - {name: third")
    with pytest.raises(StoreError) as error_info:
        run_cell(shell, "changed --resume", edited.replace("do: second", "do: third"))
    gate.set()

    message = str(error_info.value)
    assert "changed task `first`; new task `third`; gone task `second`" in message
    assert "fork the run there" in message
    assert run.wait(60)


SETUP = """%load_ext attune_nb
import os, time
def work(n):
    with open("calls.txt", "a") as file:
        file.write(f"{n}\\n")
    # so that the kernel does not end too late
    while n >= 150 and not os.path.exists("go on"):
        time.sleep(0.01)
    return n
"""
SLOW = """%%attune slow
tasks:
  - name: work
    action: work
    with_items: "{{ range(300) }}"
    input: {n: "{{ item }}"}
output_map: {sum: "{{ task.work.result | sum }}"}
"""


@pytest.mark.parametrize(
    ("first_cell", "is_killed", "resuming_cell"),
    [
        (SLOW, True, SLOW.replace("slow\n", "slow --resume\n")),
        (SLOW, True, "%attune resume --backend inline --workers 2"),
        (SLOW.replace("slow\n", "slow --background\n"), False, "%attune resume"),
    ],
    ids=["killed, then a cell", "killed, then a line", "closed with a run in the background"],
)
def test_a_new_kernel_resumes_the_run_of_the_last_one(
    tmp_path, monkeypatch, first_cell, is_killed, resuming_cell
):
    store = tmp_path / "runs.db"
    monkeypatch.setenv("ATTUNE_NB_STORE", str(store))
    manager, client = start_new_kernel(cwd=str(tmp_path))
    client.execute(SETUP)
    client.execute(first_cell)
    while not store.exists() or attune_nb.runs(store)["items"].sum() < 150:
        time.sleep(0.05)

    manager.shutdown_kernel(now=is_killed)
    client.stop_channels()
    assert attune_nb.runs(store)["status"].tolist() == ["interrupted"]

    (tmp_path / "go on").touch()
    notebook = execute_cells(tmp_path, SETUP, resuming_cell, "_.output", "%attune runs")
    assert "300/300 items" in text_of(notebook)
    assert f"{{'sum': {sum(range(300))}}}" in text_of(notebook)

    calls = (tmp_path / "calls.txt").read_text().split()
    assert set(calls) == set(map(str, range(300)))
    # only the item that was running is run again
    assert len(calls) <= 301

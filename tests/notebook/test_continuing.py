"""Runs that reuse what earlier ones did, in a notebook; also one whose kernel was killed."""

import threading
import time

import pytest
from IPython.core.error import UsageError
from IPython.utils.capture import capture_output
from jupyter_client.manager import start_new_kernel
from support.notebook_kernels import ran_cells, texts

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


def cell(shell, line, text=FLOW):
    """Run a cell; give the Run, and the calls that it has made."""
    with capture_output():
        run = shell.run_cell_magic("attune", line, text)
    made = [*shell.user_ns["calls"]]
    shell.user_ns["calls"].clear()
    return run, made


def line(shell, text):
    with capture_output():
        return shell.run_line_magic("attune", text)


def test_from_a_task_on_only_what_follows_runs(shell):
    cell(shell, "flow")
    run, made = cell(shell, "flow --from second", EDITED)
    assert (made, run.status, run.result("first")) == ([20], "succeeded", [0, 1, 2, 3])


def test_a_changed_task_before_it_is_told(shell):
    cell(shell, "flow")
    run, made = cell(shell, "flow --from second", EDITED.replace("{{ item }}", "{{ item + 1 }}"))
    assert made == [20]
    assert "task `first` changed since" in repr(run)


def test_failed_items_are_retried_alone(shell):
    shell.user_ns["bad"].add(2)
    run, _ = cell(shell, "flow")
    assert run.status == "failed"
    shell.user_ns["bad"].clear()
    again, made = cell(shell, f"flow --retry-failed {run.run_id[:6]}")
    assert (made, again.output) == ([2, 10], {"sum": 6})


def test_a_line_retries_and_forks_too(shell):
    shell.user_ns["bad"].add(2)
    cell(shell, "flow --out before")
    shell.user_ns["bad"].clear()
    assert line(shell, "retry before").output == {"sum": 6}
    assert line(shell, "run flow --from second").status == "succeeded"
    assert line(shell, "fork flow --at first --set n=2").output == {"sum": 1}


PLACE = """
tasks:
  - {name: begin, action: core.noop, next: [{do: where}]}
  - {name: where, action: where}
"""


def test_what_is_run_again_runs_where_its_line_says(shell):
    shell.run_cell(
        "import threading\nwrong = True\n"
        "def where():\n"
        "    assert not wrong\n"
        "    return threading.current_thread() is threading.main_thread()"
    )
    cell(shell, "placed --backend inline --out before", PLACE)
    shell.user_ns["wrong"] = False
    assert line(shell, "retry before").result("where") is True
    assert line(shell, "retry before --backend threads --workers 2").result("where") is False
    assert line(shell, "fork before --at where --backend threads").result("where") is False


def test_a_run_that_is_under_way_here_is_not_moved(shell):
    ask = "tasks: [{name: q, action: core.ask, input: {prompt: Well?}}]"
    cell(shell, "asks --background --out asked", ask)
    with pytest.raises(UsageError, match=r"`%attune retry \w+ --backend dask --workers 2` does"):
        line(shell, "resume --backend dask --workers 2")
    shell.user_ns["asked"].cancel()
    assert shell.user_ns["asked"].wait(60)


def test_two_runs_are_compared(shell):
    cell(shell, "flow --out one")
    cell(shell, "flow --out two --set n=5")
    told = str(line(shell, "diff one two"))
    assert "parameter `n`" in told
    assert "output `sum`" in told
    assert "task `first`: items" in told
    page = line(shell, "diff one two")._repr_html_()
    assert "<table>" in page
    assert str(line(shell, "diff one one")) == "they do not differ"


def test_a_run_of_an_earlier_kernel_is_what_is_reused(shell):
    run, _ = cell(shell, "kept")
    session = shell.magics_manager.registry["AttuneMagics"].session
    del session.last["kept"], session.runs[run.run_id]
    again, made = cell(shell, "kept --from second")
    assert (made, again.output) == ([10], {"sum": 6})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--from second", "`new` has not run before, so there is nothing to reuse"),
        ("--retry-failed", "`new` has not run before, so there is nothing to reuse"),
        ("--resume", "no run of `new` on record was interrupted"),
        ("--from second --resume", "--from and --resume: one of them, not both"),
    ],
)
def test_where_there_is_nothing_to_reuse_that_is_told(shell, options, told):
    with pytest.raises(UsageError, match=told):
        cell(shell, f"new {options}")


def test_another_workflow_is_no_resume_and_which_tasks_differ_is_told(shell, monkeypatch):
    gate = threading.Event()
    shell.user_ns["gate"] = gate
    shell.run_cell("def waits(x):\n    gate.wait(90)\n    return x")
    waiting = FLOW.replace("action: act", "action: waits")
    run, _ = cell(shell, "changed --background", waiting)
    while not run.store.exists() or attune_nb.runs()["workflow"].tolist() != ["changed"]:
        time.sleep(0.02)
    monkeypatch.setattr("attune_nb.store.reading.LIVE", set())
    edited = waiting.replace("x: 10", "x: 20").replace("  - {name: second", "  - {name: third")
    with pytest.raises(StoreError) as caught:
        cell(shell, "changed --resume", edited.replace("do: second", "do: third"))
    gate.set()
    assert "changed task `first`; new task `third`; gone task `second`" in str(caught.value)
    assert "fork the run there" in str(caught.value)
    assert run.wait(60)


SETUP = """%load_ext attune_nb
import os, time
def work(n):
    with open("made.txt", "a") as file:
        file.write(f"{n}\\n")
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
    ("ran", "now", "taken_up"),
    [
        (SLOW, True, SLOW.replace("slow\n", "slow --resume\n")),
        (SLOW, True, "%attune resume --backend inline --workers 2"),
        (SLOW.replace("slow\n", "slow --background\n"), False, "%attune resume"),
    ],
    ids=["killed, then a cell", "killed, then a line", "closed with a run in the background"],
)
def test_a_kernel_is_gone_and_the_next_one_goes_on(tmp_path, monkeypatch, ran, now, taken_up):
    monkeypatch.setenv("ATTUNE_NB_STORE", str(tmp_path / "runs.db"))
    manager, client = start_new_kernel(cwd=str(tmp_path))
    client.execute(SETUP)
    client.execute(ran)
    store = tmp_path / "runs.db"
    while not store.exists() or not attune_nb.runs(store)["items"].sum():
        time.sleep(0.05)
    manager.shutdown_kernel(now=now)
    client.stop_channels()
    assert attune_nb.runs(store)["status"].tolist() == ["interrupted"]
    notebook = ran_cells(tmp_path, SETUP, taken_up, "_.output", "%attune runs")
    assert "300/300 items" in texts(notebook)
    assert f"{{'sum': {sum(range(300))}}}" in texts(notebook)
    made = (tmp_path / "made.txt").read_text().split()
    assert set(made) == set(map(str, range(300)))
    assert len(made) < 330

"""What a cell shows in a real kernel, with and without widgets; and what it leaves there."""

import json

import pytest
from support.notebook_kernels import ran_cells, texts

SETUP = """%load_ext attune_nb
import os, time
os.environ["ATTUNE_NB_WIDGETS"] = "SHOWN"
def work(n):
    time.sleep(0.001)
    if n == 3:
        raise ValueError("three")
    return n
"""
FAN_OUT = """%%attune fan --out run
tasks:
  - name: check
    action: work
    with_items: "{{ range(400) }}"
    input: {n: "{{ item }}"}
    next: [{when: "{{ failed() }}", do: noop}]
"""
LEFT = """
import gc, threading, comm, ipywidgets
gc.collect()
def left():
    widgets = len(ipywidgets.widgets.widget._instances)
    threads = [each.name for each in threading.enumerate() if "attune" in each.name]
    return widgets, len(comm.get_comm_manager().comms), threads
"""


@pytest.mark.parametrize("widgets", ["0", "1"])
def test_the_panel_becomes_a_static_outcome(tmp_path, widgets):
    notebook = ran_cells(tmp_path, SETUP.replace("SHOWN", widgets), FAN_OUT, "_ is run")
    (output,) = notebook.cells[1].outputs
    assert sorted(output["data"]) == ["text/html", "text/plain"]
    assert "400/400 items, 1 failed" in output["data"]["text/plain"]
    assert "400/400" in output["data"]["text/html"]
    assert "True" in texts(notebook)


def test_a_run_is_the_value_of_its_line_and_is_shown_once(tmp_path):
    define = FAN_OUT.replace("%%attune fan --out run", "%%attune fan --define")
    taken = "made = %attune run fan\nprint(made.status)\nmade"
    notebook = ran_cells(
        tmp_path, SETUP.replace("SHOWN", "0"), define, taken, "made is _", "made", "%attune list;"
    )
    _, _, running, same, shown, silenced = notebook.cells
    kinds = [each.output_type for each in running.outputs]
    assert kinds == ["display_data", "stream"]
    assert running.outputs[1].text == "succeeded\n"
    assert same.outputs[0].data["text/plain"] == "True"
    assert "400/400 items" in shown.outputs[0].data["text/plain"]
    assert silenced.outputs == []


def test_a_run_in_the_background_is_awaited_in_a_later_cell(tmp_path):
    cell = FAN_OUT.replace("--out", "--background --out")
    later = "print((await run).status, run.status); time.sleep(0.3)"
    notebook = ran_cells(tmp_path, SETUP.replace("SHOWN", "1"), cell, later)
    assert "succeeded succeeded" in texts(notebook)
    (output,) = notebook.cells[1].outputs
    assert "400/400 items, 1 failed" in output["data"]["text/plain"]


def test_a_question_hands_the_cell_back_and_is_answered_from_python(tmp_path):
    ask = """%%attune ask --out run
tasks:
  - {name: q, action: core.ask, input: {prompt: Shall we?}}
"""
    told = "print(run.status, [each.prompt for each in run.questions])"
    answer = "run.answer('q', 'yes'); print((await run).result('q')['response'])"
    notebook = ran_cells(tmp_path, SETUP.replace("SHOWN", "0"), ask, told, answer)
    assert "running ['Shall we?']" in texts(notebook)
    assert "yes" in texts(notebook)


@pytest.mark.parametrize("widgets", ["0", "1"])
def test_a_hundred_runs_leave_nothing_in_the_kernel(tmp_path, widgets):
    again = """
shell, cell = get_ipython(), CELL
def runs(count):
    for _ in range(count):
        shell.run_cell_magic("attune", "small", cell)
        shell.run_cell_magic("attune", "small --background --out run", cell)
        run.wait()
runs(2)
time.sleep(0.5)
before = left()
runs(50)
time.sleep(0.5)
import sys
print("left", before, left(), before == left(), "attune_nb.display.controls" in sys.modules)
"""
    cell = "tasks: [{name: a, action: core.noop, with_items: [1, 2]}]"
    again = again.replace("CELL", json.dumps(cell))
    notebook = ran_cells(tmp_path, SETUP.replace("SHOWN", widgets), LEFT, again)
    told = [line for line in texts(notebook).splitlines() if line.startswith("left")]
    assert told[0].endswith(f"[]) True {widgets == '1'}")


def test_debug_lands_in_the_frame_of_the_action(tmp_path):
    debug = FAN_OUT.replace("--out run", "--debug").replace("do: noop", "do: fail")
    told = """
import sys
frames, found = sys.last_traceback, []
while frames:
    found.append(frames.tb_frame.f_code.co_name)
    frames = frames.tb_next
print("frames", found, sys.last_value)
"""
    notebook = ran_cells(tmp_path, SETUP.replace("SHOWN", "0"), debug, told)
    assert "frames ['work'] three" in texts(notebook)
    shown = [each for each in notebook.cells[1].outputs if each["output_type"] == "error"]
    assert [each["ename"] for each in shown] == ["ValueError"]


def test_a_run_within_an_action_shows_nothing_of_its_own(tmp_path):
    inner = """
import attune_nb
small = attune_nb.loads("tasks: [{name: a, action: core.noop}]", "small")
def work(n):
    return small.run().status
"""
    notebook = ran_cells(tmp_path, SETUP.replace("SHOWN", "0") + inner, FAN_OUT, "run.status")
    assert len(notebook.cells[1].outputs) == 1
    assert "succeeded" in texts(notebook)

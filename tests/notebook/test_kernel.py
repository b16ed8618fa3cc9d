"""The outputs of cells in a real kernel, with and without widgets; and that nothing remains."""

import json

import pytest
from support.notebook_kernels import errors_of, execute_cells, execute_failing_cells, text_of

SETUP = """%load_ext attune_nb
import os, time
os.environ["ATTUNE_NB_WIDGETS"] = "VALUE"
def work(n):
    time.sleep(0.001)
    if n == 3:
        raise ValueError("three")
    return n
"""
WITHOUT_WIDGETS = SETUP.replace("VALUE", "0")
WITH_WIDGETS = SETUP.replace("VALUE", "1")
FAN_OUT = """%%attune fan --out run
tasks:
  - name: check
    action: work
    with_items: "{{ range(400) }}"
    input: {n: "{{ item }}"}
    next: [{when: "{{ failed() }}", do: noop}]
"""
COUNT_REMAINS = """
import gc, threading, comm, ipywidgets
gc.collect()
def count_remains():
    widgets = len(ipywidgets.widgets.widget._instances)
    threads = [thread.name for thread in threading.enumerate() if "attune" in thread.name]
    return widgets, len(comm.get_comm_manager().comms), threads
"""


@pytest.mark.parametrize("setup", [WITHOUT_WIDGETS, WITH_WIDGETS], ids=["no widgets", "widgets"])
def test_the_panel_becomes_a_static_outcome(tmp_path, setup):
    notebook = execute_cells(tmp_path, setup, FAN_OUT, "_ is run")

    (output,) = notebook.cells[1].outputs
    assert sorted(output["data"]) == ["text/html", "text/plain"]
    assert "400/400 items, 1 failed" in output["data"]["text/plain"]
    assert "400/400" in output["data"]["text/html"]
    handled = "1 failure handled: `check` 1 of 400 items failed with ValueError: three"
    for text in output["data"].values():
        assert f"{handled} (cell [1], line 7)" in text
    assert "True" in text_of(notebook)


def test_a_run_is_the_value_of_its_line_and_is_shown_once(tmp_path):
    define = FAN_OUT.replace("%%attune fan --out run", "%%attune fan --define")
    run = "fan_run = %attune run fan\nprint(fan_run.status)\nfan_run"
    notebook = execute_cells(
        tmp_path, WITHOUT_WIDGETS, define, run, "fan_run is _", "fan_run", "%attune list;"
    )

    _, _, running, same, shown, silenced = notebook.cells
    kinds = [output.output_type for output in running.outputs]
    assert kinds == ["display_data", "stream"]
    assert running.outputs[1].text == "succeeded\n"
    assert same.outputs[0].data["text/plain"] == "True"
    assert "400/400 items" in shown.outputs[0].data["text/plain"]
    assert silenced.outputs == []


def test_a_background_run_is_awaited_in_a_later_cell(tmp_path):
    cell = FAN_OUT.replace("--out", "--background --out")
    wait = "print((await run).status, run.status); time.sleep(0.3)"
    notebook = execute_cells(tmp_path, WITH_WIDGETS, cell, wait)

    assert "succeeded succeeded" in text_of(notebook)
    output, buttons, lines = notebook.cells[1].outputs
    assert "400/400 items, 1 failed" in output["data"]["text/plain"]
    assert set(buttons["data"].values()) == {""}
    # no action has printed anything
    assert set(lines["data"].values()) == {""}


def test_a_cell_returns_at_a_question(tmp_path):
    """A person sits there, and answers in a later cell."""
    ask = """%%attune ask --out run
tasks:
  - {name: q, action: core.ask, input: {prompt: Shall we?}}
"""
    show = "print(run.status, [question.prompt for question in run.questions])"
    answer = "run.answer('q', 'yes'); print((await run).result('q')['response'])"
    notebook = execute_cells(tmp_path, WITHOUT_WIDGETS, ask, show, answer, attended=True)

    assert "running ['Shall we?']" in text_of(notebook)
    assert "yes" in text_of(notebook)


@pytest.mark.parametrize(
    ("setup", "has_widgets"),
    [(WITHOUT_WIDGETS, False), (WITH_WIDGETS, True)],
    ids=["no widgets", "widgets"],
)
def test_a_hundred_runs_leave_nothing_in_the_kernel(tmp_path, setup, has_widgets):
    run_many = """
import sys
shell, cell = get_ipython(), CELL
def run_twice(count):
    for _ in range(count):
        shell.run_cell_magic("attune", "small", cell)
        shell.run_cell_magic("attune", "small --background --out run", cell)
        run.wait()
def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
run_twice(2)
# the thread that draws ends a little later
wait_until(lambda: not count_remains()[2])
before = count_remains()
run_twice(50)
wait_until(lambda: count_remains() == before)
after = count_remains()
# not printed: of so many messages at once a busy front end does not receive all
with open("remains.txt", "w") as file:
    print(after[2], before == after, "attune_nb.display.controls" in sys.modules, file=file)
"""
    cell = "tasks: [{name: a, action: core.noop, with_items: [1, 2]}]"
    run_many = run_many.replace("CELL", json.dumps(cell))
    execute_cells(tmp_path, setup, COUNT_REMAINS, run_many)

    assert (tmp_path / "remains.txt").read_text() == f"[] True {has_widgets}\n"


def test_debug_opens_the_frame_of_the_action(tmp_path):
    debug = FAN_OUT.replace("--out run", "--debug").replace("do: noop", "do: fail")
    show_frame = """
import sys
traceback = sys.last_traceback
while traceback.tb_next:
    traceback = traceback.tb_next
print("frame", traceback.tb_frame.f_code.co_name, traceback.tb_frame.f_locals["n"])
"""
    notebook = execute_failing_cells(tmp_path, WITHOUT_WIDGETS, debug, show_frame)

    assert "frame work 3" in text_of(notebook)
    shown, raised = errors_of(notebook.cells[1])
    assert shown == ("ValueError", "three")
    assert raised[0] == "RunFailed"
    assert "failed with ValueError: three (cell [1], line 7); then `fail`" in raised[1]


def test_a_run_within_an_action_shows_nothing(tmp_path):
    inner = """
import attune_nb
small = attune_nb.loads("tasks: [{name: a, action: core.noop}]", "small")
def work(n):
    return small.run().status
"""
    notebook = execute_cells(tmp_path, WITHOUT_WIDGETS + inner, FAN_OUT, "run.status")

    assert len(notebook.cells[1].outputs) == 1
    assert "succeeded" in text_of(notebook)

"""A cell fails if its run does: what it shows, what it raises, and how that is turned off."""

import nbformat
import pytest
from IPython.utils.capture import capture_output
from support.item_runs import until
from support.notebook_kernels import (
    errors_of,
    execute_failing_cells,
    execute_notebook,
    text_of,
)

import attune_nb
from attune_nb.backends.dask import DaskBackend
from attune_nb.backends.dask import connection as dask_connection
from attune_nb.errors import RunFailed
from attune_nb.notebook.command import PendingRun

SETUP = """%load_ext attune_nb
def check(host):
    secret_of_frame = host + 100
    return httpx.get(host)
"""
FAILING = """%%attune health
tasks:
  - name: check
    action: check
    with_items: "{{ range(30) }}"
    input: {host: "{{ item }}"}
"""
REASON = (
    "task `check` failed: 30 of 30 items failed, all with NameError: name 'httpx' is not defined "
    "(cell [1], line 4)"
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("failed")
    cells = {
        "setup": SETUP,
        "failing": FAILING,
        "variables": "print(run is _, run.status)",
        "frame": """
import sys
traceback = sys.last_traceback
while traceback.tb_next:
    traceback = traceback.tb_next
print("frame", traceback.tb_frame.f_code.co_name, "secret_of_frame" in traceback.tb_frame.f_locals)
""",
        "named": FAILING.replace("health", "health --out mine"),
        "named variables": "print(mine is _, mine is not run)",
        "quiet": FAILING.replace("health", "health --quiet"),
        "no progress": FAILING.replace("health", "health --no-progress"),
        "no raise": FAILING.replace("health", "health --no-raise"),
        "background": FAILING.replace("health", "health --background") + "\n",
        "waited": "print(run.wait(60))",
        "run": "%attune run health",
        "retry": "%attune retry",
        "fork": "%attune fork health --at check",
        "retry no raise": "%attune retry --no-raise",
        "configured": "%config AttuneMagics.raise_on_failure = False",
        "retry configured": "%attune retry",
    }
    notebook = execute_failing_cells(folder, *cells.values())
    return dict(zip(cells, notebook.cells, strict=True))


def test_the_outcome_is_shown_before_the_error(executed):
    outcome, error = executed["failing"].outputs

    assert outcome.output_type == "display_data"
    assert REASON in outcome.data["text/plain"]
    assert error.output_type == "error"


def test_the_error_is_one_line_with_the_reason(executed):
    error = executed["failing"].outputs[-1]

    assert error.ename == "RunFailed"
    assert error.evalue == f'{REASON}; run.failures("check")'
    assert error.traceback == [f"RunFailed: {error.evalue}"]


def test_the_variables_hold_the_run_of_a_failed_cell(executed):
    assert "True failed" in executed["variables"].outputs[0].text
    assert "True True" in executed["named variables"].outputs[0].text
    assert errors_of(executed["named"])[0][1].endswith('; mine.failures("check")')


def test_a_debugger_stops_in_the_frame_of_the_action(executed):
    assert "frame check True" in executed["frame"].outputs[0].text


def test_a_quiet_cell_shows_only_its_error(executed):
    assert [output.output_type for output in executed["quiet"].outputs] == ["error"]


def test_the_outcome_is_shown_without_progress_too(executed):
    outcome, error = executed["no progress"].outputs
    assert REASON in outcome.data["text/plain"]
    assert "<details>" in outcome.data["text/html"]
    assert error.ename == "RunFailed"


@pytest.mark.parametrize("cell", ["run", "retry", "fork"])
def test_a_line_fails_as_a_cell_does(executed, cell):
    (error,) = errors_of(executed[cell])
    assert error == ("RunFailed", f'{REASON}; run.failures("check")')


@pytest.mark.parametrize("cell", ["no raise", "background", "retry no raise", "retry configured"])
def test_a_cell_goes_on_after_a_failure_if_asked(executed, cell):
    assert errors_of(executed[cell]) == []
    texts = [output.data["text/plain"] for output in executed[cell].outputs]
    assert any(REASON in text for text in texts)


def test_an_end_between_two_cells_is_shown_in_its_cell(tmp_path):
    """nbclient drops the messages of a kernel while no cell is executed."""
    setup = """%load_ext attune_nb
import threading
import time
from pathlib import Path

def check(host):
    while not Path("go").exists():
        time.sleep(0.01)
    return 1 / 0
"""
    watch = """
def watch():
    run.wait()
    Path("ended").touch()

threading.Thread(target=watch).start()
"""
    background = FAILING.replace("health", "health --background")
    cells = [setup, background, watch, "print(run.status)"]

    def end_the_run(cell, cell_index):
        if cell_index == len(cells) - 1:
            (tmp_path / "go").touch()
            until((tmp_path / "ended").exists)

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    executed = execute_notebook(notebook, tmp_path, before_cell=end_the_run)
    assert executed.cells[-1].outputs[0].text == "failed\n"
    texts = [output.data["text/plain"] for output in executed.cells[1].outputs]
    assert "30 of 30 items failed, all with ZeroDivisionError" in "\n".join(texts)


def test_the_traceback_is_folded_below_the_outcome(executed):
    page = executed["failing"].outputs[0].data["text/html"]

    assert page.count("<details>") == 1
    assert "first traceback of `check`, item 0: 0" in page
    assert "cell [1]" in page
    assert "return httpx.get(host)" in page


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["processes", "dask", "inline"])
def test_the_users_line_is_named_on_every_backend(tmp_path, backend):
    cell = FAILING.replace("health", f"health --workers 1 --backend {backend}")
    notebook = execute_failing_cells(tmp_path, SETUP, cell)

    (error,) = errors_of(notebook.cells[1])
    assert error == ("RunFailed", f'{REASON}; run.failures("check")')


def test_a_variable_run_of_the_notebook_is_not_replaced(tmp_path):
    notebook = execute_failing_cells(tmp_path, SETUP, "run = 5", FAILING, "print(run, _.status)")

    (error,) = errors_of(notebook.cells[2])
    assert error == ("RunFailed", f'{REASON}; _.failures("check")')
    assert "5 failed" in text_of(notebook)


def test_a_run_whose_backend_is_lost_fails_its_cell(ipython, monkeypatch):
    """It is paused: nothing goes on, and nothing has failed."""
    monkeypatch.setattr(dask_connection, "TIMEOUT", 0.1)
    workflow = attune_nb.loads("tasks: [{name: a, action: core.noop, with_items: [1, 2]}]")
    # no scheduler listens there
    backend = DaskBackend("tcp://127.0.0.1:9")
    pending_run = PendingRun("lost", lambda _: workflow.run(backend=backend))

    cell_runner = ipython.magics_manager.registry["AttuneMagics"].cell_runner
    with capture_output(), pytest.raises(RunFailed, match="the run is paused: there is no Dask"):
        cell_runner.start(
            pending_run,
            out="lost_run",
            quiet=False,
            debug=False,
            background=False,
            has_progress=False,
        )

    run = ipython.user_ns["lost_run"]
    assert run.status == "paused"
    run.cancel()
    assert run.wait(60)

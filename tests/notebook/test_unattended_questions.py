"""Questions in a notebook that a program executes: nobody can answer there."""

import subprocess
import sys

import nbformat
import pytest
from support.notebook_kernels import (
    errors_of,
    execute_cells,
    execute_failing_cells,
    text_of,
)

pytestmark = pytest.mark.slow

LOAD = "%load_ext attune_nb\n%config AttuneMagics.store = 's.db'"
ASK = """%%attune ship LINE
tasks:
  - name: approve
    action: core.ask
    input: {prompt: May it go?, response_schema: {type: boolean}}
"""


def ask(line=""):
    """Return a cell that asks."""
    return ASK.replace("LINE", line)


def test_a_cell_with_an_open_question_fails_with_advice(tmp_path):
    notebook = execute_failing_cells(
        tmp_path, LOAD, ask(), "print(run.status, _.run_id == run.run_id)"
    )
    ((name, message),) = errors_of(notebook.cells[1])

    assert name == "QuestionOpen"
    assert "task `approve` asks: May it go?" in message
    assert "%attune resume" in message
    assert "--answer approve=true" in message
    assert "paused True" in text_of(notebook)

    # the saved panel offers nothing that works only while the cell runs
    pages = [output.data["text/html"] for output in notebook.cells[1].outputs if "data" in output]
    # the place for the lines of the actions, which print none, is empty
    [page] = filter(None, pages)
    assert "interrupt the kernel" not in page
    assert "`run.cancel()` cancels" in page


def test_a_later_cell_answers_and_the_run_continues(tmp_path):
    answer = "run.answer('approve', True); run.wait(60); print(run.status)"
    notebook = execute_failing_cells(tmp_path, LOAD, ask(), answer)

    assert "succeeded" in text_of(notebook)


def test_a_call_from_python_fails_as_a_cell_does(tmp_path):
    call = f"""
import attune_nb
workflow = attune_nb.loads({ask().partition(chr(10))[2]!r})
try:
    workflow.run(store="none")
except attune_nb.QuestionOpen as error:
    print(error.run.status, "It has no record" in str(error))
"""
    assert "paused True" in text_of(execute_cells(tmp_path, call))


@pytest.mark.parametrize("attended", [False, True], ids=["by a program", "by a person"])
def test_an_answer_in_the_line_lets_the_cell_succeed(tmp_path, attended):
    show = "print(run.status, run.result('approve'))"
    cells = [LOAD, ask("--answer approve=yes"), show]
    notebook = execute_cells(tmp_path, *cells, attended=attended)

    assert "succeeded {'response': True}" in text_of(notebook)


def test_another_kernel_resumes_the_run_with_an_answer(tmp_path):
    execute_failing_cells(tmp_path, LOAD, ask())
    resume = "run = %attune resume --answer approve=no\nprint(run.status, run.result('approve'))"
    notebook = execute_cells(tmp_path, LOAD, resume)

    assert "succeeded {'response': False}" in text_of(notebook)


ASK_AND_FAIL = (
    ask()
    + """\
    next: [{do: deploy}]
  - name: deploy
    action: core.fail
    input: {message: no space left}
"""
)


def test_a_cell_that_resumes_a_run_of_its_kernel_waits_and_fails(tmp_path):
    resume = "%attune resume run --answer approve=true"
    notebook = execute_failing_cells(
        tmp_path, LOAD, ASK_AND_FAIL, resume, "print(run.status, run.has_ended)"
    )
    ((name, message),) = errors_of(notebook.cells[2])

    assert name == "RunFailed"
    assert "no space left" in message
    assert "failed True" in text_of(notebook)


def test_a_cell_that_resumes_without_the_answer_fails_again(tmp_path):
    notebook = execute_failing_cells(tmp_path, LOAD, ask(), "%attune resume run")
    ((name, message),) = errors_of(notebook.cells[2])

    assert name == "QuestionOpen"
    assert "--answer approve=true" in message


def test_a_cell_that_does_not_raise_goes_on(tmp_path):
    notebook = execute_cells(tmp_path, LOAD, ask("--no-raise"), "print(run.status)")

    assert "paused" in text_of(notebook)


def write_notebook(folder, *sources):
    """Write a notebook with some cells, and return its path."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}
        },
    )
    path = folder / "book.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.mark.parametrize(
    "arguments",
    [["-m", "papermill", "book.ipynb", "done.ipynb"], ["-m", "attune_nb", "publish", "book.ipynb"]],
    ids=["papermill", "publish"],
)
def test_a_program_that_executes_the_notebook_stops(tmp_path, arguments):
    write_notebook(tmp_path, LOAD, ask())
    process = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert process.returncode != 0
    assert "QuestionOpen: task `approve` asks: May it go?" in process.stderr
    assert "--answer approve=true" in process.stderr


def test_a_quiet_cell_still_says_what_is_asked(tmp_path):
    """A person sits there, but nothing else is shown."""
    answer = "run.answer('approve', True); (await run).status"
    cells = [LOAD, ask("--quiet --out run"), answer]
    notebook = execute_cells(tmp_path, *cells, attended=True)

    assert "`approve` asks: May it go? (`%attune answer" in text_of(notebook)
    assert "succeeded" in text_of(notebook)


def test_an_inline_cell_returns_at_a_question_too(tmp_path):
    """A person sits there, and answers in a later cell."""
    answer = "print(run.status); run.answer('approve', True); (await run).status"
    cells = [LOAD, ask("--backend inline --out run"), answer]
    notebook = execute_cells(tmp_path, *cells, attended=True)

    assert "running" in text_of(notebook)
    assert "'succeeded'" in text_of(notebook)

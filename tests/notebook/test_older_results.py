"""In a notebook, a cell that is run again changes what a retry runs, and older results say so."""

import pytest
from IPython.utils.capture import capture_output
from nbformat import NotebookNode
from support.notebook_kernels import execute_cells, text_of

pytestmark = pytest.mark.slow

DEFINE = """
LIMIT = 2

def check(n):
    assert n < LIMIT, "too large"
    return n
"""
RUN = """%%attune checks --no-raise --no-progress --out run
tasks:
  - {name: check, action: check, with_items: "{{ range(4) }}", input: {n: "{{ item }}"}}
"""
REDEFINE = """
def check(n):
    return 10 * n
"""


def texts_of(notebook):
    """Return the text of each cell's outputs."""
    return [text_of(NotebookNode(cells=[cell])) for cell in notebook.cells]


def test_a_retry_from_python_uses_the_functions_of_now(tmp_path):
    notebook = execute_cells(
        tmp_path,
        "%load_ext attune_nb\n%config AttuneMagics.store = 'runs.db'\nimport attune_nb as attune"
        + DEFINE,
        RUN,
        REDEFINE,
        "retry = run.retry(progress=False)\nprint(retry.result('check'))",
        "print(retry.items('check')['reused'].tolist())\nprint(retry.alerts)",
        "retry",
        "%attune runs",
        "print(attune.last_run() is retry)",
        "LIMIT = 5\n\nprint(attune.last_run().fork('check', progress=False).alerts)",
        "%attune forget run retry",
    )
    texts = texts_of(notebook)

    assert "[0, 1, 20, 30]" in texts[3]
    assert "[True, True, False, False]" in texts[4]
    assert "task `check` changed since, but 2 earlier results of its items are reused" in texts[4]
    assert "2, older code" in texts[5]
    assert "retry of " in texts[6]
    assert "True" in texts[7]
    assert "[]" in texts[8]
    assert "2 runs forgotten, " in texts[9]


def test_the_notebook_compares_what_an_action_uses(tmp_path):
    """A global that the action reads counts as its code."""
    notebook = execute_cells(
        tmp_path,
        "%load_ext attune_nb" + DEFINE,
        RUN,
        "LIMIT = 3\nprint(run.retry(progress=False).alerts)",
        "LIMIT = 2\nprint(run.retry(progress=False).alerts)",
    )
    texts = texts_of(notebook)
    assert "task `check` changed since" in texts[2]
    assert "changed since" not in texts[3]


def test_a_shell_that_a_program_started_has_its_functions(ipython):
    """There `__main__` is the program, not the notebook."""
    with capture_output():
        ipython.run_cell(DEFINE)
        ipython.run_cell(RUN.replace("check", "verify").replace("action: verify", "action: check"))
        ipython.run_cell(REDEFINE)
        ipython.run_cell("retry = run.retry(progress=False)")
    assert ipython.user_ns["retry"].result("verify") == [0, 1, 20, 30]

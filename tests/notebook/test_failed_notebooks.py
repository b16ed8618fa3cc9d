"""A failed workflow cell stops what executes the notebook: papermill, nbconvert and the others."""

import functools
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SETUP = """%load_ext attune_nb
def check(host):
    return httpx.get(host)
"""
WORKFLOW = """%%attune health {options}
tasks:
  - name: check
    action: check
    with_items: ["http://a", "http://b"]
    input: {{host: "{{{{ item }}}}"}}
"""
REASON = (
    "task `check` failed: 2 of 2 items failed, all with NameError: name 'httpx' is not defined "
    "(cell [1], line 3)"
)

JUPYTER_EXECUTE = "from nbclient.cli import main; main()"
# the arguments of Python with which a user executes a notebook, and the file that results
PROGRAMS = {
    "papermill": (["-m", "papermill", "-k", "python3", "book.ipynb", "out.ipynb"], "out.ipynb"),
    "nbconvert": (["-m", "nbconvert", "--execute", "--to", "html", "book.ipynb"], "book.html"),
    "nbclient": (["-c", JUPYTER_EXECUTE, "--inplace", "book.ipynb"], "book.ipynb"),
    "publish": (["-m", "attune_nb", "publish", "book.ipynb"], "book.html"),
    "publish anyway": (["-m", "attune_nb", "publish", "--keep-going", "book.ipynb"], "book.html"),
}


@pytest.fixture(scope="module")
def execute(tmp_path_factory):
    """Return a function that executes a notebook with a failing workflow, once for its arguments.

    It returns the process and the file that the program writes.
    """

    @functools.cache
    def execute(program, options=""):
        folder = tmp_path_factory.mktemp("book")
        cells = [SETUP, WORKFLOW.format(options=options), "print('went', 'on')"]
        notebook = new_notebook(cells=[new_code_cell(source) for source in cells])
        nbformat.write(notebook, folder / "book.ipynb")

        arguments, output = PROGRAMS[program]
        process = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return process, folder / output

    return execute


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_failed_cell_gives_a_failed_exit_status(program, execute):
    process, _ = execute(program)

    assert process.returncode != 0
    assert f"RunFailed: {REASON}" in process.stdout + process.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_notebook_goes_on_with_no_raise(program, execute):
    process, output = execute(program, "--no-raise")

    assert process.returncode == 0, process.stderr
    text = output.read_text(encoding="utf-8")
    assert "went on" in text
    assert "all with NameError: name" in text


def test_the_notebook_that_papermill_leaves_shows_the_failure(execute):
    _, output = execute("papermill")

    notebook = nbformat.read(output, as_version=4)
    banner, *_, failed_cell, last_cell = notebook.cells
    assert "An Exception was encountered" in banner.source
    outcome, error = failed_cell.outputs
    assert REASON in outcome.data["text/plain"]
    assert error.evalue.startswith(REASON)
    assert last_cell.outputs == []


def test_a_page_that_is_published_anyway_says_so_at_its_top(execute):
    _, page = execute("publish anyway")

    body = page.read_text(encoding="utf-8").partition("<main>")[2]
    top, _, cells = body.partition("jp-CodeCell")
    assert "1 cell of this notebook failed." in top
    assert "Code cell 2</a>: RunFailed: task `check` failed: 2 of 2 items failed, all with" in top
    assert "went on" in cells


def test_a_page_is_not_published_without_that(execute):
    _, page = execute("publish")
    assert not page.exists()

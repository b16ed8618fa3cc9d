"""`attune-nb publish`."""

import json

import pytest
from support.command_line import attune

pytestmark = pytest.mark.slow


def write_notebook(folder, *sources, tag=None):
    """Write a notebook with one code cell per source; the first cell gets the tag."""
    cells = []
    for number, source in enumerate(sources):
        metadata = {"tags": [tag]} if tag and number == 0 else {}
        cells.append(
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": metadata,
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
        )

    path = folder / "book.ipynb"
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(notebook))
    return path


def test_a_notebook_is_published_with_its_parameters(tmp_path):
    path = write_notebook(tmp_path, "n = 1\nsays = ''", "print(n, says)", tag="parameters")
    values = ["-p", "n=[1, 2]", "--set", "says=a=b"]
    process = attune("publish", str(path), *values, "-o", str(tmp_path))
    assert process.returncode == 0, process.stderr
    page = tmp_path / "book.html"
    assert process.stdout == f"{page}: {page.stat().st_size / 1e6:.2f} MB\n"
    assert process.stderr == ""
    assert "[1, 2] a=b" in page.read_text(encoding="utf-8")


def test_no_progress_is_shown_without_a_terminal(tmp_path, monkeypatch):
    # a cell of Jupyter sets it, for the commands that it runs
    monkeypatch.setenv("FORCE_COLOR", "1")
    process = attune("publish", str(write_notebook(tmp_path, "1")))
    assert process.returncode == 0
    assert process.stderr == ""


def test_a_failed_notebook_is_reported_with_its_cell(tmp_path):
    process = attune("publish", str(write_notebook(tmp_path, "x = 0", "1 / x")))
    assert process.returncode == 1
    assert process.stderr == (
        "book.ipynb, code cell 2 failed: ZeroDivisionError: division by zero\n    1 | 1 / x\n"
        "no page was written; `--keep-going` publishes it anyway\n"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["book.ipynb"]


def test_a_failed_notebook_is_published_if_asked(tmp_path):
    """Its page says at the top what failed, and the exit status is 1."""
    path = write_notebook(tmp_path, "1 / 0", "print('still', 'here')", "broken", "%frobnicate")
    process = attune("publish", str(path), "--keep-going")

    page = tmp_path / "book.html"
    assert process.returncode == 1
    assert process.stderr == (
        "book.ipynb, code cell 1 failed: ZeroDivisionError: division by zero\n    1 | 1 / 0\n"
        f"2 more cells failed\n{page} was written\n"
    )
    text = page.read_text(encoding="utf-8")
    top, _, cells = text.partition("still here")
    assert cells
    assert "3 cells of this notebook failed." in top
    assert "Code cell 1</a>: ZeroDivisionError: division by zero" in top
    assert "Code cell 3</a>: NameError: name" in top
    assert "Code cell 4</a>: UsageError: Line magic function `%frobnicate` not found" in top


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "htlm"], "there is no format `htlm`; did you mean `html`?"),
        (["-p", "n"], "-p takes NAME=VALUE, and one has no `=`; it is not shown"),
        (["-p", "=1"], "-p takes NAME=VALUE, and there is no name before the `=`"),
        (["-p", "n=1"], "has no cell tagged `parameters`, so it takes no parameter `n`"),
        (["-o", "no/such/page.html"], "there is no folder no/such for the page"),
    ],
)
def test_wrong_usage_of_publish_gives_one_line(options, message, tmp_path):
    process = attune("publish", str(write_notebook(tmp_path, "1")), *options)
    assert process.returncode == 2
    assert message in process.stderr
    assert process.stderr.count("\n") == 1


def test_a_missing_package_is_named_with_its_extra(tmp_path):
    without_papermill = "import sys; sys.modules['papermill'] = None"
    process = attune("publish", str(write_notebook(tmp_path, "1")), before=without_papermill)
    assert process.returncode == 2
    assert process.stderr == "papermill is missing: pip install 'attune_nb[publish]'\n"

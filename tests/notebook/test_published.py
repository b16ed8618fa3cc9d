"""Every notebook is committed as it ran, and has a test that it runs again."""

from pathlib import Path

import nbformat
import pytest
from support.notebook_kernels import NOTEBOOKS


def test_every_notebook_is_tried():
    """Each in a file of its own, so that they run beside each other."""
    tests = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    for path in NOTEBOOKS.glob("*.ipynb"):
        runs = [f'{runs}("{path.name}", ' for runs in ("check_published", "executed")]
        assert any(run in each for each in tests for run in runs), path.name


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_it_is_committed_as_it_ran_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert path.stat().st_size < 2_000_000
    for folder in (NOTEBOOKS.parent, Path.home()):
        assert str(folder) not in path.read_text()

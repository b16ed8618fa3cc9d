"""Every notebook is committed with its outputs, and has a test that executes it again."""

from pathlib import Path

import nbformat
import pytest
from support.notebook_kernels import NOTEBOOKS


def test_every_notebook_has_a_test():
    """Each has a file of its own, so that they run in parallel."""
    tests = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    for path in NOTEBOOKS.glob("*.ipynb"):
        calls = (f'check_published("{path.name}", ', f'execute_copy("{path.name}", ')
        assert any(calls[0] in test or calls[1] in test for test in tests), path.name


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_it_is_committed_as_executed_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)

    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert path.stat().st_size < 2_000_000
    for folder in (NOTEBOOKS.parent, Path.home()):
        assert str(folder) not in path.read_text()

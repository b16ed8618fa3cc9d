"""Every notebook that is published runs again, and what it tells is true of this run too."""

from pathlib import Path

import nbformat
import pytest
from kernels import NOTEBOOKS
from pages import check_published

pytestmark = pytest.mark.filterwarnings("ignore")


def test_every_notebook_is_tried():
    elsewhere = {"01_quickstart.ipynb", "02_clone_cost.ipynb"}  # test_quickstart, test_clone_cost
    tried = elsewhere | {name for name, _, _ in PUBLISHED}
    assert {path.name for path in NOTEBOOKS.glob("*.ipynb")} == tried


PUBLISHED = [
    (
        "03_logs_10000.ipynb",
        ["10,000/10,000 items, 2 failed", "not a line of this log", "worker crashes"],
        1,
    ),
    (
        "04_notifications_5000.ipynb",
        ["5,000 people got 5,000 notifications; 100 were refused", "the report's time"],
        1,
    ),
    (
        "05_beyond_one_machine.ipynb",
        [
            "2 worker processes, on this machine only",
            "4,000/4,000 items, 0 failed",
            "an item takes",
        ],
        3,
    ),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "told", "charts"), PUBLISHED)
def test_it_runs_and_tells_what_it_told(name, told, charts, tmp_path):
    check_published(name, told, charts, tmp_path)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_it_is_committed_as_it_ran_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert path.stat().st_size < 2_000_000
    for folder in (NOTEBOOKS.parent, Path.home()):
        assert str(folder) not in path.read_text()

"""Every notebook that is published runs again, and what it tells is true of this run too."""

from pathlib import Path

import nbformat
import pytest
from kernels import NOTEBOOKS, executed, pictures, texts
from pages import check_page

from attune_nb.notebook.page import to_html

pytestmark = pytest.mark.filterwarnings("ignore")


def test_every_notebook_is_tried():
    tried = {"01_quickstart.ipynb", *(name for name, _, _ in PUBLISHED)}
    assert {path.name for path in NOTEBOOKS.glob("*.ipynb")} == tried


PUBLISHED = [
    (
        "02_clone_cost.ipynb",
        ["1 MB of lists", "report before", "workflow.context.clone_count     1,000"],
        5,
    ),
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
    for notebook in (nbformat.read(NOTEBOOKS / name, as_version=4), executed(name, tmp_path)):
        for each in told:
            assert each in texts(notebook)
        assert pictures(notebook) == charts
        assert len(check_page(to_html(notebook, name, tmp_path), tmp_path)) == charts


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_it_is_committed_as_it_ran_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert path.stat().st_size < 2_000_000
    for folder in (NOTEBOOKS.parent, Path.home()):
        assert str(folder) not in path.read_text()

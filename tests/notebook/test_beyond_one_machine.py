"""The notebook of processes and Dask runs again, and tells the same."""

import pytest
from support.published_pages import check_published

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.timeout(600)
def test_it_runs_and_tells_what_it_told(tmp_path):
    told = [
        "2 worker processes, on this machine only",
        "4,000/4,000 items, 0 failed",
        "an item takes",
    ]
    check_published("05_beyond_one_machine.ipynb", told, 3, tmp_path)

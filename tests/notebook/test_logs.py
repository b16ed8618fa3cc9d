"""The notebook of a log of 10,000 lines runs again, and tells the same."""

import pytest
from support.published_pages import check_published

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.timeout(600)
def test_it_runs_and_tells_what_it_told(tmp_path):
    told = ["10,000/10,000 items, 2 failed", "not a line of this log", "worker crashes"]
    check_published("03_logs_10000.ipynb", told, 1, tmp_path)

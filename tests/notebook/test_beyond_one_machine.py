"""The notebook about worker processes and Dask runs again with the committed outputs."""

import pytest
from support.published_pages import check_published

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.timeout(600)
def test_it_shows_the_committed_outputs_again(tmp_path):
    texts = [
        "2 worker processes, on this machine only",
        "4,000/4,000 items, 0 failed",
        "an item takes",
    ]
    smaller = {"repeats=3": "repeats=1", "range(3)": "range(1)", "100_000_000": "10_000_000"}
    check_published("05_beyond_one_machine.ipynb", texts, 3, tmp_path, smaller)

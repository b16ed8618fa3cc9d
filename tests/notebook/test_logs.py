"""The notebook about a log of 10,000 lines runs again with the committed outputs."""

import pytest
from support.published_pages import check_published

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.timeout(600)
def test_it_shows_the_committed_outputs_again(tmp_path):
    texts = ["10,000/10,000 items, 2 failed", "not a line of this log", "a copy for each line"]
    smaller = {'{"lines": lines}, actions': '{"lines": lines[:1_000]}, actions'}
    check_published("03_logs_10000.ipynb", texts, 1, tmp_path, smaller)

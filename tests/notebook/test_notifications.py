"""The notebook about 5,000 notifications runs again with the committed outputs."""

import pytest
from support.published_pages import check_published

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.timeout(600)
def test_it_shows_the_committed_outputs_again(tmp_path):
    texts = [
        "5,000 people got 5,000 notifications; 100 were refused",
        "a copy for each",
        "attune_nb, core.http_request",
    ]
    smaller = {"count = len(people)": "count = 300", "NaiveThreads, 500": "NaiveThreads, 100"}
    check_published("04_notifications_5000.ipynb", texts, 1, tmp_path, smaller)

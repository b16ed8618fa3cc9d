"""The notebook of 5,000 notifications runs again, and tells the same."""

import pytest
from support.published_pages import check_published

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.timeout(600)
def test_it_runs_and_tells_what_it_told(tmp_path):
    told = ["5,000 people got 5,000 notifications; 100 were refused", "the report's time"]
    check_published("04_notifications_5000.ipynb", told, 1, tmp_path)

"""The notebook of what a context costs runs again, and tells the same."""

import pytest
from support.published_pages import check_published

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.timeout(600)
def test_it_runs_and_tells_what_it_told(tmp_path):
    told = ["1 MB of lists", "report before", "workflow.context.clone_count     1,000"]
    check_published("02_clone_cost.ipynb", told, 5, tmp_path)

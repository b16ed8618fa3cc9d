"""The notebook about the cost of a context runs again with the committed outputs."""

import pytest
from support.published_pages import check_published

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.timeout(600)
def test_it_shows_the_committed_outputs_again(tmp_path):
    texts = [
        "taken in by attune_nb",
        "ThreadPoolExecutor(8).map",
        "1 MB of lists",
        "times faster",
        "copies made",
        "workflow.context.clone_count     10,000",
    ]
    smaller = {
        "repeats=3": "repeats=1",
        "range(20_000)": "range(2_000)",
        "102_400, 512_000, 1_024_000]": "10_240, 51_200, 102_400]",
        "[5_120_000]": "[512_000]",
        "[1_000, 10_000, 100_000]": "[1_000, 2_000]",
        "seconds=2.0": "seconds=0.2",
        "max_size=200e6": "max_size=20e6",
    }
    check_published("02_clone_cost.ipynb", texts, 5, tmp_path, smaller)

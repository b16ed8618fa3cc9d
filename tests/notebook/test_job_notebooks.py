"""The notebooks of jobs show their committed outputs again when they are executed."""

import pytest
from support.published_pages import check_published

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def _recorded(monkeypatch):
    """The runs of the notebooks are on record, as a reader's are."""
    monkeypatch.delenv("ATTUNE_NB_STORE")


def test_a_rollout_is_rolled_back_and_made_again(tmp_path):
    texts = [
        "web-01 serves 2.0. Go on with 19 hosts?",
        "no space left on web-13",
        "stopped after 1 failure, as `max_failures` is 0",
        "rollout: succeeded",
    ]
    check_published("06_rollout.ipynb", texts, 2, tmp_path)


def test_tables_survive_a_killed_process(tmp_path):
    texts = ["killed with signal 9", "interrupted", "12/12 items, 0 failed", "tables are equal"]
    check_published("07_tables_that_survive.ipynb", texts, 1, tmp_path)


def test_a_pack_is_written_checked_and_run(tmp_path):
    texts = ["unknown parameter type `int`", "logkit: no errors", "7/7 items, 1 failed"]
    check_published("08_pack.ipynb", texts, 1, tmp_path)

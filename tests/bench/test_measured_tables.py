"""The measured tables of the documentation are written from the rows of the quick table."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# the benchmarks are not installed
sys.path.append(str(ROOT))

from benchmarks import measured_tables  # noqa: E402
from benchmarks.measured_tables import fill_page  # noqa: E402
from benchmarks.verdict import Verdict  # noqa: E402

EMPTY = """Before.
<!-- backends: written by python -m benchmarks.measured_tables -->
an older table
<!-- backends: end -->
Between.
<!-- costs: written by python -m benchmarks.measured_tables -->
<!-- costs: end -->
After.
"""
SENT = "100,000 records to a map of five, against ThreadPoolExecutor(8).map"


def test_a_row_has_its_figure_and_its_limit():
    verdict = Verdict(SENT, "at most 0.25x", "0.20x")
    text = fill_page(EMPTY, [verdict])
    row = "| 100,000 records to a map of five, against `ThreadPoolExecutor(8).map` | 0.20x |"
    assert f"{row} at most 0.25x |\n" in text


def test_a_missed_row_says_so():
    text = fill_page(EMPTY, [Verdict(SENT, "at most 0.25x", "0.30x", holds=False)])
    assert "| 0.30x | at most 0.25x: **missed** |\n" in text


def test_the_text_around_the_tables_stays():
    text = fill_page(EMPTY, [Verdict("an item of 100,000, inline", "shown", "1.5 us")])
    assert "an older table" not in text
    assert "| 1.5 us | not measured |" in text
    assert [line for line in text.splitlines() if not line.startswith(("|", "<"))] == [
        "Before.",
        "Between.",
        "After.",
    ]


def test_rows_that_were_not_measured_stay():
    text = fill_page(EMPTY, [Verdict(SENT, "at most 0.25x", "0.20x")])
    assert fill_page(text, []) == text

    text = fill_page(text, [Verdict("an item of 100,000, threads", "shown", "2 us")])
    assert "| 0.20x |" in text
    assert "| not measured | 2 us | not measured |" in text


def test_a_text_without_the_comments_is_refused():
    with pytest.raises(ValueError, match="the text lacks `<!-- costs"):
        fill_page("Nothing here.", [])


def test_the_readme_has_ten_of_the_rows():
    empty = """
<!-- headlines: written by python -m benchmarks.measured_tables -->
<!-- headlines: end -->
"""
    text = measured_tables.fill_readme(empty, [Verdict(SENT, "at most 0.25x", "0.20x")])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 10
    assert rows[2].endswith("| the time of `ThreadPoolExecutor.map` | 0.20x |")
    assert measured_tables.fill_readme(text, []) == text

    all_subjects = {subject for subjects in measured_tables.ROWS.values() for subject in subjects}
    assert set(measured_tables.HEADLINES) <= all_subjects


@pytest.mark.parametrize(
    ("file", "fill"),
    [
        (measured_tables.README, measured_tables.fill_readme),
        (measured_tables.PAGE, measured_tables.fill_page),
    ],
    ids=["readme", "page"],
)
def test_the_files_have_each_row(file, fill):
    text = file.read_text()
    assert fill(text, []) == text
    assert "not measured" not in text

"""The measured tables of the README are written from the rows of the quick table."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# the benchmarks are not installed
sys.path.append(str(ROOT))

from benchmarks import readme  # noqa: E402
from benchmarks.verdict import Verdict  # noqa: E402

EMPTY = """Before.
<!-- backends: written by python -m benchmarks.readme -->
an older table
<!-- backends: end -->
Between.
<!-- costs: written by python -m benchmarks.readme -->
<!-- costs: end -->
After.
"""
SENT = "100,000 records to a map of five, against ThreadPoolExecutor(8).map"


def test_a_row_has_its_figure_and_its_limit():
    verdict = Verdict(SENT, "at most 0.25x", "0.20x")
    text = readme.fill_tables(EMPTY, [verdict])
    row = "| 100,000 records to a map of five, against `ThreadPoolExecutor(8).map` | 0.20x |"
    assert f"{row} at most 0.25x |\n" in text


def test_a_missed_row_says_so():
    text = readme.fill_tables(EMPTY, [Verdict(SENT, "at most 0.25x", "0.30x", holds=False)])
    assert "| 0.30x | at most 0.25x: **missed** |\n" in text


def test_the_text_around_the_tables_stays():
    text = readme.fill_tables(EMPTY, [Verdict("an item of 100,000, inline", "shown", "1.5 us")])
    assert "an older table" not in text
    assert "| 1.5 us | not measured |" in text
    assert [line for line in text.splitlines() if not line.startswith(("|", "<"))] == [
        "Before.",
        "Between.",
        "After.",
    ]


def test_rows_that_were_not_measured_stay():
    text = readme.fill_tables(EMPTY, [Verdict(SENT, "at most 0.25x", "0.20x")])
    assert readme.fill_tables(text, []) == text

    text = readme.fill_tables(text, [Verdict("an item of 100,000, threads", "shown", "2 us")])
    assert "| 0.20x |" in text
    assert "| not measured | 2 us | not measured |" in text


def test_a_text_without_the_comments_is_refused():
    with pytest.raises(ValueError, match="the README lacks `<!-- costs"):
        readme.fill_tables("Nothing here.", [])


def test_the_readme_has_each_row():
    text = (ROOT / "README.md").read_text()
    assert readme.fill_tables(text, []) == text
    assert "not measured" not in text

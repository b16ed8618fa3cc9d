"""The figures of the page about limits are those of the code."""

import pytest
from support.pages import DOCS

from attune_nb.actions.http import MAX_BYTES
from attune_nb.actions.http_spool import MOST_ON_DISK
from attune_nb.backends.chunks.sizing import MAX_ITEMS
from attune_nb.capture.attempt_output import MOST_CHARACTERS
from attune_nb.capture.collector import MOST_RUN_CHARACTERS
from attune_nb.explore.spans import MOST_ATTEMPTS
from attune_nb.templates.sandbox import LONGEST_STRING
from attune_nb.values.guard import LONGEST_MESSAGE

FIGURES = {
    "a string of an expression": f"{LONGEST_STRING:,} characters",
    "an error's message": f"{LONGEST_MESSAGE:,} characters each",
    "log lines of an attempt": f"{MOST_CHARACTERS:,} characters",
    "log lines of a run": f"{MOST_RUN_CHARACTERS:,} characters",
    "a body of `core.http_request`": f"{MAX_BYTES // 1_000_000} MB;",
    "bodies on the way": f"{MOST_ON_DISK // 1_000_000} MB of temporary files",
    "items in a chunk": f"{MAX_ITEMS:,}",
    "attempts drawn by `run.explore()`": f"{MOST_ATTEMPTS:,}",
}


@pytest.mark.parametrize(("row", "figure"), FIGURES.items())
def test_a_limit_is_that_of_the_code(row, figure):
    lines = (DOCS / "explanation" / "limits.md").read_text().splitlines()
    [line] = [line for line in lines if line.startswith(f"| {row}")]
    assert line.split(" | ")[1].startswith(figure)

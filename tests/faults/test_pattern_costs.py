"""Long lines in notebooks and texts: no regular expression takes longer than in proportion."""

import os

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from support.pattern_texts import cpu_limit, find_patterns, find_slow_text

from attune_nb.notebook.publish import to_html

SIZE = 1_000_000
# CPU seconds for a pattern on a text of that size. A quadratic one would take minutes.
LIMIT = 3.0
# Characters of the texts of some patterns, where something before them refuses longer ones.
BOUNDED = {
    # `_LONGEST_LINE` there
    "attune_nb.notebook.cell_completion": 2_000,
}


# Texts that are tried on each pattern, in small; the slowest three are then tried in full.
TRIES = int(os.environ.get("ATTUNE_NB_PATTERN_TRIES", "60"))


def size_of(place):
    for prefix, size in BOUNDED.items():
        if place.startswith(prefix):
            return size
    return SIZE


@pytest.mark.slow
def test_every_pattern_takes_linear_time():
    """Of each regular expression of the package, compiled or in a call, with the methods used."""
    slow = {}
    patterns = find_patterns()
    for used in patterns:
        parts = find_slow_text(used, size_of(used.place), LIMIT, tries=TRIES)
        if parts is not None:
            slow[used.place] = parts

    assert slow == {}
    assert len(patterns) > 60


def html(text):
    return new_code_cell("show()", outputs=[new_output("display_data", {"text/html": text})])


def stream(text):
    return new_code_cell("show()", outputs=[new_output("stream", name="stdout", text=text)])


def error(text):
    raised = new_output("error", ename="ValueError", evalue="refused", traceback=[text])
    return new_code_cell("show()", outputs=[raised])


def picture(text):
    data = {"image/svg+xml": f"<svg><desc>{text}</desc></svg>"}
    return new_code_cell("show()", outputs=[new_output("display_data", data)])


LONG_LINES = {
    "a page within an output": html(f'<iframe srcdoc="{"x" * SIZE}"></iframe>'),
    "a line of a program": stream("x" * SIZE),
    "a path without an end": stream("/a" * (SIZE // 2)),
    "cell files without an end": stream("/ipykernel_1" * (SIZE // 12)),
    "a line of a traceback": error("x" * SIZE),
    "a picture": picture("x" * SIZE),
    "scripts that load nothing": html("<script>;</script>" * (SIZE // 18)),
}


@pytest.mark.slow
@pytest.mark.parametrize("cell", LONG_LINES.values(), ids=LONG_LINES)
def test_a_line_of_a_megabyte_is_published(cell, tmp_path):
    with cpu_limit(30):
        page = to_html(new_notebook(cells=[cell]), "long.ipynb", tmp_path)

    assert "long.ipynb" in page

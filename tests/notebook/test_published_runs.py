"""The page of a run within a published notebook: it says nothing of this machine."""

import re
from html import unescape
from pathlib import Path

from nbformat.v4 import new_code_cell, new_notebook, new_output
from support.item_runs import run_work

from attune_nb.explore.packed_data import unpack_data
from attune_nb.notebook.html_export import to_html

HERE = Path(__file__).parent


def fail(x):
    raise FileNotFoundError(f"{HERE}/data.csv")


def published_data(folder):
    output = run_work(fail, {"n": 3}).explore()._repr_mimebundle_()
    cell = new_code_cell("run.explore()", outputs=[new_output("display_data", output)])
    page = to_html(new_notebook(cells=[cell]), "runs.ipynb", folder)
    assert str(HERE) not in unescape(page)
    return unpack_data(re.search(r"id=&quot;data&quot;&gt;([\w=-]+)", page)[1])


def test_paths_in_errors_and_tracebacks_are_hidden():
    data = published_data(HERE)

    text = str(data)
    assert str(HERE) not in text
    assert "./data.csv" in data["errors"][0]["message"]
    assert "./test_published_runs.py" in data["errors"][0]["traceback"]

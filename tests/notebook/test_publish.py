"""Published notebooks: a fresh kernel, a page that stands alone, and errors that say where."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from support.notebook_kernels import NOTEBOOKS
from support.published_pages import check_page, split_pictures

import attune_nb
from attune_nb.notebook.html_export import to_html
from attune_nb.notebook.publish import execute, publish, read_notebook

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of Jupyter's own packages
    pytest.mark.timeout(240),
]

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)

WORKFLOW = """%%attune squares --set numbers=list(range(n)) --out run
parameters: {numbers: {type: array, required: true}}
tasks:
  - name: square
    action: core.noop
    with_items: "{{ parameters.numbers }}"
output_map: {count: "{{ task.square.total_count }}"}
"""


def code(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def written(folder, *cells, name="book.ipynb", **metadata):
    """Write a notebook that knows of a kernel which no machine has."""
    notebook = new_notebook(cells=list(cells), metadata=metadata)
    notebook.metadata.setdefault("kernelspec", {"name": "none-such", "display_name": "None"})
    path = folder / name
    nbformat.write(notebook, path)
    return path


def names(folder):
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    (folder / "dot.png").write_bytes(DOT)
    return written(
        folder,
        new_markdown_cell("# Squares & `more`\n\n![a dot](dot.png)\n\nIt costs `$5 and $6`."),
        code("n = 3\nlabel: str = 'a=b'", "parameters"),
        code("%load_ext attune_nb\nimport os, sys, pathlib, warnings"),
        code("print(os.getcwd(), sys.executable, pathlib.Path.home() / 'x', sep='\\n')"),
        code("print(label, n, os.environ['ATTUNE_NB_WIDGETS'])"),
        code(WORKFLOW),
        code("run.output"),
        code("run.timeline()"),
        code("import ipywidgets\nipywidgets.IntSlider(value=7)"),
        code("import json\njson.loads('{')", "raises-exception"),
        code("warnings.warn('take care')"),
        code("print('<script>alert(1)</script>')"),
    )


@pytest.fixture(scope="module")
def page(book):
    before = book.read_bytes()
    started = []
    written_to = publish(
        book,
        parameters={"n": 12, "label": 'x "y" é'},
        on_cell_start=lambda number, count: started.append((number, count)),
    )
    assert written_to == book.with_suffix(".html")
    assert book.read_bytes() == before
    assert names(book.parent) == ["book.html", "book.ipynb", "dot.png"]
    assert started == [(number, 12) for number in range(1, 13)]
    return written_to.read_text(encoding="utf-8")


def test_a_page_stands_alone(page, book):
    pictures = check_page(page, book.parent, book.parent.resolve())
    assert len(pictures) == 2  # the chart, and the one that a text names


def test_it_shows_what_ran_with_the_parameters_given(page):
    text = re.sub(r"<[^>]+>", "", split_pictures(page)[0])
    assert "<title>Squares &amp; more</title>" in page
    assert "x &quot;y&quot; é 12 0" in text or 'x "y" é 12 0' in text
    assert "{'count': 12}" in text or "{&#39;count&#39;: 12}" in text
    assert "squares: succeeded" in text
    assert "JSONDecodeError" in text
    assert "take care" in text
    assert "<script>alert(1)" not in page


def test_places_are_told_as_a_reader_can_use_them(page):
    text = re.sub(r"<[^>]+>", "", split_pictures(page)[0])
    assert re.search(r"^\.$", text, re.MULTILINE)
    assert re.search(r"^~/x$", text, re.MULTILINE)
    assert "/json/decoder.py" in text
    assert "cell.py:1: UserWarning: take care" in text


def test_a_widget_is_shown_as_its_text(page):
    assert "IntSlider(value=7)" in page


def test_it_says_on_what_it_was_measured(page):
    footer = page.partition('class="attune-measured"')[2]
    assert re.search(r"book\.ipynb, executed from top to bottom on 20\d\d-\d\d-\d\d\.", footer)
    assert re.search(r"Measured on: .+, \d+ cores?\.", footer)
    for name in ("Python 3.", "pandas ", "matplotlib ", "ipykernel "):
        assert name in footer


def test_the_quickstart_is_published(tmp_path):
    shutil.copy(NOTEBOOKS / "01_quickstart.ipynb", tmp_path)
    page = publish(tmp_path / "01_quickstart.ipynb", tmp_path / "quick.html")
    assert len(check_page(page.read_text(encoding="utf-8"), tmp_path)) == 1


FAILS = (
    "code cell 2 failed: ZeroDivisionError: division by zero\n    1 | x = 0\n    2 | 1 / x  # here"
)


def test_a_cell_that_fails_is_shown_and_no_page_is_left(tmp_path):
    path = written(tmp_path, code("n = 1", "parameters"), code("x = 0\n1 / x  # here"))
    with pytest.raises(attune_nb.RunFailed) as caught:
        publish(path, parameters={"n": 2})
    assert str(caught.value) == f"book.ipynb, {FAILS}"
    assert names(tmp_path) == ["book.ipynb"]


def test_a_page_that_was_there_is_left_as_it_was(tmp_path):
    path = written(tmp_path, code("%load_ext attune_nb"), code("%attune frobnicate"))
    (tmp_path / "book.html").write_text("old")
    with pytest.raises(attune_nb.RunFailed, match=r"code cell 2 failed: UsageError: .*frobnicate"):
        publish(path)
    assert (tmp_path / "book.html").read_text() == "old"
    assert names(tmp_path) == ["book.html", "book.ipynb"]


def test_a_kernel_that_dies_is_told(tmp_path):
    notebook = new_notebook(cells=[code("x = 1"), code("import os\nos._exit(3)")])
    with pytest.raises(attune_nb.RunFailed, match=r"code cell 2 failed: the kernel died\n.*import"):
        execute(notebook, tmp_path)


def test_a_kernel_that_does_not_come_up_says_why(tmp_path):
    (tmp_path / "ipykernel_launcher.py").write_text("raise RuntimeError('not the one')")
    with pytest.raises(attune_nb.RunFailed) as caught:
        execute(new_notebook(cells=[code("1")]), tmp_path)
    assert "book: the kernel of" in str(caught.value)
    assert "kernel: RuntimeError: not the one" in str(caught.value)


def test_what_the_kernel_itself_prints_is_not_for_the_terminal(tmp_path, capfd):
    noise = "import atexit, os\n_ = atexit.register(os.system, 'echo noise >&2')\nprint(1)"
    done = execute(new_notebook(cells=[code(noise)]), tmp_path)
    assert done.cells[0].outputs[0].text == "1\n"
    assert capfd.readouterr() == ("", "")


def test_what_is_printed_in_pieces_is_one_text_and_of_a_bar_its_end_is_left(tmp_path):
    pieces = """
import sys, time
for each in "abc":
    print(each, end="", flush=True)
    time.sleep(0.1)
print("", *range(101), sep="%\\r", end="%\\r\\n")
print("x" * 1_000_000)
display("between")
print("behind", file=sys.stderr)
print("in front")
"""
    done = execute(new_notebook(cells=[code(pieces)]), tmp_path)
    first, *others = done.cells[0].outputs
    assert first.text == f"100%\n{'x' * 1_000_000}\n"
    kinds = [each.get("name", each.output_type) for each in others]
    assert kinds[0] == "display_data"
    assert sorted(kinds[1:]) == ["stderr", "stdout"]


def test_an_interrupt_ends_the_kernel_and_leaves_nothing(tmp_path):
    source = "import os, time\nopen('begun', 'w').write(str(os.getpid()))\ntime.sleep(120)"
    path = written(tmp_path, code(source))
    command = [sys.executable, "-c", "from attune_nb.cli import main; main()", "publish", path]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        begun, until = tmp_path / "begun", time.monotonic() + 60
        while not (begun.exists() and begun.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    kernel = int(begun.read_text())
    until = time.monotonic() + 60
    while alive(kernel) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(kernel)
    assert names(tmp_path) == ["begun", "book.ipynb"]


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def refused(*arguments, **options):
    with pytest.raises(attune_nb.AttuneError) as caught:
        publish(*arguments, **options)
    assert not isinstance(caught.value, attune_nb.RunFailed)
    told = str(caught.value)
    assert "\n" not in told
    return told


def test_what_is_no_notebook_is_told_before_anything_runs(tmp_path):
    assert refused(tmp_path / "none.ipynb").startswith("there is no notebook ")
    assert refused(tmp_path).startswith("there is no notebook ")
    for name, content in {
        "text": b"hello", "bytes": b"\xff\xfe\x00", "list": b"[1]", "map": b'{"a": 1}',
        "cells": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}',
    }.items():  # fmt: skip
        path = tmp_path / name
        path.write_bytes(content)
        assert refused(path).startswith(f"{path} is not a notebook: ")
    other = written(tmp_path, code("1"), language_info={"name": "R"})
    assert refused(other).endswith("is in R; only notebooks in Python can be published")


def test_what_cannot_be_written_is_told_before_anything_runs(tmp_path):
    path = written(tmp_path, code("1 / 0"))
    assert refused(path, tmp_path / "no" / "x.html").startswith("there is no folder ")
    assert "the page would overwrite the notebook" in refused(path, path)
    assert refused(path, to="htm") == "there is no format `htm`; did you mean `html`?"
    assert refused(path, to="pdf") == "there is no format `pdf`; there is html"


def test_a_parameter_without_a_cell_is_told_before_anything_runs(tmp_path):
    bare = written(tmp_path, code("n = 1"), name="bare.ipynb")
    assert "has no cell tagged `parameters`" in refused(bare, parameters={"n": 2})
    path = written(tmp_path, code("count, name = 1, 'a=b'\n!true", "parameters"))
    told = refused(path, parameters={"coun": 2})
    assert told == "book.ipynb has no parameter `coun`; did you mean `count`?"
    told = refused(path, parameters={"xyz": 2})
    assert told == "book.ipynb has no parameter `xyz`; there are count, name"


def test_a_page_may_go_to_a_folder(tmp_path):
    path = written(tmp_path, code("1"))
    (tmp_path / "site").mkdir()
    assert publish(path, tmp_path / "site") == tmp_path / "site" / "book.html"


def shown(*cells):
    return to_html(new_notebook(cells=list(cells)), "book", NOTEBOOKS)


def output(source="", **data):
    made = new_output("display_data", {name.replace("_", "/"): each for name, each in data.items()})
    return new_code_cell(source, outputs=[made], execution_count=1)


def test_scripts_are_fetched_only_where_something_needs_them():
    scripts = ("mathjax", "require", "mermaid")
    pages = {
        "": shown(new_markdown_cell("Plain, and `$x$`, and $5.")),
        "mathjax": shown(new_markdown_cell("So $x^2$ it is.")),
        "require": shown(output(text_html="<script>require(['x'], f)</script>", text_plain="x")),
        "mermaid": shown(new_markdown_cell("```mermaid\ngraph TD; a-->b\n```")),
    }
    for needed, page in pages.items():
        sources = [name for name in scripts if re.search(rf"cdnjs[^\"']*{name}", page)]
        assert sources == ([needed] if needed else [])


def test_the_first_heading_is_the_title():
    text = "```\n# not this\n```\n## A `name` ##\n# Later"
    assert "<title>A name</title>" in shown(new_markdown_cell(text))
    assert "<title>book</title>" in shown(new_markdown_cell("no heading"))


def test_a_widget_without_a_text_leaves_a_word():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    cell = new_code_cell(outputs=[new_output("display_data", view)])
    notebook = new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
    page = to_html(notebook, "book", NOTEBOOKS)
    check_page(page)
    assert "a widget, which only a running notebook can show" in page
    assert notebook.metadata.widgets  # the notebook itself is left alone
    assert notebook.cells[0].outputs[0].data == view


def test_places_are_hidden_in_every_kind_of_text(tmp_path):
    place = str(tmp_path)
    cell = new_code_cell(
        f"open('{place}/data.csv')",
        outputs=[
            new_output("stream", name="stdout", text=f"{place}\n{place}er {place}.bak x{place}\n"),
            new_output("display_data", {"text/html": f"<a href='file://{place}/a'>{place}</a>"}),
            new_output(
                "error", ename="E", evalue=place, traceback=[f"\x1b[32m{place}/b.py:3\x1b[39m", "x"]
            ),
            new_output("display_data", {"image/svg+xml": f"<svg><title>{place}</title></svg>"}),
        ],
    )
    text = new_markdown_cell(f"see {place}/c, {json.dumps(place)}")
    page = to_html(new_notebook(cells=[text, cell]), "book", tmp_path)
    others = (f"{place}er", f"{place}.bak", f"x{place}")  # other places, whatever they are
    for each in others:
        assert each in page
        page = page.replace(each, "")
    check_page(page, place)


def test_an_older_notebook_is_brought_up_to_date(tmp_path):
    path = tmp_path / "old.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "source": ["1"], "outputs": []}
    old = {"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": [cell]}
    path.write_text(json.dumps({**old, "cells": [{**cell, "execution_count": None}]}))
    assert read_notebook(path).cells[0].source == "1"

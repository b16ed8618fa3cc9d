"""Published notebooks: a fresh kernel, a self-contained page, and errors with a position."""

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
    # of Jupyter's own packages
    pytest.mark.filterwarnings("ignore"),
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


def code_cell(source, *tags):
    metadata = {"tags": list(tags)} if tags else {}
    return new_code_cell(source, metadata=metadata)


def write_notebook(folder, *cells, name="book.ipynb", **metadata):
    """Write a notebook whose kernel no machine has, and return its path."""
    notebook = new_notebook(cells=list(cells), metadata=metadata)
    notebook.metadata.setdefault("kernelspec", {"name": "none-such", "display_name": "None"})

    path = folder / name
    nbformat.write(notebook, path)
    return path


def file_names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    (folder / "dot.png").write_bytes(DOT)
    return write_notebook(
        folder,
        new_markdown_cell("# Squares & `more`\n\n![a dot](dot.png)\n\nIt costs `$5 and $6`."),
        code_cell("n = 3\nlabel: str = 'a=b'", "parameters"),
        code_cell("%load_ext attune_nb\nimport os, sys, pathlib, warnings"),
        code_cell("print(os.getcwd(), sys.executable, pathlib.Path.home() / 'x', sep='\\n')"),
        code_cell("print(label, n, os.environ['ATTUNE_NB_WIDGETS'])"),
        code_cell(WORKFLOW),
        code_cell("run.output"),
        code_cell("run.timeline()"),
        code_cell("import ipywidgets\nipywidgets.IntSlider(value=7)"),
        code_cell("import json\njson.loads('{')", "raises-exception"),
        code_cell("warnings.warn('take care')"),
        code_cell("print('<script>alert(1)</script>')"),
    )


@pytest.fixture(scope="module")
def page(book):
    before = book.read_bytes()
    started_cells = []
    path = publish(
        book,
        parameters={"n": 12, "label": 'x "y" é'},
        on_cell_start=lambda number, count: started_cells.append((number, count)),
    )

    assert path == book.with_suffix(".html")
    assert book.read_bytes() == before
    assert file_names(book.parent) == ["book.html", "book.ipynb", "dot.png"]
    assert started_cells == [(number, 12) for number in range(1, 13)]
    return path.read_text(encoding="utf-8")


def visible_text(page):
    """Return a page without its tags and pictures."""
    return re.sub(r"<[^>]+>", "", split_pictures(page)[0])


def test_a_page_is_self_contained(page, book):
    pictures = check_page(page, book.parent, book.parent.resolve())

    # the chart, and the one in the Markdown
    assert len(pictures) == 2


def test_it_shows_the_outputs_with_the_parameters(page):
    text = visible_text(page)

    assert "<title>Squares &amp; more</title>" in page
    assert "x &quot;y&quot; é 12 0" in text or 'x "y" é 12 0' in text
    assert "{'count': 12}" in text or "{&#39;count&#39;: 12}" in text
    assert "squares: succeeded" in text
    assert "JSONDecodeError" in text
    assert "take care" in text
    assert "<script>alert(1)" not in page


def test_paths_are_relative(page):
    text = visible_text(page)

    assert re.search(r"^\.$", text, re.MULTILINE)
    assert re.search(r"^~/x$", text, re.MULTILINE)
    assert "/json/decoder.py" in text
    assert "cell.py:1: UserWarning: take care" in text


def test_a_widget_is_shown_as_its_text(page):
    assert "IntSlider(value=7)" in page


def test_the_footer_describes_the_machine_and_packages(page):
    footer = page.partition('class="attune-measured"')[2]

    assert re.search(r"book\.ipynb, executed from top to bottom on 20\d\d-\d\d-\d\d\.", footer)
    assert re.search(r"Measured on: .+, \d+ cores?\.", footer)
    for name in ("Python 3.", "pandas ", "matplotlib ", "ipykernel "):
        assert name in footer


def test_the_quickstart_is_published(tmp_path, monkeypatch):
    monkeypatch.delenv("ATTUNE_NB_STORE")
    shutil.copy(NOTEBOOKS / "01_quickstart.ipynb", tmp_path)
    page = publish(tmp_path / "01_quickstart.ipynb", tmp_path / "quick.html")

    assert len(check_page(page.read_text(encoding="utf-8"), tmp_path)) == 1


FAILURE = (
    "code cell 2 failed: ZeroDivisionError: division by zero\n    1 | x = 0\n    2 | 1 / x  # here"
)


def test_a_failed_cell_is_shown_and_no_page_is_written(tmp_path):
    path = write_notebook(
        tmp_path, code_cell("n = 1", "parameters"), code_cell("x = 0\n1 / x  # here")
    )
    with pytest.raises(attune_nb.RunFailed) as error_info:
        publish(path, parameters={"n": 2})

    assert str(error_info.value) == f"book.ipynb, {FAILURE}"
    assert file_names(tmp_path) == ["book.ipynb"]


def test_an_existing_page_is_not_changed_by_a_failure(tmp_path):
    path = write_notebook(
        tmp_path, code_cell("%load_ext attune_nb"), code_cell("%attune frobnicate")
    )
    (tmp_path / "book.html").write_text("old")

    with pytest.raises(attune_nb.RunFailed, match=r"code cell 2 failed: UsageError: .*frobnicate"):
        publish(path)

    assert (tmp_path / "book.html").read_text() == "old"
    assert file_names(tmp_path) == ["book.html", "book.ipynb"]


def test_the_death_of_a_kernel_is_reported(tmp_path):
    notebook = new_notebook(cells=[code_cell("x = 1"), code_cell("import os\nos._exit(3)")])

    with pytest.raises(
        attune_nb.RunFailed, match=r"code cell 2 failed: the kernel died; .*\n.*import"
    ):
        execute(notebook, tmp_path)


def test_the_page_of_a_dead_kernel_says_so_at_its_top(tmp_path):
    path = write_notebook(
        tmp_path, code_cell("x = 1"), code_cell("import os\nos._exit(3)"), code_cell("print(x)")
    )
    with pytest.raises(attune_nb.RunFailed, match=r"book\.html was written"):
        publish(path, keep_going=True)

    text = visible_text((tmp_path / "book.html").read_text(encoding="utf-8"))
    assert "1 cell of this notebook failed.Code cell 2: the kernel died; the cells after" in text


def test_a_kernel_that_does_not_start_is_reported(tmp_path):
    (tmp_path / "ipykernel_launcher.py").write_text("raise RuntimeError('not the one')")
    with pytest.raises(attune_nb.RunFailed) as error_info:
        execute(new_notebook(cells=[code_cell("1")]), tmp_path)

    message = str(error_info.value)
    assert message.startswith(f"the notebook: the kernel of {sys.executable} did not start: ")
    assert "kernel: RuntimeError: not the one" in message


def test_the_log_of_the_kernel_is_not_printed(tmp_path, capfd):
    noise = "import atexit, os\n_ = atexit.register(os.system, 'echo noise >&2')\nprint(1)"
    notebook = execute(new_notebook(cells=[code_cell(noise)]), tmp_path)

    assert notebook.cells[0].outputs[0].text == "1\n"
    assert capfd.readouterr() == ("", "")


def test_text_printed_in_pieces_is_merged(tmp_path):
    """Of a progress bar that was drawn over itself the last state is left."""
    source = """
import sys, time
for letter in "abc":
    print(letter, end="", flush=True)
    time.sleep(0.1)
print("", *range(101), sep="%\\r", end="%\\r\\n")
print("x" * 1_000_000)
display("between")
print("behind", file=sys.stderr)
print("in front")
"""
    notebook = execute(new_notebook(cells=[code_cell(source)]), tmp_path)

    first, *later_outputs = notebook.cells[0].outputs
    assert first.text == f"100%\n{'x' * 1_000_000}\n"
    kinds = [output.get("name", output.output_type) for output in later_outputs]
    assert kinds[0] == "display_data"
    assert sorted(kinds[1:]) == ["stderr", "stdout"]


def wait_until(condition, seconds=60):
    """Wait until a condition holds; return at the latest after some seconds."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_interrupt_ends_the_kernel_and_leaves_no_file(tmp_path):
    source = "import os, time\nopen('started', 'w').write(str(os.getpid()))\ntime.sleep(120)"
    path = write_notebook(tmp_path, code_cell(source))
    started = tmp_path / "started"

    command = [sys.executable, "-c", "from attune_nb.cli import main; main()", "publish", path]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: started.exists() and started.read_text())
        process.send_signal(signal.SIGINT)
        _, error_text = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in error_text

    kernel_pid = int(started.read_text())
    wait_until(lambda: not is_alive(kernel_pid))
    assert not is_alive(kernel_pid)
    assert file_names(tmp_path) == ["book.ipynb", "started"]


def refusal_of(*arguments, **options):
    """Return the message of the error that `publish` raises before anything runs."""
    with pytest.raises(attune_nb.AttuneError) as error_info:
        publish(*arguments, **options)

    assert not isinstance(error_info.value, attune_nb.RunFailed)
    message = str(error_info.value)
    assert "\n" not in message
    return message


def test_a_file_that_is_not_a_notebook_is_refused(tmp_path):
    assert refusal_of(tmp_path / "none.ipynb").startswith("there is no notebook ")
    assert refusal_of(tmp_path).startswith("there is no notebook ")

    contents = {
        "text": b"hello",
        "bytes": b"\xff\xfe\x00",
        "list": b"[1]",
        "map": b'{"a": 1}',
        "cells": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}',
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert refusal_of(path).startswith(f"{path} is not a notebook: ")

    path = write_notebook(tmp_path, code_cell("1"), language_info={"name": "R"})
    assert refusal_of(path).endswith("is in R; only notebooks in Python can be published")


def test_a_page_that_cannot_be_written_is_refused(tmp_path):
    path = write_notebook(tmp_path, code_cell("1 / 0"))

    message = refusal_of(path, tmp_path / "no" / "x.html")
    assert message.startswith("there is no folder ")
    assert "the page would overwrite the notebook" in refusal_of(path, path)
    assert refusal_of(path, to="htm") == "there is no format `htm`; did you mean `html`?"
    assert refusal_of(path, to="pdf") == "there is no format `pdf`; there is html"


def test_a_parameter_without_a_cell_is_refused(tmp_path):
    path = write_notebook(tmp_path, code_cell("n = 1"), name="untagged.ipynb")
    assert "has no cell tagged `parameters`" in refusal_of(path, parameters={"n": 2})

    path = write_notebook(tmp_path, code_cell("count, name = 1, 'a=b'\n!true", "parameters"))
    message = refusal_of(path, parameters={"coun": 2})
    assert message == "book.ipynb has no parameter `coun`; did you mean `count`?"
    message = refusal_of(path, parameters={"xyz": 2})
    assert message == "book.ipynb has no parameter `xyz`; there are count, name"


def test_a_page_can_be_written_to_a_folder(tmp_path):
    path = write_notebook(tmp_path, code_cell("1"))
    (tmp_path / "site").mkdir()

    assert publish(path, tmp_path / "site") == tmp_path / "site" / "book.html"


def export(*cells):
    """Return the page of a notebook with these cells."""
    return to_html(new_notebook(cells=list(cells)), "book", NOTEBOOKS)


def cell_with_output(**data):
    """Return a cell with one output; `text_html` is its data of type `text/html`."""
    output = new_output(
        "display_data", {name.replace("_", "/"): text for name, text in data.items()}
    )
    return new_code_cell("", outputs=[output], execution_count=1)


def test_scripts_are_loaded_only_if_needed():
    require = "<script>require(['x'], f)</script>"
    pages = {
        "": export(new_markdown_cell("Plain, and `$x$`, and $5.")),
        "mathjax": export(new_markdown_cell("So $x^2$ it is.")),
        "require": export(cell_with_output(text_html=require, text_plain="x")),
        "mermaid": export(new_markdown_cell("```mermaid\ngraph TD; a-->b\n```")),
    }

    for needed, page in pages.items():
        names = ("mathjax", "require", "mermaid")
        loaded = [name for name in names if re.search(rf"cdnjs[^\"']*{name}", page)]
        assert loaded == ([needed] if needed else [])


def test_the_first_heading_is_the_title():
    text = "```\n# not this\n```\n## A `name` ##\n# Later"

    assert "<title>A name</title>" in export(new_markdown_cell(text))
    assert "<title>book</title>" in export(new_markdown_cell("no heading"))


def test_a_widget_without_a_text_is_replaced_by_a_note():
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    cell = new_code_cell(outputs=[new_output("display_data", data)])
    notebook = new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
    page = to_html(notebook, "book", NOTEBOOKS)

    check_page(page)
    assert "a widget, which only a running notebook can show" in page
    # the notebook itself is not changed
    assert notebook.metadata.widgets
    assert notebook.cells[0].outputs[0].data == data


def test_paths_are_hidden_in_every_kind_of_text(tmp_path):
    folder = str(tmp_path)
    # other paths, which are not hidden
    similar_paths = (f"{folder}er", f"{folder}.bak", f"x{folder}")
    outputs = [
        new_output("stream", name="stdout", text="\n".join([folder, " ".join(similar_paths), ""])),
        new_output("display_data", {"text/html": f"<a href='file://{folder}/a'>{folder}</a>"}),
        new_output(
            "error", ename="E", evalue=folder, traceback=[f"\x1b[32m{folder}/b.py:3\x1b[39m", "x"]
        ),
        new_output("display_data", {"image/svg+xml": f"<svg><title>{folder}</title></svg>"}),
    ]
    cell = new_code_cell(f"open('{folder}/data.csv')", outputs=outputs)
    text = new_markdown_cell(f"see {folder}/c, {json.dumps(folder)}")
    page = to_html(new_notebook(cells=[text, cell]), "book", tmp_path)

    for path in similar_paths:
        assert path in page
        page = page.replace(path, "")
    check_page(page, folder)


def test_an_older_notebook_is_converted(tmp_path):
    path = tmp_path / "old.ipynb"
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": ["1"],
        "outputs": [],
        "execution_count": None,
    }
    notebook = {"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": [cell]}
    path.write_text(json.dumps(notebook))

    assert read_notebook(path).cells[0].source == "1"

"""The colours of workflow cells in pages: those of `publish`, and of nbconvert itself."""

import json
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter, MarkdownExporter
from pygments.token import Comment, Keyword, Literal, Operator
from traitlets.config import Config

import attune_nb
from attune_nb.notebook.cell_lexer import AttuneLexer
from attune_nb.notebook.html_export import to_html

PACKAGE = Path(attune_nb.__file__).parent
CELL = """%%attune greeting --set name=1  # "open
tasks:  # all of them
  - name: greet
    action: core.echo
    input: {message: "{{ parameters.name }}"}
"""
# a key of YAML, as Pygments writes it
KEY = '<span class="k">tasks</span>'

pytestmark = pytest.mark.filterwarnings("ignore")  # of Jupyter's own packages


def notebook_of(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(
        cells=cells, metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    )


@pytest.fixture
def installed_lexer(tmp_path, monkeypatch):
    """Install the lexer as the package does, by an entry point."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    lines = ["[pygments.lexers]"]
    for name, place in project["entry-points"]["pygments.lexers"].items():
        lines.append(f"{name} = {place}")

    folder = tmp_path / "lexers-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: lexers\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def installed_config():
    """Return the configuration that the package installs for nbconvert."""
    return Config(json.loads((PACKAGE / "notebook/nbconvert_config.json").read_text()))


def test_the_first_line_is_a_magic_and_the_others_yaml():
    tokens = [(token, value) for token, value in AttuneLexer().get_tokens(CELL) if value.strip()]
    assert tokens[0] == (Operator.Word, '%%attune greeting --set name=1  # "open')
    assert (Keyword, "tasks") in tokens
    assert (Comment.Single, "# all of them") in tokens
    assert (Literal.Scalar.Plain, "greet") in tokens


@pytest.mark.parametrize(
    "text", ["%%attune", "%%attune\n", "%%attune\n\ttasks", CELL, "%%attune\n- {"]
)
def test_the_lexer_keeps_the_text(text):
    tokens = AttuneLexer().get_tokens_unprocessed(text)
    assert "".join(value for _, _, value in tokens) == text

    for index, _, value in AttuneLexer().get_tokens_unprocessed(text):
        assert text[index : index + len(value)] == value


def test_a_published_page_colours_workflows(tmp_path):
    page = to_html(notebook_of(CELL, "def tasks(): pass", "%%attunex\ntasks: 1"), "a", tmp_path)
    assert page.count("hl-attune") == 1
    assert page.count("hl-ipython3") == 2
    assert page.count(KEY) == 1
    assert '<span class="k">def</span>' in page


def test_nbconvert_colours_workflows(installed_lexer, installed_config):
    notebook = notebook_of(CELL, "def tasks(): pass")
    page, _ = HTMLExporter(config=installed_config).from_notebook_node(notebook)
    assert page.count(KEY) == 1


def test_nbconvert_fences_workflows_in_markdown(installed_config):
    text, _ = MarkdownExporter(config=installed_config).from_notebook_node(notebook_of(CELL))
    assert "```attune\n%%attune greeting" in text

"""Every block of code that a reader may paste runs as it stands, in order, in a fresh kernel."""

import builtins
import doctest
import os
import sys
from pathlib import Path

import pytest
from support.code_blocks import (
    is_installation,
    public_docstrings,
    read_blocks,
    read_examples,
    to_cell,
)
from support.notebook_kernels import execute_cells
from support.pages import DOCS, is_executed

pytestmark = [
    pytest.mark.slow,
    # of Jupyter's own packages
    pytest.mark.filterwarnings("ignore"),
]

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


def is_run_elsewhere(path):
    """Return whether the build of the site runs the blocks of a page, or tests/reference does."""
    parts = path.relative_to(DOCS).parts
    return parts[0] in ("_build", "reference") or is_executed(path)


PAGES = sorted(path for path in DOCS.rglob("*.md") if not is_run_elsewhere(path))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, with the commands of this Python first on the path."""
    commands = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", os.pathsep.join([commands, os.environ["PATH"]]))
    # the records of the session are in the folder, as a reader's are
    monkeypatch.delenv("ATTUNE_NB_STORE")
    return tmp_path


def runnable_blocks(path):
    return [block for block in read_blocks(path.read_text()) if not is_installation(block)]


def test_the_blocks_of_the_readme_run_in_order(folder):
    blocks = runnable_blocks(README)
    languages = [block.language for block in blocks]
    assert languages.count("python") >= 4
    assert languages.count("shell") >= 1

    execute_cells(folder, *map(to_cell, blocks))


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(DOCS)) for page in PAGES])
def test_the_blocks_of_a_page_run_in_order(page, folder):
    blocks = runnable_blocks(page)
    if blocks:
        execute_cells(folder, *map(to_cell, blocks))


def examples_of_docstrings():
    """Return the examples of all docstrings that have any, by the name of their object."""
    found = {}
    for name, docstring in public_docstrings().items():
        examples = read_examples(docstring)
        if examples:
            found[name] = examples
    return found


def test_the_examples_of_docstrings_run_as_pasted(folder):
    found = examples_of_docstrings()
    assert {"attune_nb", "attune_nb.running.workflow.loads"} <= set(found)

    for examples in found.values():
        execute_cells(folder, "".join(example.source for example in examples))


def test_the_examples_of_docstrings_give_their_outputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # doctest leaves the last value there, and IPython then sets `_` no more
    monkeypatch.setattr(builtins, "_", None, raising=False)
    for name, examples in examples_of_docstrings().items():
        test = doctest.DocTest(examples, {}, name, None, 0, None)
        results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
        assert results.attempted > 0
        assert results.failed == 0, name


def test_blocks_are_found_where_a_reader_sees_them():
    text = (
        "Text\n\n    attune-nb demo\n\n```python\nx = 1\n\n    y\n```\n\n"
        "    Text -> Workflow\n\n```\n%load_ext attune_nb\n```\n"
        # a directive of the site, and a block within a longer fence
        "\n```{code-cell}\nx = 2\n```\n\n```{code-cell}\n%load_ext attune_nb\n```\n\n"
        "````text\n```python\n````\n\n```yaml\na: 1\n```\n"
    )
    blocks = read_blocks(text)
    assert [(block.language, block.line) for block in blocks] == [
        ("shell", 3), ("python", 5), ("python", 13), ("yaml", 29),
    ]  # fmt: skip
    assert is_installation(read_blocks("a\n\n    python3 -m venv .venv && x\n")[0])
    assert not is_installation(blocks[0])

"""The pages of docs/: the build reads them as they are meant, and their links lead somewhere."""

import re
from pathlib import Path

import pytest
from support.code_blocks import read_blocks
from support.pages import DOCS, is_executed, read_cells

ROOT = DOCS.parent
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
EXECUTED_PAGES = [path for path in PAGES if is_executed(path)]
TEXTS = [*PAGES, *sorted(ROOT.glob("*.md"))]

_FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_IMAGE_SOURCE = re.compile(r'<(?:img|source)[^>]+?(?:src|srcset)="([^"]+)"')
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def name_of(path):
    return str(path.relative_to(ROOT))


def anchors_of(path):
    """Return the anchors of the headings of a Markdown file, as a hosting makes them."""
    anchors = set(re.findall(r"^\((\S+)\)=$", path.read_text(), re.MULTILINE))
    for heading in _HEADING.findall(_FENCED.sub("", path.read_text())):
        words = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        anchors.add(words.replace(" ", "-"))
    return anchors


def leads_somewhere(path, link):
    """Return whether a relative link leads to a file, and to a heading if it names one."""
    file_name, _, anchor = link.partition("#")
    target = (path.parent / file_name).resolve() if file_name else path
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors_of(target)


def broken_links(path):
    """Return the links of a Markdown file that lead to no file or to no heading."""
    text = _FENCED.sub("", path.read_text())
    text = re.sub(r"`[^`\n]+`", "", text)
    broken = []
    for link in [*_LINK.findall(text), *_IMAGE_SOURCE.findall(text)]:
        if re.match(r"[a-z]+:", link):
            continue
        if not leads_somewhere(path, link):
            broken.append(link)
    return broken


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(path):
    assert broken_links(path) == []


def test_a_broken_link_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A page: with `code`\n[a](#a-page-with-code) [b](#b) [c](c.md) [d](page.md#a-page)\n"
        '<img src="e.png"> `[f](f.md)` [g](https://example.org)\n'
    )

    assert broken_links(page) == ["#b", "c.md", "page.md#a-page", "e.png"]


@pytest.mark.parametrize("path", EXECUTED_PAGES, ids=name_of)
def test_every_block_of_python_in_an_executed_page_is_a_cell(path):
    """A block that is no cell would not be executed; `{code-block}` marks code that is not ours."""
    assert read_cells(path)
    languages = {"python", "yaml", "shell"}
    blocks = [block for block in read_blocks(path.read_text()) if block.language in languages]

    assert [(block.line, block.text.splitlines()[0]) for block in blocks] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_with_cells_is_executed(path):
    if "{code-cell}" in path.read_text():
        assert is_executed(path)


def test_every_page_is_a_markdown_file_in_its_folder():
    folders = {path.parent.name for path in PAGES if path.parent != DOCS}
    assert {"tutorial", "how-to", "reference", "explanation", "coming-from"} <= folders
    assert Path(DOCS / "index.md") in PAGES

"""What must hold of every page that a notebook is published as."""

import re
import sys
import sysconfig
from pathlib import Path

import nbformat

import attune_nb
from attune_nb.notebook.html_export import to_html
from support.notebook_kernels import NOTEBOOKS, executed, pictures, texts

LARGEST = 2_000_000  # bytes


def parts(page):
    """Give a page without its pictures' data, and the pictures' addresses."""
    pictures = re.findall(r"<img\b[^>]*\bsrc=\"([^\"]*)\"", page)
    return re.sub(r"data:image/[^\"')]*", "", page), pictures


def check_page(page, *folders):
    """Assert that a page stands alone, and says nothing of where it was made."""
    assert len(page.encode()) < LARGEST
    text, pictures = parts(page)
    assert all(each.startswith("data:image/") for each in pictures)
    for sign in ("widget-view", "widget-state", "jupyter-widgets", "Error displaying widget"):
        assert sign not in text
    assert not re.search(r"<script\b[^>]*\bsrc=", text)
    assert not re.search(r"<link\b[^>]*\bhref=", text)
    assert not re.search(r"\bimport\s*\(|@import|url\(\s*[\"']?https?:", text)
    named = [Path.home(), Path.cwd(), sys.prefix, Path(attune_nb.__file__).parents[1], *folders]
    for path in [*named, *(sysconfig.get_paths()[name] for name in ("purelib", "stdlib"))]:
        assert str(path) not in text
    assert "ipykernel_" not in text
    assert 'class="attune-measured"' in text
    assert f"attune_nb {attune_nb.__version__}" in text
    return pictures


def check_published(name, told, charts, folder):
    """See that a notebook tells something as it is committed, and when it runs once more."""
    for notebook in (nbformat.read(NOTEBOOKS / name, as_version=4), executed(name, folder)):
        for each in told:
            assert each in texts(notebook)
        assert pictures(notebook) == charts
        assert len(check_page(to_html(notebook, name, folder), folder)) == charts

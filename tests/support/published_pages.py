"""Properties that every published page must have."""

import re
import sys
import sysconfig
from pathlib import Path

import nbformat

import attune_nb
from attune_nb.notebook.html_export import to_html
from support.notebook_kernels import NOTEBOOKS, count_pictures, execute_copy, text_of

MAX_SIZE = 2_000_000
"""Bytes of a page."""


def split_pictures(page):
    """Return a page without the data of its pictures, and the addresses of the pictures."""
    addresses = re.findall(r"<img\b[^>]*\bsrc=\"([^\"]*)\"", page)
    return re.sub(r"data:image/[^\"')]*", "", page), addresses


def check_page(page, *folders):
    """Assert that a page is self-contained and does not reveal this machine's folders.

    Args:
        page: The page.
        folders: Further folders that must not be in it.

    Returns:
        The addresses of its pictures.
    """
    assert len(page.encode()) < MAX_SIZE

    text, addresses = split_pictures(page)
    assert all(address.startswith("data:image/") for address in addresses)
    for sign in ("widget-view", "widget-state", "jupyter-widgets", "Error displaying widget"):
        assert sign not in text

    assert not re.search(r"<script\b[^>]*\bsrc=", text)
    assert not re.search(r"<link\b[^>]*\bhref=", text)
    assert not re.search(r"\bimport\s*\(|@import|url\(\s*[\"']?https?:", text)

    install_paths = sysconfig.get_paths()
    hidden_paths = [
        Path.home(),
        Path.cwd(),
        sys.prefix,
        Path(attune_nb.__file__).parents[1],
        install_paths["purelib"],
        install_paths["stdlib"],
        *folders,
    ]
    for path in hidden_paths:
        assert str(path) not in text
    assert "ipykernel_" not in text

    assert 'class="attune-measured"' in text
    assert f"attune_nb {attune_nb.__version__}" in text
    return addresses


def check_published(name, texts, chart_count, folder, smaller=None):
    """Assert that a notebook shows these texts, as committed and when it is executed again.

    Args:
        name: The name of its file.
        texts: Texts of its outputs.
        chart_count: The number of its pictures.
        folder: The folder in which it is executed.
        smaller: As in `execute_copy`.
    """
    committed_notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    for notebook in (committed_notebook, execute_copy(name, folder, smaller)):
        for text in texts:
            assert text in text_of(notebook)
        assert count_pictures(notebook) == chart_count

        page = to_html(notebook, name, folder)
        assert len(check_page(page, folder)) == chart_count

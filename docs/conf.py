"""The documentation site: `nox -s docs` builds it, and executes the cells of its pages.

While a page is written, two variables of the environment save time: with `ATTUNE_NB_DOCS_CACHE`
set to a folder, pages are executed again only after a change; with `ATTUNE_NB_DOCS_ONLY` set to
patterns such as `how-to/paging*,tutorial/*`, the cells of other pages are not executed.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.lib.lexers import IPython3Lexer, IPythonTracebackLexer
from myst_nb.core import render
from pygments.lexers import BashLexer, TextLexer, guess_lexer_for_filename
from pygments.token import Keyword, Text
from pygments.util import ClassNotFound

from attune_nb import __version__
from attune_nb.notebook.cell_lexer import AttuneLexer, is_attune_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

DOCS = Path(__file__).parent

project = "attune_nb"
author = "The attune_nb authors"
copyright = "2026, the attune_nb authors"  # noqa: A001 - a name of Sphinx
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_build"]

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
# docstrings have names in single backquotes
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
# anchors of headings, as a hosting makes them
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"attune_nb {version}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
# prompts are not copied, nor is the output below a command
copybutton_prompt_text = r"\$ |In \[\d*\]: "
copybutton_prompt_is_regexp = True

nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
# the script of widgets comes from another server: pages show the static outputs
nb_ipywidgets_js: dict[str, Any] = {}
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]


def _copy_notebooks() -> None:
    """Copy the notebooks of the project below the sources; they are shown as they were executed."""
    for path in sorted((DOCS.parent / "notebooks").glob("*.ipynb")):
        copy = DOCS / "notebooks" / path.name
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            shutil.copy(path, copy)


def _prepare_kernels() -> None:
    """Let the kernels of pages find the commands of this Python, and record runs as usual."""
    commands = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([commands, os.environ["PATH"]])
    os.environ.pop("ATTUNE_NB_STORE", None)
    # warnings of a debugger about frozen modules are no output of a page
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"


def _pages_not_to_execute(patterns: str) -> list[str]:
    """Return the pages that match none of the patterns, which commas separate."""
    wanted = [pattern.strip() for pattern in patterns.split(",")]
    skipped = []
    for path in sorted(DOCS.rglob("*.md")):
        page = path.relative_to(DOCS).with_suffix("").as_posix()
        if not any(fnmatch.fnmatch(page, pattern) for pattern in wanted):
            skipped.append(f"{page}.md")
    return skipped


_copy_notebooks()
_prepare_kernels()
nb_execution_excludepatterns = ["notebooks/*.ipynb"]
if "ATTUNE_NB_DOCS_CACHE" in os.environ:
    nb_execution_mode = "cache"
    nb_execution_cache_path = os.environ["ATTUNE_NB_DOCS_CACHE"]
if "ATTUNE_NB_DOCS_ONLY" in os.environ:
    nb_execution_excludepatterns += _pages_not_to_execute(os.environ["ATTUNE_NB_DOCS_ONLY"])


class CellLexer(IPython3Lexer):  # type: ignore[misc] # IPython's lexers have no types
    """The colours of a cell: YAML below `%%attune`, otherwise IPython."""

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        """Yield the index, the type and the text of each token."""
        if is_attune_cell(text):
            return AttuneLexer().get_tokens_unprocessed(text)
        if text.startswith(("%%writefile ", "%%bash")):
            return _color_file(text)
        return super().get_tokens_unprocessed(text)


def _color_file(text: str) -> Iterator[tuple[int, Any, str]]:
    """Yield the colours of a `%%writefile` cell, by the name of its file, or of a `%%bash` cell."""
    magic, _, content = text.partition("\n")
    yield 0, Keyword, f"{magic}\n"

    try:
        lexer = guess_lexer_for_filename(magic.split()[-1], content)
    except ClassNotFound:
        is_shell = magic == "%%bash" or content.startswith("#!/bin/sh")
        lexer = BashLexer() if is_shell else TextLexer()
    start = len(magic) + 1
    for index, token, part in lexer.get_tokens_unprocessed(content):
        yield start + index, token, part


class ErrorLexer(IPythonTracebackLexer):  # type: ignore[misc] # IPython's lexers have no types
    """The colours of an error: a traceback of Python, or a message of attune_nb as it is."""

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        """Yield the index, the type and the text of each token."""
        if "Traceback (most recent call last)" in text:
            return super().get_tokens_unprocessed(text)
        return iter([(0, Text, text)])


def merge_streams(outputs: list[Any]) -> list[Any]:
    """Return outputs with one text for each stream, at its first place; stdout before stderr.

    A line may come in several messages. MyST-NB's own function would break it at their borders.
    """
    streams: dict[str, Any] = {}
    merged = []
    for output in outputs:
        name = output.get("name")
        if name in streams:
            streams[name]["text"] += output["text"]
            continue

        merged.append(output)
        if output["output_type"] == "stream":
            streams[name] = output

    places = [index for index, output in enumerate(merged) if output["output_type"] == "stream"]
    for index, name in zip(places, sorted(streams, reverse=True), strict=True):
        merged[index] = streams[name]
    return merged


def _begin_with_a_comment(
    _app: Sphinx, kind: str, _name: str, _value: object, _options: object, lines: list[str]
) -> None:
    """Let the docstring of an attribute begin with an empty comment.

    Otherwise napoleon takes the words before a colon of its first line for a type.
    """
    if kind in ("attribute", "data", "property"):
        lines[:0] = ["..", ""]


def setup(app: Sphinx) -> None:
    """Set the lexers of cells and of their errors, and the merging of streams."""
    app.connect("autodoc-process-docstring", _begin_with_a_comment, priority=400)
    render.coalesce_streams = merge_streams
    app.add_lexer("ipython3", CellLexer)
    app.add_lexer("ipython", CellLexer)
    app.add_lexer("ipythontb", ErrorLexer)

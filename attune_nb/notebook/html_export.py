"""Export of an executed notebook to a single HTML page.

The page is self-contained: it includes its pictures and has no widgets, and a browser loads
nothing from the network unless an output needs it (formulas need MathJax). It does not reveal
the folders of this machine; only its footer describes the machine.
"""

from __future__ import annotations

import copy
import os
import platform
import re
import sys
import sysconfig
from datetime import UTC, datetime
from html import escape
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nbconvert import HTMLExporter
from nbconvert.filters.highlight import Highlight2HTML
from pygments import highlight
from pygments.formatters import HtmlFormatter

from attune_nb import html
from attune_nb.explore.packed_data import change_texts
from attune_nb.notebook.cell_lexer import AttuneLexer, is_attune_cell
from attune_nb.notebook.failed_cells import find_failed_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbformat import NotebookNode

__all__ = ["to_html"]

_WIDGET_TYPE = "application/vnd.jupyter.widget-view+json"
# packages whose versions the footer lists, if they are installed
_PACKAGES = (
    "ipykernel", "ipython", "ipywidgets", "jinja2", "matplotlib", "msgspec", "numpy", "pandas",
    "pyrsistent",
)  # fmt: skip

# JupyterLab's own template, without the scripts that it would load although nothing needs them
_TEMPLATE = """
{%- extends 'index.html.j2' -%}
{%- block html_head_js_requirejs -%}
{%- if resources.needs.require -%}{{ super() }}{%- endif -%}
{%- endblock -%}
{%- block html_head_js_mathjax -%}
{%- if resources.needs.math -%}{{ super() }}{%- endif -%}
{%- endblock -%}
{%- block html_head_js_mermaidjs -%}
{%- if resources.needs.mermaid -%}{{ super() }}{%- endif -%}
{%- endblock -%}
{%- block html_head_css -%}
<style>
  main { max-width: 1100px; margin: 0 auto; padding: 0 12px; }
  /* wide content scrolls; as table cells, which they are by default, these would be cut off */
  .jp-InputArea-editor, .jp-OutputArea-child .jp-OutputArea-output {
    display: block; flex: 1; min-width: 0; overflow-x: auto; }
  .jp-InputArea, .jp-OutputArea-child { display: block; }
  .jp-RenderedImage img { max-width: 100%; height: auto; }
  @media only screen and (min-width: 761px) {
    .jp-InputArea, .jp-OutputArea-child { display: flex; }
    .jp-InputPrompt, .jp-OutputPrompt { flex: none; }
    /* an output without a number is aligned with those that have one */
    .jp-OutputArea-prompt:empty { padding: var(--jp-code-padding);
      border: var(--jp-border-width) solid transparent; }
  }
  .attune-failed { margin: 16px 0; padding: 10px 14px; border-left: 5px solid #d55e00;
    background: #fdeee4; color: #3d1b00; font: 14px/1.5 system-ui, sans-serif; }
  .attune-failed ul { margin: 4px 0 0; padding-left: 20px; }
  .attune-failed a { color: inherit; text-decoration: underline; }
  .attune-measured { margin: 32px 0 24px; padding-top: 12px; border-top: 1px solid #bdbdbd;
    color: #616161; font: 13px/1.5 system-ui, sans-serif; }
</style>
{%- endblock -%}
{%- block body_header -%}
{{ super() }}
{{ resources.failures }}
{%- endblock -%}
{%- block body_footer -%}
{{ resources.footer }}
{{ super() }}
{%- endblock -%}
"""

# failed cells that the top of the page lists, and characters of a reason
_MAX_FAILED_CELLS = 20
_MAX_REASON_LENGTH = 500

# code blocks, and inline code
_FENCED = re.compile(r"```.*?```|~~~.*?~~~", re.DOTALL)
_CODE = re.compile(rf"{_FENCED.pattern}|`[^`\n]*`", re.DOTALL)

# uses of MathJax and RequireJS
_MATH = re.compile(r"\$[^$\s][^$]*\$|\$\$.+?\$\$|\\\(|\\\[|\\begin\{", re.DOTALL)
_SCRIPT = re.compile(r"<script\b")
_REQUIRE = re.compile(r"\brequire(?:js)?\b")

# The temporary file in which ipykernel compiles a cell, without the folder before it: a pattern
# of the folder would begin anew at each character of a long line without spaces.
_CELL_FILE = re.compile(r"[/\\]ipykernel_\d++[/\\]\d++\.py")
_CELL_FILE_MARK = "ipykernel_"
# characters that end the folder of such a file, to its left
_FOLDER_STARTS = " \t\n\r\v\f\xa0\"'<>"

_HEADING = re.compile(r"^#{1,3}[ \t]+(.+)$", re.MULTILINE)

# pictures other than SVG are not text
_SVG_TYPE = "image/svg+xml"


def to_html(notebook: NotebookNode, name: str, folder: Path) -> str:
    """Return an executed notebook as a page of HTML; the notebook itself is not changed.

    Args:
        notebook: In version 4 of the format, executed by this Python on this machine: the
            footer says so, with the date from the cells' timing.
        name: The page's title if the notebook has no heading.
        folder: Where it was executed; pictures that its Markdown refers to are read from there.
    """
    public_notebook = copy.deepcopy(notebook)
    _replace_widgets(public_notebook)
    _hide_paths(public_notebook, folder)

    exporter = HTMLExporter(
        raw_template=_TEMPLATE,
        embed_images=True,
        filters={"highlight_code": _Highlighter(public_notebook)},
    )
    title = _first_heading(public_notebook)
    if title is None:
        title = name
    page_resources = {
        "metadata": {"name": title, "path": str(folder)},
        "needs": _needed_scripts(public_notebook),
        "failures": _failures(public_notebook),
        "footer": _footer(notebook, name),
    }
    page, _ = exporter.from_notebook_node(public_notebook, page_resources)
    return str(page)


class _Highlighter:
    """The filter of the template that colours the cells, of which some are workflows."""

    def __init__(self, notebook: NotebookNode) -> None:
        language = notebook.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name"))
        self._highlight_code = Highlight2HTML(pygments_lexer=lexer)

    def __call__(self, source: str, language: str | None = None, metadata: Any = None) -> str:
        """Return the source of a cell as HTML; nbconvert names the arguments."""
        if is_attune_cell(source):
            formatter = HtmlFormatter(cssclass=" highlight hl-attune")
            return str(highlight(source, AttuneLexer(), formatter))
        return str(self._highlight_code(source, language, metadata))


def _outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def _markdown_texts(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def _replace_widgets(notebook: NotebookNode) -> None:
    """Remove the widgets, which need a kernel; their text representation is shown instead."""
    notebook.metadata.pop("widgets", None)
    for output in _outputs(notebook):
        data = output.get("data", {})
        widget = data.pop(_WIDGET_TYPE, None)
        if widget is not None and not data:
            data["text/plain"] = "(a widget, which only a running notebook can show)"


def _hide_paths(notebook: NotebookNode, folder: Path) -> None:
    """Replace paths of this machine by relative ones, in all texts of the notebook."""
    labels = _path_labels(folder)
    longest_first = sorted(labels, key=len, reverse=True)
    paths = "|".join(map(re.escape, longest_first))
    # a colour's code ends in a letter, and a path may follow it
    pattern = re.compile(rf"(^|[^\w.~-]|\x1b\[[\d;]*m)({paths})(?![\w-]|\.\w)")

    def hide_in_text(text: str) -> str:
        if _CELL_FILE_MARK in text:
            text = _replace_cell_files(text)
        return pattern.sub(lambda match: match[1] + labels[match[2]], text)

    def hide(value: Any) -> Any:
        if isinstance(value, str):
            # the texts of a run's page are packed, and hold tracebacks
            return hide_in_text(change_texts(value, hide_in_text))

        if isinstance(value, list):
            return [hide(element) for element in value]

        # changed in place, since it may be a NotebookNode
        if isinstance(value, dict):
            for key in value:
                if not key.startswith("image/") or key == _SVG_TYPE:
                    value[key] = hide(value[key])
        return value

    hide(notebook)


def _replace_cell_files(text: str) -> str:
    """Replace the temporary files in which ipykernel compiles cells, with their folders."""
    parts = []
    end = 0
    for file in _CELL_FILE.finditer(text):
        folder_start = max(text.rfind(sign, end, file.start()) + 1 for sign in _FOLDER_STARTS)
        parts += [text[end : max(folder_start, end)], "cell.py"]
        end = file.end()
    return "".join([*parts, text[end:]])


def _path_labels(folder: Path) -> dict[str, str]:
    """Return the label of each path to hide, in every form in which a text may contain it."""
    labels: dict[str, str] = {}
    for machine_folder, label in _machine_folders(folder):
        forms = [*_path_forms(machine_folder), *_path_forms(machine_folder.resolve())]
        for form in forms:
            # the first label of a path counts
            labels.setdefault(form, label)
    return labels


def _machine_folders(folder: Path) -> Iterator[tuple[Path, str]]:
    """Return the folders that would reveal this machine, each with its label in the page."""
    yield folder, "."
    yield Path.cwd(), "."
    yield Path.home(), "~"

    paths = sysconfig.get_paths()
    for name in ("purelib", "platlib", "stdlib", "platstdlib"):
        yield Path(paths[name]), f"…/{Path(paths[name]).name}"

    yield Path(str(resources.files("attune_nb"))).parent, "…"
    # outside a virtual environment it may be /usr, which every machine has
    if sys.prefix != sys.base_prefix:
        yield Path(sys.prefix), "…"


def _path_forms(path: Path) -> Iterator[str]:
    """Return a path as plain text, in a URL, in HTML, in a `repr`, and relative to `~`.

    The root has no form to hide, since every machine has it.
    """
    if len(path.parts) == 1:
        return

    for text in (str(path), path.as_posix()):
        yield text
        yield quote(text)
        yield escape(text)
        yield text.replace("\\", "\\\\")

    # as IPython writes it
    if path.is_relative_to(Path.home()) and path != Path.home():
        yield f"~{os.sep}{path.relative_to(Path.home())}"


def _needed_scripts(notebook: NotebookNode) -> dict[str, bool]:
    """Return which of the scripts of JupyterLab's template the notebook needs."""
    markdown = _markdown_texts(notebook)
    outputs = [output.get("data", {}) for output in _outputs(notebook)]
    return {
        "math": _needs_math(markdown, outputs),
        "mermaid": _needs_mermaid(markdown, outputs),
        "require": _needs_require(outputs),
    }


def _needs_math(markdown: list[str], outputs: list[Mapping[str, Any]]) -> bool:
    texts = [*markdown, *(data.get("text/markdown", "") for data in outputs)]
    if any(_MATH.search(_CODE.sub("", text)) for text in texts):
        return True
    return any("text/latex" in data and "text/html" not in data for data in outputs)


def _needs_mermaid(markdown: list[str], outputs: list[Mapping[str, Any]]) -> bool:
    if any("```mermaid" in text for text in markdown):
        return True
    return any("text/vnd.mermaid" in data for data in outputs)


def _needs_require(outputs: list[Mapping[str, Any]]) -> bool:
    if any("application/javascript" in data for data in outputs):
        return True
    return any(_loads_require(data.get("text/html", "")) for data in outputs)


def _loads_require(text: str) -> bool:
    """Return whether RequireJS is named in a script of a text of HTML, or after it."""
    # one pattern for both would look for the second again after each script
    script = _SCRIPT.search(text)
    return script is not None and _REQUIRE.search(text, script.end()) is not None


def _first_heading(notebook: NotebookNode) -> str | None:
    prose = _FENCED.sub("", "\n".join(_markdown_texts(notebook)))
    heading = _HEADING.search(prose)
    if heading is None:
        return None
    # a heading may be closed by `#` signs
    title = heading[1].rstrip().rstrip("#").rstrip()
    return title.replace("`", "")


def _failures(notebook: NotebookNode) -> html.Markup:
    """Return the top of the page of a notebook in which cells failed: which, and why."""
    failed_cells = find_failed_cells(notebook)
    if not failed_cells:
        return html.Markup()

    count = len(failed_cells)
    noun = "cell" if count == 1 else "cells"
    heading = f"{count:,} {noun} of this notebook failed."
    entries = []
    for failed_cell in failed_cells[:_MAX_FAILED_CELLS]:
        label: object = failed_cell.label.capitalize()
        if failed_cell.cell_id:
            label = html.element("a", label, href=f"#cell-id={failed_cell.cell_id}")
        reason = html.shortened(failed_cell.reason, _MAX_REASON_LENGTH)
        entry = html.text(f": {reason}", max_length=_MAX_REASON_LENGTH + 10)
        entries.append(html.element("li", label, entry))
    if count > _MAX_FAILED_CELLS:
        entries.append(html.element("li", f"and {count - _MAX_FAILED_CELLS:,} more"))

    return html.element(
        "div",
        html.element("b", heading),
        html.element("ul", *entries),
        class_="attune-failed",
        role="alert",
    )


def _footer(notebook: NotebookNode, name: str) -> html.Markup:
    """Return the footer: the notebook, the date, and the machine and packages of its figures."""
    date = _execution_date(notebook)
    source = f"{name}, executed from top to bottom on {date}."
    versions = f"With: {', '.join(_versions())}."
    return html.element(
        "footer",
        html.element("div", source),
        html.element("div", f"Measured on: {_machine()}."),
        html.element("div", html.text(versions, max_length=2_000)),
        class_="attune-measured",
    )


def _machine() -> str:
    """Return the platform and the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        core_count = len(os.sched_getaffinity(0))
    else:
        core_count = os.cpu_count() or 1

    cores = "1 core" if core_count == 1 else f"{core_count} cores"
    return f"{platform.platform(aliased=True)}, {cores}"


def _versions() -> list[str]:
    """Return the versions of Python and of the installed packages."""
    versions = [f"Python {platform.python_version()}"]
    for package in ("attune_nb", *_PACKAGES):
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return versions


def _execution_date(notebook: NotebookNode) -> str:
    """Return the date on which the first cell ran, in UTC; today's if no cell has timing."""
    times: list[str] = []
    for cell in notebook.cells:
        timing = cell.metadata.get("execution", {})
        if "iopub.execute_input" in timing:
            times.append(str(timing["iopub.execute_input"]))

    if times:
        # ISO 8601: the first ten characters are the date
        return min(times)[:10]
    return datetime.now(UTC).strftime("%Y-%m-%d")

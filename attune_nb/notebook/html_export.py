"""An executed notebook as one HTML page that tells nothing of the machine but what it should.

The page stands alone: pictures are in it, widgets are gone, and nothing is fetched from the
network unless a cell's own output needs it (formulas need MathJax).
"""

from __future__ import annotations

import copy
import importlib.metadata
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

from attune_nb import html

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbformat import NotebookNode

__all__ = ["to_html"]

WIDGET = "application/vnd.jupyter.widget-view+json"
_PACKAGES = (
    "ipykernel", "ipython", "ipywidgets", "jinja2", "matplotlib", "msgspec", "numpy", "pandas",
    "pyrsistent",
)  # fmt: skip

# JupyterLab's own look, without the scripts that it fetches where nothing needs them.
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
  /* what is too wide scrolls; as the table cells that they are, these would be cut off */
  .jp-InputArea-editor, .jp-OutputArea-child .jp-OutputArea-output {
    display: block; flex: 1; min-width: 0; overflow-x: auto; }
  .jp-InputArea, .jp-OutputArea-child { display: block; }
  .jp-RenderedImage img { max-width: 100%; height: auto; }
  @media only screen and (min-width: 761px) {
    .jp-InputArea, .jp-OutputArea-child { display: flex; }
    .jp-InputPrompt, .jp-OutputPrompt { flex: none; }
    /* an output without a number stands where those with one do */
    .jp-OutputArea-prompt:empty { padding: var(--jp-code-padding);
      border: var(--jp-border-width) solid transparent; }
  }
  .attune-measured { margin: 32px 0 24px; padding-top: 12px; border-top: 1px solid #bdbdbd;
    color: #616161; font: 13px/1.5 system-ui, sans-serif; }
</style>
{%- endblock -%}
{%- block body_footer -%}
{{ resources.measured }}
{{ super() }}
{%- endblock -%}
"""

_FENCED = re.compile(r"```.*?```|~~~.*?~~~", re.DOTALL)
_CODE = re.compile(rf"{_FENCED.pattern}|`[^`\n]*`", re.DOTALL)
_MATH = re.compile(r"\$[^$\s][^$]*\$|\$\$.+?\$\$|\\\(|\\\[|\\begin\{", re.DOTALL)
_SCRIPT = re.compile(r"<script\b.*?\brequire(js)?\b", re.DOTALL)
_CELL_FILE = re.compile(r"[^\s\"'<>]*[/\\]ipykernel_\d+[/\\]\d+\.py")


def to_html(notebook: NotebookNode, name: str, folder: Path) -> str:
    """Give an executed notebook as a page of HTML; the notebook itself stays as it is.

    Args:
        notebook: In version 4 of the format, executed by this very Python on this machine:
            the page says so at its end, with the date that the cells' timing tells.
        name: What the notebook is called, if it has neither a title nor a heading.
        folder: Where it was executed; pictures that its texts name are taken from there.
    """
    shown = _hide_places(_without_widgets(copy.deepcopy(notebook)), folder)
    exporter = HTMLExporter(raw_template=_TEMPLATE, embed_images=True)
    resources = {
        "metadata": {"name": _heading(shown) or name, "path": str(folder)},
        "needs": _needs(shown),
        "measured": _measured(notebook, name),
    }
    page, _ = exporter.from_notebook_node(shown, resources)
    return str(page)


def _outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def _without_widgets(notebook: NotebookNode) -> NotebookNode:
    """Take out what only a live kernel can show; the text beside it is shown instead."""
    notebook.metadata.pop("widgets", None)
    for output in _outputs(notebook):
        data = output.get("data", {})
        if data.pop(WIDGET, None) is not None and not data:
            data["text/plain"] = "(a widget, which only a running notebook can show)"
    return notebook


def _hide_places(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Make paths of this machine relative, wherever they stand in the notebook's texts."""
    labels: dict[str, str] = {}
    for place, label in _places(folder):
        for path in (place, place.resolve()):
            if len(path.parts) > 1:  # the root alone is every machine's
                labels = dict.fromkeys(_forms(path), label) | labels
    longest_first = sorted(labels, key=len, reverse=True)
    among = "|".join(map(re.escape, longest_first))
    # a colour's code ends in a letter, and a path may follow it
    pattern = re.compile(rf"(^|[^\w.~-]|\x1b\[[\d;]*m)({among})(?![\w-]|\.\w)")

    def hide(value: Any) -> Any:
        if isinstance(value, str):
            plain = _CELL_FILE.sub("cell.py", value)
            return pattern.sub(lambda match: match[1] + labels[match[2]], plain)
        if isinstance(value, list):
            return [hide(each) for each in value]
        if isinstance(value, dict):
            for key in value:
                if not key.startswith("image/") or key == "image/svg+xml":
                    value[key] = hide(value[key])
        return value

    hidden: NotebookNode = hide(notebook)
    return hidden


def _forms(path: Path) -> Iterator[str]:
    """Give a path as it may stand in a text: also in a URL, in HTML, in a repr, below `~`."""
    for text in (str(path), path.as_posix()):
        yield from (text, quote(text), escape(text), text.replace("\\", "\\\\"))
    if path.is_relative_to(Path.home()) and path != Path.home():
        yield f"~{os.sep}{path.relative_to(Path.home())}"  # as IPython writes it


def _places(folder: Path) -> Iterator[tuple[Path, str]]:
    """Give the folders that say where things stand on this machine, and what to call them."""
    yield folder, "."
    yield Path.cwd(), "."
    yield Path.home(), "~"
    paths = sysconfig.get_paths()
    for name in ("purelib", "platlib", "stdlib", "platstdlib"):
        yield Path(paths[name]), f"…/{Path(paths[name]).name}"
    yield Path(str(resources.files("attune_nb"))).parent, "…"
    if sys.prefix != sys.base_prefix:  # else it may be /usr, which is every machine's
        yield Path(sys.prefix), "…"


def _needs(notebook: NotebookNode) -> dict[str, bool]:
    """Tell which of the scripts that JupyterLab's page loads have something to do here."""
    texts = [_CODE.sub("", cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]
    whole = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    data = [output.get("data", {}) for output in _outputs(notebook)]
    texts += [_CODE.sub("", each.get("text/markdown", "")) for each in data]
    pages = [each.get("text/html", "") for each in data]
    return {
        "math": any("text/latex" in each and "text/html" not in each for each in data)
        or any(_MATH.search(text) for text in texts),
        "mermaid": any("text/vnd.mermaid" in each for each in data)
        or any("```mermaid" in text for text in whole),
        "require": any("application/javascript" in each for each in data)
        or any(_SCRIPT.search(page) for page in pages),
    }


def _heading(notebook: NotebookNode) -> str | None:
    """Give the notebook's first heading."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    prose = _FENCED.sub("", "\n".join(texts))
    found = re.search(r"^#{1,3}\s+(.+?)\s*#*$", prose, re.MULTILINE)
    return found.group(1).replace("`", "") if found else None


def _measured(notebook: NotebookNode, name: str) -> html.Markup:
    """Say what the page was made from, when, and on what machine its figures were measured."""
    versions = [f"Python {platform.python_version()}", f"attune_nb {metadata.version('attune_nb')}"]
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = f"{platform.platform(aliased=True)}, {cores} core{'s' * (cores != 1)}"
    when = _executed(notebook)
    return html.element(
        "footer",
        html.element("div", f"{name}, executed from top to bottom on {when}."),
        html.element("div", f"Measured on: {machine}."),
        html.element("div", html.text("With: " + ", ".join(versions) + ".", max_length=2_000)),
        class_="attune-measured",
    )


def _executed(notebook: NotebookNode) -> str:
    """Give the date on which the first cell ran, in UTC; today's where none tells."""
    timing = [cell.metadata.get("execution", {}) for cell in notebook.cells]
    times = sorted(each["iopub.execute_input"] for each in timing if "iopub.execute_input" in each)
    return str(times[0])[:10] if times else datetime.now(UTC).strftime("%Y-%m-%d")

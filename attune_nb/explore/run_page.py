"""The page of a run as an output of a notebook: a sandboxed iframe, or the run's table.

The iframe has the page as its `srcdoc`, so it needs no server, no kernel and no network. Its
sandbox has no origin: the page can run its script, and can neither read nor change the notebook.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb import html

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["RunPage"]

# pixels; the reader can drag the lower edge of the iframe
_HEIGHT = 680

# An iframe without an origin cannot ask for the theme of the notebook around it. The colour scheme
# of its element decides what `prefers-color-scheme` means inside, also when the theme is changed.
# The selectors are those of JupyterLab and nbconvert, VS Code, Colab, and documentation.
_STYLE = """<style>
.attune-explore { display: block; width: 100%; border: 0; resize: vertical; overflow: auto;
  color-scheme: light; }
[data-jp-theme-light="false"] .attune-explore, .vscode-dark .attune-explore,
.vscode-high-contrast .attune-explore, html[theme="dark"] .attune-explore,
[data-theme="dark"] .attune-explore { color-scheme: dark; }
.attune-unframed { display: none; }
@media print { .attune-explore { break-inside: avoid; } }
</style>"""

# a notebook that is not trusted is shown without iframes and styles: only then is this line visible
_UNTRUSTED = (
    "The page is shown once this notebook is trusted (File, Trust Notebook) or the cell is run "
    "again. Until then, the run as a table:"
)


class RunPage:
    """A run as an interactive page, which a notebook shows in an iframe.

    Attributes:
        html: The page: one document with its data and its script, which loads nothing.

    Args:
        page: The page.
        summary: The run as a table of HTML, for a notebook that is not trusted.
        text: The run as text, for a terminal.
        title: The name of the iframe for a screen reader.
    """

    def __init__(self, page: str, summary: str, text: str, title: str) -> None:
        self.html = page
        self._summary = summary
        self._text = text
        self._title = title

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page to a file, and return its path.

        Raises:
            OSError: The file cannot be written.
        """
        path = Path(path)
        path.write_text(self.html, encoding="utf-8", errors="replace")
        return path

    def __repr__(self) -> str:
        return f"{self._text}\n  the page of this run: `run.explore('page.html')` writes it"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the output of a cell: the iframe, and the text."""
        frame = html.Markup(
            '<iframe class="attune-explore" title="{}" sandbox="allow-scripts" loading="lazy" '
            'style="height:{}px" srcdoc="{}"></iframe>'
        ).format(self._title, _HEIGHT, html.Markup(escape(self.html)))
        unframed = html.element(
            "div",
            html.element("p", html.text(_UNTRUSTED)),
            html.Markup(self._summary),
            class_="attune-unframed",
        )
        output = {"text/html": f"{_STYLE}{frame}{unframed}", "text/plain": repr(self)}
        # a message with a lone surrogate cannot be sent to a notebook
        return {kind: text.encode("utf-8", "replace").decode() for kind, text in output.items()}

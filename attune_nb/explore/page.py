"""The page of a run: one HTML text that holds its data, its style and its script."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import TYPE_CHECKING, Literal, get_args

from attune_nb import html
from attune_nb.errors import ParameterError
from attune_nb.explore.data import build_data
from attune_nb.explore.packed_data import pack_data
from attune_nb.results.durations import format_duration

if TYPE_CHECKING:
    from attune_nb.explore.data import ExploredRun

__all__ = ["PageTheme", "build_module", "build_page"]

PageTheme = Literal["light", "dark"]
"""The themes that a page can be forced to have; by default it has that of the reader's system."""

# the files of the script, which share one scope, in their order
_SCRIPTS = (
    "format.js",
    "run_data.js",
    "lanes.js",
    "density.js",
    "palette.js",
    "axis.js",
    "plot.js",
    "minimap.js",
    "search.js",
    "explorer.js",
    "pointer.js",
    "controls.js",
    "task_source.js",
    "graph.js",
    "details.js",
    "table.js",
    "panes.js",
    "main.js",
)

# the files of the module for other pages, and the names that it exports
_MODULE_SCRIPTS = (*_SCRIPTS[: _SCRIPTS.index("details.js")], "live_run.js")
_EXPORTS = (
    "Explorer", "GraphView", "LiveRunData", "MARKS", "NOT_REACHED", "connectControls",
    "formatCount", "formatDuration", "formatNumber", "formatStatus", "goToFailure", "makeElement",
    "mostPlotHeight", "readChunk", "statusClass",
)  # fmt: skip

_STYLES = ("page.css", "panes.css")

# a name between two per cent signs, as the template has them
_SLOT = re.compile("%([A-Z]+)%")


def build_page(run: ExploredRun, theme: PageTheme | None = None) -> str:
    """Return a run's page: HTML that loads nothing, and that works in a frame and as a file.

    Its content security policy allows only its own script and style, by their hashes.

    Args:
        run: A run in any state.
        theme: "light" or "dark"; by default the page follows the reader's system, or the frame
            that shows it.

    Raises:
        ParameterError: There is no such theme.
    """
    themes = get_args(PageTheme)
    if theme is not None and theme not in themes:
        raise ParameterError(f"theme: {theme!r} is none; it is one of {', '.join(themes)}, or None")

    style = "\n".join(_read(name) for name in _STYLES)
    statements = "\n".join(_read(name) for name in _SCRIPTS)
    script = f"(() => {{\n'use strict';\n{statements}\n}})();\n"
    slots = {
        "POLICY": _content_policy(script, style),
        "THEME": "auto" if theme is None else theme,
        "TITLE": html.text(f"{run.workflow_name} · {run.run_id}"),
        "STATIC": html.text(_describe_run(run), max_length=1_000),
        "STYLE": style,
        "DATA": pack_data(build_data(run)),
        "SCRIPT": script,
    }
    # in one pass: a name of the run may look like a slot
    return _SLOT.sub(lambda match: str(slots[match[1]]), _read("page.html"))


def build_module() -> str:
    """Return the script of the page as a module of JavaScript, for a page that draws live runs.

    It exports the timeline, the graph, and the data of a run that goes on.
    """
    statements = "\n".join(_read(name) for name in _MODULE_SCRIPTS)
    return f"{statements}\nexport {{{', '.join(_EXPORTS)}}};\n"


def _read(name: str) -> str:
    return resources.files("attune_nb.explore").joinpath("static", name).read_text("utf-8")


def _content_policy(script: str, style: str) -> str:
    """Return the policy that allows the page's own script and style, and nothing else."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _describe_run(run: ExploredRun) -> str:
    """Return the run in one line, for a place where no script runs."""
    words = f"{run.workflow_name}: {run.status.replace('_', ' ')}"
    return f"{words} after {format_duration(run.duration_ms / 1000)}"

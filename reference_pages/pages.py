"""All pages of docs/reference by file name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference_pages.api import API_PAGES
from reference_pages.glossary import glossary_page
from reference_pages.language import (
    core_actions_page,
    expressions_page,
    language_page,
    older_forms_page,
    packs_page,
    statuses_page,
    topics_page,
)
from reference_pages.links import add_links
from reference_pages.options import command_line_page, notebook_page, settings_page
from reference_pages.results import columns_page, errors_page, metrics_page

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INDEX", "PAGES", "make_pages"]

INDEX: dict[str, dict[str, str]] = {
    "Workflows": {
        "topics": "short introductions that lead to the words",
        "language": "every key of a workflow, of its tasks and its parameters",
        "expressions": "names, functions, filters, tests and methods between `{{` and `}}`",
        "core-actions": "actions that need no code of your own",
        "statuses": "the statuses of tasks, items and runs",
        "packs": "the files of a pack of the Attune platform",
        "older-forms": "keys of older workflows, and keys for the platform",
    },
    "Runs": {
        "columns": "every table that a run returns, and its columns",
        "errors": "every type of error, with its attributes and exit status",
        "metrics": "the metrics and spans for Prometheus and OpenTelemetry",
    },
    "Commands": {
        "notebook": "`%%attune` and the commands of `%attune`",
        "command-line": "the commands of `attune-nb`, and their exit status",
        "settings": "settings of the magics, and variables of the environment",
    },
    "Python and words": {
        "api/index": "the public names, from their docstrings",
        "glossary": "the words of attune_nb, one meaning each",
    },
}
"""The pages in the order of the index, by group, with a line about each."""

_TITLES = {
    "topics": "Topics",
    "language": "Workflow language",
    "expressions": "Expressions",
    "core-actions": "Core actions",
    "statuses": "Statuses",
    "packs": "Packs",
    "older-forms": "Older forms",
    "columns": "Tables and columns",
    "errors": "Errors",
    "metrics": "Metrics and spans",
    "notebook": "In a notebook",
    "command-line": "On the command line",
    "settings": "Settings",
    "api/index": "Python API",
    "glossary": "Glossary",
}


_INTRODUCTION = """\
# Reference

Every word, with its meaning. In a notebook `%attune help WORD` shows the same, in a terminal
`attune-nb help WORD`. These pages are made from the code by `nox -s reference`. A test runs every
example.
"""


def _index_page() -> str:
    parts = [_INTRODUCTION]
    for group, pages in INDEX.items():
        lines = [f"- [{_TITLES[page]}]({page}.md): {text}" for page, text in pages.items()]
        parts.append(f"## {group}\n\n" + "\n".join(lines) + "\n")

    names = "\n".join(page for pages in INDEX.values() for page in pages)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{names}\n```\n")
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "index.md": _index_page,
    "topics.md": topics_page,
    "language.md": language_page,
    "expressions.md": expressions_page,
    "core-actions.md": core_actions_page,
    "statuses.md": statuses_page,
    "packs.md": packs_page,
    "older-forms.md": older_forms_page,
    "columns.md": columns_page,
    "errors.md": errors_page,
    "metrics.md": metrics_page,
    "notebook.md": notebook_page,
    "command-line.md": command_line_page,
    "settings.md": settings_page,
    "glossary.md": glossary_page,
    **API_PAGES,
}
"""The functions that make the pages, by file name."""


def make_pages() -> dict[str, str]:
    """Return the texts of all pages by file name."""
    return add_links({name: make() for name, make in PAGES.items()})

"""The page docs/reference.md: `python -m attune_nb.help.markdown` prints it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from attune_nb.actions.registry import CORE
from attune_nb.help.describe_action import action_page, describe_function
from attune_nb.help.lookup import example_blocks
from attune_nb.help.page import Page, Paragraph, Table
from attune_nb.help.signatures import format_call
from attune_nb.reference.table import ENTRIES

if TYPE_CHECKING:
    from attune_nb.help.page import Block
    from attune_nb.reference.entry import Entry, Kind

__all__ = ["SECTIONS", "reference_page"]

_INTRODUCTION = """\
# Reference

Every word of the workflow language, with its meaning and an example. In a notebook `%attune help
WORD` shows the same, in a terminal `attune-nb help WORD`. This page is made from
`attune_nb/reference/` by `nox -s reference`; a test runs every example.
"""

# The sections of whole entries, and of rows of a table.
_ENTRIES: tuple[tuple[str, Kind], ...] = (
    ("Topics", "topic"),
    ("Keys of a workflow", "workflow key"),
    ("Keys of a task", "task key"),
    ("Keys of `retry`", "retry key"),
    ("Keys of `rate_limit`", "rate limit key"),
    ("Keys of `wait_for`", "wait for key"),
    ("Keys of a transition in `next`", "transition key"),
    ("Targets of `do`", "target"),
    ("Keys of a parameter", "parameter key"),
    ("Keys of `pack.yaml`", "pack key"),
    ("Keys of an action of a pack", "pack action key"),
    ("Names in expressions", "namespace"),
)
_CALLS: tuple[tuple[str, Kind], ...] = (
    ("Functions", "function"),
    ("Filters", "filter"),
    ("Tests", "test"),
    ("Methods of strings", "string method"),
    ("Methods of arrays", "array method"),
    ("Methods of objects", "object method"),
)
_ROWS: tuple[tuple[str, Kind], ...] = (
    ("Fields of `task.NAME`", "task field"),
    ("Values of `system`", "system value"),
    ("Fields of `inquiry.TASK`", "inquiry field"),
    ("Statuses of tasks and items", "task status"),
    ("Statuses of runs", "run status"),
)

SECTIONS = (*_ENTRIES, *_CALLS, *_ROWS)
"""The sections of usual words, each with the kind of its words; core actions follow."""

# Headings of the forms of keys that are not usual.
_FORMS = {
    "older": "Older forms",
    "rare": "Rarer keys of a parameter",
    "attune": "Keys for the Attune platform",
}


def reference_page() -> str:
    """Return the page as Markdown."""
    sections: dict[str, str] = {}
    for title, kind in _ENTRIES:
        sections[title] = "\n".join(map(_entry_section, _usual_entries(kind)))
    for title, kind in _CALLS:
        sections[title] = _call_table(_usual_entries(kind))
    for title, kind in _ROWS:
        sections[title] = _word_table(_usual_entries(kind))

    core_pages = [action_page(describe_function(name, CORE[name].function)) for name in CORE]
    sections["Core actions"] = "\n".join(page.to_markdown() for page in core_pages)
    for form, title in _FORMS.items():
        sections[title] = _word_table([entry for entry in ENTRIES if entry.form == form])

    contents = [f"- [{title}](#{_anchor(title)})" for title in sections]
    parts = [_INTRODUCTION, "\n".join(contents) + "\n"]
    parts += [f"## {title}\n\n{text}" for title, text in sections.items()]
    return "\n".join(parts)


def _usual_entries(kind: Kind) -> list[Entry]:
    usual_entries = [entry for entry in ENTRIES if entry.form == "usual"]
    return [entry for entry in usual_entries if entry.kind == kind]


def _anchor(title: str) -> str:
    """Return the link to a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _entry_section(entry: Entry) -> str:
    blocks: list[Block] = [Paragraph(entry.explanation)]
    if entry.values:
        blocks.append(Paragraph(f"Values: {entry.values}."))
    blocks += example_blocks(entry)
    return f"### `{entry.name}`\n\n{Page(blocks).to_markdown()}"


def _call_table(entries: list[Entry]) -> str:
    """Return functions and the like as a table; those without a value as sections."""
    rows = []
    sections = []
    for entry in entries:
        if entry.result:
            example = f"`{{{{ {entry.example} }}}}` gives `{entry.result}`"
            rows.append((f"`{format_call(entry)}`", entry.explanation, example))
        else:
            sections.append(_entry_section(entry))

    table = Page([Table(tuple(rows), ("Call", "Meaning", "Example"))]).to_markdown()
    return "\n".join([*sections, table])


def _word_table(entries: list[Entry]) -> str:
    rows = [(f"`{entry.name}`", entry.explanation, entry.values) for entry in entries]
    columns: tuple[str, ...] = ("Word", "Meaning", "Values")
    if not any(values for _, _, values in rows):
        columns = columns[:2]
    cells = tuple(row[: len(columns)] for row in rows)
    return Page([Table(cells, columns)]).to_markdown()


if __name__ == "__main__":
    sys.stdout.write(reference_page())

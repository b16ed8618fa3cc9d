"""The parts of which pages are made: sections of entries, and tables of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.help.lookup import example_blocks
from attune_nb.help.page import Page, Paragraph, Table
from attune_nb.help.signatures import format_call
from attune_nb.reference.table import ENTRIES
from reference_pages.links import mark_related

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attune_nb.help.page import Block
    from attune_nb.reference.entry import Entry, Form, Kind

__all__ = ["call_table", "entries_of", "entry_section", "join_sections", "table", "word_table"]


def entries_of(kind: Kind, form: Form = "usual", group: str | None = None) -> list[Entry]:
    """Return the entries of a kind and a form, and of a group if one is named."""
    entries = [entry for entry in ENTRIES if (entry.kind, entry.form) == (kind, form)]
    return [entry for entry in entries if group in (None, entry.group)]


def join_sections(introduction: str, sections: dict[str, str]) -> str:
    """Return a page of an introduction and sections under their titles."""
    parts = [introduction.strip() + "\n"]
    parts += [f"## {title}\n\n{text.strip()}\n" for title, text in sections.items()]
    return "\n".join(parts)


def entry_section(entry: Entry) -> str:
    """Return an entry under a heading of its own, with its example."""
    blocks: list[Block] = [Paragraph(entry.explanation)]
    if entry.values:
        blocks.append(Paragraph(f"Values: {entry.values}."))
    blocks += example_blocks(entry)
    text = f"### `{entry.name}`\n\n{Page(blocks).to_markdown()}"
    if entry.related:
        text += f"\n{mark_related(entry.related)}\n"
    return text


def call_table(entries: Iterable[Entry]) -> str:
    """Return functions and the like as a table; those without a value as sections."""
    rows = []
    sections = []
    for entry in entries:
        if entry.result:
            example = f"`{{{{ {entry.example} }}}}` gives `{entry.result}`"
            rows.append((f"`{format_call(entry)}`", entry.explanation, example))
        else:
            sections.append(entry_section(entry))

    return "\n".join([*sections, table(rows, ("Call", "Meaning", "Example"))])


def word_table(entries: Iterable[Entry], heading: str = "Word") -> str:
    """Return words with their meaning, and with their values if some have any."""
    rows = [(f"`{entry.name}`", entry.explanation, entry.values) for entry in entries]
    columns: tuple[str, ...] = (heading, "Meaning", "Values")
    if not any(values for _, _, values in rows):
        columns = columns[:2]
    return table([row[: len(columns)] for row in rows], columns)


def table(rows: Sequence[tuple[str, ...]], columns: tuple[str, ...]) -> str:
    """Return rows as a table of Markdown."""
    return Page([Table(tuple(rows), columns)]).to_markdown()

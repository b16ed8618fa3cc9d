"""The page of the glossary."""

from __future__ import annotations

from attune_nb.reference.terms import TERM_GROUPS
from reference_pages.blocks import entries_of, join_sections, table

__all__ = ["glossary_page"]


def glossary_page() -> str:
    """Return the page of the terms: those of users with headings, those of the code as tables."""
    introduction = """\
---
tocdepth: 2
---

# Glossary

The words of attune_nb, one meaning each. Code, messages and documentation use these words and no
others for these things. Kinds of values are called as in JSON: null, boolean, integer, number,
string, array, object.

In a notebook `%attune help WORD` explains a word, in a terminal `attune-nb help WORD`.
"""
    sections = {}
    for group in TERM_GROUPS:
        terms = entries_of("term", group=group)
        sections[group] = "\n".join(f"### {term.name}\n\n{term.explanation}\n" for term in terms)

    text = "The words of the code and of its documentation. A user does not meet them.\n"
    for group in TERM_GROUPS:
        rows = [(term.name, term.explanation) for term in entries_of("term", "internal", group)]
        if rows:
            text += f"\n### {group}, in the code\n\n{table(rows, ('Term', 'Meaning'))}"
    sections["In the code"] = text
    return join_sections(introduction, sections)

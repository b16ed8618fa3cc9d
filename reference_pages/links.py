"""Links from a word to the words that are related to it, which may be on another page."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from attune_nb.notebook.command import COMMANDS
from attune_nb.reference.table import find_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.reference.entry import Kind

__all__ = ["add_links", "mark_related"]

# a line that stands for links, until all pages are made
_MARK = re.compile(r"^See also: (<.*>)$", re.MULTILINE)
_WORD = re.compile(r"<([^>]*)>")

_HEADING = re.compile(r"^#{2,3} (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)

# the sections of words that stand in tables
_SECTIONS: dict[Kind, str] = {
    "task field": "expressions.md#fields-of-taskname",
    "system value": "expressions.md#values-of-system",
    "inquiry field": "expressions.md#fields-of-inquirytask",
    "function": "expressions.md#functions",
    "filter": "expressions.md#filters",
    "test": "expressions.md#tests",
    "string method": "expressions.md#methods-of-strings",
    "array method": "expressions.md#methods-of-arrays",
    "object method": "expressions.md#methods-of-objects",
    "task status": "statuses.md#statuses-of-tasks-and-items",
    "run status": "statuses.md#statuses-of-runs",
    "metric": "metrics.md",
}


def mark_related(words: tuple[str, ...]) -> str:
    """Return a line that stands for the links to some words."""
    return "See also: " + " ".join(f"<{word}>" for word in words)


def add_links(pages: Mapping[str, str]) -> dict[str, str]:
    """Return pages by file name, with links in place of the marks."""
    anchors = {name: _read_anchors(text) for name, text in pages.items()}

    linked = {}
    for page, text in pages.items():
        # every second part holds the words of a mark
        parts = _MARK.split(text)
        parts[1::2] = [_links(words, page, anchors) for words in parts[1::2]]
        linked[page] = "".join(parts)
    return linked


def _read_anchors(text: str) -> dict[str, str]:
    """Return the anchor of each heading of a page, as a hosting makes it; the first of a word."""
    counts: Counter[str] = Counter()
    anchors: dict[str, str] = {}
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        word = heading.strip("`")
        anchor = re.sub(r"[^\w\- ]", "", word.lower()).replace(" ", "-")
        if word not in anchors:
            anchors[word] = f"{anchor}-{counts[anchor]}" if counts[anchor] else anchor
        counts[anchor] += 1
    return anchors


def _links(marked_words: str, page: str, anchors: Mapping[str, Mapping[str, str]]) -> str:
    links = []
    for word in _WORD.findall(marked_words):
        target = _find_target(word, page, anchors)
        links.append(f"[`{word}`]({target})" if target else f"`{word}`")
    return f"See also: {', '.join(links)}."


def _find_target(word: str, page: str, anchors: Mapping[str, Mapping[str, str]]) -> str:
    """Return the link to a word: to its heading, on the same page if it has one there."""
    name = word.removesuffix("()")
    if name in anchors[page]:
        return f"#{anchors[page][name]}"

    for entry in find_entries(word):
        if entry.form != "usual":
            return "older-forms.md"
        if entry.kind in _SECTIONS:
            return _SECTIONS[entry.kind]
        for other_page, page_anchors in anchors.items():
            if entry.name in page_anchors:
                return f"{other_page}#{page_anchors[entry.name]}"
    if word in COMMANDS:
        return f"notebook.md#attune-{word}"
    return ""

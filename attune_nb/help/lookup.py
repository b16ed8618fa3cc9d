"""The help of a word: its entries in the reference, or the word that it is taken for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attune_nb.errors import nearest
from attune_nb.help.describe_action import action_page
from attune_nb.help.page import Code, Heading, Page, Paragraph, Table
from attune_nb.help.signatures import format_call, format_parameters
from attune_nb.language.reading.foreign_keys import explain_foreign_key
from attune_nb.reference.entry import names as usual_names
from attune_nb.reference.table import ENTRIES, PLACES, find_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attune_nb.help.describe_action import ActionDescription
    from attune_nb.help.page import Block
    from attune_nb.reference.entry import Entry, Kind

__all__ = [
    "GROUPS",
    "entry_blocks",
    "example_blocks",
    "explain_word",
    "find_help",
    "known_words",
    "overview",
    "suggest_word",
]

# The groups of the overview: a heading, and the kinds of words in it.
GROUPS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("keys of a workflow", ("workflow key",)),
    ("keys of a task", ("task key",)),
    ("keys of `retry`", ("retry key",)),
    ("keys of `rate_limit`", ("rate limit key",)),
    ("keys of `wait_for`", ("wait for key",)),
    ("keys of a transition in `next`", ("transition key",)),
    ("keys of a parameter", ("parameter key",)),
    ("keys of `pack.yaml`", ("pack key",)),
    ("keys of an action of a pack", ("pack action key",)),
    ("names in expressions", ("namespace",)),
    ("fields of `task.NAME`", ("task field",)),
    ("values of `system`", ("system value",)),
    ("fields of `inquiry.TASK`", ("inquiry field",)),
    ("targets of `do`", ("target",)),
    ("functions", ("function",)),
    ("filters", ("filter",)),
    ("tests", ("test",)),
    ("methods", ("string method", "array method", "object method")),
    ("statuses", ("task status", "run status")),
    ("core actions", ("action",)),
)

# The groups that have a page, besides the functions.
_LISTED = ("filters", "tests", "methods", "statuses")

# The things that have keys, as the messages of the loader call them.
_OWNERS = ("a task", "a transition", "`retry`", "a workflow")


def overview(command: str) -> Page:
    """Return the page of all topics and words.

    Args:
        command: The command that shows the help of a word: "%attune help".
    """
    topics = [entry for entry in ENTRIES if entry.kind == "topic"]
    rows = [(f"`{topic.name}`", topic.explanation.partition(". ")[0]) for topic in topics]
    blocks: list[Block] = [
        Paragraph(f"`{command} WORD` explains a topic, a key, a function or a status:"),
        Table(tuple((name, text.rstrip(".") + ".") for name, text in rows)),
    ]

    words = []
    for heading, kinds in GROUPS:
        names = [name for kind in kinds for name in usual_names(ENTRIES, kind)]
        words.append((heading, ", ".join(dict.fromkeys(names))))
    blocks.append(Table(tuple(words)))
    listed = ", ".join(f"`{heading}`" for heading in _LISTED)
    blocks.append(Paragraph(f"`{command} functions` shows each with its meaning; so do {listed}."))
    return Page(blocks)


def explain_word(word: str) -> Page | None:
    """Return the page of a word, or None if the reference does not have it.

    A key of another workflow tool leads to the key that does the same.
    """
    if word in (*_LISTED, "functions"):
        return _group_page(word)

    entries = find_entries(word)
    if entries:
        return _entry_page(entries)

    for owner in _OWNERS:
        foreign_key = explain_foreign_key(owner, word, {})
        if foreign_key is not None:
            blocks: list[Block] = [Paragraph(f"There is no key `{word}`; {foreign_key.advice}.")]
            page = _entry_page(find_entries(foreign_key.meant))
            return Page([*blocks, *page.blocks])
    return None


def find_help(
    word: str, action: ActionDescription | None, command_blocks: Sequence[Block]
) -> Page | None:
    """Return all that there is about a word, or None if there is nothing.

    Args:
        word: The word.
        action: The action of that name, if there is one.
        command_blocks: The help of the command of that name; empty if there is none.
    """
    blocks: list[Block] = []
    if action is not None:
        blocks += action_page(action).blocks

    # the page of a core action has its entry already
    page = None if word.startswith("core.") else explain_word(word)
    if page is not None:
        blocks += page.blocks
    blocks += command_blocks
    return Page(blocks) if blocks else None


def _entry_page(entries: Iterable[Entry]) -> Page:
    blocks: list[Block] = []
    for entry in entries:
        blocks += entry_blocks(entry)
    return Page(blocks)


def _group_page(heading: str) -> Page:
    """Return the page of a group of words, each with the first sentence about it."""
    blocks: list[Block] = []
    for kind in dict(GROUPS)[heading]:
        # "a method of arrays in expressions" -> "methods of arrays in expressions"
        _, _, place = PLACES[kind].removeprefix("a ").partition(" ")
        blocks.append(Heading(f"{heading} {place}"))
        blocks.append(Table(tuple(_group_rows(kind))))
    return Page(blocks)


def _group_rows(kind: Kind) -> list[tuple[str, str]]:
    """Return the words of a kind, as they are written, each with the first sentence about it."""
    rows = []
    for entry in ENTRIES:
        if entry.kind != kind:
            continue

        call = format_call(entry)
        if not call:
            call = entry.name
        sentence = entry.explanation.partition(". ")[0].rstrip(".")
        rows.append((f"`{call}`", f"{sentence}."))
    return rows


def known_words() -> list[str]:
    """Return all words that have a page, once each."""
    words = ["functions", *_LISTED, *(entry.name for entry in ENTRIES)]
    return list(dict.fromkeys(words))


def suggest_word(word: str, further_words: Iterable[str] = ()) -> str:
    """Return a hint at the word that is meant, or an empty string."""
    return nearest(word[:60], [*known_words(), *further_words])


def entry_blocks(entry: Entry) -> list[Block]:
    """Return the blocks of one entry: meaning, call or values, example, related words."""
    blocks: list[Block] = [
        Heading(f"`{entry.name}`, {PLACES[entry.kind]}"),
        Paragraph(entry.explanation),
    ]
    blocks += _usage_blocks(entry)
    blocks += example_blocks(entry)
    if entry.related:
        words = ", ".join(f"`{word}`" for word in entry.related)
        blocks.append(Paragraph(f"See also: {words}"))
    return blocks


def _usage_blocks(entry: Entry) -> list[Block]:
    call = format_call(entry)
    if not call:
        return [Paragraph(f"Values: {entry.values}")] if entry.values else []

    rows = format_parameters(entry)
    blocks: list[Block] = [Paragraph(f"Call: `{call}`")]
    if rows:
        blocks.append(Table(tuple(rows)))
    return blocks


def example_blocks(entry: Entry) -> list[Block]:
    """Return the example of an entry; of an expression with its value."""
    if entry.result:
        expression = f"{{{{ {entry.example} }}}}"
        return [Code(f"{expression}\n# gives {entry.result}", "jinja")]
    if re.match(r"%attune", entry.example):
        return [Code(entry.example, "text")]
    return [Code(entry.example)]

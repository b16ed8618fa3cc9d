"""The help of a word: its entries in the reference, or the word that it is taken for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attune_nb.errors import nearest
from attune_nb.help.describe_action import action_page
from attune_nb.help.describe_error import error_blocks
from attune_nb.help.options import find_options, option_blocks
from attune_nb.help.page import Code, Heading, Page, Paragraph, Table
from attune_nb.help.signatures import format_call, format_parameters
from attune_nb.language.reading.foreign_keys import explain_foreign_key
from attune_nb.reference.columns import columns_of
from attune_nb.reference.entry import names as usual_names
from attune_nb.reference.table import ENTRIES, PLACES, find_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attune_nb.help.describe_action import ActionDescription
    from attune_nb.help.options import Option
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
    ("tables", ("table",)),
    ("errors", ("error",)),
    ("metrics", ("metric",)),
    ("environment variables", ("environment variable",)),
)

# The groups that have a page, besides the functions.
_LISTED = (
    "filters", "tests", "methods", "statuses", "tables", "errors", "metrics",
    "environment variables",
)  # fmt: skip

# The groups whose words the overview leaves out.
_LEFT_OUT = ("metrics", "environment variables")

_PLACE_OF_KIND = re.compile(r" (?:of|in) .*")

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
        Paragraph(
            f"`{command} WORD` explains a topic, a key, a function, a status, an option, an error, "
            "a column of a table, or a term:"
        ),
        Table(tuple((name, text.rstrip(".") + ".") for name, text in rows)),
    ]

    words = []
    for heading, kinds in GROUPS:
        if heading in _LEFT_OUT:
            continue
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
    # `help environment variables` looks for `environment.variables`
    heading = word.replace(".", " ")
    if heading in (*_LISTED, "functions"):
        return _group_page(heading)

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
    word: str,
    action: ActionDescription | None,
    command_blocks: Sequence[Block],
    options: Iterable[Option] = (),
) -> Page | None:
    """Return all that there is about a word, or None if there is nothing.

    Args:
        word: The word.
        action: The action of that name, if there is one.
        command_blocks: The help of the command of that name; empty if there is none.
        options: All options that the commands take.
    """
    blocks: list[Block] = []
    if action is not None:
        blocks += action_page(action).blocks

    # the page of a core action has its entry already
    page = None if word.startswith("core.") else explain_word(word)
    if page is not None:
        blocks += page.blocks
    blocks += command_blocks
    blocks += option_blocks(find_options(word, options))
    return Page(blocks) if blocks else None


def _entry_page(entries: Iterable[Entry]) -> Page:
    blocks: list[Block] = []
    columns = []
    for entry in entries:
        if entry.kind == "column":
            columns.append(entry)
        else:
            blocks += entry_blocks(entry)

    if columns:
        blocks += _column_blocks(columns)
    return Page(blocks)


def _column_blocks(columns: Sequence[Entry]) -> list[Block]:
    """Return the blocks about a column that several tables have."""
    rows = [(f"`{entry.group}`", f"{entry.explanation} ({entry.values})") for entry in columns]
    return [Heading(f"`{columns[0].name}`, {PLACES['column']}"), Table(tuple(rows))]


def _group_page(heading: str) -> Page:
    """Return the page of a group of words, each with the first sentence about it."""
    blocks: list[Block] = []
    for kind in dict(GROUPS)[heading]:
        # "a method of arrays in expressions" -> "methods of arrays in expressions"
        place = _PLACE_OF_KIND.search(PLACES[kind])
        blocks.append(Heading(heading if place is None else f"{heading}{place[0]}"))
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
    words = ["functions", *_LISTED]
    for entry in ENTRIES:
        words += entry.words
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
    if entry.kind == "error":
        blocks += error_blocks(entry.name)
    elif entry.kind == "table":
        rows = [(f"`{column.name}`", column.explanation) for column in columns_of(entry.name)]
        blocks.append(Table(tuple(rows)))
    else:
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
    """Return the example of an entry, of an expression with its value; nothing without one."""
    if not entry.text:
        return []
    if entry.result:
        expression = f"{{{{ {entry.example} }}}}"
        return [Code(f"{expression}\n# gives {entry.result}", "jinja")]
    if re.match(r"%attune", entry.example):
        return [Code(entry.example, "text")]
    return [Code(entry.example)]

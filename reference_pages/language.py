"""The pages about the words of workflows: keys, expressions, statuses, core actions, packs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.actions.registry import CORE
from attune_nb.help.describe_action import action_page, describe_function
from attune_nb.reference.table import ENTRIES
from reference_pages.blocks import (
    call_table,
    entries_of,
    entry_section,
    join_sections,
    word_table,
)

if TYPE_CHECKING:
    from attune_nb.reference.entry import Kind

__all__ = [
    "core_actions_page",
    "expressions_page",
    "language_page",
    "older_forms_page",
    "packs_page",
    "statuses_page",
    "topics_page",
]

# the sections of each page, with the kinds of their words
_LANGUAGE: tuple[tuple[str, Kind], ...] = (
    ("Keys of a workflow", "workflow key"),
    ("Keys of a task", "task key"),
    ("Keys of `retry`", "retry key"),
    ("Keys of `rate_limit`", "rate limit key"),
    ("Keys of `wait_for`", "wait for key"),
    ("Keys of a transition in `next`", "transition key"),
    ("Targets of `do`", "target"),
    ("Keys of a parameter", "parameter key"),
)
_PACKS: tuple[tuple[str, Kind], ...] = (
    ("Keys of `pack.yaml`", "pack key"),
    ("Keys of an action", "pack action key"),
)
_FIELDS: tuple[tuple[str, Kind], ...] = (
    ("Fields of `task.NAME`", "task field"),
    ("Values of `system`", "system value"),
    ("Fields of `inquiry.TASK`", "inquiry field"),
)
_CALLS: tuple[tuple[str, Kind], ...] = (
    ("Functions", "function"),
    ("Filters", "filter"),
    ("Tests", "test"),
    ("Methods of strings", "string method"),
    ("Methods of arrays", "array method"),
    ("Methods of objects", "object method"),
)
_STATUSES: tuple[tuple[str, Kind], ...] = (
    ("Statuses of tasks and items", "task status"),
    ("Statuses of runs", "run status"),
)

# where older forms of keys stand
_OLDER: tuple[tuple[str, Kind], ...] = (
    ("Of a task", "task key"),
    ("Of a branch in `on_success` and its like", "branch key"),
    ("Of a branch in `decision`", "decision key"),
)


def topics_page() -> str:
    """Return the page of topics: short introductions that lead to the words."""
    introduction = """
# Topics

Short introductions, each with an example. They lead to the words that the other pages explain.
"""
    return join_sections(introduction, {}) + "\n" + _sections_of("topic", level="## ")


def language_page() -> str:
    """Return the page of the keys of a workflow."""
    introduction = """
# Workflow language

A workflow is one YAML text. These are its keys, those of its tasks, and those of the objects within
a task. Each has an example that runs as it stands.

[Older forms](older-forms.md) of some keys have a page of their own. Any other key is an error, and
the message names the key that is meant.
"""
    return join_sections(introduction, {title: _sections_of(kind) for title, kind in _LANGUAGE})


def expressions_page() -> str:
    """Return the page of the words of expressions."""
    introduction = """
# Expressions

An expression stands between `{{` and `}}` in a value of a workflow. It reads the names below, calls
functions, and applies filters with `|` and tests with `is`. The value of each example is that of a
test.
"""
    sections = {"Names": _sections_of("namespace")}
    sections |= {title: word_table(entries_of(kind)) for title, kind in _FIELDS}
    sections |= {title: call_table(entries_of(kind)) for title, kind in _CALLS}
    return join_sections(introduction, sections)


def statuses_page() -> str:
    """Return the page of the statuses of tasks, items and runs."""
    introduction = """
# Statuses

A status stands in `run.status`, in the column `status` of every [table](columns.md), and in the
charts. Expressions read that of a task as `task.NAME.status`.
"""
    return join_sections(
        introduction, {title: word_table(entries_of(kind)) for title, kind in _STATUSES}
    )


def core_actions_page() -> str:
    """Return the page of the core actions, with their arguments."""
    introduction = """
# Core actions

These actions need no code of your own. The arguments of an action stand in the `input` of a task.
In a notebook `%attune actions NAME` shows the same.

The [errors](errors.md) of `core.http_request` have names that `retry: {on_error: ...}` takes.
"""
    pages = [action_page(describe_function(name, CORE[name].function)) for name in CORE]
    text = "\n".join(page.to_markdown() for page in pages)
    return join_sections(introduction, {}) + "\n" + text.replace("### ", "## ")


def packs_page() -> str:
    """Return the page of the keys of a pack's files."""
    introduction = """
# Packs

A pack is a folder of the Attune platform: actions that run as processes, and workflows. These are
the keys of its file `pack.yaml`, and those of the files below `actions/`.

The parameters and the output of an action are declared with the
[keys of a parameter](language.md#keys-of-a-parameter). The variables that the process of an action
gets are on the page [Settings](settings.md#variables-of-an-action-of-a-pack).
"""
    return join_sections(introduction, {title: _sections_of(kind) for title, kind in _PACKS})


def older_forms_page() -> str:
    """Return the page of older, rare and foreign keys."""
    introduction = """
# Older forms

Workflows of the Attune platform may have these keys. New workflows do not need them.
"""
    sections = {
        f"{title}, older forms": word_table(entries_of(kind, "older"), "Key")
        for title, kind in _OLDER
    }
    sections["Of a parameter, seldom needed"] = word_table(
        [entry for entry in ENTRIES if entry.form == "rare"], "Key"
    )
    sections["For the Attune platform"] = (
        "They are read and exported again. Most of them have no effect here.\n\n"
        + word_table([entry for entry in ENTRIES if entry.form == "attune"], "Key")
    )
    return join_sections(introduction, sections)


def _sections_of(kind: Kind, level: str = "### ") -> str:
    sections = [entry_section(entry) for entry in entries_of(kind)]
    return "\n".join(level + section.removeprefix("### ") for section in sections)

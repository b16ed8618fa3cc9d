"""The entry of one word of the language."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Entry", "Form", "Kind", "explanations", "names"]

Kind = Literal[
    "topic",
    "workflow key",
    "task key",
    "retry key",
    "rate limit key",
    "wait for key",
    "transition key",
    "branch key",
    "decision key",
    "parameter key",
    "pack key",
    "pack action key",
    "namespace",
    "task field",
    "system value",
    "inquiry field",
    "function",
    "filter",
    "test",
    "string method",
    "array method",
    "object method",
    "task status",
    "run status",
    "action",
    "target",
    "table",
    "column",
    "error",
    "metric",
    "span attribute",
    "environment variable",
    "term",
]
"""Where a word stands. `branch key` and `decision key` belong to older forms of `next`."""

Form = Literal["usual", "older", "rare", "attune", "internal"]
"""Whether a key is usual, an older form, seldom needed, or kept for the Attune platform.

A term is internal if only the code and its documentation use it.
"""


class Entry(NamedTuple):
    """One word of the language.

    Attributes:
        kind: Where the word stands. A word with several meanings has several entries.
        name: The word.
        explanation: Its meaning in one to three sentences, in which names stand in backquotes.
        text: An example, indented as the source that it stands in. If there is a `result`, an
            expression without braces; otherwise a whole workflow, a file of a pack, or a line
            with `%attune`. Empty for words that are not written in a workflow.
        result: The value of the expression, as JSON.
        values: The values that a key takes, and its default.
        related: Further words to look up.
        form: Whether it is a usual word.
        group: The part of its page: the table that has a column, the system that gets a metric,
            the subject of a term.
    """

    kind: Kind
    name: str
    explanation: str
    text: str = ""
    result: str = ""
    values: str = ""
    related: tuple[str, ...] = ()
    form: Form = "usual"
    group: str = ""

    @property
    def example(self) -> str:
        """The example without the indentation of the source."""
        return inspect.cleandoc(self.text)

    @property
    def words(self) -> tuple[str, ...]:
        """The words by which it is found: `page (of a run)` is `page`, `node, edge` are two."""
        if self.kind != "term":
            return (self.name,)
        name = self.name.partition(" (")[0]
        return (self.name, *name.split(", "))


def names(entries: Iterable[Entry], kind: str, form: Form = "usual") -> tuple[str, ...]:
    """Return the words of a kind and a form, in the order of the entries."""
    return tuple(entry.name for entry in entries if (entry.kind, entry.form) == (kind, form))


def explanations(entries: Iterable[Entry], kind: str) -> dict[str, str]:
    """Return the explanations of the words of a kind, by word."""
    return {entry.name: entry.explanation for entry in entries if entry.kind == kind}

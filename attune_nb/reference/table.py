"""The table of all entries, and its look-up by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.reference.actions import ACTIONS
from attune_nb.reference.columns import COLUMNS, TABLES
from attune_nb.reference.errors import ERRORS
from attune_nb.reference.filters import FILTERS
from attune_nb.reference.functions import FUNCTIONS
from attune_nb.reference.jinja_tests import TESTS
from attune_nb.reference.methods import METHODS
from attune_nb.reference.metrics import METRICS, SPAN_ATTRIBUTES
from attune_nb.reference.names import NAMES
from attune_nb.reference.pack_keys import ACTION_KEYS, MANIFEST_KEYS
from attune_nb.reference.parameter_keys import PARAMETER_KEYS
from attune_nb.reference.settings import VARIABLES
from attune_nb.reference.statuses import STATUSES
from attune_nb.reference.terms import TERMS
from attune_nb.reference.topics import TOPICS
from attune_nb.reference.workflow_keys import KEYS

if TYPE_CHECKING:
    from attune_nb.reference.entry import Entry

__all__ = ["ENTRIES", "PLACES", "find_entries"]

ENTRIES: tuple[Entry, ...] = (
    *TOPICS,
    *KEYS,
    *PARAMETER_KEYS,
    *MANIFEST_KEYS,
    *ACTION_KEYS,
    *NAMES,
    *FUNCTIONS,
    *FILTERS,
    *TESTS,
    *METHODS,
    *STATUSES,
    *ACTIONS,
    *TABLES,
    *COLUMNS,
    *ERRORS,
    *METRICS,
    *SPAN_ATTRIBUTES,
    *VARIABLES,
    *TERMS,
)
"""All entries."""

# The description of each kind, after the word: "retry, a key of a task".
PLACES = {
    "topic": "a topic",
    "workflow key": "a key of a workflow",
    "task key": "a key of a task",
    "retry key": "a key of `retry`",
    "rate limit key": "a key of `rate_limit`",
    "wait for key": "a key of `wait_for`",
    "transition key": "a key of a transition in `next`",
    "branch key": "a key of a branch in `on_success` and its like, an older form",
    "decision key": "a key of a branch in `decision`, an older form",
    "parameter key": "a key of a parameter",
    "pack key": "a key of `pack.yaml`",
    "pack action key": "a key of an action of a pack",
    "namespace": "a name in expressions",
    "task field": "a field of `task.NAME` in expressions",
    "system value": "a value of `system` in expressions",
    "inquiry field": "a field of `inquiry.TASK` in expressions",
    "function": "a function in expressions",
    "filter": "a filter in expressions",
    "test": "a test in expressions",
    "string method": "a method of strings in expressions",
    "array method": "a method of arrays in expressions",
    "object method": "a method of objects in expressions",
    "task status": "a status of a task or an item",
    "run status": "a status of a run",
    "action": "a core action",
    "target": "a target of `do`",
    "table": "a table",
    "column": "a column of a table",
    "error": "an error",
    "metric": "a metric",
    "span attribute": "an attribute of a span of OpenTelemetry",
    "environment variable": "an environment variable",
    "term": "a term",
}
"""Where a word of each kind stands, for people."""

# The first part of a dotted word, and the kind of entry that its last part selects.
_OWNERS = {
    "workflow key": ("workflow",),
    "task key": ("task", "tasks"),
    "retry key": ("retry",),
    "rate limit key": ("rate_limit",),
    "wait for key": ("wait_for",),
    "transition key": ("next", "transition"),
    "branch key": ("on_success", "on_failure", "on_complete", "on_timeout"),
    "decision key": ("decision",),
    "parameter key": ("parameter", "parameters"),
    "pack key": ("pack",),
    "pack action key": ("action",),
    "task field": ("task", "tasks"),
    "system value": ("system",),
    "inquiry field": ("inquiry",),
}


def _squash(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


# The words by their letters alone.
_WRITTEN_TOGETHER = {_squash(word): word for entry in reversed(ENTRIES) for word in entry.words}

# The kinds of words that are called: `failed()`.
_CALLED = ("function", "string method", "array method", "object method")


def find_entries(word: str) -> list[Entry]:
    """Return the entries of a word, the usual ones first; none if it is unknown.

    Braces around it are ignored, and so are case, `-` and `_` if no word is written so. Brackets
    after it select functions and methods. The part before a dot selects among the entries of the
    last part, such as `retry.delay` or `task.NAME.status`.
    """
    name = word.strip("{}` :")
    if name.endswith("()"):
        called = find_entries(name.removesuffix("()"))
        return [entry for entry in called if entry.kind in (*_CALLED, "table")]

    # `help failed item` looks for `failed.item`
    for exact_name in (name, name.replace(".", " ")):
        exact = _entries_of(exact_name)
        if exact:
            return exact

    owner, _, last = name.replace("-", "_").rpartition(".")
    entries = _entries_of(last)
    if not owner and not entries:
        # `withItems`, `minlength`
        return _entries_of(_WRITTEN_TOGETHER.get(_squash(last), ""))
    if not owner:
        return entries

    first = owner.partition(".")[0]
    selected = [entry for entry in entries if first in _OWNERS.get(entry.kind, ())]
    # `parameters.url`: the name is the user's own, so the namespace is explained
    namespaces = [entry for entry in _entries_of(first) if entry.kind == "namespace"]
    for candidates in (selected, namespaces):
        if candidates:
            return candidates
    return entries


def _entries_of(name: str) -> list[Entry]:
    entries = [entry for entry in ENTRIES if name in entry.words]
    return sorted(entries, key=lambda entry: entry.form != "usual")

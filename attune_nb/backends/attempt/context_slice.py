"""The part of a context that one template reads, to send it to another process.

A value that is read as a whole is sent as a whole; of an object of which only some keys are read,
only these keys are sent. An expression that is evaluated in a slice either gives its value in the
whole context, or fails. It is then evaluated again in the whole context, so that its message can
name what there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pyrsistent import pmap

from attune_nb.context import ENVELOPE_WORDS, WorkflowContext, envelope_data
from attune_nb.templates.compiler.codegen import NAMESPACES
from attune_nb.values.frozen import freeze, may_hold_tables
from attune_nb.values.remote import fetch, remote_references
from attune_nb.values.secrets import Mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.context import Outcome
    from attune_nb.templates.template import Template
    from attune_nb.values.remote import RemoteReference

__all__ = ["fetch_context", "find_references", "may_read_tables", "slice_context"]

# the names that are read below a name; an empty dict: the whole value
_NameTree = dict[str, Any]

_ITEM_NAMES = ("item", "index")
_OBJECT_FIELDS = ("parameters", "config", "keystore", "system", "inquiries")
# a name that no result has as a key
_NO_KEYS: _NameTree = {"": {}}


def slice_context(context: WorkflowContext, template: Template) -> WorkflowContext:
    """Return a context that holds what a template reads, and no secret but those it reads."""
    names = _names_read_by(template)

    objects = {}
    for field in _OBJECT_FIELDS:
        value = {}
        if field in names:
            value = _select(getattr(context, field), names[field])
        objects[field] = freeze(value)

    variables = {}
    for name, value, names_below in _iterate_read(context.variables, names.get("variables")):
        variables[name] = freeze(_select(value, names_below))

    tasks = {}
    for name, outcome, names_below in _iterate_read(context.tasks, names.get("tasks")):
        tasks[name] = _select_outcome(outcome, names_below)

    return WorkflowContext(
        **objects,
        variables=pmap(variables),
        tasks=pmap(tasks),
        mask=Mask(),
    )


def may_read_tables(context: WorkflowContext, template: Template) -> bool:
    """Return whether a template reads a value of the context that may hold a table."""
    if not template.paths:
        return False

    names = _names_read_by(template)
    values = [getattr(context, field) for field in _OBJECT_FIELDS if field in names]
    values += [value for _, value, _ in _iterate_read(context.variables, names.get("variables"))]
    outcomes = [outcome for _, outcome, _ in _iterate_read(context.tasks, names.get("tasks"))]
    values += [outcome.result for outcome in outcomes]
    return any(map(may_hold_tables, values))


def _names_read_by(template: Template) -> _NameTree:
    """Return the names that a template reads or tests, below the fields of the context."""
    paths: set[tuple[str, ...]] = set()
    for path in template.paths:
        root = path[0]
        if root in _ITEM_NAMES:
            continue
        if root in NAMESPACES:
            paths.add((NAMESPACES[root], *path[1:]))
        else:
            paths.add(("variables", *path))

    tree: _NameTree = {}
    for path in sorted(paths):
        parents = [path[:length] for length in range(1, len(path))]
        if paths.isdisjoint(parents):  # else the value that it is in is sent as a whole
            _add_path(tree, path)

    return tree


def _add_path(tree: _NameTree, path: tuple[str, ...]) -> None:
    for name in path:
        tree = tree.setdefault(name, {})


def _iterate_read(
    values: Mapping[str, Any], names: _NameTree | None
) -> Iterator[tuple[str, Any, _NameTree]]:
    """Yield the values of a namespace that are read: name, value, names read below it."""
    if names is None:
        return

    for name in names or sorted(values):
        if name in values:
            yield name, values[name], names.get(name, {})


def _select(value: Any, names: _NameTree) -> Any:
    """Return a value, or of an object the keys that are read."""
    if not names or not isinstance(value, dict):
        return value

    data = envelope_data(value)
    if data is not None and not names.keys() <= value.keys():
        # the missing names are keys of the data that the process printed
        return value

    selected = {}
    for name, names_below in names.items():
        if name in value:
            selected[name] = _select(value[name], names_below)

    return selected


def _select_outcome(outcome: Outcome, names: _NameTree) -> Outcome:
    """Return a task's outcome with the part of its result that is read.

    A name is a key of the result, or else a field of the outcome.
    """
    result = outcome.result
    if not names:
        return outcome

    if not isinstance(result, dict):
        # the successes are made of the results
        if not {"result", "successes", *ENVELOPE_WORDS}.isdisjoint(names):
            return outcome
        items = None
        if outcome.items is not None and "failures" in names:
            items = outcome.items.only_failures()
        return msgspec.structs.replace(outcome, result=None, items=items)

    missing_names = names.keys() - result.keys()
    if envelope_data(result) is not None and missing_names - {"result"}:
        # these are keys of the data that the process printed
        return outcome
    if not missing_names.isdisjoint(ENVELOPE_WORDS):
        return outcome

    keys = {name: names_below for name, names_below in names.items() if name in result}
    if "result" in names and "result" not in result:
        if not names["result"]:
            return outcome
        keys = _merge(keys, names["result"])
    if not keys:
        keys = _NO_KEYS

    return msgspec.structs.replace(outcome, result=freeze(_select(result, keys)))


def _merge(first: _NameTree, second: _NameTree) -> _NameTree:
    """Return the names of both trees; a whole value wins over its parts."""
    merged = {**first, **second}
    for name in first.keys() & second.keys():
        is_whole = not first[name] or not second[name]
        merged[name] = {} if is_whole else _merge(first[name], second[name])

    return merged


def find_references(context: WorkflowContext) -> list[RemoteReference]:
    """Return the remote references in a context."""
    results = []
    for outcome in context.tasks.values():
        results += outcome.remote_parts()
    return [*remote_references([context.parameters, [*context.variables.values()], results])]


def fetch_context(context: WorkflowContext, fetched: Mapping[str, Any]) -> WorkflowContext:
    """Return a context with its references to a cluster replaced by their values.

    Values on the disk stay there: an expression that looks into one reads it.

    Args:
        context: The context.
        fetched: Chunks of results that were fetched already, by key.

    Raises:
        BackendError: A result is lost.
        NotSendable: A result cannot be pickled, or not be unpickled here.
    """

    def fetch_parts(value: Any) -> Any:
        return fetch(value, fetched, stored=False)

    variables = {name: fetch_parts(value) for name, value in context.variables.items()}
    tasks = {name: outcome.map_values(fetch_parts) for name, outcome in context.tasks.items()}
    return context.replace(
        parameters=fetch_parts(context.parameters),
        variables=pmap(variables),
        tasks=pmap(tasks),
    )

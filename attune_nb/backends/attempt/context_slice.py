"""The part of a context that one template reads: what is worth sending to another process.

A name that is read whole is sent whole; of a map of which only some keys are read, only those
are. What was left out is never missed: an expression that is evaluated in an excerpt either
gives what it would give in the whole context, or fails, and is evaluated in the whole one then
so that its message says what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pyrsistent import pmap

from attune_nb.context import WorkflowContext
from attune_nb.templates.compiler.codegen import NAMESPACES
from attune_nb.values.frozen import freeze, size_of
from attune_nb.values.remote import fetch, remote_references
from attune_nb.values.secrets import Mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.context import Outcome
    from attune_nb.templates.template import Template
    from attune_nb.values.remote import RemoteReference

__all__ = ["fetch_context", "find_references", "slice_context"]

_Read = dict[str, Any]  # what is read below each name; nothing below: the whole value
_ITEM = ("item", "index")
_MAPS = ("parameters", "config", "keystore", "system")


def slice_context(context: WorkflowContext, template: Template) -> WorkflowContext:
    """Give a context that holds what a template reads, and no secret but those it reads."""
    read = _read_by(template)
    maps = {
        name: freeze(_below(getattr(context, name), read[name]) if name in read else {})
        for name in _MAPS
    }
    variables = {
        name: freeze(_below(value, below))
        for name, value, below in _named(context.variables, read.get("variables"))
    }
    tasks = {
        name: _record(outcome, below)
        for name, outcome, below in _named(context.tasks, read.get("tasks"))
    }
    held = [*maps.values(), *variables.values(), *(each.result for each in tasks.values())]
    return WorkflowContext(
        **maps,
        variables=pmap(variables),
        tasks=pmap(tasks),
        size_bytes=sum(map(size_of, held)),
        mask=Mask(),
    )


def _read_by(template: Template) -> _Read:
    """Give, by field of the context, what a template reads of it or asks after."""
    read: _Read = {}
    paths: set[tuple[str, ...]] = set()
    for path in (*(each for each, _ in template.references), *template.tested_names):
        root, rest = path[0], path[1:]
        if root in _ITEM:
            continue
        names = (NAMESPACES[root], *rest) if root in NAMESPACES else ("variables", *path)
        paths.add(names)
    for names in sorted(paths):
        if any(names[:length] in paths for length in range(1, len(names))):
            continue  # what it lies in is sent whole
        below = read
        for name in names:
            below = below.setdefault(name, {})
    return read


def _named(values: Mapping[str, Any], read: _Read | None) -> Iterator[tuple[str, Any, _Read]]:
    """Give what is read of a namespace: each name, what it holds, what is read below."""
    if read is not None:
        for name in read or sorted(values):
            if name in values:
                yield name, values[name], read.get(name, {})


def _below(value: Any, read: _Read) -> Any:
    """Give a value, or of a map the keys that are read."""
    if not read or not isinstance(value, dict):
        return value
    return {name: _below(value[name], below) for name, below in read.items() if name in value}


def _record(outcome: Outcome, read: _Read) -> Outcome:
    """Give a task's record: a name is a key of its result, else a field of the record."""
    result = outcome.result
    if not read:
        return outcome
    if not isinstance(result, dict):
        return outcome if "result" in read else msgspec.structs.replace(outcome, result=None)
    wanted = {name: below for name, below in read.items() if name in result}
    if "result" in read and "result" not in result:
        if not read["result"]:
            return outcome
        wanted = _merged(wanted, read["result"])
    return msgspec.structs.replace(outcome, result=freeze(_below(result, wanted or _NOTHING)))


_NOTHING: _Read = {"": {}}  # a name that is read, and that no result has as a key


def _merged(one: _Read, other: _Read) -> _Read:
    """Put together what is read in two ways."""
    merged = {**one, **other}
    for name in one.keys() & other.keys():
        merged[name] = _merged(one[name], other[name]) if one[name] and other[name] else {}
    return merged


def find_references(context: WorkflowContext) -> list[RemoteReference]:
    """Give what a context refers to that was left elsewhere."""
    results = [each.result for each in context.tasks.values()]
    return [*remote_references([context.parameters, [*context.variables.values()], results])]


def fetch_context(context: WorkflowContext, near: Mapping[str, Any]) -> WorkflowContext:
    """Give a context with what was left elsewhere fetched, from what is near where it is there.

    Raises:
        BackendError: Something is not there any more.
        NotSendable: Something cannot be sent, or not be made again here.
    """
    tasks = {
        name: msgspec.structs.replace(each, result=fetch(each.result, near))
        for name, each in context.tasks.items()
    }
    return context.replace(
        parameters=fetch(context.parameters, near),
        variables=pmap({name: fetch(each, near) for name, each in context.variables.items()}),
        tasks=pmap(tasks),
    )

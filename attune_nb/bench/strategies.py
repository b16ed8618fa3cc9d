"""Strategies to give each item of a fan-out its context: ours, the naive one, and others.

"The original report" is the notice of a repair in Attune, an engine in Rust whose with-items
copied the whole context for every item. Its sizes are measured here.

The naive strategy is common among engines of this kind, and this one is compared with it: each
item gets a copy of the whole context. It runs through the same engine, as a backend whose
attempts copy first. No workflow can choose it.
"""

from __future__ import annotations

import copy
import json
import pickle
from collections import ChainMap
from typing import TYPE_CHECKING, Any

import msgspec
from pyrsistent import pmap

from attune_nb.backends.attempt.attempt import Call
from attune_nb.backends.threads.backend import ThreadBackend
from attune_nb.context import ItemScope, WorkflowContext
from attune_nb.values.frozen import thaw

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.backends.attempt.job import Job

    MakeScope = Callable[[Any, int], Any]
    Plain = dict[str, dict[str, Any]]

__all__ = ["KINDS", "STRATEGIES", "NaiveThreads", "naive", "plain_context"]

RESULT_SIZE = 10_240
"""Elements of a list, or characters of a text, in one result: 10 KB, as in the original report."""

KINDS: dict[str, Callable[[int], Any]] = {
    "list": lambda size: list(range(size)),
    "text": lambda size: "x" * size,
}
"""The kinds of results.

Copying a list copies the place of each of its elements. A text is immutable, so a deep copy
shares it, which makes the naive strategy look as good as it can.
"""


def plain_context(size: int, kind: str = "list") -> Plain:
    """Return the parts of a context with task results of `size` elements or characters.

    Each result has 10,240 of them, so that 1,024,000 make a hundred results, 1 MB of
    them, as in the original report.
    """
    make = KINDS[kind]
    results = {}
    for number, start in enumerate(range(0, size, RESULT_SIZE)):
        results[f"task_{number}"] = {"data": make(min(RESULT_SIZE, size - start))}

    variables = {f"name_{number}": number for number in range(10)}
    return {"parameters": {"url": "http://127.0.0.1"}, "variables": variables, "tasks": results}


def shared(plain: Plain) -> MakeScope:
    """Refer to one context that cannot be changed: attune_nb's strategy."""
    context = WorkflowContext.create(plain["parameters"], vars=plain["variables"])
    for name, result in plain["tasks"].items():
        context = context.with_result(name, result)

    return context.scope


def naive(plain: Plain) -> MakeScope:
    """Copy everything."""
    return lambda item, index: ({**copy.deepcopy(plain), "item": item}, index)


def through_json(plain: Plain) -> MakeScope:
    """Write everything as JSON and read it again."""
    return lambda item, index: ({**json.loads(json.dumps(plain)), "item": item}, index)


def through_pickle(plain: Plain) -> MakeScope:
    """Pickle everything and read it again."""
    return lambda item, index: ({**pickle.loads(pickle.dumps(plain)), "item": item}, index)  # noqa: S301


def shallow(plain: Plain) -> MakeScope:
    """Copy the map of names, and refer to the values: safe only while no value is changed."""
    names = {**plain["parameters"], **plain["variables"], **plain["tasks"]}
    return lambda item, index: {**names, "item": item, "index": index}


def chained(plain: Plain) -> MakeScope:
    """Put a small map before the others, as `collections.ChainMap` does."""
    names: ChainMap[str, Any] = ChainMap(plain["parameters"], plain["variables"], plain["tasks"])
    return lambda item, index: names.new_child({"item": item, "index": index})


def persistent(plain: Plain) -> MakeScope:
    """Set two names in a persistent map."""
    names = pmap({**plain["parameters"], **plain["variables"], **plain["tasks"]})
    return lambda item, index: names.set("item", item).set("index", index)


STRATEGIES: dict[str, Callable[[Plain], MakeScope]] = {
    "attune_nb": shared,
    "ChainMap.new_child": chained,
    "pyrsistent set": persistent,
    "shallow copy": shallow,
    "pickle": through_pickle,
    "JSON": through_json,
    "deep copy": naive,
}
"""The strategies by name, from the fastest to the slowest on a large context of lists."""


class NaiveThreads(ThreadBackend):
    """Threads whose every attempt first copies the whole context: the baseline."""

    def start(self, job: Job) -> None:
        """Start the attempts of a job."""
        job.replace_call(_CopyingCall(job.spec.call))
        super().start(job)


class _CopyingCall(Call):
    """A call that gives each item a context of its own.

    The parts are plain dicts and lists, as in an engine without shared values, so that a copy
    copies them.
    """

    __slots__ = ("_parts",)

    def __init__(self, call: Call) -> None:
        for name in Call.__slots__:
            setattr(self, name, getattr(call, name))

        context = call.context
        self._parts: dict[str, Any] = {
            "parameters": thaw(context.parameters),
            "config": thaw(context.config),
            "keystore": thaw(context.keystore),
            "variables": {name: thaw(value) for name, value in context.variables.items()},
            "tasks": {name: thaw(task.result) for name, task in context.tasks.items()},
        }

    def render(self, item: Any, index: Any) -> Any:
        """Render the input for one item, on a copy of everything."""
        parts = copy.deepcopy(self._parts)
        tasks = {
            name: msgspec.structs.replace(task, result=parts["tasks"][name])
            for name, task in self.context.tasks.items()
        }
        parts |= {"variables": pmap(parts["variables"]), "tasks": pmap(tasks)}

        return self.evaluate(ItemScope(self.context.replace(**parts), item, index))

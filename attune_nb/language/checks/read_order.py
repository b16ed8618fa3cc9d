"""Tasks that read what another task gave, though that one can never have ended before.

A task is certain to run but once if no cycle leads to it. Of such a task, what comes only after
it is what it dominates in the graph of all ways: a tree of dominators, made in one pass in the
order of the ways, tells. All tasks that some cycle leads to count as one, since a way to any of
them leads through the edges into them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from attune_nb.errors import Position
    from attune_nb.language.model import WorkflowSpec

    Node = str | int  # a task's name, or one of the two below
    Read = tuple[str, str, Callable[[], Position | None]]

__all__ = ["find_early_reads"]

_TASKS = ("task", "tasks")
_START = 0  # the root, from which all that starts a run hangs
_CYCLES = 1  # all that some cycle leads to


def find_early_reads(workflow: WorkflowSpec) -> Iterator[Problem]:
    """Warn of a task that reads itself, or what only it leads to, before that can have ended."""
    reads = list(_reads(workflow))
    if not reads:
        return
    tree = _dominators(workflow)
    for name, read, where in reads:
        if name not in tree:
            continue  # it may run again, after what it reads
        if name == read:
            message = f"`{name}` reads `task.{read}` before it has run itself"
            yield Problem(message, where(), "warning")
        elif tree.leads(name, read if read in tree else _CYCLES):
            message = f"`{name}` reads `task.{read}`, which cannot have ended: "
            yield Problem(f"{message}every way to it leads through `{name}`", where(), "warning")


def _reads(workflow: WorkflowSpec) -> Iterator[Read]:
    """Give each task that reads another outright before it has run, and the other."""
    known = {task.name for task in workflow.tasks}
    for path, task in workflow.walk():
        name = path.partition("/")[0]
        for template in task.start_templates():
            asked = {
                each[1] for each in template.tested_names if each[0] in _TASKS and len(each) > 1
            }
            for names, where in template.references:
                if names[0] not in _TASKS or len(names) == 1 or names[1] in asked:
                    continue
                if names[1] in known:
                    yield name, names[1], where


def _dominators(workflow: WorkflowSpec) -> _Tree:
    steps = {task.name: {name for each in task.next for name in each.do} for task in workflow.tasks}
    wanted = {name: len(workflow.sources(name)) for name in steps}
    tree = _Tree()
    waiting = [name for name, count in wanted.items() if not count]
    while waiting:
        name = waiting.pop()
        tree.add(name, tree.common(workflow.sources(name)))
        for following in steps[name] & wanted.keys():
            wanted[following] -= 1
            if not wanted[following]:
                waiting.append(following)
    rest = {name for name in wanted if name not in tree}
    into = [name for name in steps if name in tree and steps[name] & rest]
    if into:
        tree.add(_CYCLES, tree.common(into))
    return tree


class _Tree:
    """A tree that grows at its leaves; each node also knows one far above it.

    So the common root of two, and whether one is above another, take a logarithmic time.
    """

    def __init__(self) -> None:
        self._parent: dict[Node, Node] = {_START: _START}
        self._far: dict[Node, Node] = {_START: _START}
        self._depth: dict[Node, int] = {_START: 0}

    def __contains__(self, name: Node) -> bool:
        return name in self._depth

    def __iter__(self) -> Iterator[Node]:
        return iter(self._depth)

    def add(self, name: Node, parent: Node) -> None:
        far = self._far[parent]
        same = self._depth[parent] - self._depth[far] == (
            self._depth[far] - self._depth[self._far[far]]
        )
        self._parent[name] = parent
        self._far[name] = self._far[far] if same else parent
        self._depth[name] = self._depth[parent] + 1

    def common(self, names: Iterable[Node]) -> Node:
        """Give the nearest node that is above all of them, or is one; the root for none."""
        found: Node | None = None
        for name in names:
            found = name if found is None else self._common(found, name)
        return _START if found is None else found

    def leads(self, name: Node, other: Node) -> bool:
        """Tell whether a node is above another."""
        if other not in self or self._depth[other] < self._depth[name]:
            return False
        return self._raised(other, self._depth[name]) == name

    def _raised(self, name: Node, depth: int) -> Node:
        while self._depth[name] > depth:
            far = self._far[name]
            name = far if self._depth[far] >= depth else self._parent[name]
        return name

    def _common(self, one: Node, other: Node) -> Node:
        depth = min(self._depth[one], self._depth[other])
        one, other = self._raised(one, depth), self._raised(other, depth)
        while one != other:
            if self._far[one] != self._far[other]:
                one, other = self._far[one], self._far[other]
            else:
                one, other = self._parent[one], self._parent[other]
        return one

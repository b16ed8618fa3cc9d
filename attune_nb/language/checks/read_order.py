"""Find tasks that read a result of another task that can never have ended before.

A task surely runs only once if no cycle leads to it. The tasks that come only after such a task
are those that it dominates in the graph of all transitions. The tree of dominators is built in
one pass, in topological order. All tasks that some cycle leads to count as one node, since every
path to any of them goes through the edges into them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.context import TASK_SPACES
from attune_nb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attune_nb.errors import Position
    from attune_nb.language.model import Task, WorkflowSpec

    # A task's name, or one of the two numbers below.
    Node = str | int
    # The reading task, the task that it reads, and a function that returns the position.
    Read = tuple[str, str, Callable[[], Position | None]]

__all__ = ["find_early_reads"]

# The root, above all entries.
_ROOT = 0
# All tasks that some cycle leads to.
_CYCLES = 1


def find_early_reads(workflow: WorkflowSpec) -> Iterator[Problem]:
    """Warn of a task that reads itself, or a task that only it leads to, before it has run."""
    reads = list(_find_reads(workflow))
    if not reads:
        return

    tree = _build_dominator_tree(workflow)
    for name, read_name, locate in reads:
        if name not in tree:
            # it may run again, after the task that it reads
            continue

        node = read_name if read_name in tree else _CYCLES
        if name == read_name:
            message = f"`{name}` reads `task.{read_name}` before it has run itself"
            yield Problem(message, locate(), "warning")
        elif tree.is_above(name, node):
            message = (
                f"`{name}` reads `task.{read_name}`, which cannot have ended: "
                f"every path to it leads through `{name}`"
            )
            yield Problem(message, locate(), "warning")


def _find_reads(workflow: WorkflowSpec) -> Iterator[Read]:
    """Yield each read of a task in a template that is evaluated before the reader has ended."""
    task_names = set(workflow.task_names)

    for path, task in workflow.walk():
        # an inner task belongs to its parallel task
        name = path.partition("/")[0]
        for read_name, locate in _find_task_reads(task):
            if read_name in task_names:
                yield name, read_name, locate


def _find_task_reads(task: Task) -> Iterator[tuple[str, Callable[[], Position | None]]]:
    """Yield the names of tasks that a task reads without testing whether they are defined."""
    for template in task.start_templates():
        tested = {path[1] for path in template.tested_names if _is_task_path(path)}
        for path, locate in template.references:
            if _is_task_path(path) and path[1] not in tested:
                yield path[1], locate


def _is_task_path(path: tuple[str, ...]) -> bool:
    return path[0] in TASK_SPACES and len(path) > 1


def _build_dominator_tree(workflow: WorkflowSpec) -> _DominatorTree:
    targets: dict[str, set[str]] = {}
    for task in workflow.tasks:
        targets[task.name] = set()
        for transition in task.next:
            targets[task.name].update(transition.do)

    tree = _DominatorTree()
    missing_sources = {name: len(workflow.sources(name)) for name in targets}
    pending = [name for name, count in missing_sources.items() if count == 0]
    starts = {task.name for task in workflow.tasks if task.start}
    while pending:
        name = pending.pop()
        parent = _ROOT if name in starts else tree.find_common(workflow.sources(name))
        tree.add(name, parent)

        for target in targets[name] & missing_sources.keys():
            missing_sources[target] -= 1
            if missing_sources[target] == 0:
                pending.append(target)

    in_cycles = targets.keys() - set(tree)
    acyclic = [name for name in targets if name in tree]
    sources = [name for name in acyclic if targets[name] & in_cycles]
    if starts & in_cycles:
        tree.add(_CYCLES, _ROOT)
    elif sources:
        tree.add(_CYCLES, tree.find_common(sources))
    return tree


class _DominatorTree:
    """A tree that grows at its leaves. Every node also has a link to a node far above it.

    So finding the common ancestor of two nodes, and whether one is above another, takes
    logarithmic time.
    """

    def __init__(self) -> None:
        self._parent: dict[Node, Node] = {_ROOT: _ROOT}
        self._ancestor: dict[Node, Node] = {_ROOT: _ROOT}
        self._depth: dict[Node, int] = {_ROOT: 0}

    def __contains__(self, node: Node) -> bool:
        return node in self._depth

    def __iter__(self) -> Iterator[Node]:
        return iter(self._depth)

    def add(self, node: Node, parent: Node) -> None:
        """Add a leaf below a node."""
        ancestor = self._ancestor[parent]
        farther = self._ancestor[ancestor]
        length = self._depth[parent] - self._depth[ancestor]
        farther_length = self._depth[ancestor] - self._depth[farther]

        self._parent[node] = parent
        self._depth[node] = self._depth[parent] + 1
        # two links of equal length are joined to one, as in a skew-binary number
        self._ancestor[node] = farther if length == farther_length else parent

    def find_common(self, nodes: Sequence[Node]) -> Node:
        """Return the lowest node that is above all nodes, or is one; the root if there are none."""
        if not nodes:
            return _ROOT

        common = nodes[0]
        for node in nodes[1:]:
            common = self._find_common(common, node)
        return common

    def is_above(self, node: Node, lower: Node) -> bool:
        """Return whether a node is above another one, or is the same."""
        if lower not in self or self._depth[lower] < self._depth[node]:
            return False

        return self._raise(lower, self._depth[node]) == node

    def _raise(self, node: Node, depth: int) -> Node:
        """Return the node at a depth that is above a node."""
        while self._depth[node] > depth:
            ancestor = self._ancestor[node]
            node = ancestor if self._depth[ancestor] >= depth else self._parent[node]
        return node

    def _find_common(self, first: Node, second: Node) -> Node:
        depth = min(self._depth[first], self._depth[second])
        first = self._raise(first, depth)
        second = self._raise(second, depth)

        while first != second:
            if self._ancestor[first] != self._ancestor[second]:
                first = self._ancestor[first]
                second = self._ancestor[second]
            else:
                first = self._parent[first]
                second = self._parent[second]
        return first

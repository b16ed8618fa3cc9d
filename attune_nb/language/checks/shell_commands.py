"""Find values that `core.shell` would read as a part of its command.

A name with a space, a quote or a `;` in it ends a word or a command. Values that cannot hold such
characters are let pass: numbers, words of the workflow's own text, declared numbers and choices.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.context import ABSENT, TASK_SPACES
from attune_nb.errors import Problem, TemplateError
from attune_nb.language import parameter_specs
from attune_nb.templates.compiler.name_lookup import path_of
from attune_nb.templates.compiler.parse import parse_expression, split_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from attune_nb.language.model import Task, WorkflowSpec
    from attune_nb.templates.compiler.parse import Part

__all__ = ["find_unquoted_values"]

_SHELL = "core.shell"
_COMMAND = "cmd"

# Characters of an expression that a message shows.
_MAX_LENGTH = 80

# Text that means nothing to a shell.
_HARMLESS = re.compile(r"[\w@%+=:,./-]*", re.ASCII)

_VARIABLE_SPACES = ("workflow", "vars", "variables")
_PLAIN_TYPES = ("integer", "number", "boolean")

# Fields of a task's record and keys of core actions' results that are numbers or single words.
_PLAIN_FIELDS = (
    "status", "succeeded", "attempts", "duration_ms", "total_count", "failed_items", "exit_code",
    "status_code", "elapsed_ms", "error_type",
)  # fmt: skip

# Filters and functions whose values are numbers, booleans, times or UUIDs.
_PLAIN_CALLS = frozenset(
    {
        "abs", "bool", "ceil", "contains", "count", "ends_with", "float", "floor", "index_of",
        "int", "length", "match", "now", "number", "round", "starts_with", "sum", "type_of", "uuid",
        "wordcount", "quote", "urlencode",
    }
)  # fmt: skip
# Filters and functions whose values are as harmless as their arguments.
_PASSING_CALLS = frozenset(
    {
        "default", "d", "first", "join", "last", "lower", "max", "min", "replace", "string",
        "trim", "upper",
    }
)  # fmt: skip

# Operators whose values are numbers or booleans, and those that pass their operands on.
_PLAIN_NODES = (nodes.Compare, nodes.Not, nodes.Test, nodes.Sub, nodes.Div, nodes.FloorDiv,
                nodes.Pow, nodes.Neg, nodes.Pos)  # fmt: skip
_PASSING_NODES = (nodes.Add, nodes.Mul, nodes.Mod, nodes.Concat, nodes.And, nodes.Or, nodes.List,
                  nodes.Tuple)  # fmt: skip


def find_unquoted_values(workflow: WorkflowSpec) -> Iterator[Problem]:
    """Warn of each task that puts a value into a shell's command without the filter `quote`."""
    known_values: _KnownValues | None = None

    for _, task in workflow.walk():
        command = _command(task)
        if command is None:
            continue
        if known_values is None:
            known_values = _KnownValues(workflow)

        unquoted = _find_unquoted_parts(command, task, known_values)
        if unquoted:
            position = task.positions.inputs.get(_COMMAND)
            if position is not None:
                position = position.of(unquoted[0].text)
            yield Problem(_explain(command, unquoted), position, "warning")


def _command(task: Task) -> str | None:
    """Return the command of a shell's task, if it is text with values in it.

    A command that is one expression is itself the value: quoting would make one word of it.
    """
    source = task.input.source
    if task.action != _SHELL or not isinstance(source, dict):
        return None

    command = source.get(_COMMAND)
    if not isinstance(command, str) or "{{" not in command:
        return None
    is_one_expression = len(_parts(command.strip())) == 1
    return None if is_one_expression else command


def _parts(command: str) -> list[Part]:
    try:
        return split_template(command)
    except TemplateError:
        # reported where the template is compiled
        return []


def _find_unquoted_parts(command: str, task: Task, known_values: _KnownValues) -> list[Part]:
    unquoted = []
    for part in _parts(command):
        if part.expression is None:
            continue
        node = parse_expression(part.expression)
        if not known_values.is_harmless(node, task):
            unquoted.append(part)
    return unquoted


def _explain(command: str, unquoted: list[Part]) -> str:
    part = unquoted[0]
    shown = " ".join(part.text.split())
    if len(shown) > _MAX_LENGTH:
        shown = f"{shown[: _MAX_LENGTH - 3]}..."

    expression = " ".join(str(part.expression).split())
    if len(expression) > _MAX_LENGTH:
        expression = "..."
    if not re.fullmatch(r"[\w.\[\]'\"]+", expression):
        expression = f"({expression})"

    others = ""
    if len(unquoted) > 1:
        others = f" (and {len(unquoted) - 1} more)"
    quotes = ""
    before = command[: command.index(part.text)]
    if before.endswith(("'", '"')):
        quotes = ", without quotes around it"
    return (
        f"`{shown}`{others} becomes a part of the shell's command: a space, a quote or a `;` in "
        f"it would change the command; write `{{{{ {expression} | quote }}}}`{quotes}, or pass "
        "the words as `argv`"
    )


class _KnownValues:
    """The values that are known before a workflow runs, and whether they can do harm."""

    def __init__(self, workflow: WorkflowSpec) -> None:
        self.parameters = parameter_specs.specs_by_name(workflow.parameters or {})
        self.variables: dict[str, Any] = {}
        for name, template in workflow.vars:
            self.variables[name] = template.source if template.is_constant else ABSENT
        for task in workflow.tasks:
            for transition in task.next:
                self.variables.update((name, ABSENT) for name, _ in transition.publish)

    def is_harmless(self, node: nodes.Node | None, task: Task) -> bool:
        """Return whether the value of an expression holds nothing that a shell acts upon."""
        match node:
            case nodes.Const():
                # written in the command itself
                return True
            case nodes.Filter():
                return self._is_harmless_call(node.name, [node.node, *node.args], task)
            case nodes.Call(node=nodes.Name(name=str(name)), args=arguments):
                return self._is_harmless_call(name, arguments, task)
            case nodes.CondExpr():
                return self._are_harmless([node.expr1, node.expr2], task)
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self._is_harmless_path(node, task)

        if isinstance(node, _PLAIN_NODES):
            return True
        if isinstance(node, _PASSING_NODES):
            return self._are_harmless(node.iter_child_nodes(), task)
        return False

    def _are_harmless(self, parts: Iterable[nodes.Node | None], task: Task) -> bool:
        return all(self.is_harmless(part, task) for part in parts)

    def _is_harmless_call(
        self, name: str, arguments: Sequence[nodes.Expr | None], task: Task
    ) -> bool:
        if name in _PLAIN_CALLS:
            return True
        if name == "map":
            # each element is quoted
            return [getattr(argument, "value", None) for argument in arguments[1:]] == ["quote"]
        return name in _PASSING_CALLS and self._are_harmless(arguments, task)

    def _is_harmless_path(self, node: nodes.Node, task: Task) -> bool:
        path = path_of(node)
        if path is None:
            return False

        root, keys = path
        if root in ("index", "system", "null"):
            return True
        if root == "item":
            return _is_harmless_value(_dig(self._elements(task), keys))
        if root in TASK_SPACES:
            return bool(keys) and keys[-1] in _PLAIN_FIELDS
        if root == "parameters":
            return bool(keys) and self._is_harmless_parameter(keys[0])

        # a bare name is a variable
        names = keys if root in _VARIABLE_SPACES else (root, *keys)
        return bool(names) and _is_harmless_value(_dig([self.variables], names))

    def _is_harmless_parameter(self, name: str | int) -> bool:
        spec = self.parameters.get(str(name))
        if not isinstance(spec, dict):
            return False
        if spec.get("type") in _PLAIN_TYPES:
            return True
        return "enum" in spec and _is_harmless_value(spec["enum"])

    def _elements(self, task: Task) -> list[Any]:
        """Return the items of a task, or an unknown one."""
        if task.with_items is None:
            return [ABSENT]

        source = task.with_items.source
        if isinstance(source, list) and task.with_items.is_constant:
            return source
        if isinstance(source, str) and re.match(r"\{\{\s*range\(", source):
            return [0]
        return [ABSENT]


def _dig(values: list[Any], keys: Iterable[str | int]) -> list[Any]:
    """Return a member of each of several values, or an unknown one."""
    for key in keys:
        members = []
        for value in values:
            is_known = isinstance(value, dict) and key in value
            members.append(value[key] if is_known else ABSENT)
        values = members
    return values


def _is_harmless_value(value: Any) -> bool:
    """Return whether a value of the text, with all its elements, means nothing to a shell."""
    if isinstance(value, list):
        return all(map(_is_harmless_value, value))
    if isinstance(value, str):
        return _HARMLESS.fullmatch(value) is not None
    return value is None or isinstance(value, int | float)

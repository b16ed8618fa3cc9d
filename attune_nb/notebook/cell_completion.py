"""Tab completion within the text of a workflow.

The text is read by its lines and their indentation, never parsed: it is still being written.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from attune_nb.notebook.cell_arguments import find_action, find_names
from attune_nb.notebook.session_actions import describe_action
from attune_nb.reference.entry import names
from attune_nb.reference.table import ENTRIES
from attune_nb.running.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.help.describe_action import Argument
    from attune_nb.notebook.session_actions import AnyAction

    Actions = Mapping[str, AnyAction]

__all__ = ["complete_cell"]

# a key whose block follows below it: indent, dash of an array's element, key
_OPENING = re.compile(r"^( *)(- +)?([\w-]+):\s*$")

_ELEMENT = re.compile(r"^( *)- ")
_TASK_NAME = re.compile(r"(?:^\s*-\s*|[{,]\s*|^\s+)name:\s*[\"']?([\w.-]+)")

# Characters up to the cursor in a line that is completed. Patterns that end at the cursor are
# looked for from every place in the line, which takes quadratic time.
_LONGEST_LINE = 2_000

# `key: value` up to the cursor; `value` may be an element of an array in brackets
_VALUE = re.compile(r"(?<![\w-])([\w-]++):\s*\[?(?:[\w./-]++,\s*)*[\"']?([\w./-]*)$")
_KEY = re.compile(r"(?:^|[{,]|- )\s*([\w-]*)$")
_KEY_IN_BRACES = re.compile(r"[{,]\s*[\w-]*$")

# the key before a brace; objects that stand before it in the same array are skipped
_KEY_OF_BRACE = re.compile(r"([\w-]+):\s*\[?\s*(?:\{.*\},\s*)?$")

# the end of an expression: `namespace.fragment`, of which either may be empty
_PATH = re.compile(r"(?:([\w.]+)\.)?(\w*)$")

# a key in a block under a section of the workflow: indent, key
_SECTION_KEY = re.compile(r"^(\s+)(?:- )?(?:\{)?(\w+):")
_SECTION_KEY_IN_BRACES = re.compile(r"[{,]\s*(\w+):\s*\{")

# a deeper key belongs to the value of a section's key
_LARGEST_SECTION_INDENT = 4

# the kind of object below a key, as the definitions of the JSON schema are called
_KINDS = {
    "tasks": "task",
    "next": "transition",
    "retry": "retry",
    "rate_limit": "rate_limit",
    "wait_for": "wait_for",
    "response_schema": "parameter",
}

# `parameters`, and below it the name of a parameter
_PARAMETER_DEPTH = 2

_NAMESPACES = (
    "config", "index", "inquiry", "item", "keystore", "parameters", "system", "task", "workflow",
)  # fmt: skip


def complete_cell(
    above: Sequence[str], before: str, lines: Sequence[str], actions: Actions
) -> tuple[list[str], str]:
    """Return the candidates at the cursor, and the part of the word before the cursor.

    Args:
        above: The lines above the cursor's, from the first line of the workflow's text.
        before: The cursor's line up to the cursor.
        lines: All lines of the text.
        actions: The actions that a task can have, by name.
    """
    if len(before) > _LONGEST_LINE:
        return [], ""

    if before.count("{{") > before.count("}}"):
        expression = before.rpartition("{{")[2]
        return _complete_expression(expression, lines)

    keys = _keys_at(above, before)
    arguments: list[Argument] = []
    is_input = keys[-1:] == ["input"] and keys[0] != "parameters"
    if is_input:
        arguments = _arguments_at(lines, len(above), before, actions)

    value = _VALUE.search(before)
    is_key_in_braces = _KEY_IN_BRACES.search(before.rpartition(":")[2]) is not None
    if value is not None and not is_key_in_braces:
        name, fragment = value.groups()
        if is_input:
            return _argument_values(name, arguments), fragment
        return _values(name, _kind_of(keys), lines, actions), fragment

    key = _KEY.search(before)
    if key is None:
        return [], ""
    candidates = list(_properties(_kind_of(keys)))
    if arguments:
        present_names = find_names(lines, len(above), before)
        candidates = [argument.name for argument in arguments if argument.name not in present_names]
    return [f"{name}: " for name in candidates], key[1]


def _arguments_at(lines: Sequence[str], row: int, before: str, actions: Actions) -> list[Argument]:
    """Return the arguments of the action whose `input` is around the cursor."""
    name = find_action(lines, row, before)
    if name not in actions:
        return []
    return list(describe_action(name, actions[name]).arguments)


def _argument_values(name: str, arguments: Sequence[Argument]) -> list[str]:
    """Return the values that an argument can have, if it has only some."""
    for argument in arguments:
        if argument.name == name:
            return list(argument.choices)
    return []


def _complete_expression(expression: str, lines: Sequence[str]) -> tuple[list[str], str]:
    """Return the candidates at the end of an expression, and the last word of it."""
    after_pipe = re.search(r"\|\s*(\w*)$", expression)
    if after_pipe is not None:
        return sorted(names(ENTRIES, "filter")), after_pipe[1]

    after_is = re.search(r"\bis\s+(?:not\s+)?(\w*)$", expression)
    if after_is is not None:
        return sorted(names(ENTRIES, "test")), after_is[1]

    path = _PATH.search(expression)
    if path is None:
        return [], ""
    namespace, fragment = path.groups(default="")
    return _members(namespace, lines), fragment


def _members(namespace: str, lines: Sequence[str]) -> list[str]:
    """Return the names below a namespace of expressions; for "", those at the top."""
    if not namespace:
        return [*_NAMESPACES, *(f"{name}(" for name in names(ENTRIES, "function"))]

    if namespace == "parameters":
        return _section_keys("parameters", lines)
    if namespace in ("workflow", "vars"):
        return _section_keys("vars", lines)
    if namespace in ("task", "tasks", "inquiry"):
        return _task_names(lines)
    if namespace == "system":
        return list(names(ENTRIES, "system value"))

    space, _, member = namespace.partition(".")
    if space in ("task", "tasks") and "." not in member:
        return list(names(ENTRIES, "task field"))
    if space == "inquiry" and "." not in member:
        return list(names(ENTRIES, "inquiry field"))
    return []


def _values(key: str, kind: str, lines: Sequence[str], actions: Actions) -> list[str]:
    """Return the candidates for the value of a key in an object of a kind."""
    if key == "action":
        return list(actions)
    if key == "do":
        return [*_task_names(lines), "noop", "fail"]
    if key == "join":
        return ["all"]

    schema = _properties(kind).get(key, {})
    return [value for value in _enum_values(schema) if isinstance(value, str)]


def _enum_values(schema: Any) -> list[Any]:
    """Return the values that a JSON schema lists, also in its alternatives."""
    if not isinstance(schema, dict):
        return []

    values = [*schema.get("enum", [])]
    for alternative in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        values += _enum_values(alternative)
    return values


def _keys_at(above: Sequence[str], before: str) -> list[str]:
    """Return the keys that enclose the cursor, the outermost first."""
    return [*_enclosing_blocks(above, before), *_enclosing_braces(before)]


def _kind_of(keys: Sequence[str]) -> str:
    """Return the kind of the object around the cursor, judged by the keys that enclose it."""
    if not keys:
        return "workflow"
    if keys[0] == "parameters":
        return "parameter" if len(keys) == _PARAMETER_DEPTH else ""
    return _KINDS.get(keys[-1], "")


def _enclosing_blocks(above: Sequence[str], before: str) -> list[str]:
    """Return the keys whose blocks enclose the cursor's line, the outermost first."""
    keys: list[str] = []
    text = before.lstrip(" ")
    column = len(before) - len(text)
    is_element = text.startswith("-")

    for line in reversed(above):
        opening = _OPENING.match(line)
        element = _ELEMENT.match(line)
        if opening is not None:
            indent, dash, key = opening.groups(default="")
            key_column = len(indent + dash)

            # an array may be indented as its key is
            is_array_of_key = is_element and key_column == column and not dash
            if key_column < column or is_array_of_key:
                keys.insert(0, key)
                column = len(indent)
                is_element = bool(dash)
        elif element is not None and len(element[1]) < column:
            column = len(element[1])
            is_element = True
    return keys


def _enclosing_braces(before: str) -> list[str]:
    """Return the keys whose `{` is not closed yet: `retry` in `retry: {count: 2, `."""
    open_braces: list[int] = []
    for position, character in enumerate(before):
        if character == "{":
            open_braces.append(position)
        elif character == "}" and open_braces:
            open_braces.pop()

    keys: list[str] = []
    for position in open_braces:
        key = _KEY_OF_BRACE.search(before[:position])
        if key is not None:
            keys.append(key[1])
    return keys


@cache
def _properties(kind: str) -> dict[str, Any]:
    """Return the keys of a kind of object, and the JSON schemas of their values."""
    definition = Workflow.json_schema()["$defs"].get(kind, {})
    properties = definition.get("properties", {})
    # older forms, and keys that only the platform reads, are not offered
    usual = names(ENTRIES, f"{kind.replace('_', ' ')} key")
    return {name: schema for name, schema in properties.items() if name in usual}


def _task_names(lines: Sequence[str]) -> list[str]:
    names: list[str] = []
    for line in lines:
        names += _TASK_NAME.findall(line)
    return names


def _section_keys(section: str, lines: Sequence[str]) -> list[str]:
    """Return the keys of a section of the workflow, as a block or in braces on its line."""
    keys: list[str] = []
    is_inside = False
    for line in lines:
        if line.startswith(f"{section}:"):
            is_inside = True
            keys += _SECTION_KEY_IN_BRACES.findall(line)
            continue

        is_indented = line[:1].isspace() or line.startswith("-")
        if line and not is_indented:
            is_inside = False
        if not is_inside:
            continue

        key = _SECTION_KEY.match(line)
        if key is not None and len(key[1]) <= _LARGEST_SECTION_INDENT:
            keys.append(key[2])
    return keys

"""What may stand at a place in a workflow's text that is still being written.

The text is read by its lines and their indents, never parsed: it is not whole yet.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from attune_nb.running.workflow import Workflow
from attune_nb.templates.library.filters import FILTERS
from attune_nb.templates.library.functions import FUNCTIONS, OUTCOME_FUNCTIONS, SCOPE_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["offers"]

_OPENING = re.compile(r"^( *)(- +)?([\w-]+):\s*$")  # a key with a block below it
_ITEM = re.compile(r"^( *)- ")
_NAME = re.compile(r"(?:^\s*-\s*|[{,]\s*|^\s+)name:\s*[\"']?([\w.-]+)")
_KINDS = {"tasks": "task", "next": "transition", "retry": "retry"}
_SPACES = ("config", "index", "item", "keystore", "parameters", "system", "task", "workflow")


def offers(
    above: Sequence[str], before: str, lines: Sequence[str], actions: Iterable[str]
) -> tuple[list[str], str]:
    """Give what fits at the cursor, and the part of it that is there already.

    Args:
        above: The lines above the cursor's, the first of the workflow's text first.
        before: The cursor's line up to it.
        lines: All lines of the text.
        actions: What an action can be.
    """
    inside = before.rpartition("{{")[2] if before.count("{{") > before.count("}}") else None
    if inside is not None:
        return _in_expression(inside, lines)
    value = re.search(r"([\w-]+):\s*\[?(?:[\w./-]+,\s*)*[\"']?([\w./-]*)$", before)
    if value is not None and not re.search(r"[{,]\s*[\w-]*$", before.rpartition(":")[2]):
        return _values(value[1], _kind_at(above, before), lines, actions), value[2]
    key = re.search(r"(?:^|[{,]|- )\s*([\w-]*)$", before)
    if key is None:
        return [], ""
    kind = _kind_at(above, before)
    return [f"{each}: " for each in _properties(kind)], key[1]


def _in_expression(inside: str, lines: Sequence[str]) -> tuple[list[str], str]:
    if re.search(r"\|\s*\w*$", inside):
        return sorted(FILTERS), re.search(r"\w*$", inside)[0]  # type: ignore[index]
    path = re.search(r"(?:([\w.]+)\.)?(\w*)$", inside)
    space, word = (path[1] or "", path[2]) if path else ("", "")
    if not space:
        calls = [f"{each}(" for each in (*FUNCTIONS, *SCOPE_FUNCTIONS, *OUTCOME_FUNCTIONS)]
        return [*_SPACES, *calls], word
    if space in ("parameters", "workflow", "vars"):
        return _keys_under("parameters" if space == "parameters" else "vars", lines), word
    if space in ("task", "tasks"):
        return _tasks(lines), word
    return (["result", "status", "error"] if space.startswith("task") else []), word


def _values(key: str, kind: str, lines: Sequence[str], actions: Iterable[str]) -> list[str]:
    if key == "action":
        return list(actions)
    if key == "do":
        return [*_tasks(lines), "noop", "fail"]
    if key == "join":
        return ["all"]
    return [each for each in _choices(_properties(kind).get(key, {})) if isinstance(each, str)]


def _choices(schema: Any) -> list[Any]:
    if not isinstance(schema, dict):
        return []
    deeper = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    return [*schema.get("enum", []), *(each for part in deeper for each in _choices(part))]


def _kind_at(above: Sequence[str], before: str) -> str:
    """Tell what the map is that the cursor stands in, by the keys around it."""
    keys = [*_blocks_around(above, before), *_flows_around(before)]
    if not keys:
        return "workflow"
    if keys[0] == "parameters":
        return "parameter" if len(keys) == 2 else ""  # noqa: PLR2004 - a name, and what it is
    return _KINDS.get(keys[-1], "")


def _blocks_around(above: Sequence[str], before: str) -> list[str]:
    """Give the keys whose blocks the cursor's line stands in, the outermost first."""
    keys: list[str] = []
    column = len(before) - len(before.lstrip(" "))
    is_item = before.lstrip(" ").startswith("-")
    for line in reversed(above):
        opening, item = _OPENING.match(line), _ITEM.match(line)
        if opening is not None:
            indent, dash, key = opening.groups()
            at = len(indent + (dash or ""))
            # a list may stand as far to the left as its key
            if at < column or (is_item and at == column and not dash):
                keys.insert(0, key)
                column, is_item = len(indent), bool(dash)
        elif item is not None and len(item[1]) < column:
            column, is_item = len(item[1]), True
    return keys


def _flows_around(before: str) -> list[str]:
    """Give the keys whose `{` is not closed yet: `retry` in `retry: {count: 2, `."""
    keys: list[str] = []
    open_at: list[int] = []
    for at, sign in enumerate(before):
        if sign == "{":
            open_at.append(at)
        elif sign == "}" and open_at:
            open_at.pop()
    for at in open_at:
        key = re.search(r"([\w-]+):\s*\[?\s*(?:\{.*\},\s*)*$", before[:at])
        keys += [key[1]] if key else []
    return keys


@cache
def _properties(kind: str) -> dict[str, Any]:
    found = Workflow.json_schema()["$defs"].get(kind, {}).get("properties", {})
    hidden = ("on_", "decision", "permission", "worker_", "__")  # older forms, and other engines'
    return {
        key: each for key, each in found.items() if "-" not in key and not key.startswith(hidden)
    }


def _tasks(lines: Sequence[str]) -> list[str]:
    return [found[1] for line in lines for found in _NAME.finditer(line)]


def _keys_under(section: str, lines: Sequence[str]) -> list[str]:
    """Give the keys of a section at the top, whether it is a block or stands on its line."""
    found: list[str] = []
    inside = False
    for line in lines:
        if line.startswith(f"{section}:"):
            inside = True
            found += re.findall(r"[{,]\s*(\w+):\s*\{", line)
            continue
        if line and not line[0].isspace() and not line.startswith("-"):
            inside = False
        key = re.match(r"^(\s+)(?:- )?(?:\{)?(\w+):", line) if inside else None
        if key is not None and len(key[1]) <= 4:  # noqa: PLR2004 - the section's own, not their keys
            found.append(key[2])
    return found

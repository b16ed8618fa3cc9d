"""What may stand at a place in a workflow's text that is still being written.

The text is read by its lines and their indents, never parsed: it is not whole yet.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from attune_nb.api import Workflow
from attune_nb.templates.filters import FILTERS
from attune_nb.templates.functions import FUNCTIONS, OUTCOMES, SCOPED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["offers"]

_KEY = re.compile(r"^\s*(?:- )*\{?\s*([\w-]+):")
_NAME = re.compile(r"(?:^\s*-\s*|[{,]\s*|^\s+)name:\s*[\"']?([\w.-]+)")
_SECTIONS = {"tasks": "task", "next": "transition", "retry": "retry", "parameters": "names"}
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
        calls = [f"{each}(" for each in (*FUNCTIONS, *SCOPED, *OUTCOMES)]
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
    opened = _opened(before)
    if opened in _SECTIONS and "{" in before:
        return _SECTIONS[opened]
    indent = len(before) - len(before.lstrip(" "))
    if "{" not in before and not before.lstrip().startswith("-") and indent == 0:
        return "workflow"
    for line in reversed(above):
        key = _KEY.match(line)
        depth = len(line) - len(line.lstrip(" "))
        if key is None or depth >= indent + ("-" in before[: indent + 1]):
            continue
        if key[1] in _SECTIONS and line.rstrip().endswith(":"):
            return _SECTIONS[key[1]]
        if depth == 0:
            return "none"
        indent = depth
        if not line.lstrip().startswith("-"):
            parent = _kind_at(above[: list(above).index(line)], line[:depth])
            return "parameter" if parent == "names" else "none"
    return "none"


def _opened(before: str) -> str:
    """Give the key whose flow map is not closed yet: `retry` in `retry: {count: 2, `."""
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        depth += {"}": 1, "{": -1}.get(before[at], 0)
        if depth < 0:
            key = re.search(r"([\w-]+):\s*\[?\s*(?:\{.*\},\s*)*$", before[:at])
            return key[1] if key else "tasks" if before[:at].strip() == "-" else ""
    return ""


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

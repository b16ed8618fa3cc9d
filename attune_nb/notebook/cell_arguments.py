"""The `input` around the cursor in the text of a workflow: its action, and the names in it.

The text is read by its lines and their indentation, never parsed: it is still being written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["find_action", "find_names"]

# the indentation of a key: spaces, and the dash of an array's element
_INDENT = re.compile(r"^ *(?:- +)?")

_ACTION = re.compile(r"\baction:\s*[\"']?([\w.:-]+)")
_INPUT = re.compile(r"^ *(?:- +)?input:")
_INPUT_IN_LINE = re.compile(r"\binput:\s*\{")
_NAME = re.compile(r"^ *([\w-]+):")
_NAME_IN_BRACES = re.compile(r"(?:^|,)\s*([\w-]+):")

# braces without braces in them; expressions are removed by it too
_INNERMOST_BRACES = re.compile(r"\{[^{}]*\}")


def find_action(lines: Sequence[str], row: int, before: str) -> str:
    """Return the action of the task whose `input` is around the cursor; "" if it has none.

    Args:
        lines: The lines of the text.
        row: The index of the cursor's line.
        before: The cursor's line up to the cursor.
    """
    # a task on one line: `- {name: a, action: core.echo, input: {`
    start = _INPUT_IN_LINE.search(before)
    if start is not None:
        actions = _ACTION.findall(before[: start.start()])
        if not actions:
            actions = _ACTION.findall(lines[row][len(before) :])[:1]
        if actions:
            return str(actions[-1])

    input_row = _find_input_row(lines, row)
    if input_row is None:
        return ""
    for line in _task_lines(lines, input_row):
        action = _ACTION.search(line)
        if action is not None:
            return action[1]
    return ""


def find_names(lines: Sequence[str], row: int, before: str) -> set[str]:
    """Return the names that the `input` around the cursor has already.

    Args:
        lines: The lines of the text.
        row: The index of the cursor's line.
        before: The cursor's line up to the cursor.
    """
    starts = list(_INPUT_IN_LINE.finditer(before))
    if starts:
        return _names_in_braces(lines[row][starts[-1].end() :])

    input_row = _find_input_row(lines, row)
    if input_row is None:
        return set()

    names: set[str] = set()
    column = _column(before)
    for index in _block_rows(lines, input_row):
        name = _NAME.match(lines[index])
        if index != row and name is not None and _column(lines[index]) == column:
            names.add(name[1])
    return names


def _column(line: str) -> int:
    """Return the column of the first key of a line."""
    indent = _INDENT.match(line)
    return len(indent[0]) if indent is not None else 0


def _find_input_row(lines: Sequence[str], row: int) -> int | None:
    """Return the index of the line of the `input` around a line."""
    column = _column(lines[row])
    if _INPUT.match(lines[row]):
        return row

    for index in range(row - 1, -1, -1):
        line = lines[index]
        if not line.strip() or _column(line) >= column > 0:
            continue
        if _INPUT.match(line):
            return index
        column = min(column, _column(line))
    return None


def _block_rows(lines: Sequence[str], first: int) -> list[int]:
    """Return the indexes of the lines below a key that belong to its value."""
    column = _column(lines[first])
    rows = []
    for index in range(first + 1, len(lines)):
        if lines[index].strip() and _column(lines[index]) <= column:
            break
        rows.append(index)
    return rows


def _task_lines(lines: Sequence[str], input_row: int) -> list[str]:
    """Return the lines with the keys of the task that has an `input`."""
    column = _column(lines[input_row])
    task_lines = [lines[input_row]]

    for index in range(input_row - 1, -1, -1):
        line = lines[index]
        if task_lines[-1].lstrip().startswith("-") or _is_left_of(line, column):
            break
        if line.strip() and _column(line) == column:
            task_lines.append(line)

    for line in lines[input_row + 1 :]:
        is_next_task = line.lstrip().startswith("-") and _column(line) <= column
        if is_next_task or _is_left_of(line, column):
            break
        if line.strip() and _column(line) == column:
            task_lines.append(line)
    return task_lines


def _is_left_of(line: str, column: int) -> bool:
    return bool(line.strip()) and _column(line) < column


def _names_in_braces(text: str) -> set[str]:
    """Return the names before the brace that closes an object, from the text after its `{`."""
    text = re.sub(r"\"[^\"]*\"|'[^']*'", "", text)
    shortened = _INNERMOST_BRACES.sub("", text)
    while shortened != text:
        text = shortened
        shortened = _INNERMOST_BRACES.sub("", text)
    return set(_NAME_IN_BRACES.findall(text.partition("}")[0]))
